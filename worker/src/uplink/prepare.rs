//! Makes a worker ready for a run: fetches what it has not got, compiles, starts load threads.
//!
//! In: a [`RunOrder`]. Out: a worker whose threads wait for the run to begin, or why not, for a person at the master.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use katydid_protocol::fleet::{Asset, RunOrder};
use katydid_protocol::wire::proto::AssetRequest;
use katydid_protocol::wire::{ASSET_CHUNK_BYTES, MAX_ASSET_BYTES};
use katydid_scenario_lang::{Bundle, BundledData, BundledScenario, LoadSettings, Program, Selection};
use sha2::{Digest, Sha256};

use super::connect::Client;
use crate::settings::WorkerSettings;
use crate::worker::{Worker, WorkerHandle};

/// Contents fetched once, for the runs that follow.
#[derive(Debug, Clone, Default)]
pub(super) struct Cache(Arc<Mutex<HashMap<[u8; 32], Bytes>>>);

impl Cache {
    fn get(&self, asset: &Asset) -> Option<Bytes> {
        let contents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        contents.get(&asset.sha256).cloned()
    }

    /// Keeps what this run needs and nothing else.
    fn keep(&self, order: &RunOrder, fetched: HashMap<[u8; 32], Bytes>) {
        let mut contents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        contents.extend(fetched);
        let wanted = |sha256: &[u8; 32]| assets(order).any(|asset| asset.sha256 == *sha256);
        contents.retain(|sha256, _| wanted(sha256));
    }
}

fn assets(order: &RunOrder) -> impl Iterator<Item = &Asset> {
    let scenarios = order.scenarios.iter().map(|scenario| &scenario.asset);
    scenarios.chain(order.data.iter().map(|data| &data.asset))
}

/// Does it all.
pub(super) async fn prepare(
    order: Arc<RunOrder>,
    client: Client,
    cache: Cache,
    name: String,
    threads: Option<NonZeroUsize>,
) -> Result<WorkerHandle, String> {
    let mut fetched = HashMap::new();
    for asset in assets(&order) {
        if cache.get(asset).is_none() && !fetched.contains_key(&asset.sha256) {
            fetched.insert(asset.sha256, fetch(&client, asset).await?);
        }
    }
    cache.keep(&order, fetched);
    let bundle = bundle(&order, &cache)?;
    let settings = WorkerSettings {
        program: Program::from_bundle(bundle, load_settings(&order)),
        name,
        threads,
    };
    // Compiling and reading data takes as long as it takes.
    tokio::task::spawn_blocking(move || Worker::start(settings))
        .await
        .map_err(|_| "it broke down while it was starting".to_owned())?
        .map_err(|error| error.to_string())
}

fn bundle(order: &RunOrder, cache: &Cache) -> Result<Bundle, String> {
    let content = |asset: &Asset| {
        cache
            .get(asset)
            .ok_or_else(|| "a file was not fetched".to_owned())
    };
    let mut bundle = Bundle::default();
    for scenario in &order.scenarios {
        let text = String::from_utf8(content(&scenario.asset)?.to_vec())
            .map_err(|_| format!("{} is not UTF-8 text", scenario.name))?;
        bundle.scenarios.push(BundledScenario {
            name: scenario.name.clone(),
            folder: scenario.folder,
            text,
        });
    }
    for data in &order.data {
        bundle.data.push(BundledData {
            path: data.path.clone(),
            folder: data.folder,
            content: content(&data.asset)?,
        });
    }
    Ok(bundle)
}

fn load_settings(order: &RunOrder) -> LoadSettings {
    LoadSettings {
        environment: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect(),
        declared_environment: Some(order.environment.clone()),
        parameters: order.parameters.clone(),
        host: order.host.clone(),
        selection: Selection {
            classes: order.classes.clone(),
            tags: order.tags.clone(),
            exclude_tags: order.exclude_tags.clone(),
        },
    }
}

async fn fetch(client: &Client, asset: &Asset) -> Result<Bytes, String> {
    if asset.bytes > MAX_ASSET_BYTES {
        return Err(format!(
            "a file of {} bytes is larger than a worker takes ({MAX_ASSET_BYTES})",
            asset.bytes
        ));
    }
    let request = AssetRequest {
        sha256: asset.sha256.to_vec(),
    };
    let failed = |status: tonic::Status| format!("a file could not be fetched: {}", status.message());
    let mut chunks = client.clone().fetch(request).await.map_err(failed)?.into_inner();
    let mut content = BytesMut::new();
    while let Some(chunk) = chunks.message().await.map_err(failed)? {
        if chunk.data.len() > ASSET_CHUNK_BYTES
            || content.len() as u64 + chunk.data.len() as u64 > asset.bytes
        {
            return Err("a file came with more bytes than it has".to_owned());
        }
        content.extend_from_slice(&chunk.data);
    }
    if <[u8; 32]>::from(Sha256::digest(&content)) != asset.sha256 {
        return Err("a file came damaged".to_owned());
    }
    Ok(content.freeze())
}

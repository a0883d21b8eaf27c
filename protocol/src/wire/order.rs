//! What a run needs on every worker.
//!
//! In: [`RunOrder`] or its wire form. Out: the other one.

use super::limits::{MAX_ASSET_BYTES, MAX_CLASSES, MAX_ENTRIES};
use super::{WireError, check, proto};
use crate::fleet::{Asset, DataAsset, RunOrder, ScenarioAsset};

impl From<&RunOrder> for proto::RunOrder {
    fn from(order: &RunOrder) -> Self {
        Self {
            run: (&*order.run).into(),
            scenarios: order
                .scenarios
                .iter()
                .map(|scenario| proto::ScenarioAsset {
                    name: scenario.name.clone(),
                    folder: scenario.folder,
                    asset: Some((&scenario.asset).into()),
                })
                .collect(),
            data: order
                .data
                .iter()
                .map(|data| proto::DataAsset {
                    path: data.path.clone(),
                    folder: data.folder,
                    asset: Some((&data.asset).into()),
                })
                .collect(),
            host: order.host.clone(),
            parameters: order.parameters.clone(),
            environment: order.environment.clone(),
            classes: order.classes.clone(),
            tags: order.tags.clone(),
            exclude_tags: order.exclude_tags.clone(),
        }
    }
}

impl TryFrom<proto::RunOrder> for RunOrder {
    type Error = WireError;

    fn try_from(order: proto::RunOrder) -> Result<Self, WireError> {
        check::at_most(
            "RunOrder.scenarios",
            order.scenarios.len(),
            MAX_ENTRIES,
            "entries",
        )?;
        check::at_most("RunOrder.data", order.data.len(), MAX_ENTRIES, "entries")?;
        let scenario = |scenario: proto::ScenarioAsset| {
            Ok(ScenarioAsset {
                name: check::prose("ScenarioAsset.name", scenario.name)?,
                folder: scenario.folder,
                asset: check::present("ScenarioAsset.asset", scenario.asset)?.try_into()?,
            })
        };
        let data = |data: proto::DataAsset| {
            Ok(DataAsset {
                path: path("DataAsset.path", data.path)?,
                folder: data.folder,
                asset: check::present("DataAsset.asset", data.asset)?.try_into()?,
            })
        };
        Ok(Self {
            run: check::run("RunOrder.run", order.run)?,
            scenarios: order
                .scenarios
                .into_iter()
                .map(scenario)
                .collect::<Result<_, WireError>>()?,
            data: order
                .data
                .into_iter()
                .map(data)
                .collect::<Result<_, WireError>>()?,
            host: order
                .host
                .map(|host| check::prose("RunOrder.host", host))
                .transpose()?,
            parameters: check::map("RunOrder.parameters", order.parameters, MAX_ENTRIES)?,
            environment: check::map("RunOrder.environment", order.environment, MAX_ENTRIES)?,
            classes: check::texts("RunOrder.classes", order.classes, MAX_CLASSES)?,
            tags: check::texts("RunOrder.tags", order.tags, MAX_ENTRIES)?,
            exclude_tags: check::texts("RunOrder.exclude_tags", order.exclude_tags, MAX_ENTRIES)?,
        })
    }
}

/// A path that stays below its folder whatever it is joined to.
fn path(field: &'static str, path: String) -> Result<String, WireError> {
    let path = check::prose(field, path)?;
    let stays = !path.is_empty()
        && !path.starts_with('/')
        && !path.contains('\0')
        && path.split('/').all(|part| part != "..");
    if !stays {
        return Err(WireError::out_of_range(
            field,
            format!("`{}`", path.escape_default()),
            "a path below its folder",
        ));
    }
    Ok(path)
}

impl From<&Asset> for proto::Asset {
    fn from(asset: &Asset) -> Self {
        Self {
            sha256: asset.sha256.to_vec(),
            bytes: asset.bytes,
        }
    }
}

impl TryFrom<proto::Asset> for Asset {
    type Error = WireError;

    fn try_from(asset: proto::Asset) -> Result<Self, WireError> {
        Ok(Self {
            sha256: sha256("Asset.sha256", &asset.sha256)?,
            bytes: check::within("Asset.bytes", asset.bytes, 0..=MAX_ASSET_BYTES)?,
        })
    }
}

/// Which content is asked for.
///
/// # Errors
///
/// If it is not named by the 32 bytes of a SHA-256.
pub fn requested_asset(request: &proto::AssetRequest) -> Result<[u8; 32], WireError> {
    sha256("AssetRequest.sha256", &request.sha256)
}

fn sha256(field: &'static str, bytes: &[u8]) -> Result<[u8; 32], WireError> {
    bytes
        .try_into()
        .map_err(|_| WireError::out_of_range(field, format!("{} bytes long", bytes.len()), "32 bytes long"))
}

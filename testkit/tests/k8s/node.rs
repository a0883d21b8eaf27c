//! A node of a cluster as far as the program can tell: pods' arguments, variables and files, in a network.
//!
//! In: rendered objects. Out: the real program started as a kubelet would start it.

use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use katydid_testkit::{HttpCall, Katydid, Kustomize, Namespace, Running, Scratch, eventually, http_get};

use crate::objects::{Objects, Workload, list, map, text};

/// A node's worth of pods: a network and a folder that stands for all their volumes.
pub(crate) struct Node {
    pub(crate) objects: Objects,
    pub(crate) network: Namespace,
    pub(crate) volumes: Scratch,
}

/// Where a worker serves its metrics beside a master that has taken the port both have in pods of their own.
pub(crate) const WORKER_METRICS: u16 = 8091;

impl Node {
    pub(crate) fn new(objects: Objects) -> Result<Self> {
        let node = Self {
            objects,
            network: Namespace::new()?,
            volumes: Scratch::new()?,
        };
        for workload in node.objects.workloads() {
            for container in workload.containers() {
                for mount in list(container, "/volumeMounts") {
                    node.mount(&workload, text(mount, "/name"), text(mount, "/mountPath"))?;
                }
            }
        }
        Ok(node)
    }

    /// Lays a volume out as a kubelet does: files are links through `..data`, which is swapped when they change.
    fn mount(&self, workload: &Workload<'_>, volume: &str, place: &str) -> Result<()> {
        let folder = self.volumes.file(place.trim_start_matches('/'));
        std::fs::create_dir_all(folder.join("..1"))?;
        let volume = list(workload.template, "/spec/volumes")
            .find(|found| text(found, "/name") == volume)
            .context("no such volume")?;
        let config = self.objects.find("ConfigMap", text(volume, "/configMap/name"));
        let secret = self.objects.find("Secret", text(volume, "/secret/secretName"));
        let mut files: Vec<(String, Vec<u8>)> = Vec::new();
        for (name, value) in config
            .and_then(|config| map(config, "/data"))
            .into_iter()
            .flatten()
        {
            files.push((name.clone(), value.as_str().unwrap_or_default().into()));
        }
        for (name, value) in secret
            .and_then(|secret| map(secret, "/data"))
            .into_iter()
            .flatten()
        {
            // Long values are folded.
            let folded: String = value.as_str().unwrap_or_default().split_whitespace().collect();
            files.push((name.clone(), STANDARD.decode(folded)?));
        }
        if secret.is_none() && !text(volume, "/secret/secretName").is_empty() {
            files.push(("token".to_owned(), b"brought-by-somebody".to_vec()));
        }
        for (name, bytes) in files {
            std::fs::write(folder.join("..1").join(&name), bytes)?;
            link(Path::new("..1"), &folder.join("..data"))?;
            link(&Path::new("..data").join(&name), &folder.join(&name))?;
        }
        Ok(())
    }

    /// Starts the program as the first container of a workload's pod would, but for where others are.
    pub(crate) fn start(&self, kind: &str, name: &str, settings: &[(&str, &str)]) -> Result<Running> {
        let elsewhere = [
            ("KATYDID_MASTER_HOST", "127.0.0.1"),
            ("KATYDID_HOST", "http://127.0.0.1:8000"),
        ];
        let settings: Vec<_> = elsewhere.iter().chain(settings).copied().collect();
        self.program(Katydid::within(&self.network)?, kind, name, &settings)?
            .spawn()
    }

    /// What the first container of a workload's pod runs, with some variables that are different.
    pub(crate) fn program(
        &self,
        mut program: Katydid,
        kind: &str,
        name: &str,
        settings: &[(&str, &str)],
    ) -> Result<Katydid> {
        let workloads = self.objects.workloads();
        let workload = workloads
            .iter()
            .find(|workload| workload.title() == format!("{kind} {name}"))
            .context(name.to_owned())?;
        let container = workload.containers().next().context("no container")?;
        program = program.args(list(container, "/args").filter_map(|word| word.as_str()));
        for (name, value) in workload.environment(container, &self.objects) {
            let value = if value.starts_with('/') {
                self.volumes
                    .file(value.trim_start_matches('/'))
                    .display()
                    .to_string()
            } else {
                value
            };
            program = program.env(&name, value);
        }
        for (name, value) in settings {
            program = program.env(name, value);
        }
        Ok(program)
    }

    pub(crate) fn target(&self) -> Result<Running> {
        let target = Katydid::within(&self.network)?
            .args(["target", "--host", "0.0.0.0", "--port", "8000"])
            .spawn()?;
        eventually!(self.received().is_ok(), "{}", target.stderr());
        Ok(target)
    }

    /// Requests the target has received.
    pub(crate) fn received(&self) -> Result<u64> {
        let url = format!("http://{}:8000/__stats", self.network.theirs());
        let stats: serde_json::Value = serde_json::from_str(&http_get(&url)?)?;
        stats["total"].as_u64().context("no total")
    }

    /// What the master's page answers.
    pub(crate) fn status(&self, path: &str) -> Result<u16> {
        self.status_at(8089, path)
    }

    /// What is answered at another port.
    pub(crate) fn status_at(&self, port: u16, path: &str) -> Result<u16> {
        let url = format!("http://{}:{port}{path}", self.network.theirs());
        Ok(HttpCall::new("GET", &url).send()?.status)
    }
}

fn link(to: &Path, place: &Path) -> Result<()> {
    if place.symlink_metadata().is_err() {
        symlink(to, place)?;
    }
    Ok(())
}

/// A node for the pods of an overlay; none where nothing renders manifests.
pub(crate) fn node(overlay: &str) -> Result<Option<Node>> {
    let Some(kustomize) = Kustomize::find()? else {
        return Ok(None);
    };
    Node::new(Objects(kustomize.render(&format!("overlays/{overlay}"))?)).map(Some)
}

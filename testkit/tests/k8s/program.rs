//! What the manifests tell the program, told to the real one: it starts, answers probes, works, drains, gives the verdict.
//!
//! In: arguments, variables and files of rendered pods, in a network of their own. Out: what a kubelet would see.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use katydid_testkit::{
    HttpCall, Katydid, Kustomize, Namespace, Running, ScalerClient, Scratch, Signal, alone, eventually,
    overlays, retry,
};
use regex::Regex;

use crate::objects::{Objects, Workload, list, map, text};

const PATIENCE: Duration = Duration::from_secs(60);

/// A node's worth of pods: a network and a folder that stands for all their volumes.
struct Node {
    objects: Objects,
    network: Namespace,
    volumes: Scratch,
}

impl Node {
    fn new(objects: Objects) -> Result<Self> {
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
    fn start(&self, kind: &str, name: &str, settings: &[(&str, &str)]) -> Result<Running> {
        let workloads = self.objects.workloads();
        let workload = workloads
            .iter()
            .find(|workload| workload.title() == format!("{kind} {name}"))
            .context(name.to_owned())?;
        let container = workload.containers().next().context("no container")?;
        let mut program =
            Katydid::within(&self.network)?.args(list(container, "/args").filter_map(|word| word.as_str()));
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
        let elsewhere = [
            ("KATYDID_MASTER_HOST", "127.0.0.1"),
            ("KATYDID_HOST", "http://127.0.0.1:8000"),
        ];
        for (name, value) in elsewhere.iter().chain(settings) {
            program = program.env(name, value);
        }
        program.spawn()
    }

    fn target(&self) -> Result<Running> {
        let target = Katydid::within(&self.network)?
            .args(["target", "--port", "8000"])
            .spawn()?;
        eventually!(format!("{}{}", target.stdout(), target.stderr()).contains("http://127.0.0.1:8000"));
        Ok(target)
    }

    fn status(&self, path: &str) -> Result<u16> {
        Ok(
            HttpCall::new("GET", &format!("http://{}:8089{path}", self.network.theirs()))
                .send()?
                .status,
        )
    }
}

fn link(to: &Path, place: &Path) -> Result<()> {
    if place.symlink_metadata().is_err() {
        symlink(to, place)?;
    }
    Ok(())
}

fn node(overlay: &str) -> Result<Option<Node>> {
    let Some(kustomize) = Kustomize::find()? else {
        return Ok(None);
    };
    Node::new(Objects(kustomize.render(&format!("overlays/{overlay}"))?)).map(Some)
}

#[test]
fn pods_of_deployments_find_each_other_answer_probes_and_drain() -> Result<()> {
    let _alone = alone();
    let Some(node) = node("dev")? else {
        return Ok(());
    };
    let mut master = node.start("Deployment", "katydid-master", &[])?;
    let deployment = node
        .objects
        .find("Deployment", "katydid-master")
        .context("no master")?;
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    eventually!(
        node.status("/healthz").is_ok_and(|status| status == 200),
        "{}",
        master.stderr()
    );
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        let path = text(&container[probe], "/httpGet/path");
        assert_eq!(node.status(path)?, 200, "{probe} before there is a worker");
    }
    assert_eq!(node.status("/readyz")?, 503, "no test could begin yet");
    assert_ne!(
        node.status("/api/v1/run")?,
        200,
        "who asks without a login is told nothing"
    );
    let mut worker = node.start(
        "Deployment",
        "katydid-worker",
        &[("KATYDID_METRICS_PORT", "8091")],
    )?;
    eventually!(
        node.status("/readyz")? == 200,
        "{}\n{}",
        master.stderr(),
        worker.stderr()
    );

    worker.signal(Signal::SIGTERM)?;
    worker
        .wait(PATIENCE)?
        .expect_code(0)?
        .expect_stderr(&["Left the fleet"])?;
    eventually!(node.status("/readyz")? == 503);
    assert_eq!(node.status("/healthz")?, 200, "a master without workers is well");
    master.signal(Signal::SIGTERM)?;
    master.wait(PATIENCE)?.expect_code(0)?;
    Ok(())
}

#[test]
fn a_master_answers_keda_where_the_scaled_object_says() -> Result<()> {
    let _alone = alone();
    let Some(kustomize) = Kustomize::find()? else {
        return Ok(());
    };
    let node = Node::new(Objects(kustomize.combine("dev", &["keda-external"])?))?;
    let scaled = node
        .objects
        .of("ScaledObject")
        .next()
        .context("no ScaledObject")?;
    let metadata = &scaled["spec"]["triggers"][0]["metadata"];
    let (_, port) = text(metadata, "/scalerAddress")
        .split_once(':')
        .context("no port")?;
    let users = text(metadata, "/usersPerWorker");
    let _master = node.start("Deployment", "katydid-master", &[])?;
    let address = format!("{}:{port}", node.network.theirs());
    let keda = retry(PATIENCE, || {
        ScalerClient::connect(&address, &[("usersPerWorker", users)])
    })?;
    assert_eq!(keda.metric_spec()?, [("users".to_owned(), users.parse()?)]);
    assert!(!keda.is_active()?);
    Ok(())
}

fn verdict(node: &Node, settings: &[(&str, &str)], code: i32) -> Result<()> {
    let short = [
        ("KATYDID_USERS", "8"),
        ("KATYDID_SPAWN_RATE", "8"),
        ("KATYDID_RUN_TIME", "3s"),
    ];
    let settings: Vec<_> = short.iter().chain(settings).copied().collect();
    let master = node.start("Job", "katydid-master", &settings)?;
    let workers: Vec<Running> = (0..4)
        .map(|_| node.start("Job", "katydid-worker", &[]))
        .collect::<Result<_>>()?;
    master.wait(PATIENCE)?.expect_code(code)?;
    for worker in workers {
        worker.wait(PATIENCE)?.expect_code(0)?;
    }
    let results = node.volumes.file("results/katydid-master-0");
    for name in ["result.json", "report.html", "junit.xml", "katydid_stats.csv"] {
        let size = results
            .join(name)
            .metadata()
            .with_context(|| name.to_owned())?
            .len();
        ensure!(size > 0, "{name} is empty");
    }
    Ok(())
}

#[test]
fn a_job_ends_with_the_verdict_of_the_whole_fleet() -> Result<()> {
    let _alone = alone();
    let Some(node) = node("headless-job")? else {
        return Ok(());
    };
    let _target = node.target()?;
    verdict(&node, &[], 0)?;
    // Nobody listens there: every request fails.
    verdict(&node, &[("KATYDID_HOST", "http://127.0.0.1:9")], 1)
}

#[test]
fn every_variable_is_a_flag_of_the_program() -> Result<()> {
    let Some(kustomize) = Kustomize::find()? else {
        return Ok(());
    };
    let help = Katydid::new()?.args(["--help"]).run_to_end(PATIENCE)?.stdout;
    let flags: BTreeSet<String> = Regex::new(r"--([a-z-]+)")?
        .captures_iter(&help)
        .map(|found| format!("KATYDID_{}", found[1].replace('-', "_").to_uppercase()))
        .collect();
    let mut seen = BTreeSet::new();
    let mut all: Vec<(String, &[&str])> = vec![("dev".to_owned(), &["keda-external"])];
    all.extend(overlays()?.into_iter().map(|overlay| (overlay, &["tls"][..])));
    for (overlay, components) in all {
        let objects = Objects(kustomize.combine(&overlay, components)?);
        for workload in objects.workloads() {
            for container in workload.containers() {
                let variables = workload.environment(container, &objects);
                seen.extend(variables.into_keys().filter(|name| name.starts_with("KATYDID_")));
                for word in list(container, "/args").filter_map(|word| word.as_str()) {
                    assert!(help.contains(word), "{overlay}: {word} is no flag");
                }
            }
        }
    }
    let unknown: Vec<&String> = seen.difference(&flags).collect();
    assert!(unknown.is_empty(), "{unknown:?} are no flags");
    assert!(seen.len() > 15, "only {seen:?} were found");
    Ok(())
}

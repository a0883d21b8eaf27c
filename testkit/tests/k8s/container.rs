//! The image itself, built by the Dockerfile and run as pods run it: as process 1 of a user without rights, in a file system
//! that cannot be written to.
//!
//! In: the overlay `dev`. Out: probes that are answered, a fleet that finds together, ends that are good.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use anyhow::{Context, Result};
use katydid_testkit::{Container, Containers, alone, eventually};

use crate::node::{Node, WORKER_METRICS, node};
use crate::objects::{list, text};

/// The first container of a Deployment's pod.
fn pod<'a>(store: &'a Containers, node: &Node, name: &str) -> Result<Container<'a>> {
    let workloads = node.objects.workloads();
    let title = format!("Deployment {name}");
    let workload = workloads
        .iter()
        .find(|workload| workload.title() == title)
        .context(title)?;
    let container = workload.containers().next().context("no container")?;
    let arguments: Vec<String> = list(container, "/args")
        .filter_map(|word| Some(word.as_str()?.to_owned()))
        .collect();
    let mut environment = workload.environment(container, &node.objects);
    environment.insert("KATYDID_MASTER_HOST".to_owned(), "127.0.0.1".to_owned());
    if workload.is_worker() {
        environment.insert("KATYDID_METRICS_PORT".to_owned(), WORKER_METRICS.to_string());
    }
    let environment: Vec<_> = environment.into_iter().collect();
    let mut mounts: Vec<(PathBuf, String, bool)> = Vec::new();
    for mount in list(container, "/volumeMounts") {
        let place = text(mount, "/mountPath");
        let here = node.volumes.file(place.trim_start_matches('/'));
        // What fsGroup does in a cluster.
        std::fs::set_permissions(&here, std::fs::Permissions::from_mode(0o777))?;
        mounts.push((here, place.to_owned(), mount["readOnly"] != true));
    }
    store.run(&node.network, &arguments, &environment, &mounts)
}

/// A line of what the kernel says of a process.
fn status(id: u32, name: &str) -> Result<String> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name}:")));
    Ok(line.with_context(|| status.clone())?.trim().to_owned())
}

#[test]
fn the_image_runs_locked_down_answers_probes_and_ends_well() -> Result<()> {
    let _alone = alone();
    let (Some(node), Some(store)) = (node("dev")?, Containers::find()?) else {
        return Ok(());
    };
    let master = pod(&store, &node, "katydid-master")?;
    let id = master.id()?;
    assert_eq!(status(id, "Uid")?.split_whitespace().next(), Some("65532"));
    assert_eq!(status(id, "CapEff")?, "0000000000000000");
    assert_eq!(status(id, "NoNewPrivs")?, "1");
    // Its own number is the last: within the container it is the first process.
    assert_eq!(status(id, "NSpid")?.split_whitespace().last(), Some("1"));
    eventually!(
        node.status("/healthz").is_ok_and(|status| status == 200),
        "{}",
        master.log()
    );
    assert_eq!(node.status("/readyz")?, 503);
    let worker = pod(&store, &node, "katydid-worker")?;
    eventually!(
        node.status("/readyz")? == 200,
        "{}\n{}",
        master.log(),
        worker.log()
    );
    for path in ["/readyz", "/healthz", "/metrics"] {
        assert_eq!(node.status_at(WORKER_METRICS, path)?, 200, "{path} of the worker");
    }
    assert_eq!(worker.stop()?, 0, "{}", worker.log());
    assert!(worker.log().contains("Left the fleet"), "{}", worker.log());
    assert_eq!(master.stop()?, 0, "{}", master.log());
    Ok(())
}

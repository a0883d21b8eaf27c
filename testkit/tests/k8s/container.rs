//! The image itself, built by the Dockerfile and run as pods run it: as process 1 of a user without rights, in a file system
//! that cannot be written to.
//!
//! In: the overlay `dev`; names, a target, an authority. Out: probes that are answered, a fleet that finds together, ends
//! that are good; names that are found though there is no library to look for them.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use anyhow::{Context, Result};
use katydid_testkit::{
    Certificates, Container, Containers, Dnsmasq, Flaw, Katydid, Namespace, Scratch, alone, eventually,
};

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

/// One server by DNS, with the search list of a pod; one from `/etc/hosts`; one over TLS.
const EVERYBODY: &str = r#"
user("Visitor", #{ wait: constant(0.05) }).task("look", || {
    http.get("http://shop:8000/", #{ name: "dns" });
    http.get("http://hosted.test:8000/", #{ name: "hosts" });
    http.get("https://localhost:8443/healthz", #{ name: "tls" });
});
"#;
const RESOLVER: &str =
    "nameserver 127.0.0.1\nsearch load.svc.cluster.local svc.cluster.local\noptions ndots:5\n";

#[test]
fn the_image_finds_targets_by_name_and_trusts_an_authority_from_a_file() -> Result<()> {
    let _alone = alone();
    let Some(store) = Containers::find()? else {
        return Ok(());
    };
    let network = Namespace::new()?;
    let here = std::net::Ipv4Addr::LOCALHOST;
    let Some(names) = Dnsmasq::within(&network, &[("shop.load.svc.cluster.local", here)])? else {
        return Ok(());
    };
    let folder = Scratch::new()?;
    let certificates = Certificates::new(Flaw::None)?;
    let file = |name: &str, text: &str| -> Result<String> {
        let path = folder.write(name, text)?;
        Ok(path.display().to_string())
    };
    let mounts = [
        ("resolv.conf", RESOLVER, "/etc/resolv.conf"),
        ("hosts", "127.0.0.1 localhost hosted.test\n", "/etc/hosts"),
        ("everybody.rhai", EVERYBODY, "/work/everybody.rhai"),
        ("ca.pem", &certificates.authority, "/etc/ssl/own.pem"),
    ];
    let mounts = mounts
        .map(|(name, text, place)| Ok((folder.write(name, text)?, place.to_owned(), false)))
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    let target = Katydid::within(&network)?
        .args(["target", "--host", "0.0.0.0", "--port", "8000"])
        .spawn()?;
    let stats = format!("http://{}:8000/__stats", network.theirs());
    let received = || -> Result<u64> {
        let stats: serde_json::Value = serde_json::from_str(&katydid_testkit::http_get(&stats)?)?;
        stats["total"].as_u64().context("no total")
    };
    eventually!(received().is_ok(), "{}", target.stderr());
    let tls = Katydid::within(&network)?
        .args(["-f", &file("idle.rhai", EVERYBODY)?, "--web-port", "8443"])
        .args(["--tls-cert", &file("tls.crt", &certificates.certificate)?])
        .args(["--tls-key", &file("tls.key", &certificates.key)?])
        .spawn()?;
    eventually!(
        tls.stderr().contains("Starting web interface"),
        "{}",
        tls.stderr()
    );

    let words = "-f everybody.rhai -u 4 -r 40 --headless --json -t 10m";
    let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
    let run = store.run(
        &network,
        &words,
        &[("SSL_CERT_FILE".to_owned(), "/etc/ssl/own.pem".to_owned())],
        &mounts,
    )?;
    eventually!(received()? > 40, "{}\n{}", run.log(), names.log());
    assert_eq!(run.stop()?, 0, "{}", run.log());
    let report: serde_json::Value = serde_json::from_str(&run.stdout()?)?;
    let total = |name: &str| {
        let found = list(&report, "/requests").find(|row| text(row, "/name") == name);
        let found = found.context(format!("no {name} in {report}"))?;
        assert_eq!(found["failures"], 0, "{found}");
        found["requests"].as_u64().context("no number")
    };
    assert!(total("tls")? > 0);
    assert_eq!(total("dns")? + total("hosts")?, received()?);
    assert!(
        names.log().contains("query[A] shop.load.svc.cluster.local"),
        "{}",
        names.log()
    );
    Ok(())
}

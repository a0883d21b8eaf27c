//! What the manifests tell the program, told to the real one: it starts, answers probes, works, drains, gives the verdict.
//!
//! In: arguments, variables and files of rendered pods, in a network of their own. Out: what a kubelet would see.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use katydid_testkit::{
    Katydid, Kustomize, Running, ScalerClient, Signal, alone, eventually, overlays, retry,
};
use regex::Regex;

use crate::node::{Node, WORKER_METRICS, node};
use crate::objects::{Objects, list, text};

const PATIENCE: Duration = Duration::from_secs(60);

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
    let metrics_port = WORKER_METRICS.to_string();
    let elsewhere = [("KATYDID_METRICS_PORT", metrics_port.as_str())];
    let mut worker = node.start("Deployment", "katydid-worker", &elsewhere)?;
    eventually!(
        node.status("/readyz")? == 200,
        "{}\n{}",
        master.stderr(),
        worker.stderr()
    );
    let deployment = node
        .objects
        .find("Deployment", "katydid-worker")
        .context("no worker")?;
    for probe in ["readinessProbe", "livenessProbe"] {
        let path = text(
            &deployment["spec"]["template"]["spec"]["containers"][0][probe],
            "/httpGet/path",
        );
        assert_eq!(
            node.status_at(WORKER_METRICS, path)?,
            200,
            "{probe} of a worker that belongs to the fleet"
        );
    }
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

/// What a cluster shows of a pod that has ended; a kubelet makes the file, which the program can write to and not replace.
struct TerminationMessage {
    place: PathBuf,
    inode: u64,
}

impl TerminationMessage {
    fn new(node: &Node) -> Result<Self> {
        let place = node.volumes.file("dev/termination-log");
        std::fs::create_dir_all(place.parent().context("no folder")?)?;
        std::fs::write(&place, "")?;
        let inode = place.metadata()?.ino();
        Ok(Self { place, inode })
    }

    /// What a Job's pod says in it, beside the exit code.
    fn says(self, requests: u64, code: i32) -> Result<()> {
        assert_eq!(
            self.place.metadata()?.ino(),
            self.inode,
            "another file would not be seen"
        );
        let text = std::fs::read_to_string(self.place)?;
        assert!(text.len() <= 4_096, "{} bytes are too many", text.len());
        let said: serde_json::Value = serde_json::from_str(&text)?;
        assert_eq!(
            (&said["exit_code"], &said["requests"]),
            (&code.into(), &requests.into())
        );
        let verdict = if code == 0 { "passed" } else { "failed" };
        assert_eq!(said["verdict"], verdict);
        Ok(())
    }
}

fn verdict(node: &Node, settings: &[(&str, &str)], code: i32) -> Result<()> {
    let message = TerminationMessage::new(node)?;
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
    let result: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(results.join("result.json"))?)?;
    message.says(
        result["totals"]["requests"].as_u64().context("no requests")?,
        code,
    )
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
fn a_job_whose_pod_is_evicted_goes_on_in_the_next_pod() -> Result<()> {
    let _alone = alone();
    let Some(node) = node("headless-job")? else {
        return Ok(());
    };
    let _target = node.target()?;
    let settings = [
        ("KATYDID_USERS", "40"),
        ("KATYDID_SPAWN_RATE", "40"),
        ("KATYDID_RUN_TIME", "14s"),
    ];
    let mut evicted = node.start("Job", "katydid-master", &settings)?;
    let workers: Vec<Running> = (0..4)
        .map(|_| node.start("Job", "katydid-worker", &[]))
        .collect::<Result<_>>()?;
    eventually!(
        evicted.stderr().contains("All users spawned"),
        "{}",
        evicted.stderr()
    );
    evicted.signal(Signal::SIGTERM)?;
    let jobs = node.objects.workloads();
    let job = jobs
        .iter()
        .find(|job| job.title() == "Job katydid-master")
        .context("no Job")?;
    // Whichever rule of the Job is asked: its pod is replaced, the Job neither complete nor failed.
    let code = evicted.wait(PATIENCE)?.expect_code(130)?.code;
    let rules = list(job.job.context("no Job")?, "/podFailurePolicy/rules");
    let fits = |rule: &&serde_json::Value| {
        let is_named = list(rule, "/onExitCodes/values").any(|value| value.as_i64() == code.map(i64::from));
        match text(rule, "/onExitCodes/operator") {
            "In" => is_named,
            "NotIn" => !is_named,
            _ => false,
        }
    };
    let rule = rules.into_iter().find(fits).context("no rule")?;
    assert_eq!(text(rule, "/action"), "Ignore");
    assert!(!node.volumes.file("results/katydid-master-0/result.json").exists());

    let message = TerminationMessage::new(&node)?;
    let next = node.start("Job", "katydid-master", &settings)?;
    next.wait(PATIENCE)?
        .expect_code(0)?
        .expect_stderr(&["Going on with run"])?;
    for worker in workers {
        worker.wait(PATIENCE)?.expect_code(0)?;
    }
    let result = node.volumes.file("results/katydid-master-0/result.json");
    let result: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(result)?)?;
    let requests = result["totals"]["requests"].as_u64().context("no requests")?;
    assert!(
        requests > 100 && result["totals"]["failures"] == 0,
        "{}",
        result["totals"]
    );
    assert_eq!(requests, node.received()?, "as many as the target received");
    message.says(requests, 0)
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

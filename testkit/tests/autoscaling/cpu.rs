//! The component hpa-cpu: workers by their CPU.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use katydid_testkit::{DemoTarget, Hpa, Katydid, PATIENCE, Page, Running, Signal, alone, eventually, retry};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tokio::time::Instant;

use crate::{manifest, turns};

/// How often an HPA looks, in seconds.
const SYNC: u64 = 15;

/// A load that takes so much CPU, in whole workers, after a ramp.
#[derive(Debug, Clone)]
struct Load {
    workers: f64,
    ramp_secs: f64,
    first: u32,
    /// By how much each reading is off, as shares; over and over.
    noise: Vec<f64>,
}

fn load() -> impl Strategy<Value = Load> {
    let noise = prop::collection::vec(-0.04..0.04, 1..40);
    (0.0..25.0, 0.0..600.0, 2_u32..20, noise).prop_map(|(workers, ramp_secs, first, noise)| Load {
        workers,
        ramp_secs,
        first,
        noise,
    })
}

/// Replicas at each look, for so long.
fn history(hpa: &Hpa, target: f64, load: &Load, seconds: u64) -> Vec<u32> {
    let mut hpa = hpa.clone();
    let mut replicas = load.first;
    let mut noise = load.noise.iter().cycle();
    let mut history = vec![replicas];
    for now in (0..seconds).step_by(SYNC as usize) {
        let share = (now as f64 / load.ramp_secs.max(1.0)).min(1.0);
        let each = load.workers * share / f64::from(replicas);
        let shares: Vec<f64> = (0..replicas)
            // None takes more than all of its CPU.
            .map(|_| (each * (1.0 + noise.next().copied().unwrap_or_default())).min(1.0))
            .collect();
        let wanted = Hpa::wanted_by_use(replicas, &shares, target);
        replicas = hpa.decide(now, replicas, wanted);
        history.push(replicas);
    }
    history
}

#[test]
fn a_steady_load_has_its_workers_within_minutes_and_keeps_them() -> Result<()> {
    let Some(manifest) = manifest("prod", &[], "HorizontalPodAutoscaler")? else {
        return Ok(());
    };
    let (hpa, target) = Hpa::by_cpu(&manifest)?;
    let all = proptest::test_runner::Config {
        failure_persistence: None,
        ..Default::default()
    };
    TestRunner::new(all).run(&load(), |load| {
        let settled = load.ramp_secs as u64 + 2_400;
        let history = history(&hpa, target, &load, settled + 1_800);
        let last = history[history.len() - 1];
        let steady = &history[(settled / SYNC) as usize..];
        prop_assert!(steady.iter().all(|replicas| *replicas == last), "{history:?}");
        // At most one way down, to begin with, one way up with the ramp, and one way down from what was too many.
        prop_assert!(turns(&history) <= 2, "{} turns: {history:?}", turns(&history));
        let use_of_each = load.workers / f64::from(last);
        prop_assert!(
            use_of_each < target * 1.16 || last == hpa.most,
            "{use_of_each} of each with {last}"
        );
        let fewer = load.workers / f64::from(last - 1);
        prop_assert!(last == hpa.least || fewer > target * 0.75, "{last} are too many");
        Ok(())
    })?;
    Ok(())
}

#[test]
fn a_pause_between_two_tests_sends_nobody_away() -> Result<()> {
    let Some(manifest) = manifest("prod", &[], "HorizontalPodAutoscaler")? else {
        return Ok(());
    };
    let (mut hpa, target) = Hpa::by_cpu(&manifest)?;
    let mut replicas = 2;
    let mut seen = Vec::new();
    for now in (0..3_600).step_by(SYNC as usize) {
        // Ten minutes of load, four of none.
        let load = if now % 840 < 600 { 5.0 } else { 0.0 };
        let shares = vec![f64::min(load / f64::from(replicas), 1.0); replicas as usize];
        let wanted = Hpa::wanted_by_use(replicas, &shares, target);
        replicas = hpa.decide(now, replicas, wanted);
        seen.push(replicas);
    }
    assert_eq!(turns(&seen), 0, "{seen:?}");
    Ok(())
}

/// Users that compute as long as they are let.
const BUSY: &str = r#"
user("Thinker").task("think", || {
    let sum = 0;
    for i in 0..2000 { sum += i; }
    http.get("/");
});
"#;

/// A fleet whose workers come and go, and two ways to see how busy they are.
struct Cluster {
    page: Page,
    pods: Vec<Running>,
}

impl Cluster {
    fn scale(&mut self, replicas: u32) -> Result<()> {
        let port = self.page.fleet_port()?.to_string();
        while self.pods.len() < replicas as usize {
            let pod = Katydid::new()?
                .args(["--worker", "--threads", "1", "--master-port", &port])
                .args(["--worker-name", &format!("pod-{}", self.pods.len())])
                .spawn()?;
            self.pods.push(pod);
        }
        while self.pods.len() > replicas as usize {
            let mut pod = self.pods.pop().context("nobody left")?;
            pod.signal(Signal::SIGTERM)?;
            pod.wait(PATIENCE)?.expect_code(0)?;
        }
        self.page.wait_for(|stats| stats["worker_count"] == replicas)?;
        Ok(())
    }

    /// The CPU they say they use, in cores, once all of them have said it.
    fn reported(&self) -> Result<Vec<f64>> {
        retry(PATIENCE, || {
            let stats = self.page.stats()?;
            let workers = stats["workers"].as_array().context("no workers")?;
            let shares: Vec<f64> = workers
                .iter()
                .filter(|worker| worker["state"] == "running")
                .filter_map(|worker| worker["cpu_usage"].as_f64())
                .map(|percent| percent / 100.0)
                .collect();
            ensure!(shares.len() == self.pods.len(), "{workers:?}");
            Ok(shares)
        })
    }

    /// The CPU the kernel says they use, which is what a cluster looks at.
    fn used(&self) -> Result<Vec<f64>> {
        let read = || -> Result<Vec<(Instant, Duration)>> {
            self.pods
                .iter()
                .map(|pod| Ok((Instant::now(), pod.stat()?.cpu_time)))
                .collect()
        };
        let before = read()?;
        std::thread::sleep(Duration::from_millis(400));
        let shares = before.into_iter().zip(read()?).map(|((from, had), (to, has))| {
            (has - had).as_secs_f64() / to.duration_since(from).as_secs_f64()
        });
        Ok(shares.collect())
    }
}

fn mean(shares: &[f64]) -> f64 {
    shares.iter().sum::<f64>() / shares.len().max(1) as f64
}

#[test]
fn the_cpu_workers_report_brings_more_of_them_and_an_idle_fleet_has_few() -> Result<()> {
    let _alone = alone();
    let Some(manifest) = manifest("prod", &[], "HorizontalPodAutoscaler")? else {
        return Ok(());
    };
    let (mut hpa, target) = Hpa::by_cpu(&manifest)?;
    // As many as a test's machine can bear.
    hpa.most = 4;
    let served = DemoTarget::start()?;
    let mut cluster = Cluster {
        page: Page::start(BUSY, served.url(), &["--master", "--master-bind-port", "0"])?,
        pods: Vec::new(),
    };
    let mut replicas = hpa.least;
    cluster.scale(replicas)?;
    cluster.page.post("/swarm", "user_count=8&spawn_rate=100")?;
    cluster.page.wait_for(|stats| stats["user_count"] == 8)?;
    // What they say of themselves is what the kernel says.
    eventually!((mean(&cluster.reported()?) - mean(&cluster.used()?)).abs() < 0.25);
    let mut history = vec![replicas];
    let mut now = 0;
    for _ in 0..8 {
        let wanted = Hpa::wanted_by_use(replicas, &cluster.reported()?, target);
        replicas = hpa.decide(now, replicas, wanted);
        cluster.scale(replicas)?;
        history.push(replicas);
        now += SYNC;
    }
    assert_eq!(turns(&history), 0, "under the same load: {history:?}");

    cluster.page.post("/stop", "")?;
    eventually!(cluster.page.stats()?["state"] == "stopped");
    eventually!(mean(&cluster.used()?) < 0.2);
    for _ in 0..40 {
        let wanted = Hpa::wanted_by_use(replicas, &cluster.used()?, target);
        replicas = hpa.decide(now, replicas, wanted);
        cluster.scale(replicas)?;
        history.push(replicas);
        now += SYNC;
    }
    assert_eq!(replicas, hpa.least, "{history:?}");
    assert!(turns(&history) <= 1, "{history:?}");
    let stats = cluster.page.stats()?;
    let entries = stats["stats"].as_array().context("no stats")?;
    let all = entries.iter().find(|entry| entry["name"] == "Aggregated");
    assert_eq!(all.context("no sum")?["num_requests"], served.stats().total);
    Ok(())
}

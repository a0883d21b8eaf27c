//! The component keda-external: workers by the users that are asked for.

use std::time::Duration;

use anyhow::{Context, Result};
use katydid_testkit::{
    DemoTarget, Katydid, Keda, PATIENCE, Page, Running, ScalerClient, Signal, alone, eventually,
};

use crate::{manifest, turns};

/// By how much less a test's machine runs than a cluster: this many users are one.
const SMALLER: u32 = 50;
/// The step of the cluster's clock, in seconds: KEDA's polling interval and an HPA's are multiples of it.
const STEP: u64 = 5;
const VISITOR: &str = r#"user("Visitor", #{ wait: constant(0.2) }).task("look", || { http.get("/"); });"#;

/// A cluster: its clock, its autoscaler, its pods.
struct Cluster {
    page: Page,
    scaler: ScalerClient,
    keda: Keda,
    now: u64,
    pods: Vec<Running>,
    started: usize,
    /// Replicas at each step.
    history: Vec<u32>,
}

impl Cluster {
    fn replicas(&self) -> u32 {
        u32::try_from(self.pods.len()).unwrap_or(u32::MAX)
    }

    /// Makes it so: new pods join, the oldest are told to end and bring everything home.
    fn scale(&mut self, replicas: u32) -> Result<()> {
        let port = self.page.fleet_port()?.to_string();
        while self.replicas() < replicas {
            self.started += 1;
            let pod = Katydid::new()?
                .args(["--worker", "--threads", "1", "--master-port", &port])
                .args(["--worker-name", &format!("pod-{}", self.started)])
                .spawn()?;
            self.pods.push(pod);
        }
        let leaving = self.pods.len().saturating_sub(replicas as usize);
        let leaving: Vec<Running> = self.pods.drain(..leaving).collect();
        for mut pod in leaving {
            pod.signal(Signal::SIGTERM)?;
            pod.wait(PATIENCE)?.expect_code(0)?;
        }
        self.page.wait_for(|stats| stats["worker_count"] == replicas)?;
        Ok(())
    }

    /// Lets so many seconds of the cluster pass.
    fn pass(&mut self, seconds: u64) -> Result<()> {
        let until = self.now + seconds;
        while self.now < until {
            self.now += STEP;
            let current = self.replicas();
            let wanted = self.keda.tick(self.now, current, || self.scaler.told())?;
            if wanted != current {
                self.scale(wanted)?;
            }
            self.history.push(wanted);
        }
        Ok(())
    }

    fn swarm(&self, users: u32) -> Result<()> {
        let answer = self
            .page
            .post("/swarm", &format!("user_count={users}&spawn_rate=100"))?;
        anyhow::ensure!(answer.body.contains("\"success\":true"), "{}", answer.body);
        Ok(())
    }

    /// Waits until all users run.
    fn runs(&self, users: u32) -> Result<()> {
        self.page.wait_for(|stats| stats["user_count"] == users)?;
        Ok(())
    }
}

/// A cluster in which nothing has happened yet, and users per worker; `None` where manifests cannot be rendered.
fn cluster(target: &DemoTarget) -> Result<Option<(Cluster, u32)>> {
    let Some(manifest) = manifest("dev", &["keda-external"], "ScaledObject")? else {
        return Ok(None);
    };
    let keda = Keda::new(&manifest)?;
    let (_, per_worker) = keda
        .metadata
        .iter()
        .find(|(name, _)| name == "usersPerWorker")
        .context("no usersPerWorker")?;
    let per_worker = per_worker.parse::<u32>()? / SMALLER;
    assert!(
        per_worker > 0 && keda.most() >= 5,
        "too small a fleet to see anything"
    );
    let arguments = ["--master", "--master-bind-port", "0", "--scaler-bind-port", "0"];
    let page = Page::start(VISITOR, target.url(), &arguments)?;
    let scaler = ScalerClient::of(&page.process, &[("usersPerWorker", &per_worker.to_string())])?;
    let cluster = Cluster {
        page,
        scaler,
        keda,
        now: 0,
        pods: Vec::new(),
        started: 0,
        history: vec![0],
    };
    Ok(Some((cluster, per_worker)))
}

#[test]
fn workers_come_with_a_test_follow_its_users_and_leave_after_it() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let Some((mut cluster, per_worker)) = cluster(&target)? else {
        return Ok(());
    };
    let mut pushed = cluster.scaler.stream_is_active()?;
    assert!(!cluster.scaler.next(&mut pushed, PATIENCE)?);

    // Nothing is tested: nobody is there.
    cluster.pass(60)?;
    assert_eq!(turns(&cluster.history), 0);
    assert_eq!(cluster.replicas(), 0);

    // Somebody asks for a test, with no worker in sight.
    let full = per_worker * 9 / 2;
    cluster.swarm(full)?;
    assert!(
        cluster.scaler.next(&mut pushed, PATIENCE)?,
        "KEDA hears of it at once"
    );
    let first = cluster.keda.pushed(cluster.now, cluster.replicas(), true);
    cluster.scale(first)?;
    cluster.history.push(first);
    cluster.runs(full)?;
    cluster.pass(90)?;
    assert_eq!(cluster.replicas(), 5, "{:?}", cluster.history);
    cluster.runs(full)?;

    // Somebody changes his mind twice within the window: nobody leaves for that.
    cluster.swarm(per_worker * 2)?;
    cluster.pass(60)?;
    cluster.swarm(full)?;
    cluster.pass(200)?;
    assert_eq!(cluster.replicas(), 5, "{:?}", cluster.history);
    assert_eq!(turns(&cluster.history), 0, "{:?}", cluster.history);

    // Fewer users for good.
    let fewer = per_worker * 5 / 2;
    cluster.swarm(fewer)?;
    cluster.runs(fewer)?;
    cluster.pass(300)?;
    assert_eq!(cluster.replicas(), 3, "{:?}", cluster.history);
    cluster.runs(fewer)?;

    // The end: as many as before for a while, then one, then nobody.
    let before = target.stats().total;
    cluster.page.post("/stop", "")?;
    assert!(
        !cluster.scaler.next(&mut pushed, PATIENCE)?,
        "KEDA hears of that too"
    );
    let ended = cluster.now;
    cluster
        .history
        .push(cluster.keda.pushed(ended, cluster.replicas(), false));
    eventually!(cluster.page.stats()?["state"] == "stopped");
    cluster.pass(cluster.keda.cooldown_secs - STEP)?;
    assert_eq!(cluster.replicas(), 1, "{:?}", cluster.history);
    cluster.pass(3 * STEP)?;
    assert_eq!(cluster.replicas(), 0, "{:?}", cluster.history);
    cluster.pass(120)?;
    assert_eq!(cluster.replicas(), 0, "{:?}", cluster.history);
    assert_eq!(turns(&cluster.history), 1, "up, then down: {:?}", cluster.history);

    // Five and more have come, all have gone, and each request was counted once.
    let served = target.stats().total;
    assert!(served >= before && served > 500, "{served} requests are no load");
    let stats = cluster.page.stats()?;
    let entries = stats["stats"].as_array().context("no stats")?;
    let all = entries.iter().find(|entry| entry["name"] == "Aggregated");
    assert_eq!(all.context("no sum")?["num_requests"], served);
    assert_eq!(all.context("no sum")?["num_failures"], 0);
    cluster.page.process.signal(Signal::SIGTERM)?;
    cluster
        .page
        .process
        .wait(Duration::from_secs(60))?
        .expect_code(0)?;
    Ok(())
}

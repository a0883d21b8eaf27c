//! Workers that come and go as a Deployment's pods do, while a test runs: each in a network of its own, with the arguments and
//! variables of the rendered Deployment.
//!
//! In: the overlay `dev`. Out: the total of users as the API says it, what the target received, how each pod ended.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use katydid_testkit::{
    Accounts, HttpCall, Katydid, Namespace, Running, Scratch, Signal, alone, eventually, http_get, retry,
};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::node::{Node, node};

const PATIENCE: Duration = Duration::from_secs(60);
/// Divides by 2, 4 and 14.
const USERS: u64 = 56;
/// How long the sum over the fleet may be off while users move: each worker reports once a second.
const MOVING: Duration = Duration::from_secs(3);

const SHOP: &str = r#"
user("Shopper", #{ weight: 3, wait: constant(0.1) })
    .on_start(|| { http.get(`/start/${me.worker}`, #{ expect: [404] }); })
    .task("browse", || { http.get("/"); http.get("/json"); });
user("Admin", #{ weight: 1, wait: constant(0.2) })
    .task("look", || { http.get("/status/204"); })
    .task("count", || { http.get("/count/7"); });
"#;

/// A pod of the workers' Deployment.
struct Pod {
    name: String,
    process: Running,
    // Gone after the process that runs in it.
    _network: Namespace,
}

/// A master, its target and its workers.
struct Cluster {
    node: Node,
    accounts: Accounts,
    results: Scratch,
    master: Running,
    target: Running,
    target_url: String,
    /// From the oldest on.
    pods: Vec<Pod>,
    made: usize,
    /// When users were counted, and how many there were.
    samples: Vec<(Instant, u64)>,
}

impl Cluster {
    /// A master and a target on our end of the first cable, and a test under way on so many workers.
    fn start(node: Node, workers: usize) -> Result<Self> {
        let here = node.network.ours().to_string();
        let target = Katydid::new()?
            .args(["target", "--host", &here, "--port", "0"])
            .spawn()?;
        eventually!(target.stdout().contains('\n'), "{}", target.stderr());
        let target_url = target.stdout().trim().to_owned();
        let (accounts, results) = (Accounts::new()?, Scratch::new()?);
        let scenario = results.write("shop.rhai", SHOP)?.display().to_string();
        let (login, result) = (
            accounts.file()?,
            results.file("result.json").display().to_string(),
        );
        let settings = [
            ("KATYDID_MASTER_BIND_HOST", here.as_str()),
            ("KATYDID_MASTER_BIND_PORT", "0"),
            ("KATYDID_WEB_HOST", &here),
            ("KATYDID_WEB_PORT", "0"),
            ("KATYDID_WEB_LOGIN", &login),
            ("KATYDID_SCENARIO", &scenario),
            ("KATYDID_HOST", &target_url),
            ("KATYDID_JSON_FILE", &result),
            ("KATYDID_LOG_FORMAT", "text"),
        ];
        let master = node
            .program(Katydid::new()?, "Deployment", "katydid-master", &settings)?
            .spawn()?;
        let mut cluster = Self {
            node,
            accounts,
            results,
            master,
            target,
            target_url,
            pods: Vec::new(),
            made: 0,
            samples: Vec::new(),
        };
        cluster.scale_up(workers)?;
        let body = json!({ "users": USERS, "spawn_rate": 100.0, "run_time": "", "host": cluster.target_url });
        cluster.call("POST", "/api/v1/run", &body.to_string())?;
        retry(PATIENCE, || {
            let run = cluster.call("GET", "/api/v1/run", "")?;
            ensure!(run["state"] == "running" && run["users"] == USERS, "{run}");
            Ok(())
        })?;
        Ok(cluster)
    }

    /// What the master's log says after a text.
    fn said(&self, text: &str) -> Result<String> {
        retry(PATIENCE, || {
            let log = self.master.stderr();
            let line = log.lines().find_map(|line| line.split_once(text));
            Ok(line.with_context(|| log.clone())?.1.trim().to_owned())
        })
    }

    fn call(&self, method: &str, path: &str, body: &str) -> Result<Value> {
        let url = self.said("Starting web interface at ")?;
        let answer = HttpCall::new(method, &format!("{}{path}", url.trim_end_matches('/')))
            .header("authorization", &format!("Bearer {}", self.accounts.operator))
            .header("content-type", "application/json")
            .body(body)
            .send()?;
        ensure!((200..300).contains(&answer.status), "{method} {path}: {answer:?}");
        answer.json()
    }

    /// The name of a pod that is started now.
    fn create(&mut self) -> Result<String> {
        self.made += 1;
        let name = format!("katydid-worker-{}", self.made);
        let network = Namespace::new()?;
        network.reach_all()?;
        let address = self.said("Waiting for workers on ")?;
        let (host, port) = address.rsplit_once(':').context("no port")?;
        let settings = [
            ("KATYDID_MASTER_HOST", host),
            ("KATYDID_MASTER_PORT", port),
            ("KATYDID_WORKER_NAME", &name),
        ];
        let program = self.node.program(
            Katydid::within(&network)?,
            "Deployment",
            "katydid-worker",
            &settings,
        )?;
        self.pods.push(Pod {
            name: name.clone(),
            process: program.spawn()?,
            _network: network,
        });
        Ok(name)
    }

    /// More pods, all at once; returns when they take part.
    fn scale_up(&mut self, count: usize) -> Result<()> {
        while self.pods.len() < count {
            self.create()?;
        }
        self.settle()
    }

    /// Tells pods to end, all at once, and waits until they have: with 0, and their numbers brought home.
    fn delete(&mut self, pods: Vec<Pod>) -> Result<()> {
        let mut leaving = pods;
        for pod in &mut leaving {
            pod.process.signal(Signal::SIGTERM)?;
        }
        let began = Instant::now();
        while leaving.iter_mut().any(|pod| pod.process.is_running()) {
            ensure!(began.elapsed() < PATIENCE, "they do not leave");
            self.sample()?;
        }
        for pod in leaving {
            let finished = pod.process.wait(PATIENCE)?.expect_code(0)?;
            finished.expect_stderr(&["Left the fleet; everything measured here is counted"])?;
        }
        self.settle()
    }

    /// How many users there are, by the API; nothing else was asked for meanwhile.
    fn sample(&mut self) -> Result<u64> {
        std::thread::sleep(Duration::from_millis(100));
        let run = self.call("GET", "/api/v1/run", "")?;
        let users = run["users"].as_u64().context("no users")?;
        if run["state"] == "running" || run["state"] == "spawning" {
            ensure!(run["target_users"] == USERS, "{run}");
            self.samples.push((Instant::now(), users));
        }
        Ok(users)
    }

    /// Waits until the pods that are there share the users evenly, if there is a test; else until they are known.
    fn settle(&mut self) -> Result<()> {
        let began = Instant::now();
        loop {
            let users = self.sample()?;
            let workers = self.call("GET", "/api/v1/workers", "")?;
            let is_fair = |pod: &Pod| {
                let own = workers.as_array().into_iter().flatten();
                let mut own = own.filter(|worker| worker["name"] == pod.name.as_str());
                let count = self.pods.len() as u64;
                let shares = USERS / count..=USERS.div_ceil(count);
                let has_share = |users: u64| shares.contains(&users);
                own.any(|worker| self.samples.is_empty() || worker["users"].as_u64().is_some_and(has_share))
            };
            if self.pods.iter().all(is_fair) && (self.samples.is_empty() || users == USERS) {
                return Ok(());
            }
            ensure!(
                began.elapsed() < PATIENCE,
                "{users} users on {workers}\n{}",
                self.master.stderr()
            );
        }
    }

    /// The times at which the sum was off by more than `most`, put together.
    fn off_by_more_than(&self, most: u64) -> Duration {
        let pairs = self.samples.windows(2);
        let off = pairs.filter(|pair| pair[0].1.abs_diff(USERS) > most);
        off.map(|pair| pair[1].0 - pair[0].0).sum()
    }

    /// Ends the test: what was reported is what the target received, path by path, and nothing failed.
    fn finish(self) -> Result<()> {
        self.call("POST", "/api/v1/run/stop", "")?;
        let file = self.results.file("result.json");
        let result: Value = retry(PATIENCE, || {
            let result: Value = serde_json::from_str(&std::fs::read_to_string(&file)?)?;
            ensure!(result["run"]["state"] == "stopped", "{}", result["run"]);
            Ok(result)
        })?;
        let counted: Value = serde_json::from_str(&http_get(&format!("{}/__stats", self.target_url))?)?;
        assert_eq!(result["totals"]["requests"], counted["total"]);
        assert_eq!(result["totals"]["failures"], 0, "{}", result["errors"]);
        assert_eq!(result["exceptions"], json!([]));
        for path in counted["paths"].as_array().context("no paths")? {
            let same = |entry: &&Value| entry["method"] == path["method"] && entry["name"] == path["path"];
            let reported = result["requests"]
                .as_array()
                .and_then(|all| all.iter().find(same));
            let reported = reported.map_or(&Value::Null, |entry| &entry["requests"]);
            assert_eq!(reported, &path["requests"], "{path}");
        }
        let lost = |warning: &&Value| {
            warning
                .as_str()
                .is_some_and(|text| text.contains("lost") || text.contains("missing"))
        };
        let warnings = result["warnings"].as_array().context("no warnings")?;
        assert_eq!(warnings.iter().find(lost), None);
        assert!(
            counted["total"].as_u64() > Some(2_000),
            "that is no load: {}",
            counted["total"]
        );
        let Self {
            mut master,
            target,
            pods,
            ..
        } = self;
        master.signal(Signal::SIGTERM)?;
        master.wait(PATIENCE)?.expect_code(0)?;
        for pod in pods {
            pod.process.wait(PATIENCE)?.expect_code(0)?;
        }
        drop(target);
        Ok(())
    }
}

#[test]
fn a_rolling_update_replaces_each_worker_and_costs_nothing() -> Result<()> {
    let _alone = alone();
    let Some(node) = node("dev")? else {
        return Ok(());
    };
    let mut cluster = Cluster::start(node, 4)?;
    for _ in 0..4 {
        // maxSurge 1, maxUnavailable 0: a new one first, and only when it is ready an old one less.
        let count = cluster.pods.len();
        cluster.scale_up(count + 1)?;
        let oldest = cluster.pods.remove(0);
        cluster.delete(vec![oldest])?;
    }
    let names: Vec<&str> = cluster.pods.iter().map(|pod| pod.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "katydid-worker-5",
            "katydid-worker-6",
            "katydid-worker-7",
            "katydid-worker-8"
        ]
    );
    // A share is 14 users; of it those are counted twice or not at all that move within a second.
    let worst = cluster
        .samples
        .iter()
        .map(|sample| sample.1.abs_diff(USERS))
        .max();
    assert!(worst <= Some(14), "one share at most: {:?}", cluster.samples);
    let off = cluster.off_by_more_than(4);
    assert!(off <= 4 * MOVING, "{off:?} of {:?}", cluster.samples);
    cluster.finish()
}

#[test]
fn a_fleet_scales_from_4_to_14_to_2_and_nothing_is_lost() -> Result<()> {
    let _alone = alone();
    let Some(node) = node("dev")? else {
        return Ok(());
    };
    let mut cluster = Cluster::start(node, 4)?;
    cluster.scale_up(14)?;
    let grown = cluster.samples.len();
    // A ReplicaSet lets the youngest go first.
    let leaving = cluster.pods.split_off(2);
    cluster.delete(leaving)?;
    // Of 14 workers with 4 users each 12 leave at a time.
    let worst = |samples: &[(Instant, u64)]| samples.iter().map(|sample| sample.1.abs_diff(USERS)).max();
    let (up, down) = cluster.samples.split_at(grown);
    assert!(worst(up) <= Some(14), "{up:?}");
    assert!(worst(down) <= Some(28), "{down:?}");
    let off = cluster.off_by_more_than(4);
    assert!(off <= 2 * MOVING, "{off:?} of {:?}", cluster.samples);
    cluster.finish()
}

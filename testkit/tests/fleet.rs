//! A master and several workers, as processes: what they report is what the target received, whatever happens to them.

use std::time::Duration;

use anyhow::{Context, Result};
use katydid_testkit::{
    DemoTarget, Fleet, Katydid, Namespace, Report, Running, Signal, alone, http_get, retry,
};
use tokio::time::Instant;

const PATIENCE: Duration = Duration::from_secs(60);

/// Users that say where they run, and then load three paths.
const SHOP: &str = r#"
user("Shopper", #{ weight: 3, wait: constant(0.02) })
    .on_start(|| { http.get(`/start/${me.worker}/Shopper`, #{ expect: [404] }); })
    .task("browse", || { http.get("/"); http.get("/json"); });
user("Admin", #{ weight: 1, wait: constant(0.02) })
    .on_start(|| { http.get(`/start/${me.worker}/Admin`, #{ expect: [404] }); })
    .task("look", || { http.get("/status/204"); });
user("Auditor", #{ fixed_count: 2, wait: constant(0.1) })
    .on_start(|| { http.get(`/start/${me.worker}/Auditor`, #{ expect: [404] }); })
    .task("audit", || { http.get("/hungry"); });
"#;

/// Every request the target received is in the report, path by path, and none besides.
fn agrees(report: &Report, target: &DemoTarget) {
    let counted = target.stats();
    for path in &counted.paths {
        let reported = report
            .json
            .requests
            .iter()
            .find(|entry| entry.method == path.method && entry.name == path.path)
            .map_or(0, |entry| entry.requests);
        assert_eq!(reported, path.requests, "{} {}", path.method, path.path);
    }
    assert_eq!(report.json.totals.requests, counted.total);
    assert!(counted.total > 200, "that is no load: {}", counted.total);
}

fn started(target: &DemoTarget, worker: &str, class: &str) -> u64 {
    let wanted = format!("/start/{worker}/{class}");
    target
        .stats()
        .paths
        .iter()
        .find(|path| path.path == wanted)
        .map_or(0, |path| path.requests)
}

/// Users started by workers `w1`, `w2`….
fn all_started(target: &DemoTarget, workers: usize) -> u64 {
    let classes = ["Shopper", "Admin", "Auditor"];
    (1..=workers)
        .flat_map(|worker| classes.map(|class| started(target, &format!("w{worker}"), class)))
        .sum()
}

/// Users per second of the run, without the ramps at both ends.
fn users(report: &Report, from: u64, to: u64) -> Vec<u64> {
    let points = report.json.all["timeline"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    points
        .iter()
        .filter(|point| {
            point["second"]
                .as_u64()
                .is_some_and(|second| (from..to).contains(&second))
        })
        .filter_map(|point| point["users"].as_u64())
        .collect()
}

/// How many seconds of the run are over for certain: it is older than what has been said of it.
fn seconds_over(said: Instant) -> u64 {
    said.elapsed().as_secs()
}

/// The second of the run at which something happened, as the log says it: `worker w3 was lost 8.2s into the run`.
fn moment(fleet: &Fleet, what: &str) -> Result<u64> {
    let log = fleet.log();
    let (_, after) = log
        .split_once(what)
        .with_context(|| format!("no `{what}`:\n{log}"))?;
    let number: String = after
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    Ok(number.parse::<f64>()? as u64)
}

fn workers(fleet: &Fleet, count: usize) -> Result<Vec<Running>> {
    (1..=count)
        .map(|number| fleet.worker(&format!("w{number}")))
        .collect()
}

fn all_end_well(workers: Vec<Running>) -> Result<()> {
    for worker in workers {
        worker.wait(PATIENCE)?.expect_code(0)?;
    }
    Ok(())
}

#[test]
fn three_workers_run_their_shares_and_every_request_is_reported() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let load = ["-u", "300", "-r", "150", "-t", "6s", "--expect-workers", "3"];
    // A worker that has more to do than it can says so, and here nobody shall: many users, but patient ones.
    let shop = SHOP.replace("constant(0.02)", "constant(0.1)");
    let fleet = Fleet::start(&shop, target.url(), &load)?;
    let workers = workers(&fleet, 3)?;
    let report = fleet.finish(PATIENCE)?.expect_code(0)?;
    agrees(&report, &target);
    all_end_well(workers)?;

    // Who runs what is computed, not left to chance.
    let classes = katydid_protocol::plan::distribute(
        &[("Shopper", 3.0, 0), ("Admin", 1.0, 0), ("Auditor", 1.0, 2)].map(|(name, weight, fixed_count)| {
            katydid_protocol::plan::UserClass {
                name: name.to_owned(),
                weight,
                fixed_count,
            }
        }),
        300,
    );
    let expected = katydid_protocol::dispatch::rebalance(&vec![vec![]; 3], &[1.0; 3], &classes);
    let mut found: Vec<Vec<u64>> = (1..=3)
        .map(|number| {
            ["Shopper", "Admin", "Auditor"]
                .map(|class| started(&target, &format!("w{number}"), class))
                .to_vec()
        })
        .collect();
    // Which worker joins first is chance.
    let mut expected: Vec<Vec<u64>> = expected
        .iter()
        .map(|users| users.iter().map(|count| u64::from(*count)).collect())
        .collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(report.json.all["workers"].as_array().map(Vec::len), Some(3));
    assert_eq!(report.json.warnings, [""; 0]);
    Ok(())
}

#[test]
fn an_exception_says_on_which_workers_it_occurred() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let scenario = r#"
user("Thrower", #{ wait: constant(0.1) })
    .task("look", || {
        http.get("/");
        if me.worker == "w2" { throw "on one"; }
        throw "on the others";
    });
"#;
    let load = ["-u", "6", "-r", "60", "-t", "3s", "--expect-workers", "3"];
    let fleet = Fleet::start(scenario, target.url(), &load)?;
    let workers = workers(&fleet, 3)?;
    let report = fleet.finish(PATIENCE)?.expect_code(1)?;
    all_end_well(workers)?;
    let table = report.csv("exceptions")?;
    let mut found: Vec<(&str, &str)> = table.rows.iter().map(|row| (&*row[1], &*row[3])).collect();
    found.sort_unstable();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].0.contains("on one") && found[0].1 == "w2", "{found:?}");
    assert!(
        found[1].0.contains("on the others") && found[1].1 == "w1, w3",
        "{found:?}"
    );
    let on_one = report.json.all["exceptions"].as_array().and_then(|list| {
        list.iter()
            .find(|exception| exception["workers"] == serde_json::json!(["w2"]))
    });
    assert!(on_one.is_some(), "{}", report.json.all["exceptions"]);
    Ok(())
}

#[test]
fn a_worker_told_to_end_hands_its_users_over_and_loses_nothing() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let load = ["-u", "60", "-r", "60", "-t", "10m", "--expect-workers", "3"];
    let mut fleet = Fleet::start(SHOP, target.url(), &load)?;
    let mut workers = workers(&fleet, 3)?;
    fleet.wait_for(PATIENCE, "All users spawned")?;
    let spawned = Instant::now();
    std::thread::sleep(Duration::from_secs(1));
    let mut leaving = workers.remove(1);
    leaving.signal(Signal::SIGTERM)?;
    leaving.wait(Duration::from_secs(20))?.expect_code(0)?;
    assert!(fleet.master().is_running(), "in mid-run");
    std::thread::sleep(Duration::from_secs(8));
    let end = seconds_over(spawned);
    fleet.master().signal(Signal::SIGINT)?;
    let report = fleet.finish(PATIENCE)?.expect_code(0)?;
    agrees(&report, &target);
    assert_eq!(report.json.totals.failures, 0);
    all_end_well(workers)?;
    let during = users(&report, 2, end);
    assert!(during.len() > 5, "{during:?}");
    assert!(
        during.iter().all(|users| (40..=80).contains(users)),
        "one share more or less at most: {during:?}"
    );
    let off = during.iter().filter(|users| **users != 60).count();
    assert!(off <= 2, "for two seconds at most: {during:?}");
    Ok(())
}

#[test]
fn a_killed_worker_is_missed_and_its_users_move() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let load = ["-u", "60", "-r", "60", "-t", "18s", "--expect-workers", "3"];
    let mut fleet = Fleet::start(SHOP, target.url(), &load)?;
    let mut workers = workers(&fleet, 3)?;
    fleet.wait_for(PATIENCE, "All users spawned")?;
    std::thread::sleep(Duration::from_secs(1));
    let (before, began) = (target.stats().total, Instant::now());
    std::thread::sleep(Duration::from_secs(4));
    let load_per_sec = (target.stats().total - before) as f64 / began.elapsed().as_secs_f64();
    let mut killed = workers.remove(2);
    killed.signal(Signal::SIGKILL)?;
    drop(killed.wait(PATIENCE)?);
    fleet.wait_for(Duration::from_secs(6), "worker w3 was lost")?;
    let lost_at = moment(&fleet, "worker w3 was lost ")?;
    fleet.wait_for(PATIENCE, "limit reached, shutting down")?;
    let stopping = Instant::now();
    let report = fleet.finish(PATIENCE)?.expect_code(0)?;
    let took = stopping.elapsed();
    assert!(
        took < Duration::from_secs(4),
        "nobody waits for the dead: {took:?}"
    );
    all_end_well(workers)?;
    let counted = target.stats().total;
    let missing = counted
        .checked_sub(report.json.totals.requests)
        .context("more was reported than received")?;
    // It reports once a second: what it did since its last report is lost, and no more of the five seconds it worked.
    let at_most = 2.0 * load_per_sec / 3.0;
    assert!(
        missing as f64 <= at_most,
        "{missing} of {counted} are missing, {at_most} were done in two seconds"
    );
    let lost = report
        .json
        .warnings
        .iter()
        .find(|warning| warning.starts_with("worker w3 was lost"))
        .context("nothing is said of it")?;
    assert!(lost.contains("its 20 users move to 2 other workers"), "{lost}");
    let again = |warning: &String| {
        warning.contains("not heard of again") && warning.contains("worker w3 (silent for")
    };
    assert!(
        report.json.warnings.iter().any(again),
        "{:?}",
        report.json.warnings
    );
    // It was silent for four seconds then: within six others have taken over.
    let after = users(&report, lost_at + 2, 17);
    assert!(after.len() > 2, "{after:?}");
    assert!(after.iter().all(|users| *users == 60), "{after:?}");
    Ok(())
}

#[test]
fn a_worker_that_is_stopped_for_a_while_goes_on_and_no_user_stays_too_many() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let load = ["-u", "60", "-r", "60", "-t", "26s", "--expect-workers", "3"];
    let mut fleet = Fleet::start(SHOP, target.url(), &load)?;
    let mut workers = workers(&fleet, 3)?;
    fleet.wait_for(PATIENCE, "All users spawned")?;
    std::thread::sleep(Duration::from_secs(1));
    // Its connection lives: nobody has asked it for anything in so short a time.
    workers[2].signal(Signal::SIGSTOP)?;
    std::thread::sleep(Duration::from_secs(6));
    assert!(fleet.log().contains("worker w3 was lost"), "{}", fleet.log());
    workers[2].signal(Signal::SIGCONT)?;
    fleet.wait_for(PATIENCE, "worker w3 came back")?;
    let lost_at = moment(&fleet, "worker w3 was lost ")?;
    let back_at = moment(&fleet, "worker w3 came back ")?;
    let report = fleet.finish(PATIENCE)?.expect_code(0)?;
    agrees(&report, &target);
    all_end_well(workers)?;
    // Users move at the plan's rate, 60 a second, and are reported within the next.
    let after = users(&report, back_at + 4, 25);
    assert!(after.len() > 5, "{after:?}");
    assert!(after.iter().all(|users| *users == 60), "{after:?}");
    let all = users(&report, lost_at, 25);
    assert!(
        all.iter().all(|users| *users <= 80),
        "one share more at most: {all:?}"
    );
    Ok(())
}

#[test]
fn a_master_that_is_killed_goes_on_with_its_run_when_it_is_back() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let load = ["-u", "40", "-r", "40", "-t", "14s", "--expect-workers", "2"];
    let mut fleet = Fleet::start(SHOP, target.url(), &load)?;
    let workers = workers(&fleet, 2)?;
    fleet.wait_for(PATIENCE, "All users spawned")?;
    std::thread::sleep(Duration::from_secs(2));
    fleet.kill_master()?;
    let alone = target.stats().total;
    std::thread::sleep(Duration::from_secs(2));
    let meanwhile = target.stats().total - alone;
    assert!(meanwhile > 200, "the load goes on without a master: {meanwhile}");
    fleet.restart_master()?;
    fleet.wait_for(PATIENCE, "Going on with run")?;
    let report = fleet.finish(PATIENCE)?.expect_code(0)?;
    agrees(&report, &target);
    all_end_well(workers)?;
    let elapsed = report.json.all["run"]["elapsed_s"].as_f64().context("no time")?;
    assert!(
        (13.9..17.0).contains(&elapsed),
        "it ends when it was to end: {elapsed}"
    );
    assert_eq!(all_started(&target, 2), 40, "nobody was started twice");
    Ok(())
}

#[test]
fn a_master_can_be_killed_while_users_are_being_started() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let load = ["-u", "100", "-r", "20", "-t", "12s", "--expect-workers", "2"];
    let mut fleet = Fleet::start(SHOP, target.url(), &load)?;
    let workers = workers(&fleet, 2)?;
    fleet.wait_for(PATIENCE, "Ramping to 100 users")?;
    std::thread::sleep(Duration::from_secs(2));
    fleet.kill_master()?;
    std::thread::sleep(Duration::from_millis(700));
    fleet.restart_master()?;
    let report = fleet.finish(PATIENCE)?.expect_code(0)?;
    agrees(&report, &target);
    all_end_well(workers)?;
    assert_eq!(all_started(&target, 2), 100, "each user once");
    Ok(())
}

#[test]
fn a_master_can_be_killed_while_the_run_is_stopping() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let scenario = r#"
user("Slow", #{ wait: constant(0) }).task("slow", || { http.get("/delay/3000"); http.get("/"); });
"#;
    let load = [
        "-u",
        "100",
        "-r",
        "200",
        "-t",
        "4s",
        "--expect-workers",
        "2",
        "-s",
        "20s",
    ];
    let mut fleet = Fleet::start(scenario, target.url(), &load)?;
    let workers = workers(&fleet, 2)?;
    fleet.wait_for(PATIENCE, "limit reached, shutting down")?;
    std::thread::sleep(Duration::from_millis(400));
    fleet.kill_master()?;
    fleet.restart_master()?;
    let report = fleet.finish(PATIENCE)?.expect_code(0)?;
    agrees(&report, &target);
    all_end_well(workers)?;
    assert_eq!(
        report.json.all["run"]["stop_reason"].as_str(),
        Some("--run-time limit reached")
    );
    Ok(())
}

#[test]
fn a_run_ends_as_planned_though_its_master_is_dead() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let load = ["-u", "20", "-r", "100", "-t", "6s", "--expect-workers", "2"];
    let mut fleet = Fleet::start(SHOP, target.url(), &load)?;
    let workers = workers(&fleet, 2)?;
    fleet.wait_for(PATIENCE, "All users spawned")?;
    std::thread::sleep(Duration::from_secs(2));
    fleet.kill_master()?;
    for worker in &workers {
        retry(PATIENCE, || {
            worker
                .stderr()
                .contains("The run's time is over and the master cannot be heard")
                .then_some(())
                .context("the worker goes on")
        })?;
    }
    // Requests under way may still end; then there is silence.
    std::thread::sleep(Duration::from_secs(1));
    let at_the_end = target.stats().total;
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(target.stats().total, at_the_end, "no load beyond the end");
    fleet.restart_master()?;
    let report = fleet.finish(PATIENCE)?.expect_code(0)?;
    agrees(&report, &target);
    all_end_well(workers)?;
    assert_eq!(
        report.json.all["run"]["stop_reason"].as_str(),
        Some("--run-time limit reached")
    );
    Ok(())
}

#[test]
fn workers_may_come_and_go_in_mid_run() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let load = ["-u", "56", "-r", "56", "-t", "24s", "--expect-workers", "2"];
    let mut fleet = Fleet::start(SHOP, target.url(), &load)?;
    let mut all = workers(&fleet, 2)?;
    fleet.wait_for(PATIENCE, "All users spawned")?;
    for number in 3..=14 {
        all.push(fleet.worker(&format!("w{number}"))?);
    }
    fleet.wait_for(PATIENCE, "14 workers now")?;
    std::thread::sleep(Duration::from_secs(6));
    let leaving = all.split_off(4);
    let mut ended = Vec::new();
    for mut worker in leaving {
        worker.signal(Signal::SIGTERM)?;
        ended.push(worker);
    }
    all_end_well(ended)?;
    assert!(fleet.master().is_running(), "in mid-run");
    let report = fleet.finish(PATIENCE)?.expect_code(0)?;
    agrees(&report, &target);
    assert_eq!(report.json.totals.failures, 0);
    all_end_well(all)?;
    let during = users(&report, 3, 22);
    // Ten workers of four users each leave together, each of the four that stay takes fourteen in the end: a user who
    // moves may for a moment be counted twice, or not at all.
    assert!(
        during.iter().all(|users| (42..=70).contains(users)),
        "one share more or less at most: {during:?}"
    );
    let off = during.iter().filter(|users| users.abs_diff(56) > 4).count();
    assert!(off <= 2, "for two seconds at most: {during:?}");
    let kept = during.iter().filter(|users| **users == 56).count();
    assert!(kept * 2 > during.len(), "most of the time exactly: {during:?}");
    Ok(())
}

#[test]
fn workers_that_never_come_are_said_and_end_the_run() -> Result<()> {
    let target = DemoTarget::start()?;
    let load = [
        "-u",
        "4",
        "-t",
        "5s",
        "--expect-workers",
        "2",
        "--expect-workers-max-wait",
        "6s",
    ];
    let fleet = Fleet::start(SHOP, target.url(), &load)?;
    let worker = fleet.worker("only")?;
    let report = fleet.finish(PATIENCE)?.expect_code(5)?;
    assert_eq!(target.stats().total, 0);
    let why = "1 of 2 expected workers were ready within 6s";
    assert!(report.finished.stderr.contains(why), "{}", report.finished.stderr);
    assert_eq!(
        report.json.all["run"]["failure"].as_str(),
        Some("workers_missing")
    );
    worker.wait(PATIENCE)?.expect_code(0)?;
    Ok(())
}

#[test]
fn a_worker_that_cannot_run_the_scenario_stops_the_start_and_says_why() -> Result<()> {
    let target = DemoTarget::start()?;
    // Secrets are not sent: this worker has not been given one.
    let scenario = r#"
const PASSWORD = secret("SHOP_PASSWORD");
user("U", #{ wait: constant(1) }).task("t", || { http.get("/"); });
"#;
    let environment = [("SHOP_PASSWORD", "swordfish")];
    let fleet = Fleet::start_with(
        scenario,
        &[],
        target.url(),
        &["-u", "1", "-t", "3s"],
        &environment,
    )?;
    let worker = fleet.worker("forgetful")?;
    let report = fleet.finish(PATIENCE)?.expect_code(3)?;
    let said = &report.finished.stderr;
    assert!(
        said.contains("worker forgetful cannot run the scenario"),
        "{said}"
    );
    assert!(
        said.contains("SHOP_PASSWORD") && said.contains("scenario.rhai:2"),
        "{said}"
    );
    assert!(!said.contains("swordfish"), "{said}");
    assert_eq!(target.stats().total, 0);
    worker.wait(PATIENCE)?.expect_code(0)?;
    Ok(())
}

#[test]
fn workers_get_the_files_a_scenario_imports() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let scenario = r#"
import "lib/shared" as shared;
user("Importer", #{ wait: constant(0.1) }).task("t", || { this.shared::look(shared::PATH); });
"#;
    let shared = r#"
import "lib/paths" as paths;
const PATH = paths::ROOT + "imported";
fn look(path) { this.seen = http.get(path, #{ expect: [404] }).status; }
"#;
    let files = [
        ("lib/shared.rhai", shared),
        ("lib/paths.rhai", "const ROOT = \"/\";"),
    ];
    let load = ["-u", "4", "-r", "40", "-t", "2s", "--expect-workers", "2"];
    let fleet = Fleet::start_with(scenario, &files, target.url(), &load, &[])?;
    let workers = workers(&fleet, 2)?;
    let report = fleet.finish(PATIENCE)?.expect_code(0)?;
    all_end_well(workers)?;
    let counted = target.stats();
    let imported = counted.paths.iter().find(|path| path.path == "/imported");
    assert!(
        imported.is_some_and(|path| path.requests == report.json.totals.requests),
        "{:?}",
        counted.paths
    );
    assert!(
        report.json.totals.requests >= 20,
        "{}",
        report.json.totals.requests
    );
    Ok(())
}

#[test]
fn rows_setup_and_hooks_belong_to_the_whole_fleet() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let scenario = r#"
const ROWS = csv("rows.csv");
on_test_start(|| { http.get("/once", #{ expect: [404] }); #{ token: "t7" } });
on_test_stop(|| { http.get("/over", #{ expect: [404] }); });
user("Once", #{ wait: constant(0) }).task("use", || {
    let row = ROWS.unique();
    http.get(`/row/${row.id}/${setup.token}`, #{ expect: [404] });
});
"#;
    let rows: String = std::iter::once("id\n".to_owned())
        .chain((0..500).map(|id| format!("{id}\n")))
        .collect();
    let load = ["-u", "12", "-r", "100", "-t", "30s", "--expect-workers", "3"];
    let fleet = Fleet::start_with(scenario, &[("rows.csv", &rows)], target.url(), &load, &[])?;
    let workers = workers(&fleet, 3)?;
    let report = fleet.finish(PATIENCE)?.expect_code(0)?;
    all_end_well(workers)?;
    let counted = target.stats();
    let paths = |prefix: &str| -> Vec<u64> {
        let of_prefix = counted.paths.iter().filter(|path| path.path.starts_with(prefix));
        of_prefix.map(|path| path.requests).collect()
    };
    assert_eq!(paths("/row/"), [1; 500], "each row once");
    assert!(
        counted
            .paths
            .iter()
            .all(|path| !path.path.starts_with("/row/") || path.path.ends_with("/t7"))
    );
    assert_eq!((paths("/once"), paths("/over")), (vec![1], vec![1]));
    assert_eq!(report.json.totals.requests, 500);
    Ok(())
}

/// The target of a worker behind a cable: its own, at the same address as ours, so that only its way to the master is cut.
struct FarTarget {
    url: String,
    _process: Running,
}

impl FarTarget {
    fn start(cable: &Namespace, ours: &DemoTarget) -> Result<Self> {
        let port = ours.url().rsplit_once(':').context("no port")?.1;
        let process = Katydid::within(cable)?
            .args(["target", "--host", "0.0.0.0", "--port", port])
            .spawn()?;
        let url = format!("http://{}:{port}/__stats", cable.theirs());
        retry(PATIENCE, || http_get(&url))?;
        Ok(Self {
            url,
            _process: process,
        })
    }

    fn total(&self) -> Result<u64> {
        let stats: serde_json::Value = serde_json::from_str(&http_get(&self.url)?)?;
        stats["total"].as_u64().context("no total")
    }
}

#[test]
fn a_worker_that_is_cut_off_keeps_its_load_and_nothing_is_lost_or_doubled() -> Result<()> {
    let _alone = alone();
    let (cable, target) = (Namespace::new()?, DemoTarget::start()?);
    let far = FarTarget::start(&cable, &target)?;
    let ours = cable.ours().to_string();
    let load = [
        "-u",
        "20",
        "-r",
        "20",
        "-t",
        "10m",
        "--expect-workers",
        "2",
        "--master-bind-host",
        &ours,
    ];
    let token = ["--token", "s3cret"];
    let mut fleet = Fleet::start(SHOP, target.url(), &[&load[..], &token[..]].concat())?;
    let near = fleet.worker_with("near", &["--master-host", &ours, "--token", "s3cret"])?;
    let cut_off = fleet.worker_within(&cable, "far", &token)?;
    fleet.wait_for(PATIENCE, "All users spawned")?;
    let spawned = Instant::now();
    std::thread::sleep(Duration::from_secs(2));
    let before = far.total()?;
    cable.cut()?;
    let cut = Instant::now();
    fleet.wait_for(PATIENCE, "worker far was lost")?;
    // Ten seconds are what a fleet has to bear.
    std::thread::sleep(Duration::from_secs(10).saturating_sub(cut.elapsed()));
    cable.heal()?;
    fleet.wait_for(PATIENCE, "worker far came back")?;
    let meanwhile = far.total()? - before;
    assert!(
        meanwhile > before * 2,
        "the load goes on: {before} before, {meanwhile} meanwhile"
    );
    std::thread::sleep(Duration::from_secs(8));
    let end = seconds_over(spawned);
    fleet.master().signal(Signal::SIGINT)?;
    let report = fleet.finish(PATIENCE)?.expect_code(0)?;
    all_end_well(vec![near, cut_off])?;
    assert_eq!(report.json.totals.requests, target.stats().total + far.total()?);
    assert_eq!(report.json.totals.failures, 0);
    let at_the_end = users(&report, end - 2, end);
    assert!(!at_the_end.is_empty());
    assert!(at_the_end.iter().all(|users| *users == 20), "{at_the_end:?}");
    Ok(())
}

#[test]
fn a_run_that_ends_while_a_worker_is_cut_off_waits_for_what_it_has_to_tell() -> Result<()> {
    let _alone = alone();
    let (cable, target) = (Namespace::new()?, DemoTarget::start()?);
    let far = FarTarget::start(&cable, &target)?;
    let ours = cable.ours().to_string();
    let load = ["-u", "20", "-r", "20", "-t", "16s", "--expect-workers", "2"];
    let token = ["--token", "s3cret"];
    let bind = ["--master-bind-host", &ours];
    let mut fleet = Fleet::start(SHOP, target.url(), &[&load[..], &bind, &token].concat())?;
    let near = fleet.worker_with("near", &["--master-host", &ours, "--token", "s3cret"])?;
    let cut_off = fleet.worker_within(&cable, "far", &token)?;
    fleet.wait_for(PATIENCE, "All users spawned")?;
    std::thread::sleep(Duration::from_secs(3));
    cable.cut()?;
    fleet.wait_for(PATIENCE, "limit reached, shutting down")?;
    fleet.wait_for(PATIENCE, "for worker far (silent for")?;
    std::thread::sleep(Duration::from_secs(3));
    assert!(fleet.master().is_running(), "it waits");
    cable.heal()?;
    let report = fleet.finish(PATIENCE)?.expect_code(0)?;
    all_end_well(vec![near, cut_off])?;
    assert_eq!(report.json.totals.requests, target.stats().total + far.total()?);
    let forgotten = |warning: &&String| warning.contains("not heard of again");
    assert_eq!(report.json.warnings.iter().find(forgotten), None);
    Ok(())
}

//! The open load model end to end: iterations start when they were planned, whatever the target does and whoever is there
//! to run them; and what is reported is what the target received.

use std::time::Duration;

use anyhow::{Context, Result};
use katydid_testkit::{DemoTarget, Fleet, JsonResult, Katydid, Scratch, Signal, alone};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a scenario against the target and reads its result.
fn run(scenario: &str, target: &DemoTarget, arguments: &[&str]) -> Result<(JsonResult, String)> {
    run_to(0, scenario, target, arguments)
}

/// The same, of which this exit code is expected.
fn run_to(
    code: i32,
    scenario: &str,
    target: &DemoTarget,
    arguments: &[&str],
) -> Result<(JsonResult, String)> {
    let scratch = Scratch::new()?;
    scratch.write("scenario.rhai", scenario)?;
    let outcome = Katydid::new()?
        .in_dir(scratch.path())
        .args(["-f", "scenario.rhai", "-H", target.url(), "--headless"])
        .args(["--json-file", "report"])
        .args(arguments)
        .spawn()?
        .wait(PATIENCE)?
        .expect_code(code)?;
    Ok((JsonResult::read(&scratch.file("report.json"))?, outcome.stderr))
}

fn counts(result: &JsonResult) -> [u64; 4] {
    ["planned", "started", "late", "dropped"]
        .map(|name| result.all["arrivals"][name].as_u64().unwrap_or(u64::MAX))
}

/// Arrivals planned in each second of the run.
fn planned_per_second(result: &JsonResult) -> Vec<u64> {
    let points = result.all["timeline"].as_array().cloned().unwrap_or_default();
    let planned = |point: &Value| point["arrivals"]["planned"].as_u64().unwrap_or(0);
    points.iter().map(planned).collect()
}

#[test]
fn as_many_iterations_start_as_the_stages_say() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let scenario = r#"
arrivals([#{ duration: "2s", rate: 0, to: 200 }, #{ duration: "3s", rate: 200 }], #{ max_users: 150 });
user("A", #{ weight: 3, wait: constant(1000) }).task("one", || { http.get("/"); });
user("B", #{ weight: 1 })
    .on_start(|| { http.get("/json", #{ name: "first" }); })
    .task("two", || { http.get("/status/204"); });
"#;
    let (result, said) = run(scenario, &target, &[])?;
    let [planned, started, _, dropped] = counts(&result);
    assert_eq!((planned, started, dropped), (800, 800, 0));
    assert_eq!(result.all["run"]["iterations"], 800);
    assert!(said.contains("Arrivals: 800 planned, 800 started"), "{said}");
    let received = target.stats();
    assert_eq!(received.total, result.totals.requests);
    let of = |path: &str| {
        let found = received.paths.iter().find(|counted| counted.path == path);
        found.map_or(0, |counted| counted.requests)
    };
    assert_eq!(of("/") + of("/status/204"), 800);
    // 600 on average, with a standard deviation of 12.
    assert!(of("/").abs_diff(600) < 100, "by weight: {}", of("/"));
    assert!((1..150).contains(&of("/json")), "once per user: {}", of("/json"));
    // The plan begins 50 ms into the run: 200 per second from 2.05 s on.
    let seconds = planned_per_second(&result);
    assert_eq!(seconds[3..5], [200, 200], "{seconds:?}");
    let ended = result.all["run"]["elapsed_s"].as_f64().context("no end")?;
    assert!((5.0..15.0).contains(&ended), "{ended}");
    Ok(())
}

#[test]
fn a_target_that_is_too_slow_cannot_hide_it() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    // Ten a second can be served, twenty come: each waits 50 ms longer than the one before.
    let scenario = r#"
arrivals(#{ duration: "3s", rate: 20 }, #{ max_users: 1 });
user("A").task("t", || { http.get("/delay/100"); });
"#;
    let rules = [
        "--threshold",
        "late: rate < 90%",
        "--threshold",
        "late: count > 10",
    ];
    let (result, said) = run_to(4, scenario, &target, &[&["--threads", "1"], &rules[..]].concat())?;
    let [planned, started, late, dropped] = counts(&result);
    assert_eq!((planned, started + dropped), (60, 60));
    assert_eq!((started, late), (target.stats().total, started - 1));
    assert!((26..=32).contains(&started), "{started}");
    let times = result.totals.response_time_ms.as_ref().context("no times")?;
    // The k-th ends (k + 1) * 100 ms after the first came, and was due k * 50 ms after that.
    let last = (started - 1) as f64;
    let expected = 100.0 * (last + 1.0) - 50.0 * last;
    assert!(
        (times.get("max")? - expected).abs() < 150.0,
        "{times:?} for {expected}"
    );
    let average = 100.0 + 25.0 * last;
    assert!(
        (times.get("avg")? - average).abs() < 75.0,
        "{times:?} for {average}"
    );
    let service = &result.all["totals"]["service_time_ms"]["p50"];
    assert!(service.as_f64().is_some_and(|p50| p50 < 200.0), "{service}");
    assert!(said.contains("raise max_users"), "{said}");
    // All but the first were late or dropped: 59 of 60.
    let states: Vec<&str> = result.all["thresholds"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|rule| rule["state"].as_str())
        .collect();
    assert_eq!(states, ["failing", "passing"], "{}", result.all["thresholds"]);
    assert!(said.contains("98.33"), "{said}");
    Ok(())
}

#[test]
fn late_arrivals_are_dropped_if_they_shall_not_wait() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let scenario = r#"
arrivals(#{ duration: "3s", rate: 20 }, #{ max_users: 1, on_late: "drop" });
user("A").task("t", || { http.get("/delay/90"); });
"#;
    let (result, _) = run(scenario, &target, &["--threads", "1"])?;
    let [planned, started, _, dropped] = counts(&result);
    assert_eq!((planned, started + dropped), (60, 60));
    assert_eq!(started, target.stats().total);
    // Every second one finds the user busy; a machine that is slow makes it one in three now and then.
    assert!((18..=31).contains(&started), "{started}");
    Ok(())
}

#[test]
fn whichever_class_needs_the_users_has_them() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    // The only user there may be is of one class or the other, in turn.
    let scenario = r#"
arrivals(#{ duration: "2s", rate: 20 }, #{ max_users: 1 });
user("A").task("a", || { http.get("/"); });
user("B").task("b", || { http.get("/json"); });
"#;
    let (result, said) = run(scenario, &target, &["--threads", "1"])?;
    let [planned, started, ..] = counts(&result);
    assert_eq!((planned, started), (40, 40), "{said}");
    let received = target.stats();
    assert_eq!(received.total, 40);
    assert_eq!(received.paths.len(), 2, "both came: {:?}", received.paths);

    // Far more come than can be served: each class has its half of the users, and neither starves.
    let scenario = r#"
arrivals(#{ duration: "4s", rate: 100 }, #{ max_users: 4 });
user("A").task("a", || { http.get("/delay/100"); });
user("B").task("b", || { http.get("/delay/101"); });
"#;
    let target = DemoTarget::start()?;
    let (result, said) = run(scenario, &target, &["--threads", "1"])?;
    let [planned, started, _, dropped] = counts(&result);
    assert_eq!((planned, started + dropped), (400, 400), "{said}");
    let paths = target.stats().paths;
    let least = paths.iter().map(|path| path.requests).min().unwrap_or(0);
    assert_eq!(paths.len(), 2, "{paths:?}");
    assert!(least * 10 > started * 4, "{least} of {started}");
    Ok(())
}

#[test]
fn users_on_the_command_line_are_those_there_may_be_and_the_run_time_cuts_the_plan() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let scenario = "arrivals(50); user(\"A\").task(\"t\", || { http.get(\"/delay/300\"); });";
    let (result, said) = run(scenario, &target, &["-u", "3", "-t", "2s", "-s", "5s"])?;
    let [planned, started, _, dropped] = counts(&result);
    assert_eq!((planned, started + dropped), (100, 100));
    assert!(started <= 24, "three users, three a second each: {started}");
    assert_eq!(result.all["users"]["peak"], 3, "{said}");
    assert_eq!(result.totals.requests, target.stats().total);
    Ok(())
}

/// An iteration each 5 ms, over all workers.
const STEADY: &str = r#"
arrivals(#{ duration: "20s", rate: 200 }, #{ max_users: 300 });
user("A").task("t", || { http.get("/"); });
"#;

/// Every planned arrival started, once, on whichever worker; and each second had its number of them.
fn nothing_was_lost_or_doubled(result: &JsonResult, target: &DemoTarget) {
    let [planned, started, _, dropped] = counts(result);
    assert_eq!(
        (planned, started, dropped),
        (4_000, 4_000, 0),
        "{:?}",
        result.warnings
    );
    assert_eq!(target.stats().total, 4_000);
    assert_eq!(result.totals.requests, 4_000);
    let seconds = planned_per_second(result);
    for (second, planned) in seconds.iter().enumerate().take(20).skip(1) {
        assert!(planned.abs_diff(200) <= 1, "second {second}: {seconds:?}");
    }
}

#[test]
fn workers_that_come_and_go_in_mid_run_change_nothing() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let mut fleet = Fleet::start(STEADY, target.url(), &["--expect-workers", "2"])?;
    let one = fleet.worker_with("w1", &["--threads", "2"])?;
    let mut two = fleet.worker("w2")?;
    fleet.wait_for(PATIENCE, "users for what arrives")?;
    std::thread::sleep(Duration::from_secs(4));
    let three = fleet.worker("w3")?;
    fleet.wait_for(PATIENCE, "Worker w3 joined")?;
    std::thread::sleep(Duration::from_secs(4));
    two.signal(Signal::SIGTERM)?;
    two.wait(PATIENCE)?.expect_code(0)?;
    let report = fleet.finish(PATIENCE)?.expect_code(0)?;
    nothing_was_lost_or_doubled(&report.json, &target);
    for worker in [one, three] {
        worker.wait(PATIENCE)?.expect_code(0)?;
    }
    let workers = report.json.all["workers"].as_array().cloned().unwrap_or_default();
    assert_eq!(workers.len(), 3);
    Ok(())
}

#[test]
fn a_master_that_is_killed_changes_nothing_either() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let mut fleet = Fleet::start(STEADY, target.url(), &["--expect-workers", "2"])?;
    let workers = [fleet.worker("w1")?, fleet.worker("w2")?];
    fleet.wait_for(PATIENCE, "users for what arrives")?;
    std::thread::sleep(Duration::from_secs(4));
    fleet.kill_master()?;
    std::thread::sleep(Duration::from_secs(2));
    fleet.restart_master()?;
    fleet.wait_for(PATIENCE, "Going on with run")?;
    let report = fleet.finish(PATIENCE)?.expect_code(0)?;
    nothing_was_lost_or_doubled(&report.json, &target);
    for worker in workers {
        worker.wait(PATIENCE)?.expect_code(0)?;
    }
    Ok(())
}

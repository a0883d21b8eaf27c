//! Ways out: every one of them finishes or cuts off what is in flight as it was told to, reports, and ends with the
//! documented code.

use std::time::Duration;

use anyhow::Result;
use katydid_testkit::{DemoTarget, LoadRun, RunningLoad, Signal, alone, eventually};

const PATIENCE: Duration = Duration::from_secs(20);

const SLOW: &str = r#"user("Slow", #{ wait: constant(0) }).task("wait", || { http.get("/delay/1500"); });"#;

const ENDLESS: &str =
    r#"user("Slow", #{ wait: constant(0) }).task("wait", || { http.get("/delay/30000"); });"#;

fn start(scenario: &str, target: &DemoTarget, more: &[&str]) -> Result<RunningLoad> {
    let running = LoadRun::new(scenario, target.url())?
        .args(["-u", "4", "-r", "100"])
        .args(more)
        .start()?;
    eventually!(
        target.stats().total >= 4,
        "{} requests so far",
        target.stats().total
    );
    Ok(running)
}

#[test]
fn a_signal_lets_running_iterations_finish() -> Result<()> {
    let _alone = alone();
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let target = DemoTarget::start()?;
        let mut running = start(SLOW, &target, &[])?;
        running.signal(signal)?;
        let report = running.finish(PATIENCE)?.expect_code(0)?;
        assert_eq!((report.json.totals.requests, report.json.totals.failures), (4, 0));
        assert_eq!(target.stats().responses(200), 4);
        report.finished.expect_stderr(&["Aggregated", "100%"])?;
    }
    Ok(())
}

/// A request the server has already received gets one more second, so that both sides count the same.
#[test]
fn without_grace_what_is_in_flight_is_cut_off_and_counted() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let mut running = start(ENDLESS, &target, &["-s", "0"])?;
    let before = running.process.elapsed();
    running.signal(Signal::SIGINT)?;
    let report = running.finish(PATIENCE)?.expect_code(1)?;
    let took = report.finished.elapsed - before;
    assert!(took < Duration::from_secs(8), "{} ms", took.as_millis());
    assert_eq!(
        (report.json.totals.requests, report.json.totals.status(0)),
        (4, 4)
    );
    assert_eq!(report.json.totals.failures, 4);
    Ok(())
}

#[test]
fn the_grace_is_as_long_as_asked_for() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let mut running = start(ENDLESS, &target, &["-s", "1s"])?;
    let before = running.process.elapsed();
    running.signal(Signal::SIGTERM)?;
    let report = running.finish(PATIENCE)?.expect_code(1)?;
    let took = report.finished.elapsed - before;
    assert!(
        (900..8_000).contains(&took.as_millis()),
        "{} ms",
        took.as_millis()
    );
    assert_eq!(report.json.all["losses"]["killed_iterations"], 4);
    Ok(())
}

#[test]
fn two_signals_end_it_at_once() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let mut running = start(ENDLESS, &target, &[])?;
    running.signal(Signal::SIGINT)?;
    // Two signals that nobody has read yet are one.
    eventually!(running.process.stderr().contains("Interrupted by Ctrl-C"));
    running.signal(Signal::SIGINT)?;
    let finished = running.process.wait(Duration::from_secs(8))?;
    finished.expect_code(130)?;
    Ok(())
}

#[test]
fn the_run_time_ends_it_and_says_so() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let scenario = r#"
plan(#{ users: 3, spawn_rate: 100, run_time: "1s" });
user("Quick", #{ wait: constant(0.05) }).task("look", || { http.get("/"); }).on_stop(|| { http.get("/json"); });
"#;
    let report = LoadRun::new(scenario, target.url())?
        .run(PATIENCE)?
        .expect_code(0)?;
    assert!(
        (900..10_000).contains(&report.finished.elapsed.as_millis()),
        "{} ms",
        report.finished.elapsed.as_millis()
    );
    assert_eq!(report.json.count("/json"), 3, "each user said goodbye");
    assert_eq!(report.json.all["run"]["state"], "stopped");
    assert!(
        report.json.all["run"]["stop_reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("run-time"))
    );
    report
        .finished
        .expect_stderr(&["--run-time limit reached", "All users spawned"])?;
    Ok(())
}

#[test]
fn a_script_can_end_the_test() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let scenario = r#"
user("Judge", #{ wait: constant(0.05) })
    .task("look", || { http.get("/"); if me.iteration >= 3 { stop_test("seen enough"); } });
"#;
    let report = LoadRun::new(scenario, target.url())?
        .load(2, 100, "20s")
        .run(PATIENCE)?
        .expect_code(0)?;
    assert!(report.finished.elapsed < Duration::from_secs(15));
    assert!(
        report.json.all["run"]["stop_reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("seen enough"))
    );
    assert_eq!(report.json.totals.requests, target.stats().total);
    Ok(())
}

#[test]
fn when_all_users_are_done_so_is_the_test() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let scenario =
        r#"user("Once", #{ wait: constant(0) }).task("look", || { http.get("/"); stop_user(); });"#;
    let report = LoadRun::new(scenario, target.url())?
        .load(5, 100, "20s")
        .run(PATIENCE)?
        .expect_code(0)?;
    assert_eq!((report.json.totals.requests, target.stats().total), (5, 5));
    assert!(report.finished.elapsed < Duration::from_secs(15));
    Ok(())
}

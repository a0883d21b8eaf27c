//! A master that is told to end in mid-run: what its run is worth then, and how the next master goes on with it.

use std::time::Duration;

use anyhow::{Context, Result};
use katydid_testkit::{
    DemoTarget, Fleet, JsonResult, Katydid, Page, Report, Running, Signal, alone, eventually, retry,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Users that say that they were started, and then load two paths.
const SHOP: &str = r#"
user("Shopper", #{ wait: constant(0.05) })
    .on_start(|| { http.get(`/start/${me.worker}`, #{ expect: [404] }); })
    .task("browse", || { http.get("/"); http.get("/json"); });
"#;

/// Users half of whose requests fail.
const FAILING: &str = r#"
user("Shopper", #{ wait: constant(0.05) }).task("browse", || { http.get("/"); http.get("/status/500"); });
"#;

const LOAD: [&str; 6] = ["-u", "40", "-r", "40", "--expect-workers", "2"];

fn start(scenario: &str, target: &DemoTarget, more: &[&str]) -> Result<(Fleet, Vec<Running>)> {
    let mut fleet = Fleet::start(scenario, target.url(), &[&LOAD[..], more].concat())?;
    let workers = vec![fleet.worker("w1")?, fleet.worker("w2")?];
    fleet.wait_for(PATIENCE, "All users spawned")?;
    Ok((fleet, workers))
}

/// Every request the target received is in the report, path by path, and none besides.
fn agrees(report: &Report, target: &DemoTarget) {
    let counted = target.stats();
    for path in &counted.paths {
        let reported = report.json.request(&path.method, &path.path);
        let reported = reported.map_or(0, |request| request.requests);
        assert_eq!(reported, path.requests, "{} {}", path.method, path.path);
    }
    assert_eq!(report.json.totals.requests, counted.total);
    assert!(counted.total > 200, "that is no load: {}", counted.total);
}

fn all_end_well(workers: Vec<Running>) -> Result<()> {
    for worker in workers {
        worker.wait(PATIENCE)?.expect_code(0)?;
    }
    Ok(())
}

/// Waits until all workers have found a master for the so manieth time.
fn connected(workers: &[Running], times: usize) -> Result<()> {
    for worker in workers {
        let found = || worker.stderr().matches("Connected to the master").count();
        eventually!(found() >= times, "{}", worker.stderr());
    }
    Ok(())
}

/// Sends the master SIGTERM and waits for its end, which leaves no report.
fn let_go(fleet: &mut Fleet) -> Result<String> {
    fleet.master().signal(Signal::SIGTERM)?;
    let log = fleet.master_ends(PATIENCE, 130)?;
    assert!(
        !fleet.folder().file("report.json").exists(),
        "there is a result of half a run:\n{log}"
    );
    Ok(log)
}

fn said<'a>(report: &'a Report, what: &str) -> &'a str {
    report.json.all["run"][what].as_str().unwrap_or_default()
}

#[test]
fn a_run_that_is_cut_short_is_no_success() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let (mut fleet, workers) = start(SHOP, &target, &["-t", "10m", "--junit", "junit.xml"])?;
    std::thread::sleep(Duration::from_secs(2));
    fleet.master().signal(Signal::SIGTERM)?;
    let report = fleet.finish(PATIENCE)?.expect_code(130)?;
    agrees(&report, &target);
    assert_eq!(report.json.totals.failures, 0);
    all_end_well(workers)?;
    let why = "Got SIGTERM before the run was over";
    assert_eq!(said(&report, "failure"), "cut_short");
    assert_eq!(
        (said(&report, "state"), said(&report, "stop_reason")),
        ("failed", why)
    );
    let junit = std::fs::read_to_string(report.folder().file("junit.xml"))?;
    assert!(junit.contains("<error") && junit.contains(why), "{junit}");
    assert!(report.finished.stderr.contains(why), "{}", report.finished.stderr);
    Ok(())
}

#[test]
fn what_had_failed_by_then_is_what_the_exit_code_says() -> Result<()> {
    let _alone = alone();
    for (more, code) in [(&[][..], 1), (&["--exit-code-on-error", "0"][..], 130)] {
        let target = DemoTarget::start()?;
        let (mut fleet, workers) = start(FAILING, &target, more)?;
        eventually!(target.stats().responses(500) > 0);
        fleet.master().signal(Signal::SIGTERM)?;
        let report = fleet.finish(PATIENCE)?.expect_code(code)?;
        assert_eq!(said(&report, "failure"), "cut_short");
        assert!(report.json.totals.failures > 0);
        all_end_well(workers)?;
    }
    Ok(())
}

#[test]
fn a_person_ends_a_run_and_its_own_time_does() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let hand_over = ["--on-sigterm", "hand-over"];
    let (mut fleet, workers) = start(SHOP, &target, &hand_over)?;
    fleet.master().signal(Signal::SIGINT)?;
    let report = fleet.finish(PATIENCE)?.expect_code(0)?;
    assert_eq!(said(&report, "stop_reason"), "Interrupted by Ctrl-C");
    all_end_well(workers)?;

    // On its way to its own end a run comes to that end, whatever signal comes meanwhile.
    let scenario = r#"user("Slow", #{ wait: constant(0) }).task("slow", || { http.get("/delay/3000"); });"#;
    for more in [&["-t", "2s"][..], &["-t", "2s", "--on-sigterm", "hand-over"][..]] {
        let target = DemoTarget::start()?;
        let (mut fleet, workers) = start(scenario, &target, more)?;
        fleet.wait_for(PATIENCE, "limit reached, shutting down")?;
        fleet.master().signal(Signal::SIGTERM)?;
        let report = fleet.finish(PATIENCE)?.expect_code(0)?;
        assert_eq!(said(&report, "stop_reason"), "--run-time limit reached");
        assert_eq!(report.json.totals.requests, target.stats().total);
        all_end_well(workers)?;
    }
    Ok(())
}

#[test]
fn a_run_that_is_handed_over_goes_on_and_nothing_is_lost_or_doubled() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let (mut fleet, workers) = start(SHOP, &target, &["-t", "16s", "--on-sigterm", "hand-over"])?;
    std::thread::sleep(Duration::from_secs(2));
    let log = let_go(&mut fleet)?;
    assert!(
        log.contains("is left to the next master on this journal"),
        "{log}"
    );
    let alone = target.stats().total;
    std::thread::sleep(Duration::from_secs(2));
    let meanwhile = target.stats().total - alone;
    assert!(meanwhile > 200, "the load goes on without a master: {meanwhile}");
    // Twice: what was handed over can be handed over again.
    fleet.restart_master()?;
    fleet.wait_for(PATIENCE, "Going on with run")?;
    connected(&workers, 2)?;
    let_go(&mut fleet)?;
    fleet.restart_master()?;
    let report = fleet.finish(PATIENCE)?.expect_code(0)?;
    agrees(&report, &target);
    assert_eq!(report.json.totals.failures, 0);
    all_end_well(workers)?;
    let elapsed = report.json.all["run"]["elapsed_s"].as_f64().context("no time")?;
    assert!(
        (15.9..20.0).contains(&elapsed),
        "it ends when it was to end: {elapsed}"
    );
    assert_eq!(
        (said(&report, "state"), said(&report, "failure")),
        ("stopped", "")
    );
    let started = ["w1", "w2"].map(|worker| report.json.count(&format!("/start/{worker}")));
    assert_eq!(started.iter().sum::<u64>(), 40, "nobody was started twice");
    Ok(())
}

#[test]
fn a_master_that_has_not_begun_leaves_its_workers_to_the_next() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let more = ["-t", "4s", "--on-sigterm", "hand-over"];
    let mut fleet = Fleet::start(SHOP, target.url(), &[&LOAD[..], &more].concat())?;
    let early = fleet.worker("w1")?;
    fleet.wait_for(PATIENCE, "1 of 2 workers are ready")?;
    let log = let_go(&mut fleet)?;
    assert!(log.contains("the run has not begun"), "{log}");
    assert_eq!(target.stats().total, 0);
    fleet.restart_master()?;
    let late = fleet.worker("w2")?;
    let report = fleet.finish(PATIENCE)?.expect_code(0)?;
    agrees(&report, &target);
    all_end_well(vec![early, late])
}

#[test]
fn a_master_with_a_page_hands_over_too() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let mut page = Page::start_master(
        SHOP,
        target.url(),
        &["--on-sigterm", "hand-over", "--json-file", "report"],
    )?;
    let workers = vec![page.worker("w1", 1)?, page.worker("w2", 2)?];
    let end = |page: &mut Page, code: i32| {
        page.process.signal(Signal::SIGTERM)?;
        let status = retry(PATIENCE, || page.process.try_status()?.context("it goes on"))?;
        assert_eq!(status.code(), Some(code), "{}", page.process.stderr());
        anyhow::Ok(())
    };
    // Between two tests there is nothing to hand over but the workers.
    end(&mut page, 0)?;
    page.restart()?;
    connected(&workers, 2)?;
    page.post("/swarm", "user_count=40&spawn_rate=40")?;
    page.wait_for(|stats| stats["user_count"] == 40)?;
    end(&mut page, 130)?;
    assert!(
        !page.folder.file("report.json").exists(),
        "there is a result of half a run"
    );
    let alone = target.stats().total;
    eventually!(target.stats().total > alone + 100, "the load goes on");
    page.restart()?;
    connected(&workers, 3)?;
    page.wait_for(|stats| stats["state"] == "running" && stats["user_count"] == 40)?;
    page.process.signal(Signal::SIGINT)?;
    let status = retry(PATIENCE, || page.process.try_status()?.context("it goes on"))?;
    assert_eq!(status.code(), Some(0), "{}", page.process.stderr());
    all_end_well(workers)?;
    let report = JsonResult::read(&page.folder.file("report.json"))?;
    assert_eq!(
        (report.totals.requests, report.totals.failures),
        (target.stats().total, 0)
    );
    Ok(())
}

#[test]
fn hand_over_without_a_journal_is_refused() -> Result<()> {
    let said = |arguments: &[&str]| {
        let refused = Katydid::new()?
            .args(arguments)
            .run_to_end(PATIENCE)?
            .expect_code(2)?;
        anyhow::Ok(refused.stderr)
    };
    let without = said(&["--master", "--headless", "--on-sigterm", "hand-over"])?;
    assert!(
        without.contains("--on-sigterm") && without.contains("needs --journal FILE"),
        "{without}"
    );
    let alone = said(&["--on-sigterm", "stop"])?;
    assert!(alone.contains("needs --master"), "{alone}");
    let unknown = said(&["--master", "--on-sigterm", "keep"])?;
    assert!(
        unknown.contains("`keep` is neither stop nor hand-over"),
        "{unknown}"
    );
    Ok(())
}

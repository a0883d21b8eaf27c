//! A master that finds in its journal a run of another scenario: that one is told and kept, and the one asked for begins.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use katydid_testkit::{DemoTarget, Fleet, JsonResult, Page, Scratch, Signal, alone, eventually};

const PATIENCE: Duration = Duration::from_secs(60);

const FIRST: &str = r#"user("Visitor", #{ wait: constant(0.05) }).task("look", || { http.get("/"); });"#;
const SECOND: &str = r#"user("Visitor", #{ wait: constant(0.05) }).task("look", || { http.get("/json"); });"#;

/// Files of a folder whose names begin and end so.
fn files(folder: &Scratch, begin: &str, end: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder.path())? {
        let path = file?.path();
        let name = path
            .file_name()
            .context("no name")?
            .to_string_lossy()
            .into_owned();
        if name.starts_with(begin) && name.ends_with(end) {
            found.push(path);
        }
    }
    Ok(found)
}

#[test]
fn a_run_of_another_scenario_is_reported_and_kept_and_the_new_one_begins() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let load = ["-u", "8", "-r", "80", "-t", "10m"];
    let mut fleet = Fleet::start(FIRST, target.url(), &load)?;
    let worker = fleet.worker("w1")?;
    fleet.wait_for(PATIENCE, "All users spawned")?;
    eventually!(target.stats().total > 200);

    fleet.kill_master()?;
    fleet.folder().write("scenario.rhai", SECOND)?;
    fleet.restart_master()?;
    fleet.wait_for(
        PATIENCE,
        "is reported as cut short and kept in journal.db.cut-short-",
    )?;
    // The same worker goes over to it.
    fleet.wait_for(PATIENCE, "All users spawned")?;
    let received = |path: &str| {
        let stats = target.stats();
        let found = stats.paths.iter().find(|counted| counted.path == path);
        found.map_or(0, |counted| counted.requests)
    };
    eventually!(received("/json") > 200);
    let said = files(fleet.folder(), "report.", ".json")?;
    let [first] = &said[..] else {
        anyhow::bail!("not one report: {said:?}");
    };
    let first: JsonResult = serde_json::from_str(&std::fs::read_to_string(first)?)?;
    assert!(first.totals.requests > 100 && first.totals.requests <= received("/"));
    assert_eq!(files(fleet.folder(), "report.", "_stats.csv")?.len(), 1);
    assert_eq!(files(fleet.folder(), "journal.db.cut-short-", "")?.len(), 1);
    let log = fleet.log();
    assert!(
        log.contains("a master with another scenario, host or selection took its place"),
        "{log}"
    );

    fleet.master().signal(Signal::SIGINT)?;
    let report = fleet.finish(PATIENCE)?.expect_code(0)?;
    worker.wait(PATIENCE)?.expect_code(0)?;
    assert_eq!(report.json.totals.failures, 0);
    assert_eq!(report.json.totals.requests, received("/json"));
    Ok(())
}

#[test]
fn a_page_with_another_scenario_is_served() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let mut page = Page::start_master(FIRST, target.url(), &["--html", "report.html"])?;
    let worker = page.worker("w1", 1)?;
    page.post("/swarm", "user_count=8&spawn_rate=80")?;
    page.wait_for(|stats| stats["user_count"] == 8)?;
    eventually!(target.stats().total > 100);
    page.kill()?;
    page.folder.write("scenario.rhai", SECOND)?;
    page.restart()?;
    assert!(
        page.process.stderr().contains("cut short"),
        "{}",
        page.process.stderr()
    );
    assert_eq!(page.stats()?["state"], "ready");
    // Its name has the run's id, which begins with the year.
    assert_eq!(files(&page.folder, "report.2", ".html")?.len(), 1);
    drop(worker);
    Ok(())
}

//! What happens once: each row of `unique()`, and each test hook; counted by the target.

use std::time::Duration;

use anyhow::Result;
use katydid_testkit::{DemoTarget, LoadRun, Signal, alone, eventually};

const PATIENCE: Duration = Duration::from_secs(30);

/// How often the target was asked for `/count/ID`.
fn visits(target: &DemoTarget, id: &str) -> u64 {
    let wanted = format!("/count/{id}");
    let stats = target.stats();
    let paths = stats.paths.iter().filter(|path| path.path == wanted);
    paths.map(|path| path.requests).sum()
}

fn hooks(start: &str, stop: &str) -> String {
    format!(
        r#"
        on_test_start(|| {{ {start} }});
        on_test_stop(|setup| {{ {stop} }});
        user("Visitor", #{{ wait: constant(0.05) }})
            .task("look", || {{
                let r = http.get(`/count/${{setup.id}}`, #{{ name: "/count/:id" }});
                check(r, "setup", setup.list.len() == 2 && setup.id == 7);
            }});
        "#
    )
}

const PREPARE: &str = "http.get(\"/count/1\"); http.get(\"/nowhere\"); #{ id: 7, list: [1, 2] }";
const CLEAR_UP: &str = "http.get(`/count/${setup.id + 1}`);";

#[test]
fn every_row_is_used_once_and_then_the_users_retire() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start_with(0.0)?;
    let scenario = r#"
        const ROWS = lines("rows.txt");
        user("Shopper", #{ wait: constant(0) })
            .task("use", || { http.get(`/count/${ROWS.unique()}`, #{ name: "/count/:id" }); });
    "#;
    let rows: Vec<String> = (1..=400).map(|row| row.to_string()).collect();
    let report = LoadRun::new(scenario, target.url())?
        .file("rows.txt", &rows.join("\n"))?
        .args(["--threads", "2"])
        .load(8, 1_000, "60s")
        .run(PATIENCE)?
        .expect_code(0)?;
    assert!(report.finished.stderr.contains("all users have finished"));
    assert_eq!(report.json.totals.requests, 400);
    let counted = target.stats();
    assert_eq!((counted.total, counted.paths.len()), (400, 400));
    assert!(counted.paths.iter().all(|path| path.requests == 1));
    Ok(())
}

#[test]
fn users_without_a_row_of_their_own_retire_and_the_others_go_on() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start_with(0.0)?;
    let scenario = r#"
        const ACCOUNTS = csv("accounts.csv");
        user("Member", #{ wait: constant(0.05) })
            .on_start(|| { this.id = ACCOUNTS.unique().id; http.get(`/count/${this.id}`, #{ name: "log in" }); })
            .task("look", || { http.get("/"); });
    "#;
    let report = LoadRun::new(scenario, target.url())?
        .file("accounts.csv", "id\n1\n2\n3\n")?
        .args(["--threads", "2"])
        .load(10, 1_000, "5s")
        .run(PATIENCE)?
        .expect_code(0)?;
    for id in ["1", "2", "3"] {
        assert_eq!(visits(&target, id), 1, "account {id}");
    }
    let logins = report
        .json
        .request("GET", "log in")
        .map(|request| request.requests);
    assert_eq!(logins, Some(3));
    // Three users who go on look up to sixty times a second; on a busy machine less often.
    let looks = report.json.request("GET", "/").map(|request| request.requests);
    assert!(looks.is_some_and(|looks| looks > 30), "{looks:?} looks");
    Ok(())
}

#[test]
fn hooks_run_once_unmeasured_and_all_users_see_the_setup() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start_with(0.0)?;
    let report = LoadRun::new(&hooks(PREPARE, CLEAR_UP), target.url())?
        .args(["--threads", "2"])
        .load(6, 1_000, "1s")
        .run(PATIENCE)?
        .expect_code(0)?;
    assert_eq!((visits(&target, "1"), visits(&target, "8")), (1, 1));
    assert_eq!(report.json.totals.requests, visits(&target, "7"));
    assert_eq!(target.stats().total, report.json.totals.requests + 3);
    assert_eq!(report.json.requests.len(), 1);
    let check = &report.json.checks[0];
    assert_eq!((check.failures, check.passes), (0, report.json.totals.requests));
    Ok(())
}

#[test]
fn a_start_hook_that_fails_keeps_the_test_from_starting() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start_with(0.0)?;
    let scenario = hooks("throw \"no database\";", CLEAR_UP);
    let finished = LoadRun::new(&scenario, target.url())?
        .load(2, 10, "5s")
        .start()?
        .process
        .wait(PATIENCE)?
        .expect_code(1)?;
    let said = &finished.stderr;
    assert!(said.contains("the test was not started"), "{said}");
    assert!(said.contains("on_test_start failed: no database"), "{said}");
    assert!(said.contains("scenario.rhai:2:"), "{said}");
    assert_eq!(target.stats().total, 0);
    Ok(())
}

#[test]
fn the_stop_hook_runs_after_an_interrupted_run_and_its_failure_counts() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start_with(0.0)?;
    let scenario = hooks(PREPARE, &format!("{CLEAR_UP} throw \"still there\";"));
    let mut running = LoadRun::new(&scenario, target.url())?
        .args(["-u", "2", "-r", "10"])
        .start()?;
    eventually!(
        running.process.stderr().contains("All users spawned"),
        "{}",
        running.process.stderr()
    );
    running.signal(Signal::SIGINT)?;
    let report = running.finish(PATIENCE)?.expect_code(1)?;
    let said = &report.finished.stderr;
    assert!(said.contains("on_test_stop failed: still there"), "{said}");
    assert_eq!(report.json.totals.failures, 0);
    assert_eq!(visits(&target, "8"), 1);
    Ok(())
}

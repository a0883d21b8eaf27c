//! The last word of a process: one line of JSON, whatever the way out.

use std::time::Duration;

use anyhow::{Context, Result};
use katydid_testkit::{DemoTarget, Fleet, Katydid, LoadRun, Scratch, Signal, alone, eventually, refused_url};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);
/// As much as Kubernetes keeps.
const MAX_BYTES: usize = 4_096;

const VISITOR: &str = r#"user("Visitor", #{ wait: constant(0.05) }).task("look", || { http.get("/"); });"#;

/// The only line of a file.
fn line(folder: &Scratch, name: &str) -> Result<Value> {
    let text = std::fs::read_to_string(folder.file(name)).context(name.to_owned())?;
    assert!(
        text.len() <= MAX_BYTES && text.matches('\n').count() == 1 && text.ends_with('\n'),
        "{text}"
    );
    serde_json::from_str(&text).with_context(|| text.clone())
}

fn said(line: &Value) -> (&str, u64, &str) {
    let text = |name: &str| line[name].as_str().unwrap_or_default();
    (
        text("verdict"),
        line["exit_code"].as_u64().unwrap_or(u64::MAX),
        text("reason"),
    )
}

#[test]
fn a_run_is_told_by_its_numbers() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let report = LoadRun::new(VISITOR, target.url())?
        .load(4, 100, "2s")
        .args(["--summary-file", "last/word"])
        .run(PATIENCE)?
        .expect_code(0)?;
    let last = line(report.folder(), "last/word")?;
    assert_eq!(said(&last), ("passed", 0, "--run-time limit reached"));
    assert_eq!(last["requests"], report.json.totals.requests);
    assert_eq!(last["requests"], target.stats().total);
    assert_eq!((&last["failures"], &last["users"]), (&0.into(), &4.into()));
    let times = report.json.totals.response_time_ms.as_ref().context("no times")?;
    assert_eq!(last["p95_ms"].as_f64(), Some(times.get("p95")?));
    assert_eq!(last["rps"], report.json.all["totals"]["rps"]);
    assert_eq!(last["run"], report.json.all["run"]["id"]);

    let report = LoadRun::new(VISITOR, &refused_url()?)?
        .load(4, 100, "1s")
        .env("KATYDID_SUMMARY_FILE", "word")
        .run(PATIENCE)?
        .expect_code(1)?;
    let last = line(report.folder(), "word")?;
    let (verdict, code, reason) = said(&last);
    assert_eq!((verdict, code), ("failed", 1));
    assert!(
        reason.contains("requests failed (100.00%); --run-time limit reached"),
        "{reason}"
    );
    Ok(())
}

#[test]
fn what_kept_a_run_from_beginning_is_told() -> Result<()> {
    let _alone = alone();
    let cases = [
        (
            &["--headles"][..],
            2,
            "misconfigured",
            "there is no flag `--headles`",
        ),
        (
            &["--master", "--worker"],
            2,
            "misconfigured",
            "cannot be used with",
        ),
        (
            &["-u", "0", "--headless"],
            2,
            "misconfigured",
            "is not a number of users",
        ),
        (
            &["-f", "absent.rhai", "--headless"],
            2,
            "misconfigured",
            "absent.rhai",
        ),
        (
            &["-f", "broken.rhai", "--headless"],
            3,
            "bad_scenario",
            "broken.rhai",
        ),
    ];
    for (arguments, code, verdict, reason) in cases {
        let folder = Scratch::new()?;
        folder.write("broken.rhai", "user(")?;
        // What an earlier process said is gone, and the file is still the same one.
        folder.write("word", &"an earlier word ".repeat(1_000))?;
        Katydid::new()?
            .args(arguments)
            .env("KATYDID_SUMMARY_FILE", "word")
            .in_dir(folder.path())
            .run_to_end(PATIENCE)?
            .expect_code(code)?;
        let last = line(&folder, "word")?;
        let found = said(&last);
        assert_eq!(
            (found.0, found.1),
            (verdict, u64::try_from(code)?),
            "{arguments:?}"
        );
        assert!(found.2.contains(reason), "{arguments:?}: {last}");
        assert!(last.get("requests").is_none(), "there was no run: {last}");
    }
    let folder = Scratch::new()?;
    let refused = Katydid::new()?
        .args(["--headless", "--summary-file", "."])
        .in_dir(folder.path())
        .run_to_end(PATIENCE)?
        .expect_code(2)?;
    assert!(
        refused.stderr.contains("--summary-file: cannot write ."),
        "{}",
        refused.stderr
    );
    Ok(())
}

#[test]
fn masters_and_workers_say_why_they_end() -> Result<()> {
    let _alone = alone();
    let word = ["--summary-file", "word"];
    let target = DemoTarget::start()?;
    // Nobody comes.
    let arguments = [&["--expect-workers-max-wait", "1s"], &word[..]].concat();
    let fleet = Fleet::start(VISITOR, target.url(), &arguments)?;
    let report = fleet.finish(PATIENCE)?.expect_code(5)?;
    let last = line(report.folder(), "word")?;
    assert_eq!(said(&last).0, "workers_missing");
    assert!(
        said(&last)
            .2
            .contains("0 of 1 expected workers were ready within 1s"),
        "{last}"
    );

    // Told to end.
    for (more, verdict, reason) in [
        (&[][..], "cut_short", "Got SIGTERM before the run was over"),
        (
            &["--on-sigterm", "hand-over"][..],
            "handed_over",
            "the run goes on with the next master",
        ),
    ] {
        let target = DemoTarget::start()?;
        let folder = Scratch::new()?;
        let words = folder.file("of_worker").display().to_string();
        let mut fleet = Fleet::start(
            VISITOR,
            target.url(),
            &[&["-u", "4", "-r", "40"], &word[..], more].concat(),
        )?;
        let mut worker = fleet.worker_with("w1", &["--summary-file", &words])?;
        eventually!(target.stats().total > 40);
        fleet.master().signal(Signal::SIGTERM)?;
        fleet.master_ends(PATIENCE, 130)?;
        let last = line(fleet.folder(), "word")?;
        assert_eq!((said(&last).0, said(&last).1), (verdict, 130));
        assert!(said(&last).2.contains(reason), "{last}");
        assert!(last["requests"].as_u64() > Some(0), "{last}");
        if verdict == "handed_over" {
            fleet.restart_master()?;
            fleet.wait_for(PATIENCE, "Going on with run")?;
            worker.signal(Signal::SIGTERM)?;
        }
        worker.wait(PATIENCE)?.expect_code(0)?;
        let last = line(&folder, "of_worker")?;
        assert_eq!((said(&last).0, said(&last).1), ("passed", 0), "{last}");
        assert!(!said(&last).2.is_empty());
    }
    Ok(())
}

#[test]
fn two_signals_leave_a_word_too() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let slow = r#"user("Slow", #{ wait: constant(0) }).task("wait", || { http.get("/delay/30000"); });"#;
    let folder = Scratch::new()?;
    let word = folder.file("word").display().to_string();
    let mut running = LoadRun::new(slow, target.url())?
        .args(["-u", "4", "-r", "100", "--summary-file", &word])
        .start()?;
    eventually!(target.stats().total >= 4);
    assert_eq!(
        std::fs::read_to_string(&word)?,
        "",
        "nothing is said before the end"
    );
    running.signal(Signal::SIGINT)?;
    eventually!(running.process.stderr().contains("Interrupted by Ctrl-C"));
    running.signal(Signal::SIGINT)?;
    running.process.wait(PATIENCE)?.expect_code(130)?;
    let last = line(&folder, "word")?;
    assert_eq!(said(&last), ("interrupted", 130, "interrupted twice"));
    Ok(())
}

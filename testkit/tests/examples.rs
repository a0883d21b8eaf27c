//! Every example is run as a newcomer would run it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use katydid_testkit::{DemoTarget, JsonResult, Katydid, Running, Scratch, alone};

const PATIENCE: Duration = Duration::from_secs(30);

fn examples() -> Result<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../examples")
        .canonicalize()?;
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rhai") {
            files.push(path);
        }
    }
    files.sort();
    ensure!(files.len() >= 7, "examples are missing: {files:?}");
    Ok(files)
}

/// An example under way, with a target of its own.
struct Started {
    example: PathBuf,
    target: DemoTarget,
    reports: Scratch,
    running: Running,
}

fn start(example: PathBuf) -> Result<Started> {
    let target = DemoTarget::start_with(0.0)?;
    let reports = Scratch::new()?;
    let mut command = Katydid::new()?.arg("-f").arg(&example).arg("--headless");
    // The example with several hosts has them from the environment; -H would replace them.
    if example.ends_with("three_hosts.rhai") {
        for host in ["HOST1", "HOST2", "HOST3"] {
            command = command.env(host, target.url());
        }
    } else {
        command = command.args(["-H", target.url()]);
    }
    let command = command
        .args(["-u", "6", "-r", "6", "-t", "3s", "--json-file"])
        .arg(reports.file("report"));
    let running = command.spawn()?;
    Ok(Started {
        example,
        target,
        reports,
        running,
    })
}

#[test]
fn each_runs_against_the_target_without_a_failure() -> Result<()> {
    let _alone = alone();
    let all = examples()?.into_iter().map(start).collect::<Result<Vec<_>>>()?;
    for Started {
        example,
        target,
        reports,
        running,
    } in all
    {
        let name = example.display().to_string();
        running
            .wait(PATIENCE)?
            .expect_code(0)
            .with_context(|| name.clone())?;
        let result = JsonResult::read(&reports.file("report.json"))?;
        assert!(result.totals.requests > 0, "{name} sent nothing");
        assert_eq!(
            (result.totals.failures, result.exception_count()),
            (0, 0),
            "{name}"
        );
        assert!(
            result.checks.iter().all(|check| check.failures == 0),
            "{name}: {:?}",
            result.checks
        );
        // What test hooks request reaches the target but is nobody's load: one request before, one after.
        let unmeasured = if example.ends_with("unique_accounts.rhai") {
            2
        } else {
            0
        };
        assert_eq!(
            result.totals.requests + unmeasured,
            target.stats().total,
            "{name}"
        );
    }
    Ok(())
}

#[test]
fn each_passes_the_check() -> Result<()> {
    for example in examples()? {
        Katydid::new()?
            .args(["check"])
            .env("HOST1", "http://127.0.0.1:1")
            .env("HOST2", "http://127.0.0.1:2")
            .env("HOST3", "http://127.0.0.1:3")
            .arg(&example)
            .run_to_end(PATIENCE)?
            .expect_code(0)?;
    }
    Ok(())
}

//! Every example is run as a newcomer would run it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use katydid_testkit::{DemoTarget, JsonResult, Katydid, Scratch, alone};

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
    ensure!(files.len() >= 6, "examples are missing: {files:?}");
    Ok(files)
}

#[test]
fn each_runs_against_the_target_without_a_failure() -> Result<()> {
    let _alone = alone();
    for example in examples()? {
        let target = DemoTarget::start_with(0.0)?;
        let reports = Scratch::new()?;
        let base = reports.file("report");
        let mut command = Katydid::load(&example, target.url())?
            .args(["-u", "6", "-r", "6", "-t", "3s", "--json-file"])
            .arg(&base);
        for host in ["HOST1", "HOST2", "HOST3"] {
            command = command.env(host, target.url());
        }
        let finished = command
            .env("SHOP_PASSWORD", "secret-of-the-shop")
            .run_to_end(PATIENCE)?;
        let finished = finished
            .expect_code(0)
            .with_context(|| example.display().to_string())?;
        let result = JsonResult::read(&reports.file("report.json"))?;
        assert!(result.totals.requests > 0, "{} sent nothing", example.display());
        assert_eq!(
            (result.totals.failures, result.exception_count()),
            (0, 0),
            "{}",
            example.display()
        );
        assert!(target.stats().total >= result.totals.requests);
        assert!(!finished.stderr.contains("secret-of-the-shop"));
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

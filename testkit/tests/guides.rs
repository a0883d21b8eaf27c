//! Every scenario of the guides for newcomers runs as they would run it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use katydid_testkit::{DemoTarget, LoadRun, alone};

const PATIENCE: Duration = Duration::from_secs(30);

/// The scenarios of a guide: its blocks of code marked as Rhai.
fn scenarios(guide: &str) -> Result<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(guide);
    let text = std::fs::read_to_string(path)?;
    let blocks = text.split("\n```rhai\n").skip(1);
    let found: Vec<String> = blocks
        .filter_map(|block| block.split("\n```").next())
        .map(ToOwned::to_owned)
        .collect();
    ensure!(found.len() >= 2, "{guide} has {} scenarios", found.len());
    Ok(found)
}

#[test]
fn each_runs_against_the_target_without_a_failure() -> Result<()> {
    let _alone = alone();
    for guide in ["from-locust.md", "from-k6.md"] {
        for scenario in scenarios(guide)? {
            let target = DemoTarget::start_with(0.0)?;
            let report = LoadRun::new(&scenario, target.url())?
                .load(4, 100, "2s")
                .run(PATIENCE)?
                .expect_code(0)?;
            assert!(report.json.totals.requests > 0, "{guide}:\n{scenario}");
            assert_eq!(
                (report.json.totals.failures, report.json.exception_count()),
                (0, 0),
                "{guide}:\n{scenario}"
            );
            let failed: Vec<_> = report
                .json
                .checks
                .iter()
                .filter(|check| check.failures > 0)
                .collect();
            assert!(failed.is_empty(), "{guide}: {failed:?}");
        }
    }
    Ok(())
}

#[test]
fn they_promise_nothing_the_reference_does_not_have() -> Result<()> {
    let reference = include_str!("../../scenario-lang/reference.md");
    for guide in ["from-locust.md", "from-k6.md"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(guide);
        let text = std::fs::read_to_string(path)?;
        for row in text
            .lines()
            .filter(|line| line.starts_with("| `") || line.starts_with("| "))
        {
            let Some(ours) = row.split(" | ").nth(1) else {
                continue;
            };
            for code in ours.split('`').skip(1).step_by(2) {
                // The first word of what is to be typed: `http.get(...)`, `auth: ...`, `--csv`.
                let word = code
                    .trim_start_matches(['.', '-', '|', ' '])
                    .split(|char: char| !(char.is_alphanumeric() || char == '_' || char == '-'))
                    .next()
                    .unwrap_or_default();
                let is_language = code.contains(['(', ':']) && !code.starts_with(['-', 'k', 'K']);
                if word.len() > 1 && is_language {
                    ensure!(
                        reference.contains(word),
                        "{guide} speaks of `{word}`, which the reference does not know: {row}"
                    );
                }
            }
        }
    }
    Ok(())
}

//! Thresholds: what a run passes or fails by, over the whole fleet, on every way out.

use std::time::Duration;

use anyhow::{Context, Result};
use katydid_testkit::{DemoTarget, Fleet, JsonResult, Katydid, LoadRun, Page, alone};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(90);

/// Something that works, something that does not, a check and two metrics of its own.
const SHOP: &str = r#"
user("Shopper", #{ wait: constant(0.05) })
    .task("browse", || {
        let r = http.get("/json");
        check(r, "found", r.status == 200);
        http.get("/status/500");
        group("pause", || { sleep(0.02); });
        counter("visits").add();
        trend("steps", #{ time: true }).add(25);
    });
"#;

fn verdicts(json: &JsonResult) -> Result<Vec<(String, String, bool)>> {
    let thresholds = json.all["thresholds"].as_array().context("no thresholds")?;
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    Ok(thresholds
        .iter()
        .map(|entry| {
            let failed = entry["failed"] == true;
            (text(entry, "rule"), text(entry, "state"), failed)
        })
        .collect())
}

fn with(rules: &[&str]) -> Vec<String> {
    rules
        .iter()
        .flat_map(|rule| ["--threshold".to_owned(), (*rule).to_owned()])
        .collect()
}

#[test]
fn rules_that_are_kept_pass_the_run_and_are_told_everywhere() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let scenario = format!(
        "{SHOP}\nthreshold(\"response_time{{name:/json}}: p99 < 30s\");\nthreshold(\"failures{{name:/json}}: rate == 0%\");"
    );
    let kept = [
        "checks{name:found}: rate == 100%",
        "requests: rate > 1/s",
        "requests{method:GET}: count >= 10",
        "iterations: count > 3",
        "group_time{name:pause}: min >= 19ms",
        "visits: count > 3",
        "steps: p95 == 25",
        "steps: max <= 25ms over 1s",
        "service_time: med < 10s",
        "visits: rate > 0.5/s",
        "failures: count > 3",
    ];
    let report = LoadRun::new(&scenario, target.url())?
        .load(4, 100, "3s")
        .args(with(&kept))
        .args([
            "--exit-code-on-error",
            "0",
            "--junit",
            "r.xml",
            "--html",
            "r.html",
            "--summary-file",
            "last",
        ])
        .run(PATIENCE)?
        .expect_code(0)?;
    let verdicts = verdicts(&report.json)?;
    assert_eq!(verdicts.len(), kept.len() + 2, "{verdicts:?}");
    assert!(
        verdicts
            .iter()
            .all(|(_, state, failed)| state == "passing" && !failed),
        "{verdicts:?}"
    );
    assert_eq!(
        verdicts[0].0, "response_time{name:/json}: p99 < 30s",
        "the scenario's come first"
    );
    let stderr = &report.finished.stderr;
    assert!(
        stderr.contains("Thresholds\n") && stderr.contains("✓ steps: p95 == 25"),
        "{stderr}"
    );
    let junit = report.folder().read("r.xml")?;
    assert!(
        junit.contains("katydid.thresholds") && junit.contains("visits: count &gt; 3"),
        "{junit}"
    );
    let html = report.folder().read("r.html")?;
    assert!(
        html.contains("<h2>Thresholds</h2>") && html.contains("iterations: count &#62; 3"),
        "no table"
    );
    let last: Value = serde_json::from_str(&report.folder().read("last")?)?;
    assert_eq!(last["thresholds"]["kept"], verdicts.len());
    assert_eq!(report.json.all["verdict_inputs"]["failed_thresholds"], 0);
    Ok(())
}

#[test]
fn a_rule_that_is_broken_fails_the_run_before_anything_else() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let report = LoadRun::new(SHOP, target.url())?
        .load(4, 100, "2s")
        .env(
            "KATYDID_THRESHOLD",
            "failures: rate < 50%\nresponse_time{name:/jsn}: p99 < 30s\nresponse_time{name:/jsn}: max < 30s, optional",
        )
        .args(["--junit", "r.xml", "--summary-file", "last"])
        .run(PATIENCE)?
        .expect_code(4)?;
    // Whole iterations only: exactly half of the requests fail.
    let verdicts = verdicts(&report.json)?;
    let states: Vec<(&str, bool)> = verdicts
        .iter()
        .map(|(_, state, failed)| (state.as_str(), *failed))
        .collect();
    assert_eq!(states, [("failing", true), ("no_data", true), ("no_data", false)]);
    assert_eq!(report.json.all["thresholds"][0]["value"], 0.5);
    let stderr = &report.finished.stderr;
    assert!(
        stderr.contains("✗ failures: rate < 50%") && stderr.contains("50.00%"),
        "{stderr}"
    );
    assert!(
        stderr.contains("there was no request `/jsn`; did you mean `/json`?"),
        "{stderr}"
    );
    let junit = report.folder().read("r.xml")?;
    let suite = "<testsuite name=\"thresholds\" tests=\"3\" skipped=\"1\" errors=\"0\" failures=\"2\">";
    assert!(junit.contains(suite), "{junit}");
    let last: Value = serde_json::from_str(&report.folder().read("last")?)?;
    assert_eq!(
        (&last["verdict"], &last["exit_code"]),
        (&"threshold_failed".into(), &4.into())
    );
    let reason = last["reason"].as_str().unwrap_or_default();
    assert!(
        reason.starts_with("threshold `failures: rate < 50%` failed: 50.00%; "),
        "{reason}"
    );
    Ok(())
}

#[test]
fn a_rule_can_end_the_run() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let report = LoadRun::new(SHOP, target.url())?
        .load(4, 100, "60s")
        .args(with(&["failures: rate < 10% over 2s, abort, after 3s"]))
        .run(PATIENCE)?
        .expect_code(4)?;
    let elapsed = report.json.all["run"]["elapsed_s"].as_f64().context("no time")?;
    assert!((3.0..30.0).contains(&elapsed), "{elapsed}");
    let reason = report.json.all["run"]["stop_reason"].as_str().unwrap_or_default();
    // About half: a window may end between the two requests of an iteration.
    let begins = "threshold `failures: rate < 10% over 2s, abort, after 3s` failed: ";
    assert!(reason.starts_with(begins) && reason.ends_with('%'), "{reason}");
    let first = &report.json.all["thresholds"][0]["first_failed"];
    assert!(first["second"].as_u64() >= Some(3), "{first}");
    let marks = report.json.all["marks"].as_array().context("no marks")?;
    assert!(marks.iter().any(|mark| mark["kind"] == "threshold"), "{marks:?}");
    Ok(())
}

/// Each user fails in its first three seconds only.
const RECOVERING: &str = r#"
user("Shopper", #{ wait: constant(0.05) })
    .on_start(|| { this.begun = now_ms(); })
    .task("browse", || { http.get(if now_ms() - this.begun < 3000 { "/status/500" } else { "/json" }); });
"#;

#[test]
fn a_window_remembers_what_the_whole_run_forgets() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let rules = [
        "failures: rate < 90%",
        "failures: rate < 90% over 1s",
        "failures: rate < 90% over 1s, after 7s",
    ];
    let report = LoadRun::new(RECOVERING, target.url())?
        .load(4, 100, "10s")
        .args(with(&rules))
        .run(PATIENCE)?
        .expect_code(4)?;
    let verdicts = verdicts(&report.json)?;
    let failed: Vec<bool> = verdicts.iter().map(|(_, _, failed)| *failed).collect();
    assert_eq!(failed, [false, true, false], "{verdicts:?}");
    let first = &report.json.all["thresholds"][1]["first_failed"];
    assert!(first["second"].as_u64() <= Some(6), "{first}");
    Ok(())
}

#[test]
fn the_verdict_is_of_the_whole_fleet_and_survives_its_master() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let mut arguments = vec![
        "-u",
        "8",
        "-r",
        "100",
        "-t",
        "12s",
        "--expect-workers",
        "2",
        "--exit-code-on-error",
        "0",
    ];
    for rule in [
        "failures: rate < 90% over 1s",
        "failures: rate < 90%",
        "visits: count > 0, optional",
    ] {
        arguments.extend(["--threshold", rule]);
    }
    let scenario = format!("{RECOVERING}\nfn never() {{ counter(\"visits\").add(); }}");
    let mut fleet = Fleet::start(&scenario, target.url(), &arguments)?;
    let workers = [fleet.worker("w1")?, fleet.worker("w2")?];
    fleet.wait_for(
        PATIENCE,
        "threshold `failures: rate < 90% over 1s` failed: 100.00%",
    )?;
    fleet.kill_master()?;
    fleet.restart_master()?;
    fleet.wait_for(PATIENCE, "Going on with run")?;
    let report = fleet.finish(PATIENCE)?.expect_code(4)?;
    drop(workers);
    let verdicts = verdicts(&report.json)?;
    let states: Vec<&str> = verdicts.iter().map(|(_, state, _)| state.as_str()).collect();
    assert_eq!(states, ["failing", "passing", "no_data"], "{verdicts:?}");
    let first = &report.json.all["thresholds"][0]["first_failed"];
    assert!(first["second"].as_u64() <= Some(6), "{first}");
    assert_eq!(
        report.json.totals.requests,
        target.stats().total,
        "all of it was judged"
    );
    let failed = report.json.totals.failures as f64 / report.json.totals.requests as f64;
    assert_eq!(report.json.all["thresholds"][1]["value"].as_f64(), Some(failed));
    Ok(())
}

#[test]
fn rules_that_make_no_sense_are_refused_before_the_run() -> Result<()> {
    let run = |rule: &str, scenario: &str| -> Result<_> {
        let folder = katydid_testkit::Scratch::new()?;
        folder.write("s.rhai", scenario)?;
        Katydid::new()?
            .args([
                "-f",
                "s.rhai",
                "-H",
                "http://127.0.0.1:1",
                "--headless",
                "-t",
                "1s",
                "--threshold",
                rule,
            ])
            .in_dir(folder.path())
            .run_to_end(PATIENCE)
    };
    run("response_time: p99 < 800", SHOP)?
        .expect_code(2)?
        .expect_stderr(&[
            "--threshold: a time needs a unit of time",
            "                         ^^^",
            "write `800ms` or `800s`",
        ])?;
    run("vists: count > 3", SHOP)?.expect_code(2)?.expect_stderr(&[
        "--threshold: there is no metric `vists`",
        "did you mean `visits`?",
    ])?;
    let wrong = format!(
        "{SHOP}\nthreshold(\"failures: rat < 1%\");\nthreshold(\"failures: rate < 1\");\nthreshold(\"x: p99 < 3\");"
    );
    run("failures: rate < 1%", &wrong)?
        .expect_code(3)?
        .expect_stderr(&[
            "there is no aggregate `rat`",
            "s.rhai:12:22",
            "there is no metric `x`",
        ])?;
    Ok(())
}

#[test]
fn the_page_and_its_api_show_them_and_a_reset_begins_anew() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let mut arguments = vec!["--autostart", "-u", "4", "-r", "100"];
    for rule in ["failures: rate < 10%", "iterations: count > 0"] {
        arguments.extend(["--threshold", rule]);
    }
    let page = Page::start(SHOP, target.url(), &arguments)?;
    let thresholds = || -> Result<Value> { page.get("/api/v1/thresholds")?.json() };
    katydid_testkit::eventually!(thresholds()?[0]["state"] == "failing", "{:?}", thresholds()?);
    let all = thresholds()?;
    assert_eq!(
        (&all[1]["state"], &all[0]["unit"], &all[0]["bound"]),
        (&"passing".into(), &"share".into(), &0.1.into())
    );
    let metrics = page.get("/metrics")?.body;
    for line in [
        "katydid_threshold_ok{threshold=\"failures: rate < 10%\"} 0",
        "katydid_threshold_ok{threshold=\"iterations: count > 0\"} 1",
        "katydid_threshold_bound{threshold=\"failures: rate < 10%\"} 0.1",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    let since = all[0]["since_s"].as_u64();
    page.post("/stats/reset", "")?;
    katydid_testkit::eventually!(
        thresholds()?[0]["since_s"].as_u64() > since && thresholds()?[0]["state"] == "failing",
        "{:?}",
        thresholds()?
    );
    Ok(())
}

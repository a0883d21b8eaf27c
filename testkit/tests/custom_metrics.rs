//! Custom metrics of scripts, as they come out at the other end: what they say is what the target counted.

use std::time::Duration;

use anyhow::{Context, Result};
use katydid_testkit::{DemoTarget, Fleet, JsonResult, LoadRun, alone};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);

/// Whatever is measured goes with one request, so that the target knows how often it was.
const MEASURING: &str = r#"
const SEEN = counter("seen");
const HALVES = counter("halves");
const EVEN = rate("even");
const SIGNED = trend("signed");
const STEPS = trend("steps", #{ time: true });
const LEVEL = gauge("level");

user("Meter", #{ wait: constant(0.02) })
    .task("measure", || {
        let r = http.get("/json");
        SEEN.add();
        HALVES.add(0.5);
        EVEN.add(me.iteration % 2 == 0);
        SIGNED.add(if me.iteration % 2 == 0 { -1000 } else { 1000 });
        STEPS.add(25);
        LEVEL.set(4.25);
        if me.iteration % 2 == 0 { http.get("/count/1"); }
    });
"#;

fn metric<'a>(json: &'a JsonResult, name: &str) -> Result<&'a Value> {
    let metrics = json.all["metrics"].as_array().context("no metrics")?;
    let found = metrics.iter().find(|metric| metric["name"] == name);
    found.with_context(|| format!("no {name} in {metrics:?}"))
}

/// All figures follow from what the target counted.
fn agrees(json: &JsonResult, target: &DemoTarget) -> Result<()> {
    let counted = target.stats();
    let requests = |path: &str| -> u64 {
        let paths = counted.paths.iter().filter(|entry| entry.path == path);
        paths.map(|entry| entry.requests).sum()
    };
    let (all, even) = (requests("/json"), requests("/count/1"));
    assert!(all > 100, "that is no load: {all}");
    assert_eq!(json.totals.requests, counted.total);

    let seen = metric(json, "seen")?;
    assert_eq!(
        (seen["kind"].as_str(), seen["count"].as_u64()),
        (Some("counter"), Some(all))
    );
    assert_eq!(seen["sum"].as_u64(), Some(all));
    assert!(seen["per_sec"].as_f64() > Some(0.0), "{seen}");
    assert_eq!(metric(json, "halves")?["sum"].as_f64(), Some(all as f64 / 2.0));

    let rate = metric(json, "even")?;
    assert_eq!(
        (rate["hits"].as_u64(), rate["count"].as_u64()),
        (Some(even), Some(all))
    );

    let signed = metric(json, "signed")?;
    let sum = (all as i64 - 2 * even as i64) * 1_000;
    assert_eq!(
        (signed["count"].as_u64(), signed["sum"].as_i64()),
        (Some(all), Some(sum))
    );
    assert_eq!(
        (signed["min"].as_f64(), signed["max"].as_f64()),
        (Some(-1_000.0), Some(1_000.0))
    );
    assert_eq!(signed["p100"].as_f64(), Some(1_000.0));

    let steps = metric(json, "steps")?;
    assert_eq!(
        (steps["kind"].as_str(), steps["count"].as_u64()),
        (Some("time"), Some(all))
    );
    assert_eq!(
        (steps["p50"].as_f64(), steps["avg"].as_f64()),
        (Some(25.0), Some(25.0))
    );

    let level = metric(json, "level")?;
    for figure in ["last", "min", "max"] {
        assert_eq!(level[figure].as_f64(), Some(4.25), "{level}");
    }
    Ok(())
}

#[test]
fn two_workers_add_up_to_what_the_target_counted() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start_with(0.0)?;
    let arguments = ["-u", "12", "-r", "100", "-t", "4s", "--expect-workers", "2"];
    let fleet = Fleet::start(MEASURING, target.url(), &arguments)?;
    let workers = [fleet.worker("w1")?, fleet.worker("w2")?];
    let report = fleet.finish(PATIENCE)?.expect_code(0)?;
    agrees(&report.json, &target)?;
    report
        .finished
        .expect_stderr(&["Custom metrics", "halves", "gauge"])?;
    drop(workers);
    Ok(())
}

#[test]
fn threads_of_one_machine_add_up_and_a_name_has_one_kind() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start_with(0.0)?;
    let confused = format!(
        "{MEASURING}\nuser(\"Confused\", #{{ fixed_count: 1, wait: constant(0.5) }})\n    .task(\"mix up\", || {{ gauge(\"seen\").set(1); }});"
    );
    let report = LoadRun::new(&confused, target.url())?
        .args(["--threads", "2"])
        .load(8, 1_000, "3s")
        .run(PATIENCE)?
        .expect_code(1)?;
    agrees(&report.json, &target)?;
    let messages: Vec<_> = report
        .json
        .exceptions
        .iter()
        .map(|exception| &exception.message)
        .collect();
    assert!(
        messages
            .iter()
            .all(|message| message.contains("metric `seen` is a counter already"))
            && !messages.is_empty(),
        "{messages:?}"
    );
    Ok(())
}

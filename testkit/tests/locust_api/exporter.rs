//! What an exporter for Prometheus reads of a fleet.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use katydid_testkit::{DemoTarget, Page, alone};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{ERROR, SHOP, WORKER, json_of, run, shape, stats_shape};

/// `/stats/requests` as an exporter written for Locust declares it; what is missing or of another type ends it.
#[derive(Debug, Deserialize)]
struct Exported {
    stats: Vec<ExportedRow>,
    errors: Vec<ExportedError>,
    total_rps: f64,
    fail_ratio: f64,
    total_avg_response_time: f64,
    current_response_time_percentiles: BTreeMap<String, Option<f64>>,
    user_count: u32,
    state: String,
    worker_count: u32,
    workers: Vec<ExportedWorker>,
}

#[derive(Debug, Deserialize)]
struct ExportedRow {
    method: String,
    name: String,
    num_requests: u64,
    num_failures: u64,
    avg_response_time: f64,
    median_response_time: f64,
    min_response_time: f64,
    max_response_time: f64,
    current_rps: f64,
    current_fail_per_sec: f64,
    avg_content_length: f64,
}

#[derive(Debug, Deserialize)]
struct ExportedError {
    method: String,
    name: String,
    error: String,
    occurrences: u64,
}

#[derive(Debug, Deserialize)]
struct ExportedWorker {
    id: String,
    state: String,
    user_count: u32,
}

#[test]
fn an_exporter_for_prometheus_finds_what_it_reads_of_a_fleet() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = Page::start(SHOP, target.url(), &["--master", "--master-bind-port", "0"])?;
    let _workers = [page.worker("w1", 1)?, page.worker("w2", 2)?];
    assert_eq!(
        json_of(&page.get("/worker-count")?)?,
        json!({ "worker_count": 2 })
    );
    run(&page, "user_count=8&spawn_rate=8")?;
    let stats = page.wait_for(|stats| {
        let moment = &stats["current_response_time_percentiles"]["response_time_percentile_0.5"];
        let busy = |worker: &Value| worker["user_count"] == 4 && worker["memory_usage"].as_u64() > Some(0);
        stats["user_count"] == 8
            && moment.is_number()
            && stats["workers"]
                .as_array()
                .is_some_and(|all| all.iter().all(busy))
    })?;
    let workers = format!(", worker_count: integer, workers: [{WORKER}]");
    assert_eq!(shape(&stats), stats_shape("number", ERROR, &workers));
    live_numbers_are_told(&serde_json::from_value(stats)?);

    // 46: what workers say is under their names.
    let logs = page.get("/logs")?.json()?;
    let lines = &logs["workers"]["w1"];
    assert!(lines.to_string().contains("Connected to the master"), "{logs}");
    // 45: and what the master says is its own.
    assert!(
        logs["master"].to_string().contains("Ramping to 8 users"),
        "{logs}"
    );

    page.post("/stop", "")?;
    let done: Exported = serde_json::from_value(page.stats()?)?;
    final_numbers_are_right(&done, &target)
}

/// While eight users run on two workers.
fn live_numbers_are_told(live: &Exported) {
    assert_eq!(
        (&*live.state, live.user_count, live.worker_count),
        ("running", 8, 2)
    );
    assert_eq!(live.workers.len(), 2);
    let mut names: Vec<&str> = live.workers.iter().map(|worker| &*worker.id).collect();
    names.sort_unstable();
    assert_eq!(names, ["w1", "w2"]);
    assert!(
        live.workers
            .iter()
            .all(|worker| worker.state == "running" && worker.user_count == 4),
        "{live:?}"
    );
    assert!(live.total_rps > 0.0, "{live:?}");
    assert!(
        live.current_response_time_percentiles
            .values()
            .all(|ms| ms.is_some_and(|ms| ms > 0.0)),
        "{live:?}"
    );
    assert!(live.stats.iter().any(|row| row.current_rps > 0.0), "{live:?}");
}

/// When they have ended: what the target has counted.
fn final_numbers_are_right(done: &Exported, target: &DemoTarget) -> Result<()> {
    let counted = target.stats();
    let row = |name: &str| {
        let found = done.stats.iter().find(|row| row.name == name);
        found.with_context(|| format!("no {name}: {done:?}"))
    };
    let all = row("Aggregated")?;
    assert_eq!(all.num_requests, counted.total);
    let failing = row("/json")?;
    assert_eq!(failing.method, "GET");
    assert_eq!(failing.num_requests, counted.requests("/json"));
    assert_eq!(failing.num_failures, failing.num_requests);
    assert_eq!(failing.current_fail_per_sec, failing.current_rps);
    assert!((done.fail_ratio - all.num_failures as f64 / all.num_requests as f64).abs() < 1e-9);
    assert_eq!(done.total_avg_response_time, all.avg_response_time);
    // SIZE + 1 bytes each.
    assert_eq!(row("<html>")?.avg_content_length, 4.0);
    // Two of them are rounded to whole ms.
    for row in &done.stats {
        assert!(
            row.min_response_time <= row.median_response_time + 0.5
                && row.median_response_time <= row.max_response_time + 0.5
                && row.avg_response_time <= row.max_response_time + 0.5,
            "{row:?}"
        );
    }
    let [error] = &done.errors[..] else {
        bail!("one kind of error: {:?}", done.errors)
    };
    assert_eq!((&*error.method, &*error.name), ("GET", "/json"));
    assert_eq!(error.occurrences, failing.num_failures);
    assert!(error.error.contains("bold"), "{error:?}");
    Ok(())
}

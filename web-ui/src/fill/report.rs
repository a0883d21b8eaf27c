//! The report: everything of a run in one file.

use katydid_protocol::format;
use katydid_protocol::stats::{PERCENTILES_REPORTED, RequestEntry, RunState, Snapshot, TimelinePoint};

use super::{checks, exceptions, failures, series, statistics, time, workers};
use crate::view::report::{PercentileRow, Report};
use crate::view::series::Series;
use crate::view::{Banner, Level, Metric};

/// Points of the charts at most: more would not be seen, and the file stays small however long the run.
const POINTS: usize = 4_000;
/// Rows of a table at most.
const ROWS: usize = 1_000;

/// Fills it.
pub(crate) fn report(snapshot: &Snapshot) -> Report {
    let info = &snapshot.info;
    let (verdict, verdict_level) = verdict(snapshot);
    let scenarios = info.scenarios.join(", ");
    let requests = || snapshot.requests.iter().take(ROWS);
    Report {
        title: info.host.clone().unwrap_or(scenarios),
        verdict,
        verdict_level,
        when: format!(
            "{} UTC, {}",
            time::seconds(info.started_at),
            format::duration(snapshot.elapsed)
        ),
        metrics: metrics(snapshot),
        banners: snapshot
            .warnings
            .iter()
            .map(|warning| Banner {
                level: Level::Warn,
                title: "Before you trust these numbers".to_owned(),
                text: warning.clone(),
            })
            .collect(),
        requests: requests().map(statistics::row).collect(),
        total: statistics::row(&snapshot.total),
        groups: snapshot.groups.iter().take(ROWS).map(statistics::row).collect(),
        percentile_labels: PERCENTILES_REPORTED
            .iter()
            .map(|(_, label)| (*label).to_owned())
            .collect(),
        percentiles: requests()
            .chain(std::iter::once(&snapshot.total))
            .map(percentiles)
            .collect(),
        failures: failures::rows(snapshot, |_| true),
        exceptions: exceptions::rows(snapshot),
        thresholds: Vec::new(),
        checks: checks::rows(snapshot),
        workers: workers::rows(snapshot),
        facts: facts(snapshot),
        series: thinned(snapshot),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

fn verdict(snapshot: &Snapshot) -> (String, Level) {
    let stats = &snapshot.total.stats;
    match snapshot.state {
        RunState::Failed => ("the run failed".to_owned(), Level::Bad),
        state if !state.is_over() => (format!("so far: {}", state.as_str()), Level::Plain),
        _ if stats.failures > 0 || !snapshot.errors.is_empty() => (
            format!("{} requests failed", format::count(stats.failures)),
            Level::Bad,
        ),
        _ if !snapshot.exceptions.is_empty() => ("the scenario threw exceptions".to_owned(), Level::Bad),
        _ => ("passed".to_owned(), Level::Good),
    }
}

fn metrics(snapshot: &Snapshot) -> Vec<Metric> {
    let stats = &*snapshot.total.stats;
    let ms = |us: Option<f64>| us.map_or_else(|| "-".to_owned(), |us| format!("{} ms", format::ms(us)));
    let quantile = |quantile| ms(stats.response.quantile_us(quantile).map(|us| us as f64));
    let failed = if stats.failures > 0 {
        Level::Bad
    } else {
        Level::Plain
    };
    [
        ("Requests", format::count(stats.requests), Level::Plain),
        ("Failed", format::percent(stats.failure_ratio()), failed),
        ("Requests/s", format::rate(snapshot.rps(stats)), Level::Plain),
        ("Average", ms(stats.response.average_us()), Level::Plain),
        ("Median", quantile(0.5), Level::Plain),
        ("95%", quantile(0.95), Level::Plain),
        ("99%", quantile(0.99), Level::Plain),
    ]
    .map(|(label, value, level)| Metric {
        label: label.to_owned(),
        value,
        level,
    })
    .to_vec()
}

fn facts(snapshot: &Snapshot) -> Vec<Metric> {
    let info = &snapshot.info;
    let classes: Vec<&str> = info.classes.iter().map(|class| class.name.as_str()).collect();
    [
        ("Run", info.id.clone()),
        ("Scenario", info.scenarios.join(", ")),
        (
            "Host",
            info.host
                .clone()
                .unwrap_or_else(|| "as the scenario says".to_owned()),
        ),
        ("User classes", classes.join(", ")),
        ("Users", format::count(u64::from(snapshot.target_users))),
        ("Iterations", format::count(snapshot.iterations)),
        ("Ended", snapshot.stop_reason.clone().unwrap_or_default()),
        ("Katydid", info.version.clone()),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(label, value)| Metric {
        label: label.to_owned(),
        value,
        level: Level::Plain,
    })
    .collect()
}

fn percentiles(entry: &RequestEntry) -> PercentileRow {
    let key = &entry.stats.key;
    let value = |quantile: f64| {
        let us = entry.stats.response.quantile_us(quantile);
        us.map_or_else(|| "-".to_owned(), |us| format::ms(us as f64))
    };
    PercentileRow {
        method: key.method.to_string(),
        name: key.name.to_string(),
        values: PERCENTILES_REPORTED
            .iter()
            .map(|(quantile, _)| value(*quantile))
            .collect(),
    }
}

/// With fewer points when there are more than a chart can show: each stands for several seconds, and its percentiles are
/// those of the worst of them.
fn thinned(snapshot: &Snapshot) -> Series {
    let points = &snapshot.timeline;
    if points.len() <= POINTS {
        return series::series(snapshot, None, 0);
    }
    let every = points.len().div_ceil(POINTS);
    let points: Vec<TimelinePoint> = points.iter().copied().collect();
    let mut thin = snapshot.clone();
    thin.timeline = points.chunks(every).filter_map(TimelinePoint::joined).collect();
    series::series(&thin, None, 0)
}

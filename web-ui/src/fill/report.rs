//! The report: everything of a run in one file.

use std::collections::BTreeMap;

use katydid_protocol::format;
use katydid_protocol::plan::LoadPlan;
use katydid_protocol::stats::{
    MetricCells, PERCENTILES_REPORTED, RequestEntry, RunState, Snapshot, TimelinePoint,
};

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
    let row = |entry: &RequestEntry| statistics::row(snapshot, entry);
    Report {
        title: info.host.clone().unwrap_or(scenarios),
        verdict,
        verdict_level,
        when: time::seconds(info.started_at),
        lasted: format::duration(snapshot.elapsed),
        metrics: metrics(snapshot),
        banners: snapshot
            .warnings
            .iter()
            .map(|warning| Banner {
                level: Level::Warn,
                title: "Before you trust these numbers".to_owned(),
                text: warning.clone(),
                detail: String::new(),
            })
            .collect(),
        requests: requests().map(row).collect(),
        total: row(&snapshot.total),
        groups: snapshot.groups.iter().take(ROWS).map(row).collect(),
        tags: snapshot.tags.iter().take(ROWS).map(row).collect(),
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
        thresholds: checks::thresholds(snapshot),
        checks: checks::rows(snapshot),
        custom_metrics: MetricCells::rows(snapshot),
        workers: workers::rows(snapshot),
        is_over: snapshot.state.is_over(),
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
        _ if snapshot.failed_thresholds().next().is_some() => {
            let failed = snapshot.failed_thresholds().count();
            let verdict = match failed {
                1 => "failed: a threshold".to_owned(),
                failed => format!("failed: {failed} thresholds"),
            };
            (verdict, Level::Bad)
        }
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
    let given = info.parameters.iter();
    let parameters: Vec<String> = given.map(|(name, value)| format!("{name} = {value}")).collect();
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
    ]
    .into_iter()
    .chain(info.plan.as_ref().map(plan).into_iter().flatten())
    .chain([
        ("Parameters", parameters.join(", ")),
        ("Iterations", format::count(snapshot.iterations)),
        (
            "Arrived",
            snapshot
                .arrivals
                .as_ref()
                .map(format::arrivals)
                .unwrap_or_default(),
        ),
        (
            "Connections",
            format::connections(&snapshot.connections).unwrap_or_default(),
        ),
        ("Ended", snapshot.stop_reason.clone().unwrap_or_default()),
        ("Workers", fleet(snapshot)),
        ("System", info.system.clone()),
        ("Katydid", info.version.clone()),
    ])
    .filter(|(_, value)| !value.is_empty())
    .map(|(label, value)| Metric {
        label: label.to_owned(),
        value,
        level: Level::Plain,
    })
    .collect()
}

/// The load as it was asked for; what was edited later stands in the charts.
fn plan(plan: &LoadPlan) -> [(&'static str, String); 4] {
    let users = format::count(u64::from(plan.users));
    let (users, load) = match &plan.arrivals {
        None => (
            users,
            ("Ramp up", format!("{} users per second", plan.spawn_rate)),
        ),
        Some(arrivals) => (
            format!("at most {users}"),
            ("Arrivals", format::arrival_plan(arrivals)),
        ),
    };
    [
        ("Users", users),
        load,
        (
            "Run time",
            plan.length()
                .map_or_else(|| "until stopped".to_owned(), format::duration),
        ),
        ("Stop timeout", format::duration(plan.stop_timeout)),
    ]
}

/// How many workers there were, and what they had: `2 with 4 load threads on 4 cores, 1 with 2 load threads on 8 cores`.
fn fleet(snapshot: &Snapshot) -> String {
    let mut kinds: BTreeMap<(u32, u32), usize> = BTreeMap::new();
    for worker in &snapshot.workers {
        *kinds.entry((worker.threads, worker.cores)).or_default() += 1;
    }
    let many = |number: u32, what: &str| match number {
        1 => format!("1 {what}"),
        number => format!("{number} {what}s"),
    };
    let kinds = kinds.iter().map(|((threads, cores), count)| {
        let threads = many(*threads, "load thread");
        match cores {
            0 => format!("{count} with {threads}"),
            cores => format!("{count} with {threads} on {}", many(*cores, "core")),
        }
    });
    kinds.collect::<Vec<_>>().join(", ")
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use askama::Template;
    use katydid_protocol::stats::{RequestKey, WorkerEntry, WorkerState};

    use super::super::sample;
    use super::*;

    fn html(snapshot: &Snapshot) -> String {
        report(snapshot).render().unwrap()
    }

    #[test]
    fn an_hour_of_a_hundred_names_is_less_than_a_megabyte() {
        let names: Vec<String> = (0..100)
            .map(|number| format!("/api/v1/items/{number}/reviews"))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let html = html(&sample::snapshot(3_600, &names));
        assert!(html.len() < 1_000_000, "{} bytes", html.len());
    }

    #[test]
    fn a_saturated_day_is_not_much_longer_than_an_hour() {
        let mut day = sample::snapshot(86_400, &["/"]);
        let quiet = html(&day).len();
        day.saturated_seconds = (0..86_400).collect();
        assert!(html(&day).len() < quiet + 1_000, "one band");
        day.saturated_seconds = (0..86_400).step_by(4).collect();
        let flickering = html(&day).len();
        assert!(flickering < quiet + 50_000, "{quiet} bytes became {flickering}");
        assert!(flickering < 1_000_000, "{flickering} bytes");
    }

    #[test]
    fn tags_have_rows_when_there_are_any() {
        let mut snapshot = sample::snapshot(3, &["/"]);
        assert!(!html(&snapshot).contains("<span>Tags</span>"));
        let mut tagged = snapshot.requests[0].clone();
        Arc::make_mut(&mut tagged.stats).key = RequestKey::new("", "tier:<gold>");
        snapshot.tags.push(tagged);
        let html = html(&snapshot);
        assert!(html.contains("<span>Tags</span>"));
        assert!(html.contains("tier:&#60;gold&#62;"), "{html}");
    }

    #[test]
    fn it_says_what_was_run_and_where() {
        let mut snapshot = sample::snapshot(3, &["/"]);
        let worker = |name: &str, threads| WorkerEntry {
            name: name.to_owned(),
            state: WorkerState::Stopped,
            threads,
            cores: 8,
            users: 0,
            users_by_class: Vec::new(),
            cpu: 0.0,
            memory_bytes: 0,
            lag_us: 0,
            saturated: 0,
            is_saturated: false,
        };
        snapshot.workers = vec![worker("a", 4), worker("b", 4), worker("c", 1)];
        let mut info = (*snapshot.info).clone();
        info.plan = Some(LoadPlan {
            users: 1_000,
            spawn_rate: 2.5,
            run_time: Some(Duration::from_secs(90)),
            stop_timeout: Duration::from_secs(5),
            arrivals: None,
        });
        info.parameters = [("size".to_owned(), "10".to_owned())].into();
        info.system = "Linux 6.1, x86_64".to_owned();
        snapshot.info = Arc::new(info);
        let facts = facts(&snapshot);
        let fact = |label: &str| {
            let found = facts.iter().find(|fact| fact.label == label);
            found.map(|fact| fact.value.as_str()).unwrap_or_default()
        };
        assert_eq!(fact("Users"), "1,000");
        assert_eq!(fact("Ramp up"), "2.5 users per second");
        assert_eq!(fact("Run time"), "1m30s");
        assert_eq!(fact("Stop timeout"), "5s");
        assert_eq!(fact("Parameters"), "size = 10");
        assert_eq!(
            fact("Workers"),
            "1 with 1 load thread on 8 cores, 2 with 4 load threads on 8 cores"
        );
        assert_eq!(fact("System"), "Linux 6.1, x86_64");
    }
}

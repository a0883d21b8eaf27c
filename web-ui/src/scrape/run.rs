//! A run as families.
//!
//! In: a [`RunView`]. Out: families. How many members one has is bounded by the run itself, which keeps so many names,
//! checks and metrics apart and counts the rest as "(other)".

use katydid_protocol::stats::{MetricValue, RunState, Snapshot, TrendSum, WorkerState};
use katydid_protocol::threshold::{FigureUnit, ThresholdState};
use prometheus::proto::MetricFamily;

use super::family::Family;
use super::{RunView, requests};

/// The states of workers that are there, or should be.
const WORKER_STATES: [WorkerState; 5] = [
    WorkerState::Preparing,
    WorkerState::Ready,
    WorkerState::Running,
    WorkerState::Stopping,
    WorkerState::Missing,
];
/// Quantiles of trends.
const QUANTILES: [f64; 4] = [0.5, 0.9, 0.95, 0.99];

/// All families of a run.
pub(super) fn families(view: &RunView) -> Vec<MetricFamily> {
    let snapshot = &*view.snapshot;
    let mut families = where_it_stands(view);
    families.extend(requests::by_name(&snapshot.requests));
    families.extend(requests::together(&snapshot.total));
    families.push(requests::groups(&snapshot.groups));
    families.extend(requests::tags(&snapshot.tags));
    families.extend(connections(snapshot));
    families.push(checks(snapshot));
    families.extend(thresholds(snapshot));
    families.extend(iterations(snapshot));
    families.extend(arrivals(snapshot));
    families.extend(custom(snapshot));
    families.extend(workers(view));
    families
}

fn where_it_stands(view: &RunView) -> Vec<MetricFamily> {
    let snapshot = &*view.snapshot;
    let mut states = Family::gauge("katydid_run_state", "1 for the state the run is in.");
    for state in RunState::ALL {
        states.add(
            &[("state", state.as_str())],
            f64::from(u8::from(state == view.state)),
        );
    }
    let mut info = Family::gauge("katydid_run_info", "Always 1; the run is the label.");
    if !snapshot.info.id.is_empty() {
        let host = snapshot.info.host.as_deref().unwrap_or_default();
        info.add(&[("run", &snapshot.info.id), ("host", host)], 1.0);
    }
    let mut classes = Family::gauge("katydid_class_users", "Users that run, by user class.");
    for (class, users) in snapshot.info.classes.iter().zip(&snapshot.users_by_class) {
        classes.add(&[("class", &class.name)], f64::from(*users));
    }
    vec![
        states.done(),
        info.done(),
        Family::gauge("katydid_run_elapsed_seconds", "The run's clock.").of(snapshot.elapsed.as_secs_f64()),
        Family::gauge("katydid_users", "Users that run.").of(f64::from(snapshot.users)),
        Family::gauge(
            "katydid_target_users",
            "Users that shall run: from the moment a run is asked for until it is over.",
        )
        .of(f64::from(view.target_users)),
        classes.done(),
    ]
}

fn connections(snapshot: &Snapshot) -> Vec<MetricFamily> {
    let counts = snapshot.connections;
    vec![
        Family::counter("katydid_connections_opened_total", "Connections that came about.")
            .of(counts.opened as f64),
        Family::counter(
            "katydid_connections_reused_total",
            "Requests on a connection that had been opened for another one.",
        )
        .of(counts.reused as f64),
        Family::counter("katydid_tls_handshakes_total", "TLS handshakes that succeeded.")
            .of(counts.tls_handshakes as f64),
    ]
}

fn checks(snapshot: &Snapshot) -> MetricFamily {
    let mut checks = Family::counter("katydid_checks_total", "Checks, by name and result.");
    for check in &snapshot.checks {
        let counts = [("passed", check.counts.passes), ("failed", check.counts.failures)];
        for (result, count) in counts {
            checks.add(&[("name", &check.name), ("result", result)], count as f64);
        }
    }
    checks.done()
}

/// Rules are few, and their texts do not change while a run goes on.
fn thresholds(snapshot: &Snapshot) -> Vec<MetricFamily> {
    let mut verdicts = Family::gauge(
        "katydid_threshold_ok",
        "1 for thresholds that hold, 0 for those that do not; nothing without data.",
    );
    let mut values = Family::gauge(
        "katydid_threshold_value",
        "What a threshold is judged by: in seconds, as a share of 1, per second, or as such.",
    );
    let mut bounds = Family::gauge(
        "katydid_threshold_bound",
        "The bound of a threshold, in the unit of its value.",
    );
    for entry in &snapshot.thresholds {
        let rule = &*entry.rule;
        let labels = &[("threshold", rule.text.as_str())];
        match entry.state {
            ThresholdState::Passing => verdicts.add(labels, 1.0),
            ThresholdState::Failing => verdicts.add(labels, 0.0),
            ThresholdState::Pending | ThresholdState::NoData => {}
        }
        let is_time = rule.bound.is_time || entry.value.is_some_and(|value| value.unit() == FigureUnit::Time);
        let unit = if is_time { 1e-3 } else { 1.0 };
        if let Some(value) = entry.value {
            values.add(labels, value.value() * unit);
        }
        bounds.add(labels, rule.bound_value() * unit);
    }
    vec![verdicts.done(), values.done(), bounds.done()]
}

fn iterations(snapshot: &Snapshot) -> Vec<MetricFamily> {
    let exceptions: u64 = snapshot
        .exceptions
        .iter()
        .map(|entry| entry.counts.occurrences)
        .sum();
    vec![
        Family::counter("katydid_iterations_total", "Iterations of tasks that ended.")
            .of(snapshot.iterations as f64),
        Family::counter("katydid_exceptions_total", "Exceptions of scripts.").of(exceptions as f64),
    ]
}

/// They are there without arrivals too: who asks for their rate gets 0, not nothing.
fn arrivals(snapshot: &Snapshot) -> Vec<MetricFamily> {
    let counts = snapshot.arrivals.unwrap_or_default();
    vec![
        Family::counter("katydid_arrivals_planned_total", "Arrivals that were due.")
            .of(counts.planned as f64),
        Family::counter(
            "katydid_arrivals_started_total",
            "Iterations that started for an arrival.",
        )
        .of(counts.started as f64),
        Family::counter(
            "katydid_arrivals_late_total",
            "Iterations that started later than their arrival was planned.",
        )
        .of(counts.late as f64),
        Family::counter(
            "katydid_arrivals_dropped_total",
            "Arrivals that never start: no user was free and they were not to wait, or the run ended.",
        )
        .of(counts.dropped as f64),
        Family::gauge(
            "katydid_arrivals_waiting",
            "Arrivals that are due and wait for a user.",
        )
        .of(counts.waiting() as f64),
    ]
}

/// What scripts count by themselves; each kind is a family, since each is another kind of number.
fn custom(snapshot: &Snapshot) -> Vec<MetricFamily> {
    let mut counters = Family::counter("katydid_custom_total", "Counters of the scenario.");
    let mut gauges = Family::gauge(
        "katydid_custom_value",
        "Gauges of the scenario: what each was set to last.",
    );
    let mut rates = Family::counter(
        "katydid_custom_results_total",
        "Rates of the scenario: how often each was added true and false.",
    );
    let mut trends = Family::summary(
        "katydid_custom_trend",
        "Trends of the scenario, over the whole run.",
    );
    let mut times = Family::summary(
        "katydid_custom_time_seconds",
        "Trends of times of the scenario, over the whole run.",
    );
    for (name, value) in snapshot.metric_values() {
        let labels = &[("name", name)];
        match value {
            MetricValue::Counter(counter) => counters.add(labels, counter.sum.to_f64()),
            MetricValue::Gauge(gauge) => gauges.add(labels, gauge.last),
            MetricValue::Rate(rate) => {
                for (result, count) in [("true", rate.hits), ("false", rate.total - rate.hits)] {
                    rates.add(&[("name", name), ("result", result)], count as f64);
                }
            }
            MetricValue::Trend(trend) => add_trend(&mut trends, name, trend, 1.0),
            // Scripts give them in ms.
            MetricValue::Time(trend) => add_trend(&mut times, name, trend, 1e-3),
        }
    }
    vec![
        counters.done(),
        gauges.done(),
        rates.done(),
        trends.done(),
        times.done(),
    ]
}

fn add_trend(family: &mut Family, name: &str, trend: &TrendSum, unit: f64) {
    let quantile = |at| Some((at, trend.quantile(at)? as f64 / 1e3 * unit));
    family.add_summary(
        &[("name", name)],
        (trend.values.count(), trend.sum.to_f64() * unit),
        QUANTILES.into_iter().filter_map(quantile),
    );
}

fn workers(view: &RunView) -> Vec<MetricFamily> {
    let snapshot = &*view.snapshot;
    let mut states = Family::gauge("katydid_workers", "Workers, by what they are doing.");
    for state in WORKER_STATES {
        let workers = snapshot.workers.iter().filter(|worker| worker.state == state);
        let count = match state {
            WorkerState::Ready => workers.count() + view.idle_workers as usize,
            _ => workers.count(),
        };
        states.add(&[("state", state.as_str())], count as f64);
    }
    let mut saturated = Family::gauge(
        "katydid_worker_saturated",
        "1 for workers that are the bottleneck themselves: response times are partly their own.",
    );
    for worker in snapshot
        .workers
        .iter()
        .filter(|worker| worker.state != WorkerState::Stopped)
    {
        saturated.add(
            &[("worker", &worker.name)],
            f64::from(u8::from(worker.is_saturated)),
        );
    }
    vec![
        states.done(),
        saturated.done(),
        Family::counter(
            "katydid_saturated_seconds_total",
            "Seconds of the run in which a worker was saturated.",
        )
        .of(snapshot.saturated_seconds.len() as f64),
    ]
}

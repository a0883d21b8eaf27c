//! What the document says about the run as a whole.

use std::collections::BTreeMap;

use katydid_protocol::plan::LoadPlan;
use katydid_protocol::stats::{
    PointArrivals, RunFailure, RunState, Snapshot, TaskInfo, TimelinePoint, WorkerEntry, WorkerState,
};
use serde::Serialize;

use super::arrivals::ArrivalPlanJson;
use super::measure::ms;
use crate::clock::utc_millis;

#[derive(Serialize)]
pub(super) struct RunJson<'a> {
    id: &'a str,
    version: &'a str,
    scenarios: &'a [String],
    host: Option<&'a str>,
    plan: Option<PlanJson>,
    parameters: &'a BTreeMap<String, String>,
    system: &'a str,
    state: RunState,
    stop_reason: Option<&'a str>,
    failure: Option<RunFailure>,
    started_at: String,
    ended_at: String,
    elapsed_s: f64,
    counted_from_s: f64,
    counted_s: f64,
    iterations: u64,
}

/// The load that was asked for at the start.
#[derive(Serialize)]
struct PlanJson {
    users: u32,
    spawn_rate: f64,
    run_time_s: Option<f64>,
    stop_timeout_s: f64,
    arrivals: Option<ArrivalPlanJson>,
}

#[derive(Serialize)]
pub(super) struct UsersJson<'a> {
    target: u32,
    running: u32,
    peak: u32,
    by_class: Vec<ClassJson<'a>>,
}

#[derive(Serialize)]
struct ClassJson<'a> {
    name: &'a str,
    weight: f64,
    fixed_count: u32,
    host: Option<&'a str>,
    running: u32,
    tasks: &'a [TaskInfo],
}

#[derive(Serialize)]
pub(super) struct PointJson {
    second: u32,
    span_s: u32,
    users: u32,
    requests: u64,
    failures: u64,
    late: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    arrivals: Option<PointArrivals>,
    average_ms: f64,
    p50_ms: f64,
    p90_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
}

#[derive(Serialize)]
pub(super) struct WorkerJson<'a> {
    name: &'a str,
    state: WorkerState,
    threads: u32,
    cores: u32,
    users: u32,
    users_by_class: &'a [u32],
    cpu: f64,
    memory_bytes: u64,
    lag_us: u64,
    saturated_s: u64,
}

#[derive(Serialize)]
pub(super) struct LossesJson<'a> {
    folded_requests: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    folded_example: Option<&'a str>,
    folded_errors: u64,
    folded_metrics: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    folded_metric: Option<&'a str>,
    folded_tags: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    folded_tag: Option<&'a str>,
    clamped_times: u64,
    stack_waits: u64,
    killed_iterations: u64,
    skipped_on_stops: u64,
}

#[derive(Serialize)]
pub(super) struct VerdictJson {
    failed_requests: u64,
    exceptions: u64,
    failed_checks: u64,
    failed_thresholds: usize,
    warnings: usize,
}

impl<'a> RunJson<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        let info = &*snapshot.info;
        Self {
            id: &info.id,
            version: &info.version,
            scenarios: &info.scenarios,
            host: info.host.as_deref(),
            plan: info.plan.as_ref().map(PlanJson::of),
            parameters: &info.parameters,
            system: &info.system,
            state: snapshot.state,
            stop_reason: snapshot.stop_reason.as_deref(),
            failure: snapshot.failure,
            started_at: utc_millis(info.started_at),
            ended_at: utc_millis(info.started_at + snapshot.elapsed),
            elapsed_s: snapshot.elapsed.as_secs_f64(),
            counted_from_s: snapshot.counted_from.as_secs_f64(),
            counted_s: snapshot.counted_for().as_secs_f64(),
            iterations: snapshot.iterations,
        }
    }
}

impl PlanJson {
    fn of(plan: &LoadPlan) -> Self {
        Self {
            users: plan.users,
            spawn_rate: plan.spawn_rate,
            run_time_s: plan.run_time.map(|time| time.as_secs_f64()),
            stop_timeout_s: plan.stop_timeout.as_secs_f64(),
            arrivals: plan.arrivals.as_ref().map(ArrivalPlanJson::of),
        }
    }
}

impl<'a> UsersJson<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        let running = |index: usize| snapshot.users_by_class.get(index).copied().unwrap_or(0);
        let classes = snapshot
            .info
            .classes
            .iter()
            .enumerate()
            .map(|(index, class)| ClassJson {
                name: &class.name,
                weight: class.weight,
                fixed_count: class.fixed_count,
                host: class.host.as_deref(),
                running: running(index),
                tasks: &class.tasks,
            });
        Self {
            target: snapshot.target_users,
            running: snapshot.users,
            peak: snapshot.peak_users(),
            by_class: classes.collect(),
        }
    }
}

impl<'a> WorkerJson<'a> {
    pub(super) fn of(worker: &'a WorkerEntry) -> Self {
        Self {
            name: &worker.name,
            state: worker.state,
            threads: worker.threads,
            cores: worker.cores,
            users: worker.users,
            users_by_class: &worker.users_by_class,
            cpu: worker.cpu,
            memory_bytes: worker.memory_bytes,
            lag_us: worker.lag_us,
            saturated_s: worker.saturated,
        }
    }
}

impl PointJson {
    pub(super) fn of(point: &TimelinePoint) -> Self {
        Self {
            second: point.second,
            span_s: point.span,
            users: point.users,
            requests: point.requests,
            failures: point.failures,
            late: point.late,
            arrivals: (point.arrivals != PointArrivals::default()).then_some(point.arrivals),
            average_ms: ms(point.times.average_us().unwrap_or(0.0)),
            p50_ms: ms(point.times.p50_us as f64),
            p90_ms: ms(point.times.p90_us as f64),
            p95_ms: ms(point.times.p95_us as f64),
            p99_ms: ms(point.times.p99_us as f64),
        }
    }
}

impl<'a> LossesJson<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        let losses = &snapshot.losses;
        Self {
            folded_requests: losses.folded_requests,
            folded_example: losses.folded_example.as_deref(),
            folded_errors: losses.folded_errors,
            folded_metrics: losses.folded_metrics,
            folded_metric: losses.folded_metric.as_deref(),
            folded_tags: losses.folded_tags,
            folded_tag: losses.folded_tag.as_deref(),
            clamped_times: snapshot.total.stats.response.clamped(),
            stack_waits: losses.stack_waits,
            killed_iterations: losses.killed_iterations,
            skipped_on_stops: losses.skipped_on_stops,
        }
    }
}

impl VerdictJson {
    pub(super) fn of(snapshot: &Snapshot, warnings: usize) -> Self {
        Self {
            failed_requests: snapshot.total.stats.failures,
            exceptions: snapshot
                .exceptions
                .iter()
                .map(|exception| exception.counts.occurrences)
                .sum(),
            failed_checks: snapshot.checks.iter().map(|check| check.counts.failures).sum(),
            failed_thresholds: snapshot.failed_thresholds().count(),
            warnings,
        }
    }
}

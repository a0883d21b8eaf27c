//! A run second by second.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::Asked;
use crate::fill;
use crate::view::series::{MarkKind, Series};
use crate::web::Web;

/// Which part of it.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TimelineQuery {
    /// A request's method; with `name`.
    method: Option<String>,
    /// A request's name; all together without it.
    name: Option<String>,
    /// The first second wanted.
    #[param(value_type = Option<u64>, maximum = 4_294_967_295.0)]
    from: Option<u32>,
}

/// Columns of equal length, a row for each point in time.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Timeline {
    /// The run's id.
    run: String,
    /// Seconds since the run's start, ascending.
    second: Vec<u32>,
    /// Users running; not kept for single requests.
    users: Vec<Option<f64>>,
    /// Requests per second.
    rps: Vec<Option<f64>>,
    /// Failures per second.
    failures_per_s: Vec<Option<f64>>,
    /// Requests per second whose paced users started them late; empty where nobody can be late.
    late_per_s: Vec<Option<f64>>,
    /// Arrivals that were due, per second; empty where none were planned, as are the next two.
    planned_per_s: Vec<Option<f64>>,
    /// Arrivals that started, per second.
    started_per_s: Vec<Option<f64>>,
    /// Arrivals that never start, per second.
    dropped_per_s: Vec<Option<f64>>,
    /// Response times in ms; absent in seconds without requests.
    average_ms: Vec<Option<f64>>,
    p50_ms: Vec<Option<f64>>,
    p90_ms: Vec<Option<f64>>,
    p95_ms: Vec<Option<f64>>,
    p99_ms: Vec<Option<f64>>,
    /// What happened.
    marks: Vec<TimelineMark>,
}

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TimelineMark {
    /// When, in seconds since the run's start.
    second: u32,
    /// Its last second; absent for a moment.
    until: Option<u32>,
    /// What kind of thing: `saturated`, `worker_lost`, `reset`, `edit`, `stop`, `steady` (all users run) or `threshold`
    /// (one failed for the first time).
    kind: &'static str,
    /// In words.
    text: String,
}

/// The run second by second; after a day, in longer steps.
#[utoipa::path(
    get, path = "/timeline", tag = "results", params(TimelineQuery),
    responses(
        (status = 200, body = Timeline),
        (status = 400, description = "No such query.", body = super::problem::Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(State(web): State<Web>, Asked(query): Asked<TimelineQuery>) -> Json<Timeline> {
    let picture = web.picture();
    let name = query.name.filter(|name| !name.is_empty());
    let request = name
        .as_deref()
        .map(|name| (query.method.as_deref().unwrap_or_default(), name));
    let from = query.from.unwrap_or(0);
    Json(timeline(fill::series::series(&picture.snapshot, request, from)))
}

fn timeline(series: Series) -> Timeline {
    let marks = series.marks.into_iter().map(|mark| TimelineMark {
        second: mark.second,
        until: mark.until,
        kind: match mark.kind {
            MarkKind::Saturated => "saturated",
            MarkKind::WorkerLost => "worker_lost",
            MarkKind::Reset => "reset",
            MarkKind::Edit => "edit",
            MarkKind::Stop => "stop",
            MarkKind::Steady => "steady",
            MarkKind::Threshold => "threshold",
        },
        text: mark.text,
    });
    Timeline {
        marks: marks.collect(),
        run: series.run,
        second: series.second,
        users: series.users,
        rps: series.requests,
        failures_per_s: series.failures,
        late_per_s: series.late,
        planned_per_s: series.planned,
        started_per_s: series.started_per_sec,
        dropped_per_s: series.dropped,
        average_ms: series.average,
        p50_ms: series.p50,
        p90_ms: series.p90,
        p95_ms: series.p95,
        p99_ms: series.p99,
    }
}

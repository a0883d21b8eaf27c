//! Thresholds: what the run passes or fails by.

use axum::Json;
use axum::extract::State;
use katydid_protocol::stats::Snapshot;
use katydid_protocol::threshold::{FigureUnit, ThresholdEntry, ThresholdState};
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::Web;

/// A threshold and where it stands.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Threshold {
    /// The rule.
    rule: String,
    state: Standing,
    /// Whether the run fails by it, as far as can be seen now.
    failed: bool,
    /// What it is judged by; absent without data.
    value: Option<f64>,
    bound: f64,
    /// What both are counted in: `ms`, `share` (0 to 1), `per_s`, or empty.
    unit: String,
    /// Seconds since the run's start when it came to this state.
    since_s: u32,
    /// Seconds since the run's start when it did not hold for the first time.
    first_failed_s: Option<u32>,
    /// What it was judged by then.
    first_failed_value: Option<f64>,
    /// Whether the run ends when it fails.
    abort: bool,
    /// Whether it holds without data.
    optional: bool,
    /// What to know, such as a name that is nearly the one that was asked for.
    note: Option<String>,
}

/// Where a threshold stands.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ThresholdState)]
pub(super) enum Standing {
    /// It was not judged yet.
    Pending,
    /// It holds.
    Passing,
    /// It does not hold, or about a window did not hold once.
    Failing,
    /// Nothing was measured that it is about.
    NoData,
}

/// Thresholds, in the order they were declared.
#[utoipa::path(get, path = "/thresholds", tag = "results", responses((status = 200, body = Vec<Threshold>)))]
pub(super) async fn list(State(web): State<Web>) -> Json<Vec<Threshold>> {
    Json(thresholds(&web.picture().snapshot))
}

fn thresholds(snapshot: &Snapshot) -> Vec<Threshold> {
    let is_over = snapshot.state.is_over();
    let entries = snapshot.thresholds.iter();
    entries.map(|entry| threshold(entry, is_over)).collect()
}

fn threshold(entry: &ThresholdEntry, is_over: bool) -> Threshold {
    let rule = &*entry.rule;
    let unit = match entry.value {
        _ if rule.bound.is_time => FigureUnit::Time,
        Some(value) => value.unit(),
        None => FigureUnit::Plain,
    };
    Threshold {
        rule: rule.text.clone(),
        state: match entry.state {
            ThresholdState::Pending => Standing::Pending,
            ThresholdState::Passing => Standing::Passing,
            ThresholdState::Failing => Standing::Failing,
            ThresholdState::NoData => Standing::NoData,
        },
        failed: entry.state == ThresholdState::Failing || (is_over && entry.fails()),
        value: entry.value.map(|value| value.value()),
        bound: rule.bound_value(),
        unit: unit.as_str().to_owned(),
        since_s: entry.since,
        first_failed_s: entry.breach.map(|breach| breach.second),
        first_failed_value: entry.breach.map(|breach| breach.value.value()),
        abort: rule.abort,
        optional: rule.optional,
        note: entry.note.clone(),
    }
}

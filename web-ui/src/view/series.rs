//! What charts are drawn from: a table by column, one row a second.
//!
//! In: a timeline. Out: JSON for `GET {base}/ui/series?method=&name=&from=<second>`, for the event `point` (of all requests
//! together, the seconds that are new and those that have changed) and for the report.

use serde::Serialize;

/// Columns of equal length; times in ms, rates per second. `None` is drawn as a gap, and so is a second that is missing.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Series {
    /// The run's id.
    pub run: String,
    /// When it began, in seconds since 1970.
    pub started: f64,
    /// Rises when seconds long past have changed: charts with an earlier one are to be fetched as a whole.
    pub revision: u64,
    /// Seconds since the run's start, ascending.
    pub second: Vec<u32>,
    /// Users running.
    pub users: Vec<Option<f64>>,
    /// Requests per second.
    pub requests: Vec<Option<f64>>,
    /// Failures per second.
    pub failures: Vec<Option<f64>>,
    /// Percentiles.
    pub p50: Vec<Option<f64>>,
    /// See `p50`; a column may be left empty, then it is not offered.
    pub p90: Vec<Option<f64>>,
    /// See `p50`.
    pub p95: Vec<Option<f64>>,
    /// See `p50`.
    pub p99: Vec<Option<f64>>,
    /// Mean response time.
    pub average: Vec<Option<f64>>,
    /// Requests which their users started late, per second; left empty where nobody can be late.
    pub late: Vec<Option<f64>>,
    /// Arrivals that were due, per second; left empty where none were planned, as are the next two.
    pub planned: Vec<Option<f64>>,
    /// Arrivals that started, per second. (`started` is when the run did.)
    pub started_per_sec: Vec<Option<f64>>,
    /// Arrivals that never start, per second.
    pub dropped: Vec<Option<f64>>,
    /// What happened.
    pub marks: Vec<Mark>,
}

/// What open charts do not show yet, as the event `point` tells it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct FreshSeries {
    /// The seconds that are new, and before them those that have changed.
    #[serde(flatten)]
    pub series: Series,
    /// The revision charts must have for this to make them whole.
    pub builds_on: u64,
    /// The last second told before; `None` at the start of a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follows: Option<u32>,
}

/// Something that happened, marked in all charts.
#[derive(Debug, Clone, Serialize)]
pub struct Mark {
    /// When.
    pub second: u32,
    /// Its last second; `None` for a moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<u32>,
    /// What.
    pub kind: MarkKind,
    /// In words.
    pub text: String,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MarkKind {
    /// A worker was saturated: drawn as a band.
    Saturated,
    /// A worker was lost.
    WorkerLost,
    /// Statistics were reset.
    Reset,
    /// Users or rate were edited.
    Edit,
    /// The run was told to stop.
    Stop,
    /// All users run for the first time.
    Steady,
    /// A threshold failed for the first time.
    Threshold,
}

impl Series {
    /// As JSON that may stand inside an HTML document's `<script>`.
    #[must_use]
    pub fn embedded(&self) -> String {
        serde_json::to_string(self)
            .unwrap_or_default()
            .replace('<', "\\u003c")
    }
}

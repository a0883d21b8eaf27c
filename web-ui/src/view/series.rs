//! What charts are drawn from: a table by column, one row a second.
//!
//! In: a timeline. Out: JSON for `GET {base}/ui/series?method=&name=&from=<second>`, for the event `point` (the seconds that
//! are new, of all requests together) and for the report.

use serde::Serialize;

/// Columns of equal length; times in ms, rates per second. `None` is drawn as a gap, and so is a second that is missing.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Series {
    /// The run's id.
    pub run: String,
    /// When it began, in seconds since 1970.
    pub started: f64,
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
    /// Arrivals that started late, per second; may be left empty.
    pub late: Vec<Option<f64>>,
    /// What happened.
    pub marks: Vec<Mark>,
}

/// Something that happened, marked in all charts.
#[derive(Debug, Clone, Serialize)]
pub struct Mark {
    /// When.
    pub second: u32,
    /// What.
    pub kind: MarkKind,
    /// In words.
    pub text: String,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MarkKind {
    /// A worker was saturated in this second: drawn as a band, seconds in a row as one.
    Saturated,
    /// A worker was lost.
    WorkerLost,
    /// Statistics were reset.
    Reset,
    /// Users or rate were edited.
    Edit,
    /// The run was told to stop.
    Stop,
    /// A run began.
    Run,
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

//! The tab of checks, thresholds and custom metrics.
//!
//! In: counts of checks, verdicts of thresholds, sums of metrics. Out: the fragment `GET {base}/ui/checks`.

use askama::Template;
use katydid_protocol::stats::MetricCells;

use super::{Empty, Level};

/// `GET {base}/ui/checks`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "checks.html")]
pub struct Checks {
    /// Thresholds, as declared.
    pub thresholds: Vec<ThresholdRow>,
    /// Checks, by name.
    pub checks: Vec<CheckRow>,
    /// Custom metrics, by name.
    pub metrics: Vec<MetricCells>,
    /// What to say when there is none of these.
    pub empty: Empty,
}

/// A check.
#[derive(Debug, Clone, Default)]
pub struct CheckRow {
    /// Its name.
    pub name: String,
    /// How often it held.
    pub passes: String,
    /// How often it did not.
    pub failures: String,
    /// Share of passes, formatted.
    pub rate: String,
    /// Share of passes, 0 to 100, for a meter.
    pub rate_value: f64,
    /// How that is to be taken.
    pub level: Level,
}

/// A threshold.
#[derive(Debug, Clone, Default)]
pub struct ThresholdRow {
    /// The rule as written.
    pub expression: String,
    /// What it is judged by now; `no data` when nothing was measured.
    pub value: String,
    /// Where it stands.
    pub verdict: Verdict,
    /// More to know: `aborts the run`, `judged after 30s`; may be empty.
    pub note: String,
}

/// Where a threshold stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Verdict {
    /// It is not judged yet.
    #[default]
    Pending,
    /// It holds.
    Passing,
    /// It does not.
    Failing,
}

impl Verdict {
    /// In a word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Passing => "passing",
            Self::Failing => "failing",
        }
    }

    /// How it is to be taken.
    #[must_use]
    pub fn level(self) -> Level {
        match self {
            Self::Pending => Level::Plain,
            Self::Passing => Level::Good,
            Self::Failing => Level::Bad,
        }
    }
}

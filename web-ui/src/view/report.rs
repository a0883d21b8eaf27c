//! The report: one file that holds a run's results and everything needed to look at them.
//!
//! In: the run's tables and series. Out: an HTML document with its scripts, styles and data inside, to be kept or sent.

use askama::Template;
use katydid_protocol::stats::MetricCells;

use super::checks::{CheckRow, ThresholdRow};
use super::exceptions::ExceptionRow;
use super::failures::FailureRow;
use super::series::Series;
use super::statistics::{Column, Row};
use super::workers::WorkerRow;
use super::{Banner, Level, Metric, Moment};
use crate::assets;

/// The file written by `--html` and served at `/stats/report`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "report.html")]
pub struct Report {
    /// What was tested: the scenario's name or the host.
    pub title: String,
    /// How it ended, in a few words: `passed`, `failed: a threshold`.
    pub verdict: String,
    /// How that is to be taken.
    pub verdict_level: Level,
    /// When it began.
    pub when: Moment,
    /// For how long it ran.
    pub lasted: String,
    /// The numbers worth a glance.
    pub metrics: Vec<Metric>,
    /// What must be known before the numbers are trusted.
    pub banners: Vec<Banner>,
    /// Requests; [`Row::cells`] as in [`super::statistics`].
    pub requests: Vec<Row>,
    /// All together.
    pub total: Row,
    /// Groups.
    pub groups: Vec<Row>,
    /// Requests by tag.
    pub tags: Vec<Row>,
    /// Whether the run is over: then rates are those of the whole run.
    pub is_over: bool,
    /// Names of the percentiles: `50%` to `100%`.
    pub percentile_labels: Vec<String>,
    /// A row per request and one for all, response times in ms.
    pub percentiles: Vec<PercentileRow>,
    /// Failures.
    pub failures: Vec<FailureRow>,
    /// Exceptions.
    pub exceptions: Vec<ExceptionRow>,
    /// Thresholds.
    pub thresholds: Vec<ThresholdRow>,
    /// Checks.
    pub checks: Vec<CheckRow>,
    /// Custom metrics, by name.
    pub custom_metrics: Vec<MetricCells>,
    /// Workers.
    pub workers: Vec<WorkerRow>,
    /// Plan and environment: run id, scenario files, host, users, rate, run time, versions.
    pub facts: Vec<Metric>,
    /// What the charts are drawn from.
    pub series: Series,
    /// Katydid's version.
    pub version: String,
}

/// The percentiles of a request.
#[derive(Debug, Clone, Default)]
pub struct PercentileRow {
    /// Its method.
    pub method: String,
    /// Its name; `Aggregated` for all together.
    pub name: String,
    /// One for each label.
    pub values: Vec<String>,
}

impl Report {
    /// The columns, for the template.
    #[must_use]
    pub fn columns(&self) -> [Column; 15] {
        Column::ALL
    }

    /// What a column holds, for the template.
    #[must_use]
    pub fn help(&self, column: &Column) -> &'static str {
        column.help(self.is_over)
    }

    /// The styles.
    #[must_use]
    pub fn css(&self) -> &'static str {
        assets::text("report.css")
    }

    /// The scripts.
    #[must_use]
    pub fn js(&self) -> &'static str {
        assets::text("report.js")
    }
}

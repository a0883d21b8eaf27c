//! Thresholds as they are written: `METRIC{selector}: AGGREGATE OP VALUE [over WINDOW][, abort][, after DELAY][, optional]`.
//!
//! In: a text. Out: a [`ThresholdDecl`], whose `Display` is the rule in its shortest form and reads as the same rule; or
//! what is wrong, with the character it is about.

mod bound;
mod display;
mod meaning;
mod parse;

use std::time::Duration;

pub use bound::{BoundDecl, BoundUnit};
pub use meaning::{MetricNames, OwnKind};
pub use parse::{ReadThreshold, read_threshold};

/// Rules of a test at most.
pub const MAX_THRESHOLDS: usize = 100;

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThresholdDecl {
    /// What it is about.
    pub metric: MetricDecl,
    /// Which part of that.
    pub selectors: Vec<SelectorDecl>,
    /// Which number of it.
    pub aggregate: AggregateDecl,
    /// How that shall relate to the bound.
    pub comparison: ComparisonDecl,
    /// The bound.
    pub bound: BoundDecl,
    /// Only the last so many seconds; whole ones, from 1 s to a day.
    pub window: Option<Duration>,
    /// Whether the run ends when it fails.
    pub abort: bool,
    /// When it is judged first.
    pub after: Option<Duration>,
    /// Whether it holds without data.
    pub optional: bool,
}

/// What a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub enum MetricDecl {
    ResponseTime,
    ServiceTime,
    GroupTime,
    Failures,
    Requests,
    Checks,
    Iterations,
    Late,
    /// A metric of the scripts' own.
    Own(String),
}

/// A part of a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectorDecl {
    /// `name`, `method`, or the key of a tag.
    pub key: String,
    /// The text it must be.
    pub value: String,
    /// Whether each `*` in it stands for anything.
    pub has_stars: bool,
}

/// Which number of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub enum AggregateDecl {
    /// A percentile, in millionths.
    Quantile(u32),
    Median,
    Average,
    Min,
    Max,
    Rate,
    Count,
    /// The last value of a gauge.
    Value,
}

/// How a number relates to its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub enum ComparisonDecl {
    Less,
    AtMost,
    More,
    AtLeast,
    Equal,
    Unequal,
}

/// What is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThresholdError {
    /// The character it is about, counted from 0.
    pub at: usize,
    /// How many characters; at least 1.
    pub length: usize,
    /// What is wrong, in one line.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl MetricDecl {
    /// The metrics there always are, as they are written.
    pub(crate) const BUILT_IN: [(&'static str, Self); 8] = [
        ("response_time", Self::ResponseTime),
        ("service_time", Self::ServiceTime),
        ("group_time", Self::GroupTime),
        ("failures", Self::Failures),
        ("requests", Self::Requests),
        ("checks", Self::Checks),
        ("iterations", Self::Iterations),
        ("late", Self::Late),
    ];

    pub(crate) fn built_in(word: &str) -> Option<Self> {
        let mut all = Self::BUILT_IN.into_iter();
        all.find(|(name, _)| *name == word).map(|(_, metric)| metric)
    }
}

impl ComparisonDecl {
    pub(crate) const ALL: [(&'static str, Self); 6] = [
        ("<=", Self::AtMost),
        (">=", Self::AtLeast),
        ("==", Self::Equal),
        ("!=", Self::Unequal),
        ("<", Self::Less),
        (">", Self::More),
    ];
}

impl std::fmt::Display for ThresholdError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ThresholdError {}

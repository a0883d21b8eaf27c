//! What came of a rule: where it stands, by what value, since when.
//!
//! In: what the master judged last. Out: what reports, page and exit code are made of.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Figure, Threshold};
use crate::format;
use crate::stats::Snapshot;

/// Where a rule stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdState {
    /// It was not judged yet.
    #[default]
    Pending,
    /// It holds.
    Passing,
    /// It does not; or, about a window or ending the run, it once did not while users ran.
    Failing,
    /// Nothing was measured that it is about.
    NoData,
}

/// A rule and its verdict.
#[derive(Debug, Clone, PartialEq)]
pub struct ThresholdEntry {
    /// The rule.
    pub rule: Arc<Threshold>,
    /// Where it stands.
    pub state: ThresholdState,
    /// What it was judged by last; `None` without data.
    pub value: Option<Figure>,
    /// Since which second of the run it stands there.
    pub since: u32,
    /// The first time it did not hold since the start or the last reset.
    pub breach: Option<Breach>,
    /// What people should know, such as a name that is nearly the one that was asked for.
    pub note: Option<String>,
}

/// The moment a rule failed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Breach {
    /// In seconds since the run's start.
    pub second: u32,
    /// What it was judged by.
    pub value: Figure,
}

impl ThresholdState {
    /// In the word people see.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Passing => "passing",
            Self::Failing => "failing",
            Self::NoData => "no data",
        }
    }
}

impl ThresholdEntry {
    /// Whether the rule fails the run if this is the last word on it.
    #[must_use]
    pub fn fails(&self) -> bool {
        match self.state {
            ThresholdState::Failing => true,
            ThresholdState::NoData => !self.rule.optional,
            ThresholdState::Pending | ThresholdState::Passing => false,
        }
    }

    /// By what it is as it is: `3.20%`, `no data`, `3.20% at 00:45, 0.10% at last`.
    #[must_use]
    pub fn finding(&self) -> String {
        let now = self.value.map(|value| value.to_string());
        match (
            self.state,
            self.breach
                .filter(|_| self.rule.window.is_some() || self.rule.abort),
            now,
        ) {
            (ThresholdState::Failing, Some(breach), now) => {
                let first = format!("{} at {}", breach.value, format::clock(breach.second.into()));
                match now.filter(|now| *now != breach.value.to_string()) {
                    Some(now) => format!("{first}, {now} at last"),
                    None => first,
                }
            }
            (ThresholdState::Pending, _, None) => "not judged yet".to_owned(),
            (_, _, None) => "no data".to_owned(),
            (_, _, Some(now)) => now,
        }
    }
}

impl Snapshot {
    /// The thresholds that do not hold; at the end also those without data that must have some.
    pub fn failed_thresholds(&self) -> impl Iterator<Item = &ThresholdEntry> {
        let is_over = self.state.is_over();
        let entries = self.thresholds.iter();
        entries.filter(move |entry| entry.state == ThresholdState::Failing || (is_over && entry.fails()))
    }
}

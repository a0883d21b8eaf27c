//! The tab of failures.
//!
//! In: failures, most frequent first. Out: the fragment `GET {base}/ui/failures`.

use askama::Template;

use super::{Empty, Moment};

/// `GET {base}/ui/failures`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "failures.html")]
pub struct Failures {
    /// The failures.
    pub rows: Vec<FailureRow>,
    /// What to say when there are none.
    pub empty: Empty,
}

/// A failure.
#[derive(Debug, Clone, Default)]
pub struct FailureRow {
    /// How often.
    pub count: String,
    /// Its part of all failures, formatted.
    pub share: String,
    /// The request's method.
    pub method: String,
    /// The request's name.
    pub name: String,
    /// What was wrong.
    pub message: String,
    /// Wall-clock time of the first.
    pub first_seen: Moment,
    /// Wall-clock time of the last.
    pub last_seen: Moment,
}

//! The tab of exceptions.
//!
//! In: exceptions of scripts, most frequent first. Out: the fragment `GET {base}/ui/exceptions`.

use askama::Template;

use super::{Empty, Moment};

/// `GET {base}/ui/exceptions`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "exceptions.html")]
pub struct Exceptions {
    /// The exceptions.
    pub rows: Vec<ExceptionRow>,
    /// What to say when there are none.
    pub empty: Empty,
}

/// An exception.
#[derive(Debug, Clone, Default)]
pub struct ExceptionRow {
    /// How often.
    pub count: String,
    /// What was said.
    pub message: String,
    /// Where: lines of text.
    pub traceback: String,
    /// On which workers, if that is known.
    pub workers: String,
    /// Wall-clock time of the last.
    pub last_seen: Moment,
}

//! The tab of logs.
//!
//! In: lines kept of the master and of each worker, filtered by the server. Out: the fragment `GET
//! {base}/ui/logs?level=<level>&source=<name>`.

use askama::Template;

use super::{Empty, Level, Moment};

/// `GET {base}/ui/logs`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "logs.html")]
pub struct Logs {
    /// The least level shown: `error`, `warn`, `info`, `debug`; empty shows all.
    pub level: String,
    /// Whose lines are shown; empty shows everyone's.
    pub source: String,
    /// Who has lines.
    pub sources: Vec<String>,
    /// The lines, oldest first.
    pub lines: Vec<LogLine>,
    /// What is not shown: `1,204 older lines were dropped`; may be empty.
    pub note: String,
    /// What to say when there are no lines.
    pub empty: Empty,
}

/// A line.
#[derive(Debug, Clone, Default)]
pub struct LogLine {
    /// Wall-clock time.
    pub time: Moment,
    /// `INFO`.
    pub level_name: String,
    /// How it is to be taken.
    pub level: Level,
    /// Who says it; empty when there is but one.
    pub source: String,
    /// What.
    pub text: String,
}

impl Logs {
    /// The levels there are, for the template: value and label.
    #[must_use]
    pub fn levels(&self) -> [(&'static str, &'static str); 5] {
        [
            ("", "All levels"),
            ("debug", "Debug and above"),
            ("info", "Info and above"),
            ("warn", "Warnings and errors"),
            ("error", "Errors"),
        ]
    }
}

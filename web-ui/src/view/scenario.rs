//! The page of the scenario's source, and what a check of it has found.
//!
//! In: the sources and what may be done with them; diagnostics. Out: the page `GET {base}/scenario?file=<name>`, and the
//! fragment that answers `POST {base}/ui/scenario/check` (field `source`). Saving is `POST {base}/ui/scenario/save`, answered
//! by the same fragment.

use askama::Template;

use super::Shell;

/// `GET {base}/scenario`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "scenario.html")]
pub struct Scenario {
    /// Around it all.
    pub shell: Shell,
    /// The names of all files, when there are several to choose from.
    pub files: Vec<String>,
    /// The shown file's name.
    pub file: String,
    /// Its content.
    pub source: String,
    /// Why it cannot be edited, if so: a sentence.
    pub read_only: Option<String>,
    /// What was found in it.
    pub diagnostics: Diagnostics,
}

/// The answer to a check or to saving.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "diagnostics.html")]
pub struct Diagnostics {
    /// What to say when all is well: `No problems found: 2 user classes, 5 tasks`; empty before any check.
    pub success: String,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// Something wrong.
#[derive(Debug, Clone, Default)]
pub struct Problem {
    /// Line, from 1; 0 when it has no place.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
    /// What.
    pub message: String,
    /// What to do; may be empty.
    pub help: String,
    /// The line in question with a mark below, as text; may be empty.
    pub excerpt: String,
}

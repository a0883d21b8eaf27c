//! The page that says what went wrong.
//!
//! In: a status and a sentence. Out: the page that goes with them.

use askama::Template;

use super::Shell;

/// Any page that cannot be shown.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    /// Around it all.
    pub shell: Shell,
    /// The HTTP status.
    pub status: u16,
    /// In a few words: `Not found`.
    pub title: String,
    /// What happened and what to do.
    pub message: String,
}

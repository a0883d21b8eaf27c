//! The page that asks who is there.
//!
//! In: what went wrong before. Out: the page `GET {base}/login`, posted to the same address with `username`, `password` and
//! `next`.

use askama::Template;

use super::Shell;

/// `GET {base}/login`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "login.html")]
pub struct Login {
    /// Around it all.
    pub shell: Shell,
    /// What went wrong.
    pub error: Option<String>,
    /// What to know: `You were logged out`.
    pub info: Option<String>,
    /// Who tried.
    pub username: String,
    /// Where to go afterwards; may be empty.
    pub next: String,
}

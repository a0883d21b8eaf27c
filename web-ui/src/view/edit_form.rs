//! The dialog that changes a run: how many users, and how fast.
//!
//! In: the present numbers, or what was typed and is wrong. Out: a form posted to `{base}/ui/edit` with the fields
//! `user_count` and `spawn_rate`; an answer 422 with the form rendered again replaces it, any 2xx closes the dialog.

use askama::Template;

use super::start_form::Field;

/// `GET {base}/ui/edit`, and the answer 422 to `POST {base}/ui/edit`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "edit_form.html")]
pub struct EditForm {
    /// See [`super::Shell::base`].
    pub base: String,
    /// What is wrong as a whole.
    pub error: Option<String>,
    /// Whether users come for arrivals, so that there are at most so many of them.
    pub at_most: bool,
    /// Users at the peak.
    pub users: Field,
    /// Users started (or stopped) per second.
    pub spawn_rate: Field,
}

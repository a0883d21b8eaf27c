//! The form that starts a run: before the first as the page's content, later in a dialog.
//!
//! In: what was typed or is preset, and what was wrong with it. Out: the form, posted to `{base}/ui/start` with the fields
//! `user_classes` (repeated), `user_count`, `spawn_rate`, `host`, `run_time`, `stop_timeout` and `param.<name>`. An answer 422
//! with the form rendered again replaces it; it also works without scripts.

use askama::Template;

/// `GET {base}/ui/new`, and the answer 422 to `POST {base}/ui/start`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "start_form.html")]
pub struct StartForm {
    /// See [`super::Shell::base`].
    pub base: String,
    /// Whether it stands in a dialog, to be cancelled. Sent back as the field `in_dialog` (`true` or absent).
    pub in_dialog: bool,
    /// The scenario's name, for the heading.
    pub scenario: String,
    /// What is wrong as a whole; what is wrong with one field stands there.
    pub error: Option<String>,
    /// Why nothing can be started now (no worker is connected), if so.
    pub blocked: Option<String>,
    /// User classes to choose from; empty without class picker.
    pub classes: Vec<ClassChoice>,
    /// What is wrong with the choice.
    pub classes_error: Option<String>,
    /// What decides about users and spawn rate instead of the fields (arrivals), if anything: a sentence. Then the number of
    /// users is how many there may be at most.
    pub fixed_plan: Option<String>,
    /// Users at the peak.
    pub users: Field,
    /// Users started per second.
    pub spawn_rate: Field,
    /// Where the load goes.
    pub host: Field,
    /// How long.
    pub run_time: Field,
    /// Grace for running iterations at the end.
    pub stop_timeout: Field,
    /// The scenario's parameters.
    pub parameters: Vec<Parameter>,
}

/// A field's content.
#[derive(Debug, Clone, Default)]
pub struct Field {
    /// What stands in it.
    pub value: String,
    /// What is wrong with it.
    pub error: Option<String>,
    /// What to know about it here, beside its usual help: "classes differ in their host".
    pub note: Option<String>,
    /// Whether it must not be empty.
    pub required: bool,
}

impl Field {
    /// A field with a value and nothing to say about it.
    #[must_use]
    pub fn new(value: &str) -> Self {
        Self {
            value: value.to_owned(),
            ..Self::default()
        }
    }
}

/// A user class to choose.
#[derive(Debug, Clone, Default)]
pub struct ClassChoice {
    /// Its name.
    pub name: String,
    /// Whether it takes part.
    pub checked: bool,
    /// Its part of the users: `weight 3`, `always 2 users`.
    pub share: String,
    /// The host it names itself.
    pub host: Option<String>,
    /// Its tasks.
    pub tasks: Vec<String>,
}

/// A parameter of the scenario.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its name, sent as `param.<name>`.
    pub name: String,
    /// Its name for people.
    pub label: String,
    /// What it does; may be empty.
    pub help: String,
    /// How it is typed.
    pub kind: ParameterKind,
    /// Its content; a checkbox is checked when the value is `true`.
    pub field: Field,
}

/// How a parameter is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParameterKind {
    /// A line of text.
    Text,
    /// A line of text not shown until asked for.
    Password,
    /// A number.
    Number,
    /// Yes (`true`) or no (not sent).
    Checkbox,
    /// One of these.
    Select(Vec<String>),
}

impl StartForm {
    /// Whether something in the folded part of the form is wrong, or set already: then it is unfolded.
    #[must_use]
    pub fn advanced_open(&self) -> bool {
        [&self.run_time, &self.stop_timeout]
            .iter()
            .any(|field| field.error.is_some())
            || !self.run_time.value.is_empty()
    }
}

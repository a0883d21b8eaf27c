//! What is to be done, in types: nothing after this file holds a number, a time or a mode as text.
//!
//! In: [`Typed`](crate::layers::Typed), still text. Out: the settings of a command, or all that is wrong with them at once.

mod values;

mod commands;
mod fleet;
mod log;
mod metrics;
mod otlp;
mod run;
mod scaler;
mod sigterm;
mod threshold;
mod trace;
mod web;

use std::path::PathBuf;

pub(crate) use commands::{AccountChange, CheckSettings, DemoSettings, PasswdSettings, TargetOptions};
pub(crate) use fleet::{MasterSettings, Role, WorkerRole, read_token};
pub(crate) use log::{LogFormat, LogSettings};
pub(crate) use otlp::OtlpSettings;
pub(crate) use run::{Intent, ReportSettings, RunSettings, Screen};
pub(crate) use sigterm::OnSigterm;
pub(crate) use trace::TraceChoice;
pub(crate) use web::{PageSettings, read_accounts};

use crate::layers::Origins;
use crate::problem::{Problem, Problems};

/// A base URL as `--host` takes it.
///
/// # Errors
///
/// What is wrong with it, for a person.
pub(crate) fn read_host(text: &str) -> Result<String, String> {
    values::host(text)
}

/// Reads values one by one and remembers what is wrong with them.
struct Reader<'a> {
    origins: &'a Origins,
    problems: Problems,
}

impl<'a> Reader<'a> {
    fn new(origins: &'a Origins) -> Self {
        Self {
            origins,
            problems: Problems::default(),
        }
    }

    /// The value of the argument `id`, if there is one and `parse` takes it.
    fn value<T>(
        &mut self,
        id: &str,
        text: Option<&String>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        match parse(text?) {
            Ok(value) => Some(value),
            Err(message) => {
                self.refuse(id, message);
                None
            }
        }
    }

    /// The values of an argument that can be repeated.
    fn values<T>(&mut self, id: &str, texts: &[String], parse: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        texts
            .iter()
            .filter_map(|text| self.value(id, Some(text), &parse))
            .collect()
    }

    /// Refuses a path that says nothing.
    fn path(&mut self, id: &str, path: Option<&PathBuf>) -> Option<PathBuf> {
        let path = path?;
        if path.as_os_str().is_empty() {
            self.refuse(id, "an empty file name".to_owned());
            return None;
        }
        Some(path.clone())
    }

    fn refuse(&mut self, id: &str, message: String) {
        self.problems.add(Problem::new(message).at(self.origins.of(id)));
    }

    /// `settings` if nothing was refused.
    fn finish<T>(self, settings: T) -> Result<T, Problems> {
        self.problems.into_result(settings)
    }
}

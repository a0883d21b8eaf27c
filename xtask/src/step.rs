//! A step of a task: a named command that is shown, run and timed.
//!
//! In: what to run. Out: its output on the terminal, its time, and when it fails the command that repeats it alone.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::clock::{Stopwatch, for_people};
use crate::terminal;

/// Whether nobody is watching: no prompts, no colours.
pub(crate) fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false")
}

/// What cargo is told in CI: no colours, no progress bars; and what is built once, from nothing, needs neither what
/// speeds the next build up nor what debuggers read.
const QUIET_AND_QUICK: [(&str, &str); 4] = [
    ("CARGO_TERM_COLOR", "never"),
    ("CARGO_TERM_PROGRESS_WHEN", "never"),
    ("CARGO_INCREMENTAL", "0"),
    ("CARGO_PROFILE_DEV_DEBUG", "none"),
];

/// One command with a name.
#[derive(Debug)]
pub(crate) struct Step {
    name: String,
    command: Command,
}

impl Step {
    /// `program` with `args`, run in `folder`.
    pub(crate) fn new(
        name: &str,
        folder: &Path,
        program: impl AsRef<OsStr>,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Self {
        let mut command = Command::new(program);
        command.args(args).current_dir(folder).stdin(Stdio::null());
        Self {
            name: name.to_owned(),
            command,
        }
    }

    /// The cargo that runs this task, with `args`, given as one line without quotes.
    pub(crate) fn cargo(name: &str, folder: &Path, args: &str) -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut step = Self::new(name, folder, cargo, args.split_whitespace());
        if is_ci() {
            step.command.envs(QUIET_AND_QUICK);
        }
        step
    }

    /// Adds a word that may hold anything.
    pub(crate) fn arg(mut self, word: impl AsRef<OsStr>) -> Self {
        self.command.arg(word);
        self
    }

    /// Adds an environment variable, shown with the command.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs the command to its end; its output goes straight to the terminal.
    ///
    /// # Errors
    /// When it cannot be started or fails; the message holds the command to run again.
    pub(crate) fn run(mut self) -> Result<()> {
        let line = self.line();
        terminal::say(&format!("==> {}: {line}", self.name));
        let watch = Stopwatch::start();
        let status = self
            .command
            .status()
            .with_context(|| format!("could not start step `{}`: {line}", self.name))?;
        let time = for_people(watch.elapsed());
        if !status.success() {
            bail!(
                "step `{}` failed after {time} ({status}); run it again alone with:\n    {line}",
                self.name
            );
        }
        terminal::say(&format!("==> {}: passed in {time}", self.name));
        Ok(())
    }

    /// The command as a person would type it, environment first.
    fn line(&self) -> String {
        let is_hidden = |name: &str| QUIET_AND_QUICK.iter().any(|(hidden, _)| *hidden == name);
        let environment = self.command.get_envs().filter_map(|(name, value)| {
            let name = name.to_string_lossy();
            let value = value?.to_string_lossy();
            (!is_hidden(&name)).then(|| format!("{name}={}", quoted(&value)))
        });
        let program = Path::new(self.command.get_program())
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let args = self.command.get_args().map(|arg| quoted(&arg.to_string_lossy()));
        environment
            .chain([program])
            .chain(args)
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// A word as a shell takes it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%^".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_names_the_command_to_repeat() {
        let step = Step::new("wishes", Path::new("/"), "false", ["--pot", "two words"]).env("CUPS", "it's 3");
        let message = format!("{:#}", step.run().expect_err("`false` fails"));
        assert!(message.contains("step `wishes` failed"), "{message}");
        assert!(
            message.ends_with(r"CUPS='it'\''s 3' false --pot 'two words'"),
            "{message}"
        );
    }

    #[test]
    fn a_missing_program_is_said_by_name() {
        let step = Step::new("ghost", Path::new("/"), "no-such-program-here", [""; 0]);
        let message = format!("{:#}", step.run().expect_err("it does not exist"));
        assert!(
            message.starts_with("could not start step `ghost`: no-such-program-here"),
            "{message}"
        );
    }
}

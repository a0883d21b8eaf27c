//! Builds command lines of the real program.
//!
//! In: arguments, environment, a folder. Out: a [`Running`] process or, waited for, a [`Finished`] one. Settings of
//! whoever runs the tests are kept out: no `KATYDID_…` variable and no configuration file reaches the process.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::binary::katydid_bin;
use crate::limits::raise_open_files;
use crate::namespace::Namespace;
use crate::running::{Finished, Running};
use crate::scratch::Scratch;

/// A command line to be.
#[derive(Debug)]
pub struct Katydid {
    command: Command,
    in_folder: bool,
}

impl Katydid {
    /// The program under test, without arguments.
    ///
    /// # Errors
    ///
    /// When it has not been built.
    pub fn new() -> Result<Self> {
        Ok(Self::at(katydid_bin()?))
    }

    /// A particular build of the program.
    #[must_use]
    pub fn at(program: PathBuf) -> Self {
        Self::from_command(Command::new(program))
    }

    /// The program under test, in a network of its own.
    ///
    /// # Errors
    ///
    /// When it has not been built.
    pub fn within(namespace: &Namespace) -> Result<Self> {
        let mut command = Command::new("ip");
        // `ip` becomes the program: same process id, so that signals reach it.
        command
            .args(["netns", "exec", namespace.name()])
            .arg(katydid_bin()?);
        Ok(Self::from_command(command))
    }

    /// A command that becomes the program, on a terminal.
    pub(crate) fn on(command: Command, terminal: &File) -> Result<Self> {
        let mut katydid = Self::from_command(command);
        katydid
            .command
            .stdin(terminal.try_clone()?)
            .stdout(terminal.try_clone()?)
            .stderr(terminal.try_clone()?);
        Ok(katydid)
    }

    fn from_command(mut command: Command) -> Self {
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("KATYDID_")) {
                command.env_remove(name);
            }
        }
        command
            .env("NO_COLOR", "1")
            .env_remove("RUST_LOG")
            .env_remove("SSL_CERT_FILE");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self {
            command,
            in_folder: false,
        }
    }

    /// A headless run of a scenario against a host: `-f FILE -H HOST --headless`.
    ///
    /// # Errors
    ///
    /// When the program has not been built.
    pub fn load(scenario: &Path, host: &str) -> Result<Self> {
        let scenario = scenario.to_str().context("the scenario's path is no UTF-8")?;
        Ok(Self::new()?.args(["-f", scenario, "-H", host, "--headless"]))
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<I, S>(mut self, arguments: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        self.command.args(arguments);
        self
    }

    /// Adds one argument, which may be a path.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Gives it something to read on its standard input.
    ///
    /// # Errors
    ///
    /// When the text cannot be put into a file.
    pub fn input(mut self, text: &str) -> Result<Self> {
        let mut file = tempfile::tempfile()?;
        file.write_all(text.as_bytes())?;
        file.rewind()?;
        self.command.stdin(file);
        Ok(self)
    }

    /// Runs it in a folder; otherwise it runs in an empty one.
    #[must_use]
    pub fn in_dir(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self.in_folder = true;
        self
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn spawn(mut self) -> Result<Running> {
        raise_open_files();
        let scratch = if self.in_folder {
            None
        } else {
            Some(Scratch::new()?)
        };
        if let Some(scratch) = &scratch {
            self.command.current_dir(scratch.path());
        }
        Running::start(self.command, scratch)
    }

    /// Starts it and waits for its end, `patience` at most.
    ///
    /// # Errors
    ///
    /// When it cannot be started, or is not done in time; it is killed then and what it said is in the error.
    pub fn run_to_end(self, patience: Duration) -> Result<Finished> {
        self.spawn()?.wait(patience)
    }
}

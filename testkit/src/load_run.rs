//! One load test from script to numbers: what nearly every end-to-end test does.
//!
//! In: a scenario as text, a host, arguments. Out: a [`Report`] with how the process ended and what its files say.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::Signal;

use crate::binary::katydid_bin;
use crate::katydid::Katydid;
use crate::outcome::{CsvTable, JsonResult};
use crate::running::{Finished, Running};
use crate::scratch::Scratch;

/// A load test to be.
#[derive(Debug)]
pub struct LoadRun {
    command: Katydid,
    scratch: Scratch,
}

/// A load test that runs.
#[derive(Debug)]
pub struct RunningLoad {
    /// Its process.
    pub process: Running,
    scratch: Scratch,
}

/// A load test that is over.
#[derive(Debug)]
pub struct Report {
    /// How its process ended.
    pub finished: Finished,
    /// What it wrote as JSON.
    pub json: JsonResult,
    scratch: Scratch,
}

impl LoadRun {
    /// A headless run that writes `report.json` and `report_….csv`.
    ///
    /// # Errors
    ///
    /// When the program has not been built, or the scenario cannot be written.
    pub fn new(scenario: &str, host: &str) -> Result<Self> {
        Self::of_program(katydid_bin()?, scenario, host)
    }

    /// The same with a particular build of the program.
    ///
    /// # Errors
    ///
    /// When the scenario cannot be written.
    pub fn of_program(program: PathBuf, scenario: &str, host: &str) -> Result<Self> {
        let scratch = Scratch::new()?;
        scratch.write("scenario.rhai", scenario)?;
        let arguments = [
            "-f",
            "scenario.rhai",
            "-H",
            host,
            "--headless",
            "--json-file",
            "report",
            "--csv",
            "report",
        ];
        let command = Katydid::at(program).args(arguments).in_dir(scratch.path());
        Ok(Self { command, scratch })
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<I, S>(mut self, arguments: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        self.command = self.command.args(arguments);
        self
    }

    /// Adds the usual three: users, users per second, run time.
    #[must_use]
    pub fn load(self, users: u32, spawn_rate: u32, run_time: &str) -> Self {
        self.args([
            "-u",
            &users.to_string(),
            "-r",
            &spawn_rate.to_string(),
            "-t",
            run_time,
        ])
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command = self.command.env(name, value);
        self
    }

    /// Puts a file beside the scenario.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn file(self, name: &str, text: &str) -> Result<Self> {
        self.scratch.write(name, text)?;
        Ok(self)
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn start(self) -> Result<RunningLoad> {
        Ok(RunningLoad {
            process: self.command.spawn()?,
            scratch: self.scratch,
        })
    }

    /// Runs it to its end, `patience` at most.
    ///
    /// # Errors
    ///
    /// When it is not done in time or leaves no report.
    pub fn run(self, patience: Duration) -> Result<Report> {
        self.start()?.finish(patience)
    }
}

impl RunningLoad {
    /// Its process.
    pub fn process(&mut self) -> &mut Running {
        &mut self.process
    }

    /// Sends it a signal.
    ///
    /// # Errors
    ///
    /// When it has ended.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        self.process.signal(signal)
    }

    /// Waits for its end, `patience` at most, and reads its report.
    ///
    /// # Errors
    ///
    /// When it is not done in time or leaves no report.
    pub fn finish(self, patience: Duration) -> Result<Report> {
        Report::read(self.process.wait(patience)?, self.scratch)
    }
}

impl Report {
    /// What a process that has ended left in its folder.
    ///
    /// # Errors
    ///
    /// When it has left nothing.
    pub fn read(finished: Finished, scratch: Scratch) -> Result<Self> {
        let json = JsonResult::read(&scratch.file("report.json"))
            .with_context(|| format!("{} said:\n{}", finished.line, finished.stderr))?;
        Ok(Self {
            finished,
            json,
            scratch,
        })
    }

    /// One of its tables: `stats`, `stats_history`, `failures`, `exceptions`.
    ///
    /// # Errors
    ///
    /// When it does not exist or is no table.
    pub fn csv(&self, table: &str) -> Result<CsvTable> {
        CsvTable::read(&self.scratch.file(&format!("report_{table}.csv")))
    }

    /// This, if the process ended with a code.
    ///
    /// # Errors
    ///
    /// Otherwise, with everything it said.
    pub fn expect_code(self, code: i32) -> Result<Self> {
        self.finished.clone().expect_code(code)?;
        Ok(self)
    }

    /// The folder it ran in.
    #[must_use]
    pub fn folder(&self) -> &Scratch {
        &self.scratch
    }
}

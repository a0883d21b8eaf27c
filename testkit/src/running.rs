//! A process the test started, and how it ended.
//!
//! In: a command. Out: [`Running`], which can be looked at, signalled and waited for, and is killed when dropped; then
//! [`Finished`] with everything it said.

use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::Instant;

use crate::drain::Drain;
use crate::eventually::{PATIENCE, retry};
use crate::process_stat::ProcessStat;
use crate::scratch::Scratch;

const PAUSE: Duration = Duration::from_millis(2);

/// A process that may still run.
#[derive(Debug)]
pub struct Running {
    child: Child,
    line: String,
    started: Instant,
    stdout: Drain,
    stderr: Drain,
    /// The folder it runs in, when the test named none.
    _scratch: Option<Scratch>,
}

/// A process that has ended.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The command line, for messages.
    pub line: String,
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// All of its standard output.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
    /// From its start to its end.
    pub elapsed: Duration,
}

impl Running {
    pub(crate) fn start(mut command: Command, scratch: Option<Scratch>) -> Result<Self> {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let line = words
            .map(|word| word.to_string_lossy())
            .collect::<Vec<_>>()
            .join(" ");
        let started = Instant::now();
        let mut child = command.spawn().with_context(|| format!("cannot start {line}"))?;
        let stdout = Drain::start(child.stdout.take());
        let stderr = Drain::start(child.stderr.take());
        Ok(Self {
            child,
            line,
            started,
            stdout,
            stderr,
            _scratch: scratch,
        })
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Since its start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// How it ended; `None` when it has not.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn try_status(&mut self) -> Result<Option<ExitStatus>> {
        self.child
            .try_wait()
            .with_context(|| format!("cannot wait for {}", self.line))
    }

    /// Its standard output so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        self.stdout.so_far()
    }

    /// Its standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.stderr.so_far()
    }

    /// Where it says that it serves metrics: address and port.
    ///
    /// # Errors
    ///
    /// When it does not say so.
    pub fn metrics_address(&self) -> Result<String> {
        retry(PATIENCE, || {
            let said = self.stderr();
            let (_, rest) = said
                .split_once("Serving metrics at http://")
                .with_context(|| format!("no metrics:\n{said}"))?;
            let (address, _) = rest.split_once('/').context("not all of it")?;
            Ok(address.to_owned())
        })
    }

    /// Its memory and processor time now.
    ///
    /// # Errors
    ///
    /// When it has ended, or the system does not tell.
    pub fn stat(&self) -> Result<ProcessStat> {
        ProcessStat::of(self.id())
    }

    /// Sends it a signal.
    ///
    /// # Errors
    ///
    /// When it has ended.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        // Until it is waited for, its id belongs to no other process.
        ensure!(
            self.is_running(),
            "{} ended before {signal} could be sent:\n{}",
            self.line,
            self.stderr()
        );
        let id = i32::try_from(self.id())?;
        kill(Pid::from_raw(id), signal).with_context(|| format!("cannot send {signal} to {}", self.line))
    }

    /// Waits for its end, `patience` at most.
    ///
    /// # Errors
    ///
    /// When it is not done in time; it is killed then and what it said is in the error.
    pub fn wait(mut self, patience: Duration) -> Result<Finished> {
        let waiting = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            if waiting.elapsed() > patience {
                self.end();
                let (out, err) = (self.stdout.finish(), self.stderr.finish());
                bail!(
                    "{} was not done after {patience:?}\n--- stdout\n{out}\n--- stderr\n{err}",
                    self.line
                );
            }
            std::thread::sleep(PAUSE);
        };
        let elapsed = self.started.elapsed();
        Ok(Finished {
            line: self.line.clone(),
            code: status.code(),
            stdout: self.stdout.finish(),
            stderr: self.stderr.finish(),
            elapsed,
        })
    }

    fn end(&mut self) {
        // Both fail only when it has ended by itself.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

impl Finished {
    /// This, if it ended with a code.
    ///
    /// # Errors
    ///
    /// Otherwise, with everything it said.
    pub fn expect_code(self, code: i32) -> Result<Self> {
        ensure!(
            self.code == Some(code),
            "{} ended with {}, not {code}, after {} ms\n--- stdout\n{}\n--- stderr\n{}",
            self.line,
            self.code.map_or("a signal".to_owned(), |code| code.to_string()),
            self.elapsed.as_millis(),
            self.stdout,
            self.stderr
        );
        Ok(self)
    }

    /// This, if its standard error has all of these texts.
    ///
    /// # Errors
    ///
    /// Otherwise, naming the first that is missing.
    pub fn expect_stderr(self, texts: &[&str]) -> Result<Self> {
        for text in texts {
            ensure!(
                self.stderr.contains(text),
                "{}: no `{text}` in\n{}",
                self.line,
                self.stderr
            );
        }
        Ok(self)
    }
}

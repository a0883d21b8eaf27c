//! A fleet of real processes: a master that can be killed and started again, and workers.
//!
//! In: a scenario, a host, the master's arguments. Out: processes to signal, and in the end the master's [`Report`].

use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use nix::sys::signal::Signal;

use crate::eventually::{PATIENCE, retry};
use crate::katydid::Katydid;
use crate::load_run::Report;
use crate::namespace::Namespace;
use crate::running::Running;
use crate::scratch::Scratch;

/// A master and what it takes to start it again.
#[derive(Debug)]
pub struct Fleet {
    scratch: Scratch,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    port: u16,
    master: Running,
}

impl Fleet {
    /// Starts a headless master on a free port, which keeps its run in a journal and writes `report.json` and
    /// `report_….csv`.
    ///
    /// # Errors
    ///
    /// When the program has not been built, or the master does not come to wait for workers.
    pub fn start(scenario: &str, host: &str, arguments: &[&str]) -> Result<Self> {
        Self::start_with(scenario, &[], host, arguments, &[])
    }

    /// The same with files beside the scenario and variables in the master's environment.
    ///
    /// # Errors
    ///
    /// See [`Self::start`].
    pub fn start_with(
        scenario: &str,
        files: &[(&str, &str)],
        host: &str,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<Self> {
        let scratch = Scratch::new()?;
        scratch.write("scenario.rhai", scenario)?;
        for (name, text) in files {
            scratch.write(name, text)?;
        }
        let own = [
            "-f",
            "scenario.rhai",
            "-H",
            host,
            "--headless",
            "--json-file",
            "report",
            "--csv",
            "report",
            "--journal",
            "journal.db",
            "--master",
        ];
        let arguments: Vec<String> = own.iter().chain(arguments).map(|&text| text.to_owned()).collect();
        let environment: Vec<(String, String)> = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let master = spawn(&scratch, &arguments, &environment, 0)?;
        let port = port_of(&master)?;
        Ok(Self {
            scratch,
            arguments,
            environment,
            port,
            master,
        })
    }

    /// Where workers find the master.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The master's process.
    pub fn master(&mut self) -> &mut Running {
        &mut self.master
    }

    /// The folder the master runs in.
    #[must_use]
    pub fn folder(&self) -> &Scratch {
        &self.scratch
    }

    /// What the master has said so far; since its restart, if there was one.
    #[must_use]
    pub fn log(&self) -> String {
        self.master.stderr()
    }

    /// Starts a worker of one load thread.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn worker(&self, name: &str) -> Result<Running> {
        self.worker_with(name, &[])
    }

    /// Starts a worker of one load thread with more arguments.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn worker_with(&self, name: &str, arguments: &[&str]) -> Result<Running> {
        Katydid::new()?
            .args(["--worker", "--worker-name", name, "--threads", "1"])
            .args(["--master-port", &self.port.to_string()])
            .args(arguments)
            .spawn()
    }

    /// Starts a worker of one load thread behind a cable; the master must listen on our end of it.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn worker_within(&self, namespace: &Namespace, name: &str, arguments: &[&str]) -> Result<Running> {
        Katydid::within(namespace)?
            .args(["--worker", "--worker-name", name, "--threads", "1"])
            .args(["--master-host", &namespace.ours().to_string()])
            .args(["--master-port", &self.port.to_string()])
            .args(arguments)
            .spawn()
    }

    /// Kills the master as nothing can be caught or cleaned up.
    ///
    /// # Errors
    ///
    /// When it has ended already.
    pub fn kill_master(&mut self) -> Result<()> {
        self.master.signal(Signal::SIGKILL)?;
        retry(PATIENCE, || {
            if self.master.is_running() {
                return Err(anyhow!("the master survived SIGKILL"));
            }
            Ok(())
        })
    }

    /// Waits until the master has ended with a code, `patience` at most; what it said since its start.
    ///
    /// # Errors
    ///
    /// When it goes on, or ends with another code.
    pub fn master_ends(&mut self, patience: Duration, code: i32) -> Result<String> {
        let status = retry(patience, || {
            let status = self.master.try_status()?;
            status.ok_or_else(|| anyhow!("the master goes on:\n{}", self.master.stderr()))
        })?;
        let log = self.master.stderr();
        ensure!(
            status.code() == Some(code),
            "the master ended with {status}, not {code}:\n{log}"
        );
        Ok(log)
    }

    /// Starts the master again, with the same arguments on the same port.
    ///
    /// # Errors
    ///
    /// When it does not come to wait for workers.
    pub fn restart_master(&mut self) -> Result<()> {
        self.master = spawn(&self.scratch, &self.arguments, &self.environment, self.port)?;
        port_of(&self.master).map(drop)
    }

    /// Waits until the master says something.
    ///
    /// # Errors
    ///
    /// When it has not said it within `patience`.
    pub fn wait_for(&mut self, patience: Duration, text: &str) -> Result<()> {
        retry(patience, || {
            let log = self.master.stderr();
            if log.contains(text) {
                return Ok(());
            }
            Err(anyhow!("the master never said `{text}`:\n{log}"))
        })
    }

    /// Waits for the master's end, `patience` at most, and reads its report.
    ///
    /// # Errors
    ///
    /// When it is not done in time or leaves no report.
    pub fn finish(self, patience: Duration) -> Result<Report> {
        Report::read(self.master.wait(patience)?, self.scratch)
    }
}

fn spawn(
    scratch: &Scratch,
    arguments: &[String],
    environment: &[(String, String)],
    port: u16,
) -> Result<Running> {
    let mut command = Katydid::new()?
        .args(arguments)
        .args(["--master-bind-port", &port.to_string()])
        .in_dir(scratch.path());
    for (name, value) in environment {
        command = command.env(name, value);
    }
    command.spawn()
}

/// The port the master says it listens on.
pub(crate) fn port_of(master: &Running) -> Result<u16> {
    let port = retry(PATIENCE, || {
        let log = master.stderr();
        log.lines()
            .find_map(|line| line.split_once("Waiting for workers on "))
            .and_then(|(_, address)| address.trim().rsplit_once(':'))
            .map(|(_, port)| port.to_owned())
            .ok_or_else(|| anyhow!("the master does not wait for workers:\n{log}"))
    })?;
    port.parse().context("the master's port")
}

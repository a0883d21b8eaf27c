//! A test with a page: the real program serving it on a free port.
//!
//! In: a scenario, a host, arguments. Out: [`Page`], which can be called as browsers and tools do.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use nix::sys::signal::Signal;

use crate::eventually::retry;
use crate::fleet::port_of;
use crate::http_call::{HttpAnswer, HttpCall};
use crate::katydid::Katydid;
use crate::namespace::Namespace;
use crate::running::Running;
use crate::scratch::Scratch;

const PATIENCE: Duration = Duration::from_secs(60);

/// The program with its page.
#[derive(Debug)]
pub struct Page {
    url: String,
    arguments: Vec<String>,
    /// The process.
    pub process: Running,
    /// The folder it runs in.
    pub folder: Scratch,
}

impl Page {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// When the program has not been built, or the page is not served.
    pub fn start(scenario: &str, host: &str, arguments: &[&str]) -> Result<Self> {
        let with_host: Vec<&str> = ["-H", host].iter().chain(arguments).copied().collect();
        Self::start_without_host(scenario, &with_host)
    }

    /// Starts it as a master that listens for workers and keeps its run in `journal.db`.
    ///
    /// # Errors
    ///
    /// See [`Self::start`].
    pub fn start_master(scenario: &str, host: &str, arguments: &[&str]) -> Result<Self> {
        let own = ["--master", "--master-bind-port", "0", "--journal", "journal.db"];
        Self::start(scenario, host, &[&own, arguments].concat())
    }

    /// Starts it in a network of its own, where only those within that network find it.
    ///
    /// # Errors
    ///
    /// When the program has not been built, or the page is not served.
    pub fn start_within(
        namespace: &Namespace,
        scenario: &str,
        host: &str,
        arguments: &[&str],
    ) -> Result<Self> {
        let with_host: Vec<&str> = ["-H", host].iter().chain(arguments).copied().collect();
        Self::start_as(Katydid::within(namespace)?, scenario, &with_host)
    }

    /// Starts it with no host but those the scenario names.
    ///
    /// # Errors
    ///
    /// See [`Self::start`].
    pub fn start_without_host(scenario: &str, arguments: &[&str]) -> Result<Self> {
        Self::start_as(Katydid::new()?, scenario, arguments)
    }

    fn start_as(katydid: Katydid, scenario: &str, arguments: &[&str]) -> Result<Self> {
        let folder = Scratch::new()?;
        folder.write("scenario.rhai", scenario)?;
        let own = ["-f", "scenario.rhai"];
        let arguments: Vec<String> = own.iter().chain(arguments).map(|&text| text.to_owned()).collect();
        let (process, url) = spawn(katydid, &arguments, 0, &folder)?;
        Ok(Self {
            url,
            arguments,
            process,
            folder,
        })
    }

    /// Kills it as nothing can be caught or cleaned up.
    ///
    /// # Errors
    ///
    /// When it has ended already.
    pub fn kill(&mut self) -> Result<()> {
        self.process.signal(Signal::SIGKILL)?;
        retry(PATIENCE, || {
            ensure!(!self.process.is_running(), "it survived SIGKILL");
            Ok(())
        })
    }

    /// Starts it again, with the same arguments on the same ports: workers look for it where it was.
    ///
    /// # Errors
    ///
    /// When the page is not served.
    pub fn restart(&mut self) -> Result<()> {
        let bind_port = self
            .arguments
            .iter()
            .position(|word| word == "--master-bind-port");
        if let Some(at) = bind_port {
            self.arguments[at + 1] = self.fleet_port()?.to_string();
        }
        let (_, rest) = self.url.split_once("://").context("no URL")?;
        let authority = rest.split('/').next().unwrap_or_default();
        let (_, port) = authority.rsplit_once(':').context("no port")?;
        (self.process, self.url) = spawn(Katydid::new()?, &self.arguments, port.parse()?, &self.folder)?;
        Ok(())
    }

    /// Where workers find it, when it is a master that was told `--master-bind-port 0`.
    ///
    /// # Errors
    ///
    /// When it does not come to wait for workers.
    pub fn fleet_port(&self) -> Result<u16> {
        port_of(&self.process)
    }

    /// A worker of one load thread for a page that is a master, once the page knows of it; `count` is how many it has then.
    ///
    /// # Errors
    ///
    /// When it does not come.
    pub fn worker(&self, name: &str, count: u64) -> Result<Running> {
        let port = self.fleet_port()?.to_string();
        let worker = Katydid::new()?
            .args(["--worker", "--master-port", &port])
            .args(["--threads", "1", "--worker-name", name])
            .spawn()?;
        self.wait_for(|stats| stats["worker_count"] == count)?;
        Ok(worker)
    }

    /// Where it is, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Fetches something.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn get(&self, path: &str) -> Result<HttpAnswer> {
        HttpCall::new("GET", &format!("{}{path}", self.url)).send()
    }

    /// Posts a form.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn post(&self, path: &str, form: &str) -> Result<HttpAnswer> {
        HttpCall::new("POST", &format!("{}{path}", self.url))
            .body(form)
            .send()
    }

    /// `/stats/requests`.
    ///
    /// # Errors
    ///
    /// When there is no answer, or it is no JSON.
    pub fn stats(&self) -> Result<serde_json::Value> {
        self.get("/stats/requests")?.json()
    }

    /// Waits until `/stats/requests` fits.
    ///
    /// # Errors
    ///
    /// When it does not within a minute.
    pub fn wait_for(&self, fits: impl Fn(&serde_json::Value) -> bool) -> Result<serde_json::Value> {
        retry(PATIENCE, || {
            let stats = self.stats()?;
            if fits(&stats) {
                Ok(stats)
            } else {
                Err(anyhow!("still {stats}"))
            }
        })
    }
}

/// Starts the program and waits for its page.
fn spawn(katydid: Katydid, arguments: &[String], port: u16, folder: &Scratch) -> Result<(Running, String)> {
    let process = katydid
        .args(arguments)
        .args(["-P", &port.to_string()])
        .in_dir(folder.path())
        .spawn()?;
    let url = retry(PATIENCE, || {
        let said = process.stderr();
        let (_, rest) = said
            .split_once("Starting web interface at ")
            .ok_or_else(|| anyhow!("no page: {said}"))?;
        let (url, _) = rest.split_once('\n').context("not all of it")?;
        Ok(url.trim_end_matches('/').to_owned())
    })?;
    Ok((process, url))
}

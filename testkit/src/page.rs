//! A test with a page: the real program serving it on a free port.
//!
//! In: a scenario, a host, arguments. Out: [`Page`], which can be called as browsers and tools do.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use crate::eventually::retry;
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
        Self::start_as(Katydid::new()?, scenario, host, arguments)
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
        Self::start_as(Katydid::within(namespace)?, scenario, host, arguments)
    }

    fn start_as(katydid: Katydid, scenario: &str, host: &str, arguments: &[&str]) -> Result<Self> {
        let folder = Scratch::new()?;
        folder.write("scenario.rhai", scenario)?;
        let own = ["-f", "scenario.rhai", "-H", host, "-P", "0"];
        let process = katydid
            .args(own.iter().chain(arguments))
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
        Ok(Self { url, process, folder })
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

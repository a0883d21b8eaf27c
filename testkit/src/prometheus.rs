//! A real Prometheus, of Debian's package, that scrapes what it is told to.
//!
//! In: a configuration, files beside it. Out: answers of its API.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::eventually::retry;
use crate::http_call::HttpCall;
use crate::ports::free_port;
use crate::scratch::Scratch;

const PATIENCE: Duration = Duration::from_secs(60);
/// Times a port may be taken by somebody else before Prometheus listens on it.
const ATTEMPTS: usize = 5;

/// Prometheus.
#[derive(Debug)]
pub struct Prometheus {
    process: Child,
    url: String,
    _folder: Scratch,
}

impl Prometheus {
    /// Starts one with a configuration; the files named in it by their bare names are `files`. `None` where Prometheus is
    /// not installed and nobody insists, as CI does.
    ///
    /// # Errors
    ///
    /// When it is missing in CI, or does not come up.
    pub fn start(config: &str, files: &[(&str, &str)]) -> Result<Option<Self>> {
        let is_installed = Command::new("prometheus").arg("--version").output().is_ok();
        if !is_installed {
            ensure!(
                std::env::var_os("CI").is_none(),
                "prometheus is missing: cargo xtask test installs it"
            );
            return Ok(None);
        }
        for _ in 0..ATTEMPTS {
            if let Some(prometheus) = Self::attempt(config, files)? {
                return Ok(Some(prometheus));
            }
        }
        bail!("prometheus does not come up with\n{config}")
    }

    fn attempt(config: &str, files: &[(&str, &str)]) -> Result<Option<Self>> {
        let folder = Scratch::new()?;
        let config = folder.write("prometheus.yml", config)?;
        for (name, text) in files {
            folder.write(name, text)?;
        }
        let port = free_port()?;
        let log = std::fs::File::create(folder.file("log"))?;
        let process = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.file("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("prometheus")?;
        let mut prometheus = Self {
            process,
            url: format!("http://127.0.0.1:{port}"),
            _folder: folder,
        };
        let ready = format!("{}/-/ready", prometheus.url);
        let is_up = retry(PATIENCE, || {
            if let Some(status) = prometheus.process.try_wait()? {
                return Ok(Err(status));
            }
            ensure!(HttpCall::new("GET", &ready).send()?.status == 200, "not ready");
            Ok(Ok(()))
        })?;
        Ok(is_up.is_ok().then_some(prometheus))
    }

    /// The members an expression comes to now: labels and value.
    ///
    /// # Errors
    ///
    /// When Prometheus does not understand it.
    pub fn query(&self, expression: &str) -> Result<Vec<(Value, f64)>> {
        let form: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("query", expression)
            .finish();
        let answer = HttpCall::new("POST", &format!("{}/api/v1/query", self.url))
            .body(form)
            .send()?
            .json()?;
        ensure!(answer["status"] == "success", "{expression}: {answer}");
        let number = |value: &Value| value[1].as_str().and_then(|text| text.parse().ok());
        let data = &answer["data"];
        if data["resultType"] == "scalar" {
            return Ok(number(&data["result"])
                .map(|number| (Value::Null, number))
                .into_iter()
                .collect());
        }
        let members = data["result"].as_array().cloned().unwrap_or_default();
        Ok(members
            .into_iter()
            .filter_map(|member| Some((member["metric"].clone(), number(&member["value"])?)))
            .collect())
    }

    /// The sum of what an expression comes to.
    ///
    /// # Errors
    ///
    /// See [`Self::query`].
    pub fn sum(&self, expression: &str) -> Result<f64> {
        Ok(self.query(expression)?.iter().map(|(_, value)| value).sum())
    }

    /// Something of its API, below `/api/v1/`.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn api(&self, path: &str) -> Result<Value> {
        Ok(HttpCall::new("GET", &format!("{}/api/v1/{path}", self.url))
            .send()?
            .json()?["data"]
            .clone())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended already.
        let _killed = self.process.kill();
        let _reaped = self.process.wait();
    }
}

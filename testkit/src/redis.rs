//! A real Redis, of Debian's package, that keeps nothing.
//!
//! In: nothing. Out: a URL, and what it has counted.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::eventually::retry;
use crate::ports::free_port;
use crate::scratch::Scratch;

const PATIENCE: Duration = Duration::from_secs(60);

/// Redis.
#[derive(Debug)]
pub struct Redis {
    process: Child,
    port: u16,
    folder: Scratch,
}

impl Redis {
    /// Starts one on a free port of loopback. `None` where Redis is not installed and nobody insists, as CI does.
    ///
    /// # Errors
    ///
    /// When it is missing in CI, or does not come up.
    pub fn start() -> Result<Option<Self>> {
        if Command::new("redis-server").arg("--version").output().is_err() {
            ensure!(
                std::env::var_os("CI").is_none(),
                "redis-server is missing: cargo xtask test installs it"
            );
            return Ok(None);
        }
        let (port, folder) = (free_port()?, Scratch::new()?);
        let process = spawn(port, &folder)?;
        let redis = Self {
            process,
            port,
            folder,
        };
        redis.wait()?;
        Ok(Some(redis))
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// What a key counts; 0 when there is none.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub fn count(&self, key: &str) -> Result<u64> {
        let said = self.ask(&["get", key])?;
        Ok(if said.is_empty() { 0 } else { said.parse()? })
    }

    /// Kills it, and with it what it has counted.
    ///
    /// # Errors
    ///
    /// When it has ended already.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Starts it again on its port.
    ///
    /// # Errors
    ///
    /// When it does not come up.
    pub fn restart(&mut self) -> Result<()> {
        self.process = spawn(self.port, &self.folder)?;
        self.wait()
    }

    fn wait(&self) -> Result<()> {
        retry(PATIENCE, || {
            ensure!(self.ask(&["ping"])? == "PONG", "no answer");
            Ok(())
        })
    }

    fn ask(&self, words: &[&str]) -> Result<String> {
        let output = Command::new("redis-cli")
            .args(["-p", &self.port.to_string()])
            .args(words)
            .output()
            .context("redis-cli")?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

fn spawn(port: u16, folder: &Scratch) -> Result<Child> {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no"])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .spawn()
        .context("redis-server")
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended already.
        let _killed = self.process.kill();
        let _reaped = self.process.wait();
    }
}

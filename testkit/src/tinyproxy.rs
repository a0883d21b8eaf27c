//! Debian's tinyproxy: an HTTP proxy as companies have it, absolute URLs and CONNECT.
//!
//! In: nothing but an installed tinyproxy. Out: a port of loopback, and what it was asked for.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::Signal;

use crate::debian_server;
use crate::ports::free_port;
use crate::running::Running;
use crate::scratch::Scratch;

/// tinyproxy, running.
#[derive(Debug)]
pub struct Tinyproxy {
    process: Running,
    folder: Scratch,
    port: u16,
}

impl Tinyproxy {
    /// Starts it; `None`, with a word about it, where it is not installed.
    ///
    /// # Errors
    ///
    /// When it does not start, or is missing in CI.
    pub fn start() -> Result<Option<Self>> {
        debian_server::start("tinyproxy", "tinyproxy-bin", Self::start_once)
    }

    fn start_once(program: &Path) -> Result<Self> {
        let folder = Scratch::new()?;
        let port = free_port()?;
        let log = folder.file("tinyproxy.log");
        let log = log.to_str().context("the test's folder is no UTF-8")?;
        folder.write(
            "tinyproxy.conf",
            &format!(
                "Port {port}\nListen 127.0.0.1\nAllow 127.0.0.1\nTimeout 600\nMaxClients 500\nLogFile \"{log}\"\nLogLevel Connect\n"
            ),
        )?;
        let mut command = Command::new(program);
        command.arg("-d").arg("-c").arg(folder.file("tinyproxy.conf"));
        let log = || folder.read("tinyproxy.log").unwrap_or_default();
        let process = debian_server::listening(command, &[port], log)?;
        Ok(Self {
            process,
            folder,
            port,
        })
    }

    /// Its port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Ends it; gives the first line of every request it got, such as `CONNECT host:443 HTTP/1.1`.
    ///
    /// # Errors
    ///
    /// When it does not end, or left no log.
    pub fn finish(mut self) -> Result<Vec<String>> {
        self.process.signal(Signal::SIGTERM)?;
        self.process.wait(Duration::from_secs(20))?;
        let log = self.folder.read("tinyproxy.log")?;
        let lines = log
            .lines()
            .filter(|line| line.contains("Request (file descriptor"));
        Ok(lines
            .filter_map(|line| line.split_once("): ").map(|(_, request)| request.to_owned()))
            .collect())
    }
}

//! nginx as the server under load, pinned to a core, and its own counters as the truth of what was served.
//!
//! In: a core. Out: a port that answers `ok` to anything, and exact counts of requests and connections.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::lab::Lab;
use super::process::Running;
use super::wire::{free_port, get};
use crate::clock::wait_for;
use crate::packages::find_program;

/// A running nginx: one process, one core.
#[derive(Debug)]
pub(super) struct Nginx {
    process: Running,
    status_port: u16,
    folder: PathBuf,
    /// Requests made to read the counters, which nginx counts like any other.
    asked: u64,
}

/// What nginx has counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counters {
    /// Requests received, those that read the counters not included.
    pub(super) requests: u64,
    /// Connections open now, this one's not included.
    pub(super) connections: u64,
}

/// The program, or what to do about its absence.
///
/// # Errors
/// When it is not installed.
pub(super) fn program() -> Result<PathBuf> {
    find_program("nginx").context("nginx is not installed: run `cargo xtask bench --install-peers`")
}

impl Nginx {
    /// Starts nginx on `core`, listening on `port`; several may share the port, and the kernel spreads connections.
    ///
    /// # Errors
    /// When it is not installed or does not answer within five seconds.
    pub(super) fn start(lab: &Lab, core: usize, port: u16) -> Result<Self> {
        Self::start_with(lab, core, port, "")
    }

    /// The same over TLS with the certificate and key of the scratch folder (see `secure`), and HTTP/2 if wanted.
    ///
    /// # Errors
    /// As for [`Self::start`].
    pub(super) fn start_secure(lab: &Lab, core: usize, port: u16, http2: bool) -> Result<Self> {
        Self::start_with(lab, core, port, if http2 { "ssl http2" } else { "ssl" })
    }

    fn start_with(lab: &Lab, core: usize, port: u16, options: &str) -> Result<Self> {
        let program = program()?;
        let mut last = None;
        // The port of the counters is free when it is picked, not necessarily a moment later.
        for _attempt in 0..3 {
            match Self::try_start(lab, &program, core, (port, options), free_port()?) {
                Ok(nginx) => return Ok(nginx),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| anyhow::anyhow!("nginx did not start")))
    }

    fn try_start(
        lab: &Lab,
        program: &PathBuf,
        core: usize,
        listen: (u16, &str),
        status_port: u16,
    ) -> Result<Self> {
        let folder = lab.scratch.join(format!("nginx-{status_port}"));
        std::fs::create_dir_all(folder.join("temp"))?;
        let keys = lab.scratch.display().to_string();
        std::fs::write(
            folder.join("nginx.conf"),
            configuration(listen, &keys, status_port),
        )?;
        let mut command = Command::new("taskset");
        command
            .args(["-c", &core.to_string()])
            .arg(program)
            .arg("-p")
            .arg(&folder);
        command
            .args(["-e", "stderr", "-c"])
            .arg(folder.join("nginx.conf"));
        let process = Running::start("nginx", &mut command, &folder.join("printed.log"))?;
        let mut nginx = Self {
            process,
            status_port,
            folder,
            asked: 0,
        };
        let up = wait_for(Duration::from_secs(5), Duration::from_millis(10), || {
            Ok(if nginx.process.is_alive() {
                nginx.counters().ok()
            } else {
                None
            })
        })?;
        if up.is_none() {
            bail!(
                "nginx does not answer on this machine; it printed:\n{}",
                nginx.process.said()
            );
        }
        Ok(nginx)
    }

    /// What it has counted so far.
    ///
    /// # Errors
    /// When it does not answer.
    pub(super) fn counters(&mut self) -> Result<Counters> {
        let page = get(self.status_port, "/").context("nginx does not tell its counters")?;
        self.asked += 1;
        let (connections, requests) = parse(&page).context("nginx's counters have an unknown form")?;
        Ok(Counters {
            requests: requests.saturating_sub(self.asked),
            connections: connections.saturating_sub(1),
        })
    }

    /// CPU time it has used.
    ///
    /// # Errors
    /// When it has ended.
    pub(super) fn cpu_time(&self) -> Result<Duration> {
        self.process.cpu_time()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.process.stop(Duration::from_secs(2));
        // What is left behind is a few files below the target directory.
        let _removed = std::fs::remove_dir_all(&self.folder);
    }
}

/// No master process: one process to pin, to measure and to end.
fn configuration((port, options): (u16, &str), keys: &str, status_port: u16) -> String {
    let certificate = if options.is_empty() {
        String::new()
    } else {
        format!("ssl_certificate {keys}/secure.pem; ssl_certificate_key {keys}/secure.key; ")
    };
    format!(
        "daemon off;\nmaster_process off;\nworker_processes 1;\npid nginx.pid;\nworker_rlimit_nofile 20000;\n\
         events {{ worker_connections 18000; }}\n\
         http {{\n  access_log off;\n  default_type text/plain;\n  keepalive_requests 1000000000;\n  \
         keepalive_timeout 1h;\n  tcp_nodelay on;\n  client_body_temp_path temp/body;\n  \
         proxy_temp_path temp/proxy;\n  fastcgi_temp_path temp/fastcgi;\n  uwsgi_temp_path temp/uwsgi;\n  \
         scgi_temp_path temp/scgi;\n  \
         server {{ listen 127.0.0.1:{port} {options} reuseport backlog=4096; {certificate}location / {{ return 200 \"ok\\n\"; }} }}\n  \
         server {{ listen 127.0.0.1:{status_port}; location / {{ stub_status; }} }}\n}}\n"
    )
}

/// Active connections and requests from a `stub_status` page.
fn parse(page: &str) -> Option<(u64, u64)> {
    let mut lines = page.lines();
    let connections = lines
        .next()?
        .strip_prefix("Active connections:")?
        .trim()
        .parse()
        .ok()?;
    let requests = lines.nth(1)?.split_whitespace().nth(2)?.parse().ok()?;
    Some((connections, requests))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_page_is_understood() {
        let page = "Active connections: 291 \nserver accepts handled requests\n 16630948 16630948 31070465 \n\
                    Reading: 6 Writing: 179 Waiting: 106 \n";
        assert_eq!(parse(page), Some((291, 31_070_465)));
        assert_eq!(parse("<html>"), None);
    }
}

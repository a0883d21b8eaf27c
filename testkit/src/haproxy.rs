//! Debian's HAProxy: a load balancer with TLS and HTTP/2 before a target, and a third opinion on what was sent; or TLS
//! before something that speaks none.
//!
//! In: where the target is. Out: ports of loopback and, when it is finished, what it logged.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use nix::sys::signal::Signal;

use crate::certificates::{Certificates, Flaw};
use crate::debian_server::{self, WebServer};
use crate::ports::free_port;
use crate::scratch::Scratch;
use crate::served::Served;

/// HAProxy, running.
#[derive(Debug)]
pub struct Haproxy(WebServer);

impl Haproxy {
    /// Starts it before the target at `127.0.0.1:PORT`; `None`, with a word about it, where it is not installed.
    ///
    /// # Errors
    ///
    /// When it does not start, or is missing in CI.
    pub fn before(target: u16) -> Result<Option<Self>> {
        Self::start(target, "http")
    }

    /// The same, but it takes TLS away and looks no further: for what is no HTTP server.
    ///
    /// # Errors
    ///
    /// See [`Self::before`].
    pub fn tls_before(target: u16) -> Result<Option<Self>> {
        Self::start(target, "tcp")
    }

    fn start(target: u16, mode: &str) -> Result<Option<Self>> {
        debian_server::start("haproxy", "haproxy", |program| {
            Self::start_once(program, target, mode)
        })
    }

    fn start_once(program: &Path, target: u16, mode: &str) -> Result<Self> {
        let folder = Scratch::new()?;
        let certificates = Certificates::new(Flaw::None)?;
        folder.write(
            "both.pem",
            &format!("{}{}", certificates.certificate, certificates.key),
        )?;
        let ports = [free_port()?, free_port()?];
        folder.write("haproxy.cfg", &configuration(folder.path(), ports, target, mode)?)?;
        let mut command = Command::new(program);
        // In the foreground, as one process; it logs to its standard output, which a file takes however much it is.
        command.arg("-db").arg("-f").arg(folder.file("haproxy.cfg"));
        let log = File::create(folder.file("access.log")).context("a log for HAProxy")?;
        let process = debian_server::listening_and_logging(command, log, &ports)?;
        Ok(Self(WebServer {
            process,
            folder,
            ports,
            authority: certificates.authority,
        }))
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        self.0.url()
    }

    /// `https://localhost:PORT`, with HTTP/2 where it is HTTP at all.
    #[must_use]
    pub fn tls_url(&self) -> String {
        self.0.tls_url()
    }

    /// Writes the authority its certificate is signed by to a file, for `SSL_CERT_FILE`.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn authority_file(&self) -> Result<PathBuf> {
        self.0.authority_file()
    }

    /// Ends it and reads its log; connections are told apart by the client's port.
    ///
    /// # Errors
    ///
    /// When it does not end, or logged something else than requests.
    pub fn finish(self) -> Result<Served> {
        self.0.finish(Signal::SIGTERM)
    }
}

fn configuration(folder: &Path, [port, tls_port]: [u16; 2], target: u16, mode: &str) -> Result<String> {
    let folder = folder.to_str().context("the test's folder is no UTF-8")?;
    let (alpn, log) = if mode == "http" {
        ("alpn h2,http/1.1", "log-format \"%HM %HPO %ST %HV %cp\"")
    } else {
        ("", "no log")
    };
    Ok(format!(
        "global
  log stdout format raw local0
  nbthread 1
  maxconn 1000
defaults
  mode {mode}
  log global
  option dontlognull
  timeout connect 10s
  timeout client 1h
  timeout server 1h
frontend all
  bind 127.0.0.1:{port}
  bind 127.0.0.1:{tls_port} ssl crt {folder}/both.pem {alpn}
  {log}
  default_backend target
backend target
  server target 127.0.0.1:{target}
"
    ))
}

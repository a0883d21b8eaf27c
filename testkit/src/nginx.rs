//! Debian's nginx: as a second opinion, a server we did not write that counts in its own log; or as the proxy people put
//! before others.
//!
//! In: nothing but an installed nginx. Out: a server on loopback ports (HTTP/1.1, and HTTP/2 over TLS) and, when it is
//! finished, how many requests it logged per method, path and status.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use nix::sys::signal::Signal;

use crate::certificates::{Certificates, Flaw};
use crate::debian_server::{self, WebServer};
use crate::ports::free_port;
use crate::scratch::Scratch;
use crate::served::Served;

/// What it answers when it serves.
const SERVER: &str = "location = / { return 200 \"ok\\n\"; }
    location = /json { return 200 '{\"counted\":true}'; }
    location = /moved { return 302 /; }
    location = /broken { return 500; }
    location = /trailers { add_trailer x-sum $request_id; return 200 \"ok\\n\"; }
    location / { return 404; }";

/// nginx, serving.
#[derive(Debug)]
pub struct Nginx(WebServer);

impl Nginx {
    /// Starts it; `None`, with a word about it, where it is not installed. In CI it must be.
    ///
    /// Paths: `/` and `/json` answer 200, `/moved` redirects to `/`, `/broken` answers 500, all others 404.
    ///
    /// # Errors
    ///
    /// When it does not start, or is missing in CI.
    pub fn start() -> Result<Option<Self>> {
        Self::start_with(SERVER)
    }

    /// Starts it as a proxy, with the settings every manual shows; see [`Self::start`] for where it is missing.
    ///
    /// What is below `prefix` is passed on to `upstream`, a URL without a path; all else is 404.
    ///
    /// # Errors
    ///
    /// See [`Self::start`].
    pub fn proxy(upstream: &str, prefix: &str) -> Result<Option<Self>> {
        Self::start_with(&format!(
            "location {prefix}/ {{
      proxy_pass {upstream};
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
    }}
    location / {{ return 404; }}"
        ))
    }

    fn start_with(locations: &str) -> Result<Option<Self>> {
        debian_server::start("nginx", "nginx-light", |program| {
            Self::start_once(program, locations)
        })
    }

    fn start_once(program: &Path, locations: &str) -> Result<Self> {
        let folder = Scratch::new()?;
        let certificates = Certificates::new(Flaw::None)?;
        folder.write("certificate.pem", &certificates.certificate)?;
        folder.write("key.pem", &certificates.key)?;
        let (port, tls_port) = (free_port()?, free_port()?);
        let path = folder.path().to_str().context("the test's folder is no UTF-8")?;
        folder.write("nginx.conf", &configuration(path, port, tls_port, locations))?;
        let mut command = Command::new(program);
        command
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(folder.file("nginx.conf"));
        command.arg("-e").arg(folder.file("error.log"));
        let log = || folder.read("error.log").unwrap_or_default();
        let process = debian_server::listening(command, &[port, tls_port], log)?;
        Ok(Self(WebServer {
            process,
            folder,
            ports: [port, tls_port],
            authority: certificates.authority,
        }))
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        self.0.url()
    }

    /// `https://localhost:PORT`, with HTTP/2.
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

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.0.process.id()
    }

    /// Ends it and reads its log.
    ///
    /// # Errors
    ///
    /// When it does not end, or logged something else than requests.
    pub fn finish(self) -> Result<Served> {
        self.0.finish(Signal::SIGQUIT)
    }
}

/// A single process, so that its id is all there is to signal.
fn configuration(folder: &str, port: u16, tls_port: u16, locations: &str) -> String {
    format!(
        "daemon off;
master_process off;
pid {folder}/nginx.pid;
worker_rlimit_nofile 20000;
events {{ worker_connections 16384; }}
http {{
  log_format counted '$request_method $uri $status $server_protocol $connection';
  access_log {folder}/access.log counted buffer=256k;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 3600s;
  tcp_nodelay on;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    listen 127.0.0.1:{tls_port} ssl http2 backlog=4096;
    ssl_certificate {folder}/certificate.pem;
    ssl_certificate_key {folder}/key.pem;
    default_type text/plain;
    {locations}
  }}
}}
"
    )
}

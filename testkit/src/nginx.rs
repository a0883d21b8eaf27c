//! Debian's nginx: as a second opinion, a server we did not write that counts in its own log; or as the proxy people put
//! before others.
//!
//! In: nothing but an installed nginx. Out: a server on loopback ports (HTTP/1.1, and HTTP/2 over TLS) and, when it is
//! finished, how many requests it logged per method, path and status.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::Signal;

use crate::certificates::{Certificates, Flaw};
use crate::eventually::{PATIENCE, retry};
use crate::limits::raise_open_files;
use crate::ports::free_port;
use crate::running::Running;
use crate::scratch::Scratch;

/// Where Debian puts it; `PATH` of an ordinary user lacks it.
const PLACES: [&str; 3] = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/local/bin/nginx"];

/// What it answers when it serves.
const SERVER: &str = "location = / { return 200 \"ok\\n\"; }
    location = /json { return 200 '{\"counted\":true}'; }
    location = /moved { return 302 /; }
    location = /broken { return 500; }
    location / { return 404; }";

/// Another process may take a free port before nginx does.
const ATTEMPTS: usize = 5;

/// nginx, serving.
#[derive(Debug)]
pub struct Nginx {
    process: Running,
    folder: Scratch,
    port: u16,
    tls_port: u16,
    authority: String,
}

/// What nginx logged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Served {
    /// Requests by (method, path, status).
    pub counts: BTreeMap<(String, String, u16), u64>,
    /// Requests by protocol, such as `HTTP/2.0`.
    pub protocols: BTreeMap<String, u64>,
    /// The connections they came on, by nginx's own numbers, and how many on each.
    pub connections: BTreeMap<u64, u64>,
}

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
        let Some(program) = PLACES.iter().map(PathBuf::from).find(|place| place.exists()) else {
            ensure!(
                std::env::var_os("CI").is_none(),
                "nginx is not installed: apt-get install nginx-light"
            );
            say_skipped();
            return Ok(None);
        };
        raise_open_files();
        let mut attempt = 1;
        loop {
            match Self::start_once(&program, locations) {
                Err(error) if attempt == ATTEMPTS => return Err(error),
                Err(_) => attempt += 1,
                Ok(nginx) => return Ok(Some(nginx)),
            }
        }
    }

    fn start_once(program: &PathBuf, locations: &str) -> Result<Self> {
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
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = Running::start(command, None)?;
        let listening = retry(PATIENCE, || {
            if !process.is_running() {
                return Ok(false);
            }
            TcpStream::connect(("127.0.0.1", port))?;
            TcpStream::connect(("127.0.0.1", tls_port))?;
            Ok(true)
        })?;
        if !listening {
            let log = folder.read("error.log").unwrap_or_default();
            bail!("nginx did not start:\n{}{log}", process.stderr());
        }
        Ok(Self {
            process,
            folder,
            port,
            tls_port,
            authority: certificates.authority,
        })
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// `https://localhost:PORT`, with HTTP/2.
    #[must_use]
    pub fn tls_url(&self) -> String {
        format!("https://localhost:{}", self.tls_port)
    }

    /// Writes the authority its certificate is signed by to a file, for `SSL_CERT_FILE`.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn authority_file(&self) -> Result<PathBuf> {
        self.folder.write("authority.pem", &self.authority)
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Ends it and reads its log.
    ///
    /// # Errors
    ///
    /// When it does not end, or logged something else than requests.
    pub fn finish(mut self) -> Result<Served> {
        self.process.signal(Signal::SIGQUIT)?;
        self.process.wait(Duration::from_secs(10))?;
        Served::parse(&self.folder.read("access.log")?)
    }
}

impl Served {
    /// All requests.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Requests for a path.
    #[must_use]
    pub fn requests(&self, path: &str) -> u64 {
        self.sum(|(_, logged, _)| logged == path)
    }

    /// Requests for a path answered with a status.
    #[must_use]
    pub fn responses(&self, path: &str, status: u16) -> u64 {
        self.sum(|(_, logged, logged_status)| logged == path && *logged_status == status)
    }

    fn sum(&self, which: impl Fn(&(String, String, u16)) -> bool) -> u64 {
        self.counts
            .iter()
            .filter(|(key, _)| which(key))
            .map(|(_, count)| count)
            .sum()
    }

    fn parse(log: &str) -> Result<Self> {
        let mut served = Self::default();
        for line in log.lines() {
            let fields: Vec<&str> = line.split(' ').collect();
            let [method, path, status, protocol, connection] = fields[..] else {
                bail!("nginx logged `{line}`")
            };
            let key = (method.to_owned(), path.to_owned(), status.parse()?);
            *served.counts.entry(key).or_default() += 1;
            *served.protocols.entry(protocol.to_owned()).or_default() += 1;
            *served.connections.entry(connection.parse()?).or_default() += 1;
        }
        Ok(served)
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

#[expect(
    clippy::print_stderr,
    reason = "whoever runs the tests should know what was left out"
)]
fn say_skipped() {
    eprintln!("skipped: nginx is not installed (apt-get install nginx-light)");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_log_is_counted_per_method_path_and_status() {
        let log =
            "GET / 200 HTTP/1.1 1\nPOST / 200 HTTP/1.1 1\nGET / 200 HTTP/2.0 2\nGET /x 404 HTTP/1.1 1\n";
        let served = Served::parse(log).unwrap();
        assert_eq!(
            (served.total(), served.requests("/"), served.responses("/x", 404)),
            (4, 3, 1)
        );
        assert_eq!(served.protocols["HTTP/1.1"], 3);
        assert_eq!(served.connections, BTreeMap::from([(1, 3), (2, 1)]));
        assert!(Served::parse("nonsense").is_err());
    }
}

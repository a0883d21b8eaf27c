//! Servers from Debian's packages: found, started on ports of loopback, or left out where they are not installed.
//!
//! In: a program's name and its package; how to start it. Out: its path, and a process that listens.

use std::fs::File;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use nix::sys::signal::Signal;

use crate::eventually::{PATIENCE, retry};
use crate::limits::raise_open_files;
use crate::running::Running;
use crate::scratch::Scratch;
use crate::served::Served;

/// Where Debian puts servers; `PATH` of an ordinary user lacks some.
const FOLDERS: [&str; 4] = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"];

/// Another process may take a free port before a server does.
const ATTEMPTS: usize = 5;

/// A web server on two ports of loopback, the second one over TLS, which logs each request.
#[derive(Debug)]
pub(crate) struct WebServer {
    pub(crate) process: Running,
    pub(crate) folder: Scratch,
    /// Plain, and over TLS.
    pub(crate) ports: [u16; 2],
    /// The authority its certificate is signed by, PEM.
    pub(crate) authority: String,
}

impl WebServer {
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[0])
    }

    pub(crate) fn tls_url(&self) -> String {
        format!("https://localhost:{}", self.ports[1])
    }

    /// Writes the authority to a file, for `SSL_CERT_FILE`.
    pub(crate) fn authority_file(&self) -> Result<PathBuf> {
        self.folder.write("authority.pem", &self.authority)
    }

    /// Ends it by the signal it takes for the wish to end in order, and reads its log.
    pub(crate) fn finish(mut self, signal: Signal) -> Result<Served> {
        self.process.signal(signal)?;
        self.process.wait(Duration::from_secs(10))?;
        Served::parse(&self.folder.read("access.log")?)
    }
}

/// Starts a server, again if it does not come up; `None`, with a word about it, where it is not installed. In CI it must
/// be.
pub(crate) fn start<T>(name: &str, package: &str, once: impl Fn(&Path) -> Result<T>) -> Result<Option<T>> {
    let places = FOLDERS.map(|folder| PathBuf::from(folder).join(name));
    let Some(program) = places.into_iter().find(|place| place.exists()) else {
        ensure!(
            std::env::var_os("CI").is_none(),
            "{name} is not installed: apt-get install {package}"
        );
        say_skipped(name, package);
        return Ok(None);
    };
    raise_open_files();
    let mut attempt = 1;
    loop {
        match once(&program) {
            Err(error) if attempt == ATTEMPTS => return Err(error),
            Err(_) => attempt += 1,
            Ok(server) => return Ok(Some(server)),
        }
    }
}

/// Starts its process, and waits until it listens on these ports of loopback. `log` tells what it says of itself.
pub(crate) fn listening(mut command: Command, ports: &[u16], log: impl Fn() -> String) -> Result<Running> {
    command.stdout(Stdio::piped());
    up(command, ports, log)
}

/// The same for one that logs to its standard output, which becomes this file.
pub(crate) fn listening_and_logging(mut command: Command, log: File, ports: &[u16]) -> Result<Running> {
    command.stdout(log);
    up(command, ports, String::new)
}

fn up(mut command: Command, ports: &[u16], log: impl Fn() -> String) -> Result<Running> {
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    let mut process = Running::start(command, None)?;
    let is_up = retry(PATIENCE, || {
        if !process.is_running() {
            return Ok(false);
        }
        for port in ports {
            TcpStream::connect(("127.0.0.1", *port))?;
        }
        Ok(true)
    })?;
    if !is_up {
        bail!("a server did not start:\n{}{}", process.stderr(), log());
    }
    Ok(process)
}

#[expect(
    clippy::print_stderr,
    reason = "whoever runs the tests should know what was left out"
)]
fn say_skipped(name: &str, package: &str) {
    eprintln!("skipped: {name} is not installed (apt-get install {package})");
}

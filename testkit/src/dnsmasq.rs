//! Debian's dnsmasq: the server of names in a network of its own.
//!
//! In: names and their addresses. Out: a server at port 53 of that network's loopback, which knows nobody else, and what
//! it was asked for.

use std::net::{Ipv4Addr, TcpStream};
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};

use crate::debian_server;
use crate::eventually::{PATIENCE, retry};
use crate::namespace::Namespace;
use crate::running::Running;

/// dnsmasq, running.
#[derive(Debug)]
pub struct Dnsmasq {
    process: Running,
}

impl Dnsmasq {
    /// Starts it; `None`, with a word about it, where it is not installed.
    ///
    /// # Errors
    ///
    /// When it does not start, or is missing in CI.
    pub fn within(namespace: &Namespace, names: &[(&str, Ipv4Addr)]) -> Result<Option<Self>> {
        debian_server::start("dnsmasq", "dnsmasq-base", |program| {
            let mut command = Command::new("ip");
            command
                .args(["netns", "exec", namespace.name()])
                .arg(program)
                .args(["--keep-in-foreground", "--conf-file=/dev/null", "--pid-file="])
                .args(["--user=root", "--no-resolv", "--no-hosts", "--bind-interfaces"])
                .args(["--log-facility=-", "--log-queries", "--local=//"]);
            for address in [Ipv4Addr::LOCALHOST, namespace.theirs()] {
                command.arg(format!("--listen-address={address}"));
            }
            for (name, address) in names {
                // The name and nothing below it, and whoever else is asked for does not exist.
                command.arg(format!("--host-record={name},{address}"));
            }
            command
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            let mut process = Running::start(command, None)?;
            retry(PATIENCE, || {
                ensure!(process.is_running(), "dnsmasq ended:\n{}", process.stderr());
                Ok(TcpStream::connect((namespace.theirs(), 53))?)
            })?;
            Ok(Self { process })
        })
    }

    /// What it was asked, and what it said.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.stderr()
    }
}

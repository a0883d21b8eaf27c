//! A network of its own for some processes, joined to ours by one cable that can be pulled.
//!
//! In: nothing. Out: a network namespace with a loopback, one address and no default route, and a pair of virtual
//! Ethernet devices to it. What is sent on a pulled cable is lost without a word, as in a real partition. Needs root and
//! `ip`; everything is removed when dropped.

use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};

use anyhow::{Context, Result, ensure};

static NUMBERS: AtomicU8 = AtomicU8::new(0);

/// A namespace and its cable.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    cable: String,
    ours: Ipv4Addr,
    theirs: Ipv4Addr,
}

impl Namespace {
    /// Makes one with the cable plugged in.
    ///
    /// # Errors
    ///
    /// When this process may not, or `ip` is missing.
    pub fn new() -> Result<Self> {
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        // A network per process and namespace, of those nobody routes.
        let third = u8::try_from(process % 251)?;
        let fourth = (number % 60) * 4;
        let namespace = Self {
            name: format!("katydid-{process}-{number}"),
            cable: format!("kd{process}n{number}"),
            ours: Ipv4Addr::new(10, 213, third, fourth + 1),
            theirs: Ipv4Addr::new(10, 213, third, fourth + 2),
        };
        let inner = format!("{}i", namespace.cable);
        let Self {
            name,
            cable,
            ours,
            theirs,
        } = &namespace;
        ip(&["netns", "add", name]).context("a network namespace needs root")?;
        ip(&["link", "add", cable, "type", "veth", "peer", "name", &inner])?;
        ip(&["link", "set", &inner, "netns", name])?;
        ip(&["addr", "add", &format!("{ours}/30"), "dev", cable])?;
        ip(&["link", "set", cable, "up"])?;
        ip(&["-n", name, "link", "set", "lo", "up"])?;
        ip(&["-n", name, "addr", "add", &format!("{theirs}/30"), "dev", &inner])?;
        ip(&["-n", name, "link", "set", &inner, "up"])?;
        Ok(namespace)
    }

    /// Lets processes in it find whatever listens on any address of ours.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn reach_all(&self) -> Result<()> {
        let ours = self.ours.to_string();
        ip(&["-n", &self.name, "route", "add", "default", "via", &ours])
    }

    /// Its name, for `ip netns exec`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Our end of the cable: where processes in the namespace find ours.
    #[must_use]
    pub fn ours(&self) -> Ipv4Addr {
        self.ours
    }

    /// Their end: where we find processes in the namespace.
    #[must_use]
    pub fn theirs(&self) -> Ipv4Addr {
        self.theirs
    }

    /// Pulls the cable.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn cut(&self) -> Result<()> {
        self.set("down")
    }

    /// Plugs it in again.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn heal(&self) -> Result<()> {
        self.set("up")
    }

    fn set(&self, state: &str) -> Result<()> {
        // At the far end, so that neither end sees its own device fail.
        ip(&[
            "-n",
            &self.name,
            "link",
            "set",
            &format!("{}i", self.cable),
            state,
        ])
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // The cable goes with either end; what is left is told by the next who tries.
        drop(ip(&["link", "del", &self.cable]));
        drop(ip(&["netns", "del", &self.name]));
    }
}

fn ip(arguments: &[&str]) -> Result<()> {
    let output = Command::new("ip")
        .args(arguments)
        .output()
        .context("`ip` (package iproute2) cannot be started")?;
    ensure!(
        output.status.success(),
        "ip {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}

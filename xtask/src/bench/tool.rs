//! A load generator: where it is, which version, and the command that makes it send the same load as the others.
//!
//! In: what is installed. Out: commands for 64 connections, flat out, one core, keep-alive, for so many seconds.

use std::path::PathBuf;
use std::process::Command;

use super::lab::Lab;
use super::machine::version;
use crate::packages::{find_program, is_executable};

/// Connections, or users, of every generator.
pub(super) const CONNECTIONS: u32 = 64;

/// Which generator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The product.
    Katydid,
    /// The yardstick: C, no script, nearly no statistics.
    Wrk,
    /// Rust, one URL.
    Oha,
    /// Go, one URL.
    Hey,
    /// Python, scenarios; its faster client.
    Locust,
    /// Go, scenarios in JavaScript.
    K6,
}

impl Kind {
    const PEERS: [Self; 5] = [Self::Wrk, Self::Oha, Self::Hey, Self::Locust, Self::K6];

    fn program(self) -> &'static str {
        match self {
            Self::Katydid => "katydid",
            Self::Wrk => "wrk",
            Self::Oha => "oha",
            Self::Hey => "hey",
            Self::Locust => "locust",
            Self::K6 => "k6",
        }
    }

    /// The name in tables.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Katydid => "katydid, one-line task",
            Self::Wrk => "wrk",
            Self::Oha => "oha",
            Self::Hey => "hey",
            Self::Locust => "Locust, FastHttpUser",
            Self::K6 => "k6",
        }
    }
}

/// A generator that is installed here.
#[derive(Debug)]
pub(super) struct Tool {
    /// Which.
    pub(super) kind: Kind,
    program: PathBuf,
    /// Its version, empty when it does not tell.
    pub(super) version: String,
}

/// Katydid first, then the peers that are installed; and the names of those that are not.
pub(super) fn installed(lab: &Lab) -> (Vec<Tool>, Vec<&'static str>) {
    let mut tools = vec![Tool::new(Kind::Katydid, lab.katydid.clone())];
    let mut missing = Vec::new();
    for kind in Kind::PEERS {
        match find(lab, kind.program()) {
            Some(program) => tools.push(Tool::new(kind, program)),
            None => missing.push(kind.program()),
        }
    }
    (tools, missing)
}

/// What was installed for the benches wins over what happens to be on the `PATH`.
pub(super) fn find(lab: &Lab, name: &str) -> Option<PathBuf> {
    let own = [
        lab.peers.join("bin").join(name),
        lab.peers.join("locust").join("bin").join(name),
    ];
    own.into_iter()
        .find(|path| is_executable(path))
        .or_else(|| find_program(name))
}

/// What a person would type for `seconds` of the one-line task against `host`.
pub(super) fn katydid_line(host: &str, seconds: u64) -> Vec<String> {
    let (users, time) = (CONNECTIONS.to_string(), format!("{seconds}s"));
    [
        "katydid",
        "-f",
        "one_line.rhai",
        "-H",
        host,
        "-u",
        &users,
        "-r",
        "1000",
        "--threads",
        "1",
        "--headless",
        "--only-summary",
        "-t",
        &time,
    ]
    .map(ToOwned::to_owned)
    .to_vec()
}

/// Nothing of the person's own settings plays a part in what `command` does.
pub(super) fn without_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["KATYDID_", "LOCUST_", "K6_"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
        {
            command.env_remove(&name);
        }
    }
}

impl Tool {
    fn new(kind: Kind, program: PathBuf) -> Self {
        let version = match kind {
            Kind::Wrk => version(&program, "-v"),
            Kind::K6 => version(&program, "version"),
            // It has no flag that tells.
            Kind::Hey => String::new(),
            _ => version(&program, "--version"),
        };
        Self {
            kind,
            program,
            version,
        }
    }

    /// The name and version in tables.
    pub(super) fn label(&self) -> String {
        format!("{} {}", self.kind.label(), self.version)
            .trim_end()
            .to_owned()
    }

    /// What a person would type for `seconds` of this load; shown with the results.
    pub(super) fn line(&self, port: &str, seconds: u64) -> Vec<String> {
        let url = format!("http://127.0.0.1:{port}/");
        let host = format!("http://127.0.0.1:{port}");
        let users = CONNECTIONS.to_string();
        let time = format!("{seconds}s");
        let words: &[&str] = match self.kind {
            Kind::Katydid => return katydid_line(&host, seconds),
            Kind::Wrk => &["-t1", &format!("-c{users}"), &format!("-d{time}"), &url],
            Kind::Oha => &["--no-tui", "-c", &users, "-z", &time, &url],
            Kind::Hey => &["-cpus", "1", "-c", &users, "-z", &time, &url],
            Kind::Locust => &[
                "-f",
                "one_line.locust.py",
                "--host",
                &host,
                "-u",
                &users,
                "-r",
                &users,
                "--headless",
                "--only-summary",
                "-t",
                &time,
            ],
            Kind::K6 => &[
                "run",
                "--vus",
                &users,
                "--duration",
                &time,
                "-e",
                &format!("URL={url}"),
                "one_line.k6.js",
            ],
        };
        [self.kind.program()]
            .iter()
            .chain(words)
            .map(|&word| word.to_owned())
            .collect()
    }

    /// The command, pinned to the generators' core; katydid also writes its results to `json`.
    pub(super) fn command(&self, lab: &Lab, port: u16, seconds: u64, json: &std::path::Path) -> Command {
        let mut command = Command::new("taskset");
        command
            .args(["-c", &lab.generator_core().to_string()])
            .arg(&self.program);
        command.args(&self.line(&port.to_string(), seconds)[1..]);
        if self.kind == Kind::Katydid {
            command.arg("--json-file").arg(json);
        }
        without_settings(&mut command);
        // Peers that look for updates or report usage have no business in a measurement.
        command
            .env("K6_NO_USAGE_REPORT", "true")
            .current_dir(&lab.scenarios);
        command
    }
}

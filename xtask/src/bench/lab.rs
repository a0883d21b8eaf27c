//! The bench's room: the binary under test, the machine, a folder for scratch files, room for open files.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::machine::Machine;
use super::tool::without_settings;
use crate::packages::{find_program, is_executable};
use crate::terminal;
use crate::workspace::Workspace;

/// What all benches share.
#[derive(Debug)]
pub(super) struct Lab {
    /// The binary under test.
    pub(super) katydid: PathBuf,
    /// Where it all happens.
    pub(super) machine: Machine,
    /// Logs and configurations of what is started.
    pub(super) scratch: PathBuf,
    /// The repository's `bench` folder, where scenarios are.
    pub(super) scenarios: PathBuf,
    /// Peers installed below the target directory.
    pub(super) peers: PathBuf,
}

impl Lab {
    /// Prepares the room.
    ///
    /// # Errors
    /// When the binary or `taskset` is missing, or there are fewer than two cores.
    pub(super) fn open(workspace: &Workspace, katydid: &Path) -> Result<Self> {
        if !is_executable(katydid) {
            bail!("{} is no program to measure", katydid.display());
        }
        // Later commands run in other folders.
        let katydid = std::path::absolute(katydid)?;
        if find_program("taskset").is_none() {
            bail!("`taskset` is missing (Debian: util-linux): without it nothing can be pinned to a core");
        }
        let scratch = workspace.scratch();
        std::fs::create_dir_all(&scratch).with_context(|| format!("cannot create {}", scratch.display()))?;
        raise_open_files();
        Ok(Self {
            katydid,
            machine: Machine::look()?,
            scratch,
            scenarios: workspace.root.join("bench"),
            peers: workspace.peers(),
        })
    }

    /// The core generators are pinned to.
    pub(super) fn generator_core(&self) -> usize {
        self.machine.cores[0]
    }

    /// The core servers are pinned to.
    pub(super) fn server_core(&self) -> usize {
        self.machine.cores[1]
    }

    /// The file that takes what `name` prints.
    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.scratch.join(format!("{name}.log"))
    }

    /// `katydid`, pinned to `cores` (as `taskset` takes them), running a scenario of the bench folder.
    pub(super) fn katydid(&self, cores: &str, scenario: &str, port: u16) -> Command {
        let mut command = self.katydid_with_page(cores, scenario);
        command.args([
            "-H",
            &format!("http://127.0.0.1:{port}"),
            "--headless",
            "--only-summary",
        ]);
        command
    }

    /// The same with a page, and without a host.
    pub(super) fn katydid_with_page(&self, cores: &str, scenario: &str) -> Command {
        let mut command = Command::new("taskset");
        command
            .args(["-c", cores])
            .arg(&self.katydid)
            .arg("-f")
            .arg(self.scenarios.join(scenario));
        without_settings(&mut command);
        command.current_dir(&self.scratch);
        command
    }
}

/// Thousands of connections need as many open files; children inherit the limit.
fn raise_open_files() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        if soft < hard {
            setrlimit(Resource::RLIMIT_NOFILE, hard, hard)
        } else {
            Ok(())
        }
    });
    if let Err(error) = raised {
        terminal::warn(&format!(
            "the limit of open files could not be raised ({error}): large benches may fail"
        ));
    }
}

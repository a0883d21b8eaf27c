//! A process a bench started: its CPU time and memory while it runs, and its end, one way or another.
//!
//! In: a command. Out: readings from `/proc`, the exit status, and on failure the end of what it printed. Whatever
//! happens, the process does not outlive the value.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, SysconfVar, sysconf};

use crate::clock::wait_for;

/// How often a process that should end is looked at.
const PAUSE: Duration = Duration::from_millis(10);

/// A child that is killed, by its id, when the value goes.
#[derive(Debug)]
pub(super) struct Running {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts `command`; what it prints goes to `log`.
    ///
    /// # Errors
    /// When the log or the process cannot be created.
    pub(super) fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let out = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let err = out
            .try_clone()
            .with_context(|| format!("cannot write {}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .with_context(|| format!("could not start {name}"))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log: log.to_owned(),
        })
    }

    /// User and system time of all its threads so far, the ended ones included.
    ///
    /// # Errors
    /// When the process is gone.
    pub(super) fn cpu_time(&self) -> Result<Duration> {
        let stat = self.proc_file("stat")?;
        let ticks = cpu_ticks(&stat).with_context(|| format!("cannot read the CPU time of {}", self.name))?;
        Ok(time_of(ticks))
    }

    /// User and system time so far of its threads whose names begin with `prefix`.
    ///
    /// # Errors
    /// When the process is gone, or has no such thread.
    pub(super) fn cpu_time_of(&self, prefix: &str) -> Result<Duration> {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id()))
            .with_context(|| format!("{} has ended unexpectedly", self.name))?;
        let ticks = threads
            .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("stat")).ok())
            .filter(|stat| thread_name(stat).is_some_and(|name| name.starts_with(prefix)))
            .filter_map(|stat| cpu_ticks(&stat))
            .reduce(|sum, ticks| sum + ticks);
        ticks
            .map(time_of)
            .with_context(|| format!("{} has no thread named {prefix}…", self.name))
    }

    /// Resident memory in bytes.
    ///
    /// # Errors
    /// When the process is gone.
    pub(super) fn resident_bytes(&self) -> Result<u64> {
        let status = self.proc_file("status")?;
        resident_kib(&status)
            .map(|kib| kib * 1024)
            .with_context(|| format!("cannot read the memory of {}: it is ending", self.name))
    }

    /// Waits for the process to end by itself, successfully or not.
    ///
    /// # Errors
    /// When it does not end within `limit`; it is killed then.
    pub(super) fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let child = &mut self.child;
        if let Some(status) = wait_for(limit, PAUSE, || Ok(child.try_wait()?))? {
            return Ok(status);
        }
        self.kill();
        bail!(
            "{} did not end within {} s and was killed; it printed:\n{}",
            self.name,
            limit.as_secs(),
            self.said()
        );
    }

    /// Whether it still runs.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks it to end (SIGTERM).
    pub(super) fn ask_to_end(&mut self) {
        if self.is_alive()
            && let Ok(id) = i32::try_from(self.child.id())
        {
            // It may have ended just now: nothing to do then.
            let _gone = kill(Pid::from_raw(id), Signal::SIGTERM);
        }
    }

    /// Asks it to end, and makes it end when it has not after `grace`.
    pub(super) fn stop(&mut self, grace: Duration) {
        if self.is_alive() {
            self.ask_to_end();
            let child = &mut self.child;
            if matches!(wait_for(grace, PAUSE, || Ok(child.try_wait()?)), Ok(Some(_))) {
                return;
            }
        }
        self.kill();
    }

    /// Ends it at once.
    pub(super) fn kill(&mut self) {
        // Both fail only when it has ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }

    /// All it has printed so far.
    pub(super) fn output(&self) -> String {
        std::fs::read(&self.log).map_or_else(
            |_| String::new(),
            |text| String::from_utf8_lossy(&text).into_owned(),
        )
    }

    /// The last lines it printed, for error messages.
    pub(super) fn said(&self) -> String {
        let output = self.output();
        let lines: Vec<&str> = output.lines().collect();
        let last = &lines[lines.len().saturating_sub(15)..];
        if last.is_empty() {
            "(nothing)".to_owned()
        } else {
            last.join("\n")
        }
    }

    fn proc_file(&self, file: &str) -> Result<String> {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).with_context(|| {
            format!(
                "{} has ended unexpectedly; it printed:\n{}",
                self.name,
                self.said()
            )
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Clock ticks as a time.
fn time_of(ticks: u64) -> Duration {
    let per_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100).max(1) as f64;
    Duration::from_secs_f64(ticks as f64 / per_second)
}

/// The name in a line of `/proc/PID/task/TID/stat`.
fn thread_name(stat: &str) -> Option<&str> {
    let (before, _) = stat.rsplit_once(')')?;
    Some(before.split_once('(')?.1)
}

/// User plus system ticks from a line of `/proc/PID/stat`; the name in it may hold anything, parentheses included.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace();
    let user: u64 = fields.nth(11)?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// `VmRSS` from `/proc/PID/status`; a process that is ending has none.
fn resident_kib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Running {
        let log = std::env::temp_dir().join(format!("xtask-process-{}-{}", std::process::id(), script.len()));
        Running::start("shell", Command::new("sh").args(["-c", script]), &log).expect("a shell starts")
    }

    #[test]
    fn the_name_of_a_process_does_not_confuse_its_cpu_time() {
        let stat = "42 (a) b) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 9 9 20 0 4 0 100 1 1";
        assert_eq!(cpu_ticks(stat), Some(300));
        assert_eq!(thread_name(stat), Some("a) b"));
        assert_eq!(cpu_ticks("42 (cut off) S 1 2"), None);
    }

    #[test]
    fn memory_is_read_where_there_is_some() {
        assert_eq!(
            resident_kib("Name:\tx\nVmRSS:\t    1234 kB\nThreads:\t1"),
            Some(1_234)
        );
        assert_eq!(resident_kib("Name:\tx\nState:\tZ (zombie)"), None);
    }

    #[test]
    fn a_process_that_hangs_is_killed_and_its_words_are_kept() {
        let mut hung = shell("echo last words; exec sleep 60");
        let message = format!(
            "{:#}",
            hung.wait(Duration::from_millis(300)).expect_err("it sleeps")
        );
        assert!(
            message.contains("did not end") && message.contains("last words"),
            "{message}"
        );
        assert!(!hung.is_alive());
    }

    #[test]
    fn a_process_that_burns_time_is_seen_to_do_so() {
        let burning = shell("while :; do :; done");
        let spent = wait_for(Duration::from_secs(20), PAUSE, || {
            let spent = burning.cpu_time()?;
            Ok((spent >= Duration::from_millis(50)).then_some(spent))
        });
        assert!(spent.expect("it runs").is_some());
        assert!(burning.cpu_time_of("sh").expect("its one thread") > Duration::ZERO);
        assert!(burning.cpu_time_of("katydid").is_err());
        assert!(burning.resident_bytes().expect("it runs") > 0);
    }
}

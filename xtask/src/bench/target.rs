//! `katydid target` as a server that says when each user arrived.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::lab::Lab;
use super::process::Running;
use super::wire::{free_port, get};
use crate::clock::wait_for;

/// A running demo target, pinned to a core.
#[derive(Debug)]
pub(super) struct Target {
    process: Running,
    /// Where it listens on the loopback interface.
    pub(super) port: u16,
}

impl Target {
    /// Starts it on `core`.
    ///
    /// # Errors
    /// When it does not answer within five seconds.
    pub(super) fn start(lab: &Lab, core: usize) -> Result<Self> {
        let port = free_port()?;
        let mut command = Command::new("taskset");
        command.args(["-c", &core.to_string()]).arg(&lab.katydid).args([
            "target",
            "--port",
            &port.to_string(),
        ]);
        command.current_dir(&lab.scratch);
        let mut process = Running::start("katydid target", &mut command, &lab.log("target"))?;
        let up = wait_for(Duration::from_secs(5), Duration::from_millis(10), || {
            Ok(if process.is_alive() {
                get(port, "/__stats").ok()
            } else {
                None
            })
        })?;
        if up.is_none() {
            bail!(
                "`katydid target` does not answer; it printed:\n{}",
                process.said()
            );
        }
        Ok(Self { process, port })
    }

    /// When each user's first request to `/spawn/:n` arrived, in µs of the target's clock, in order of arrival.
    ///
    /// # Errors
    /// When it does not answer or says something unknown.
    pub(super) fn arrivals_us(&self) -> Result<Vec<u64>> {
        let text = get(self.port, "/__spawns").with_context(|| {
            format!(
                "the target does not tell its arrivals; it printed:\n{}",
                self.process.said()
            )
        })?;
        arrivals(&text).context("the target's arrivals have an unknown form")
    }
}

/// `[[n, t_us], ...]` → the times, sorted.
fn arrivals(text: &str) -> Option<Vec<u64>> {
    let pairs: Vec<(u64, u64)> = serde_json::from_str(text).ok()?;
    let mut times: Vec<u64> = pairs.into_iter().map(|(_, time)| time).collect();
    times.sort_unstable();
    Some(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_are_sorted_by_time() {
        assert_eq!(
            arrivals("[[2,3000],[1,1000],[3,2000]]"),
            Some(vec![1_000, 2_000, 3_000])
        );
        assert_eq!(arrivals("[]"), Some(Vec::new()));
        assert_eq!(arrivals("{}"), None);
    }
}

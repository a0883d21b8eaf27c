//! The machine and the versions a result was measured with: what a reader needs to judge it, and no more.
//!
//! In: `/proc`, `uname` and the tools' own `--version`. Out: a paragraph for the results, and the cores benches pin to.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::clock::today;
use crate::terminal;

/// A machine less busy than this is quiet.
const QUIET: f64 = 0.1;

/// What was measured on.
#[derive(Debug)]
pub(super) struct Machine {
    /// The cores this process may use, by number.
    pub(super) cores: Vec<usize>,
    description: String,
    /// How busy other work kept the machine just before, 0 to 1.
    busy: f64,
}

impl Machine {
    /// Looks around.
    ///
    /// # Errors
    /// When there are fewer than two cores: generator and server would share one.
    pub(super) fn look() -> Result<Self> {
        let status = std::fs::read_to_string("/proc/self/status").context("benches need Linux's /proc")?;
        let list = status
            .lines()
            .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))
            .unwrap_or("0");
        let cores = core_list(list.trim());
        if cores.len() < 2 {
            bail!(
                "benches need two cores, one for the generator and one for the server; this process may use {list}"
            );
        }
        let model = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".to_owned());
        let memory = field("/proc/meminfo", "MemTotal")
            .and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok())
            .map_or_else(String::new, |kib| {
                format!(", {:.0} GiB of memory", kib / 1024.0 / 1024.0)
            });
        let kernel =
            first_line(Command::new("uname").args(["-sr"])).unwrap_or_else(|| "unknown kernel".to_owned());
        let system = std::fs::read_to_string("/etc/os-release")
            .ok()
            .and_then(|text| {
                text.lines()
                    .find_map(|line| line.strip_prefix("PRETTY_NAME=").map(str::to_owned))
            })
            .map_or_else(String::new, |name| format!(", {}", name.trim_matches('"')));
        let rustc = first_line(Command::new("rustc").arg("--version")).unwrap_or_default();
        let description = format!(
            "{} cores ({model}){memory}; {kernel}{system}; {rustc}",
            cores.len()
        );
        let busy = busy_share(Duration::from_secs(1));
        if busy > QUIET {
            terminal::warn(&format!(
                "other work keeps the machine {:.0} % busy: measure again when it is quiet",
                busy * 100.0
            ));
        }
        Ok(Self {
            cores,
            description,
            busy,
        })
    }

    /// When and on what, in one line.
    pub(super) fn line(&self) -> String {
        let company = if self.busy > QUIET {
            format!(
                " **Other work kept the machine {:.0} % busy just before.**",
                self.busy * 100.0
            )
        } else {
            String::new()
        };
        format!("Measured on {}: {}.{company}", today(), self.description)
    }
}

/// The share of all cores' time that was used while `time` went by; 0 when the kernel does not tell.
fn busy_share(time: Duration) -> f64 {
    let before = idle_and_all();
    std::thread::sleep(time);
    let shares = before
        .zip(idle_and_all())
        .map(|((idle, all), (idle_later, all_later))| {
            let all = all_later.saturating_sub(all).max(1);
            1.0 - idle_later.saturating_sub(idle) as f64 / all as f64
        });
    shares.unwrap_or(0.0)
}

/// Idle and total ticks since boot.
fn idle_and_all() -> Option<(u64, u64)> {
    let text = std::fs::read_to_string("/proc/stat").ok()?;
    let ticks: Vec<u64> = text
        .lines()
        .next()?
        .split_whitespace()
        .skip(1)
        .filter_map(|tick| tick.parse().ok())
        .collect();
    // Idle and waiting for disks; the last two, guests, are part of the first two.
    Some((ticks.get(3)? + ticks.get(4)?, ticks.iter().take(8).sum()))
}

/// What a program says its version is: the first number with a dot in what it prints.
pub(super) fn version(program: &Path, flag: &str) -> String {
    let Ok(output) = Command::new(program).arg(flag).output() else {
        return String::new();
    };
    let text = [output.stdout, output.stderr].concat();
    number_with_dots(&String::from_utf8_lossy(&text)).unwrap_or_default()
}

fn number_with_dots(text: &str) -> Option<String> {
    text.split(|c: char| c.is_whitespace() || "/,()[]".contains(c))
        .map(|word| word.trim_start_matches('v'))
        .find(|word| word.contains('.') && word.starts_with(|c: char| c.is_ascii_digit()))
        .map(str::to_owned)
}

/// `0-2,5` → 0, 1, 2, 5.
fn core_list(list: &str) -> Vec<usize> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.trim().parse().ok()?..=last.trim().parse::<usize>().ok()?)
    };
    list.split(',').filter_map(range).flatten().collect()
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let (_, value) = text
        .lines()
        .find(|line| line.starts_with(name))?
        .split_once(':')?;
    Some(value.trim().to_owned())
}

fn first_line(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .next()
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_lists_are_ranges_and_numbers() {
        assert_eq!(core_list("0-1"), [0, 1]);
        assert_eq!(core_list("2"), [2]);
        assert_eq!(core_list("0-2,5,8-9"), [0, 1, 2, 5, 8, 9]);
    }

    #[test]
    fn versions_are_found_in_what_tools_print() {
        let found = |text: &str| number_with_dots(text).unwrap_or_default();
        assert_eq!(found("nginx version: nginx/1.22.1\n"), "1.22.1");
        assert_eq!(found("locust 2.44.3 from /usr/lib (Python 3.11.7)"), "2.44.3");
        assert_eq!(found("k6 v0.57.0 (go1.23)"), "0.57.0");
        assert_eq!(found("wrk 4.1.0 [epoll]"), "4.1.0");
        assert_eq!(found("no version at all"), "");
    }
}

//! What the kernel says about a process.
//!
//! In: its id. Out: resident memory and processor time, from `/proc`.

use std::time::Duration;

use anyhow::{Context, Result};

/// The kernel's unit of processor time in `/proc/PID/stat`, the same on every Linux.
const TICKS_PER_SEC: u64 = 100;

/// A look at a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessStat {
    /// Resident memory in bytes.
    pub resident_bytes: u64,
    /// Processor time of all its threads so far; steps of 10 ms.
    pub cpu_time: Duration,
    /// Its threads.
    pub threads: u64,
}

impl ProcessStat {
    /// Looks at a process.
    ///
    /// # Errors
    ///
    /// When there is no such process, or no `/proc`.
    pub fn of(id: u32) -> Result<Self> {
        let read = |name: &str| {
            let path = format!("/proc/{id}/{name}");
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
        };
        let status = read("status")?;
        let number = |key: &str| -> Result<u64> {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix(key))
                .with_context(|| key.to_owned())?;
            Ok(line.trim_end_matches("kB").trim().parse()?)
        };
        let stat = read("stat")?;
        // The name may hold spaces and brackets; the fields come after the last bracket, `state` first.
        let (_, fields) = stat.rsplit_once(')').context("/proc/PID/stat has no name")?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let ticks = |index: usize| -> Result<u64> {
            Ok(fields.get(index).context("/proc/PID/stat is short")?.parse()?)
        };
        let cpu_ticks = ticks(11)? + ticks(12)?;
        Ok(Self {
            resident_bytes: number("VmRSS:")? * 1024,
            cpu_time: Duration::from_millis(cpu_ticks * 1_000 / TICKS_PER_SEC),
            threads: number("Threads:")?,
        })
    }
}

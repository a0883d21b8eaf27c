//! How this machine is: CPU, memory, lag and throttling since the last time somebody asked.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use katydid_protocol::fleet::Heartbeat;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use tokio::time::Instant;

use super::throttle::Throttle;

/// The longest any load thread was late, in µs, since it was last read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lag(Arc<AtomicU64>);

impl Lag {
    /// A load thread was late.
    pub(crate) fn note(&self, late_us: u64) {
        self.0.fetch_max(late_us, Ordering::Relaxed);
    }

    fn take(&self) -> u64 {
        self.0.swap(0, Ordering::Relaxed)
    }
}

/// Reads what heartbeats tell.
#[derive(Debug)]
pub(super) struct Vitals {
    lag: Lag,
    threads: f64,
    number: u64,
    read_at: Instant,
    cpu: Duration,
    throttle: Throttle,
}

impl Vitals {
    /// Vitals of a process with so many load threads.
    pub(super) fn new(lag: Lag, threads: usize) -> Self {
        Self {
            lag,
            threads: threads.max(1) as f64,
            number: 0,
            read_at: Instant::now(),
            cpu: cpu_time(),
            throttle: Throttle::find(),
        }
    }

    /// How things were since the last call.
    pub(super) fn read(&mut self, users: u32) -> Heartbeat {
        let (now, cpu) = (Instant::now(), cpu_time());
        let wall = now.duration_since(self.read_at).as_secs_f64().max(1e-3);
        let used = cpu.saturating_sub(self.cpu).as_secs_f64();
        self.number += 1;
        self.read_at = now;
        self.cpu = cpu;
        Heartbeat {
            number: self.number,
            users,
            cpu: (used / wall / self.threads).clamp(0.0, 1.0),
            memory_bytes: resident_bytes(),
            lag_us: self.lag.take(),
            throttled_us: self.throttle.read_us(),
        }
    }
}

/// User and system time of this process.
fn cpu_time() -> Duration {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else {
        return Duration::ZERO;
    };
    let us = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Duration::from_micros(u64::try_from(us).unwrap_or(0))
}

/// Resident memory; 0 where the system does not say.
fn resident_bytes() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse().ok())
        .unwrap_or(0);
    pages * 4_096
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_process_shows() {
        let lag = Lag::default();
        let began = Instant::now();
        let mut vitals = Vitals::new(lag.clone(), 1);
        let used = cpu_time();
        let mut sum = 0u64;
        // However little of a core a busy machine gives it.
        while cpu_time() - used < Duration::from_millis(100) && began.elapsed() < Duration::from_secs(20) {
            sum = sum.wrapping_mul(31).wrapping_add(7);
        }
        lag.note(5);
        lag.note(3);
        let busy = vitals.read(7);
        // Of a time no shorter than the one that was looked at, from before its beginning until after its end.
        let share = 0.1 / began.elapsed().as_secs_f64();
        assert!(
            busy.cpu >= (share * 0.8).min(0.8) && busy.cpu <= 1.0,
            "{busy:?} {share} {sum}"
        );
        assert!(busy.memory_bytes > 100_000);
        assert_eq!((busy.number, busy.users, busy.lag_us), (1, 7, 5));
        assert_eq!(vitals.read(0).lag_us, 0);
    }
}

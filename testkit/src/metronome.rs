//! How late the machine's own timers are: the control beside every test that judges times.
//!
//! In: nothing but time. Out: how late threads that only sleep woke up, one on each core. Where those are late, being
//! late proves nothing about the process under test; such an attempt is void.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use tokio::time::Instant;

/// Time between two beats.
const BEAT: Duration = Duration::from_millis(2);

/// Threads that sleep and look at the clock.
#[derive(Debug)]
pub struct Metronome {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<Duration>>>,
}

/// How late they were.
#[derive(Debug, Clone, Copy)]
pub struct Lateness {
    /// 99 of 100 beats were no later, those counted that were missed.
    pub p99: Duration,
    /// No beat was later.
    pub worst: Duration,
}

impl Metronome {
    /// Starts beating.
    #[must_use]
    pub fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = (0..cores)
            .map(|core| {
                let stop = Arc::clone(&stop);
                std::thread::spawn(move || beat(core, &stop))
            })
            .collect();
        Self { stop, threads }
    }

    /// Stops, and tells how late the beats were.
    #[must_use]
    pub fn stop(self) -> Lateness {
        self.stop.store(true, Ordering::Relaxed);
        let mut late: Vec<Duration> = self
            .threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_default())
            .collect();
        late.sort_unstable();
        Lateness {
            p99: late.get(late.len() * 99 / 100).copied().unwrap_or_default(),
            worst: late.last().copied().unwrap_or_default(),
        }
    }
}

impl Lateness {
    /// The result of attempts to keep a `budget`: an attempt that failed while the machine's own timers were late by
    /// more than `tolerated` is void, and when all are, nothing is proved either way, which is said.
    ///
    /// # Errors
    ///
    /// A failure of a machine that was on time.
    #[expect(
        clippy::print_stderr,
        reason = "a test that proved nothing says so where its output goes"
    )]
    pub fn judge(attempts: &[(anyhow::Result<()>, Duration)], tolerated: Duration) -> anyhow::Result<()> {
        if attempts.iter().any(|(result, _)| result.is_ok()) {
            return Ok(());
        }
        for (result, late) in attempts {
            if let Err(error) = result
                && *late <= tolerated
            {
                anyhow::bail!("{error:#} (the machine's own timers were {late:?} late)");
            }
        }
        for (result, late) in attempts {
            if let Err(error) = result {
                eprintln!("not judged ({error:#}): this machine's own timers were {late:?} late");
            }
        }
        Ok(())
    }
}

/// Sleeps until told to stop; how late each beat was.
fn beat(core: usize, stop: &AtomicBool) -> Vec<Duration> {
    let mut set = CpuSet::new();
    // Without the pin it still beats.
    if set.set(core).is_ok() {
        let _ = sched_setaffinity(Pid::from_raw(0), &set);
    }
    let mut late = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let due = Instant::now() + BEAT;
        std::thread::sleep(BEAT);
        late.extend(beats(due.elapsed()));
    }
    late
}

/// How late the beats are that one waking stands for: the one it was for, and those that came due while it did not come.
/// Whoever works every few milliseconds is late once for each of them, and one waking alone would hide that.
fn beats(late: Duration) -> impl Iterator<Item = Duration> {
    std::iter::successors(Some(late), |late| {
        late.checked_sub(BEAT).filter(|late| !late.is_zero())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(5);

    fn failed() -> anyhow::Result<()> {
        Err(anyhow::anyhow!("too late"))
    }

    #[test]
    fn beats_are_counted() {
        let metronome = Metronome::start();
        std::thread::sleep(Duration::from_millis(50));
        let lateness = metronome.stop();
        assert!(lateness.p99 <= lateness.worst && lateness.worst > Duration::ZERO);
    }

    #[test]
    fn a_waking_stands_for_every_beat_it_missed() {
        let late = |ms: u64| -> Vec<u64> {
            beats(Duration::from_millis(ms))
                .map(|late| u64::try_from(late.as_millis()).unwrap())
                .collect()
        };
        assert_eq!(late(0), [0]);
        assert_eq!(late(1), [1]);
        assert_eq!(late(2), [2]);
        assert_eq!(late(7), [7, 5, 3, 1]);
    }

    #[test]
    fn only_a_machine_on_time_can_prove_a_failure() {
        let late = LIMIT * 2;
        assert!(Lateness::judge(&[(failed(), late), (Ok(()), LIMIT)], LIMIT).is_ok());
        assert!(Lateness::judge(&[(failed(), late), (failed(), late)], LIMIT).is_ok());
        let error = Lateness::judge(&[(failed(), late), (failed(), LIMIT)], LIMIT).unwrap_err();
        assert!(error.to_string().starts_with("too late"));
    }
}

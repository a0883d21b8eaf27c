//! The run's clock: a monotonic reading since the run's start, and the wall time that start had.
//!
//! The only place of this crate that reads or writes down wall-clock times. Everything else counts from the run's
//! start, so that a stepped system clock moves no sample.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use tokio::time::Instant;

/// Further ahead than any run lasts; an `Instant` must not overflow on a run time of years.
const FAR: Duration = Duration::from_secs(10 * 365 * 86_400);

/// A monotonic clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunClock {
    start: Instant,
    /// What it read at `start`.
    ahead: Duration,
}

impl RunClock {
    /// Reads 0 now.
    pub(crate) fn start() -> Self {
        Self::reading(Duration::ZERO)
    }

    /// Reads `elapsed` now.
    pub(crate) fn reading(elapsed: Duration) -> Self {
        Self {
            start: Instant::now(),
            ahead: elapsed,
        }
    }

    /// What it reads.
    pub(crate) fn elapsed(&self) -> Duration {
        self.ahead + self.start.elapsed()
    }

    /// The moment at which the clock reads `elapsed`.
    pub(crate) fn at(&self, elapsed: Duration) -> Instant {
        self.start + elapsed.saturating_sub(self.ahead).min(FAR)
    }
}

/// The wall clock.
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// Time since a moment of the wall clock; 0 when that lies ahead.
pub(crate) fn since(moment: SystemTime) -> Duration {
    moment.elapsed().unwrap_or_default()
}

/// The full second a reading lies in.
pub(crate) fn second_of(elapsed: Duration) -> u32 {
    u32::try_from(elapsed.as_secs()).unwrap_or(u32::MAX)
}

/// Seconds since 1970; 0 for anything earlier.
pub(crate) fn unix_seconds(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// `2026-08-22T10:00:00Z`.
pub(crate) fn utc_seconds(at: SystemTime) -> String {
    timestamp(at).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `2026-08-22T10:00:00.250Z`.
pub(crate) fn utc_millis(at: SystemTime) -> String {
    timestamp(at).strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

fn timestamp(at: SystemTime) -> Timestamp {
    // Only times beyond the year 9999 do not fit, and those no clock shows.
    Timestamp::try_from(at).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_times_are_written_in_utc() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_787_392_800_250);
        assert_eq!(utc_seconds(at), "2026-08-22T10:00:00Z");
        assert_eq!(utc_millis(at), "2026-08-22T10:00:00.250Z");
        assert_eq!(unix_seconds(at), 1_787_392_800);
    }

    #[tokio::test(start_paused = true)]
    async fn reads_the_time_since_the_start() {
        let clock = RunClock::start();
        tokio::time::advance(Duration::from_millis(2_500)).await;
        assert_eq!(clock.elapsed(), Duration::from_millis(2_500));
        assert_eq!(clock.at(Duration::from_millis(2_500)), Instant::now());
        assert_eq!(second_of(clock.elapsed()), 2);
        assert!(clock.at(Duration::MAX) > Instant::now());
    }
}

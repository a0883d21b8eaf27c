//! The run's clock: monotonic, counted in µs from the run's start; and the only reader of the wall clock here.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Moments of a run as times since its start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunClock {
    zero: Instant,
}

impl RunClock {
    /// A clock that reads `elapsed` now.
    pub(crate) fn reading(elapsed: Duration) -> Self {
        let now = Instant::now();
        Self {
            zero: now.checked_sub(elapsed).unwrap_or(now),
        }
    }

    /// The reading at `moment` in µs; 0 before the run's start.
    #[inline]
    pub(crate) fn us(self, moment: Instant) -> u64 {
        let since = moment.saturating_duration_since(self.zero);
        since.as_secs() * 1_000_000 + u64::from(since.subsec_micros())
    }

    /// The reading at `moment`; 0 before the run's start.
    pub(crate) fn read(self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.zero)
    }

    /// The moment at which the clock reads `time`.
    pub(crate) fn moment(self, time: Duration) -> Instant {
        self.zero + time
    }

    /// The next moment at which a full second of the clock is over.
    pub(crate) fn next_second(self, now: Instant) -> Instant {
        let elapsed = now.saturating_duration_since(self.zero);
        self.zero + Duration::from_secs(elapsed.as_secs() + 1)
    }
}

/// Wall-clock time in µs since 1970-01-01 UTC.
pub(crate) fn wall_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// The time between two moments in µs; 0 when they are in the wrong order.
#[inline]
pub(crate) fn span_us(from: Instant, to: Instant) -> u64 {
    let span = to.saturating_duration_since(from);
    span.as_secs() * 1_000_000 + u64::from(span.subsec_micros())
}

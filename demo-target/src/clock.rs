//! The target's clock: time since it was bound.
//!
//! In: nothing. Out: µs since the start, for first and last requests and for arrivals.

use tokio::time::Instant;

/// Counts from the moment it was made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that starts now.
    pub(crate) fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// µs since the start.
    pub(crate) fn now_us(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

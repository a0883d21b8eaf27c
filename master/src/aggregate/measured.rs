//! One row of a table while it grows: the sum of its deltas, and its last seconds.

use std::sync::Arc;

use katydid_protocol::stats::{RequestDelta, RequestEntry, RequestKey, RequestStats, SecondCounts};

use super::rates::{RecentSeconds, Window};

/// A request, a group or the total.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    /// Shared with snapshots: copied when it grows while a snapshot of it is held.
    stats: Arc<RequestStats>,
    recent: RecentSeconds,
}

impl Measured {
    /// An empty row.
    pub(crate) fn new(key: RequestKey) -> Self {
        Self {
            stats: Arc::new(RequestStats::new(key)),
            recent: RecentSeconds::default(),
        }
    }

    /// The empty row of all requests.
    pub(crate) fn total() -> Self {
        Self {
            stats: Arc::new(RequestStats::total()),
            recent: RecentSeconds::default(),
        }
    }

    /// Adds one interval; seconds after `now` count as `now`.
    pub(crate) fn apply(&mut self, delta: &RequestDelta, now: u32) {
        Arc::make_mut(&mut self.stats).apply(delta);
        for counts in &delta.seconds {
            self.recent.add(SecondCounts {
                second: counts.second.min(now),
                ..*counts
            });
        }
    }

    /// The row as others see it.
    pub(crate) fn entry(&self, window: Window) -> RequestEntry {
        let (current_rps, current_failures_per_sec) = self.recent.rates(window);
        RequestEntry {
            stats: Arc::clone(&self.stats),
            current_rps,
            current_failures_per_sec,
        }
    }
}

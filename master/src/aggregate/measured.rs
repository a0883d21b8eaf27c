//! One row of a table while it grows: the sum of its deltas, and its last seconds.

use std::sync::Arc;

use katydid_protocol::stats::{RequestDelta, RequestEntry, RequestKey, RequestStats, SecondCounts};

use super::history::History;
use super::rates::{RecentSeconds, Window};

/// A request, a group, a tag or the total.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    /// Shared with snapshots: copied when it grows while a snapshot of it is held.
    stats: Arc<RequestStats>,
    recent: RecentSeconds,
    /// Of requests only.
    history: Option<History>,
}

/// Up to when a row is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// The second that has begun.
    pub(crate) now: u32,
    /// Seconds before it are complete; `None` at the end of the run.
    pub(crate) complete_until: Option<u32>,
}

impl Measured {
    /// An empty row without seconds.
    pub(crate) fn new(key: RequestKey) -> Self {
        Self {
            stats: Arc::new(RequestStats::new(key)),
            recent: RecentSeconds::default(),
            history: None,
        }
    }

    /// An empty row whose seconds are kept from the second `first` on.
    pub(crate) fn with_history(key: RequestKey, first: u32) -> Self {
        let row = Self::new(key);
        Self {
            history: Some(History::new(first, &row.stats)),
            ..row
        }
    }

    /// The empty row of all requests.
    pub(crate) fn total() -> Self {
        Self {
            stats: Arc::new(RequestStats::total()),
            recent: RecentSeconds::default(),
            history: None,
        }
    }

    /// Adds one interval; seconds after `now` count as `now`.
    pub(crate) fn apply(&mut self, delta: &RequestDelta, now: u32) {
        if let Some(history) = &mut self.history {
            history.count(&self.stats, &delta.seconds, now);
        }
        Arc::make_mut(&mut self.stats).apply(delta);
        for counts in &delta.seconds {
            self.recent.add(SecondCounts {
                second: counts.second.min(now),
                ..*counts
            });
        }
    }

    /// The sum as one interval without seconds.
    pub(crate) fn sum(&self) -> RequestDelta {
        self.stats.to_delta()
    }

    /// What was measured up to now has no seconds.
    pub(crate) fn begin_history(&mut self) {
        if let Some(history) = &mut self.history {
            history.begin_after(&self.stats);
        }
    }

    /// The row as others see it.
    pub(crate) fn entry(&mut self, window: Window, look: Look) -> RequestEntry {
        let (current_rps, current_failures_per_sec) = self.recent.rates(window);
        let timeline = self.history.as_mut().map(|history| match look.complete_until {
            Some(until) => history.points(&self.stats, look.now, until),
            None => history.all_points(&self.stats),
        });
        RequestEntry {
            stats: Arc::clone(&self.stats),
            current_rps,
            current_failures_per_sec,
            timeline: timeline.unwrap_or_default(),
        }
    }
}

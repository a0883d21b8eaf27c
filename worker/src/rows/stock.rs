//! Rows of one data set that this worker may use once, and when to ask for more of them.

use std::collections::VecDeque;
use std::time::Duration;

use katydid_protocol::fleet::Rows;
use tokio::time::Instant;

/// Rows of the first lease.
const FIRST_LEASE: u32 = 16;
/// Rows of the largest lease.
const LARGEST_LEASE: u32 = 4_096;
/// A lease used up within this time was too small.
const LEASE_LASTS: Duration = Duration::from_secs(1);

/// How long it is believed that the run has no more rows: those who leave give back what they have not used.
const EXHAUSTION_HOLDS: Duration = Duration::from_secs(3);

/// See the module.
#[derive(Debug)]
pub(crate) struct Stock {
    rows: VecDeque<Rows>,
    left: u64,
    /// When the run said that it has no more.
    exhausted_at: Option<Instant>,
    /// When the request under way was made.
    asked_at: Option<Instant>,
    granted_at: Option<Instant>,
    lease: u32,
}

/// What became of the wish for a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    Row(usize),
    /// None is here; more have been asked for.
    Later,
    /// There are no more in the whole run.
    NoMore,
}

impl Default for Stock {
    fn default() -> Self {
        Self {
            rows: VecDeque::new(),
            left: 0,
            exhausted_at: None,
            asked_at: None,
            granted_at: None,
            lease: FIRST_LEASE,
        }
    }
}

impl Stock {
    pub(super) fn take(&mut self, now: Instant) -> Taken {
        while let Some(first) = self.rows.front_mut() {
            if let Some(row) = first.next() {
                self.left = self.left.saturating_sub(1);
                return usize::try_from(row).map_or(Taken::NoMore, Taken::Row);
            }
            self.rows.pop_front();
        }
        if self.is_exhausted(now) {
            Taken::NoMore
        } else {
            Taken::Later
        }
    }

    /// Whether it is time to ask, because little is left.
    pub(super) fn needs_more(&self, now: Instant) -> bool {
        !self.is_exhausted(now) && self.asked_at.is_none() && self.left < u64::from(self.lease / 4)
    }

    fn is_exhausted(&self, now: Instant) -> bool {
        self.exhausted_at
            .is_some_and(|at| now.saturating_duration_since(at) < EXHAUSTION_HOLDS)
    }

    /// Notes that more are asked for; how many.
    pub(super) fn ask(&mut self, now: Instant, waiting: u32) -> u32 {
        let hurried = |at: Instant| now.saturating_duration_since(at) < LEASE_LASTS;
        if self.granted_at.take().is_some_and(hurried) {
            self.lease = (self.lease * 2).min(LARGEST_LEASE);
        }
        self.asked_at = Some(now);
        self.lease.max(waiting.min(LARGEST_LEASE))
    }

    /// Whether the request under way has been for longer than `limit`.
    pub(super) fn is_overdue(&self, now: Instant, limit: Duration) -> bool {
        self.asked_at
            .is_some_and(|at| now.saturating_duration_since(at) >= limit)
    }

    /// Takes in an answer; rows a set of `len` does not have are left out.
    pub(super) fn refill(&mut self, rows: Vec<Rows>, len: u64, exhausted: bool, now: Instant) {
        for rows in rows {
            let rows = rows.start.min(len)..rows.end.min(len);
            if !rows.is_empty() {
                self.left += rows.end - rows.start;
                self.rows.push_back(rows);
            }
        }
        self.exhausted_at = exhausted.then_some(now);
        self.asked_at = None;
        self.granted_at = Some(now);
    }

    /// Takes out everything.
    pub(super) fn empty(&mut self) -> Vec<Rows> {
        self.left = 0;
        self.rows.drain(..).filter(|rows| !rows.is_empty()).collect()
    }
}

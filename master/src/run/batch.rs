//! Deltas that have arrived and are not part of the truth yet.
//!
//! In: deltas with the worker and sequence they came under. Out: their sum, to be written and counted at once.

use std::time::Duration;

use katydid_protocol::stats::Delta;

use super::BATCH_TIME;
use crate::fleet::WorkerId;

/// The deltas of the last moment.
#[derive(Debug, Default)]
pub(super) struct Batch {
    sum: Delta,
    arrived: Vec<(WorkerId, u64)>,
    due: Option<Duration>,
}

impl Batch {
    /// Adds one, unless it is here already.
    pub(super) fn add(&mut self, now: Duration, id: WorkerId, sequence: u64, delta: Delta) {
        if self.arrived.contains(&(id, sequence)) {
            return;
        }
        self.arrived.push((id, sequence));
        self.sum.merge(delta);
        self.due.get_or_insert(now + BATCH_TIME);
    }

    /// When it should be taken.
    pub(super) fn due(&self) -> Option<Duration> {
        self.due
    }

    /// The sum, and what is in it.
    pub(super) fn take(&mut self) -> Option<(Delta, Vec<(WorkerId, u64)>)> {
        self.due.take()?;
        Some((std::mem::take(&mut self.sum), std::mem::take(&mut self.arrived)))
    }
}

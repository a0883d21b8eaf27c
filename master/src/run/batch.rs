//! Deltas that have arrived and are not part of the truth yet.
//!
//! In: deltas with the worker and sequence they came under. Out: their sum, to be written and counted at once; what could
//! not be written comes back, and goes with the next.

use std::time::Duration;

use katydid_protocol::stats::Delta;
use katydid_protocol::wire::MAX_DELTA_NAMES;

use super::BATCH_TIME;
use crate::fleet::WorkerId;
use crate::intake::Instance;

/// The deltas of the last moment.
#[derive(Debug, Default)]
pub(super) struct Batch {
    sum: Delta,
    arrived: Vec<Arrived>,
    due: Option<Duration>,
}

/// A delta in the batch.
#[derive(Debug)]
pub(super) struct Arrived {
    /// Whom to tell that it is safe.
    pub(super) id: WorkerId,
    pub(super) instance: Instance,
    pub(super) sequence: u64,
}

impl Batch {
    /// Adds one, unless it is here already.
    pub(super) fn add(&mut self, now: Duration, one: Arrived, delta: Delta) {
        let known = self
            .arrived
            .iter_mut()
            .find(|known| known.sequence == one.sequence && known.instance == one.instance);
        if let Some(known) = known {
            // It may have come back under another number.
            known.id = one.id;
            return;
        }
        self.arrived.push(one);
        self.sum.merge(delta);
        self.due.get_or_insert(now + BATCH_TIME);
        // Scripts that make up names fill it faster than any time is up.
        let names = [
            self.sum.requests.len(),
            self.sum.groups.len(),
            self.sum.tags.len(),
            self.sum.checks.len(),
            self.sum.metrics.len(),
        ];
        if names.into_iter().any(|names| names > MAX_DELTA_NAMES) {
            self.due = Some(now);
        }
    }

    /// When it should be taken.
    pub(super) fn due(&self) -> Option<Duration> {
        self.due
    }

    /// The sum, and what is in it.
    pub(super) fn take(&mut self) -> Option<(Delta, Vec<Arrived>)> {
        self.due.take()?;
        Some((std::mem::take(&mut self.sum), std::mem::take(&mut self.arrived)))
    }

    /// What was taken could not be written: it is due again at `due`, with what arrives until then.
    pub(super) fn put_back(&mut self, due: Duration, sum: Delta, arrived: Vec<Arrived>) {
        (self.sum, self.arrived, self.due) = (sum, arrived, Some(due));
    }
}

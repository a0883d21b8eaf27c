//! Lets each measurement in once: a delta is known by its worker and its sequence.
//!
//! In: (worker, sequence) of every delta that arrives, in any order and as often as the way there repeats it. Out: yes
//! the first time, no ever after.

mod sequences;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fleet::WorkerId;
use sequences::SequenceSet;

/// What has been let in so far.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Intake {
    workers: BTreeMap<u32, SequenceSet>,
}

impl Intake {
    /// Whether this delta has been let in.
    pub(crate) fn has(&self, worker: WorkerId, sequence: u64) -> bool {
        self.workers
            .get(&worker.0)
            .is_some_and(|known| known.contains(sequence))
    }

    /// Whether this delta is new; from now on it is not.
    pub(crate) fn admit(&mut self, worker: WorkerId, sequence: u64) -> bool {
        self.workers.entry(worker.0).or_default().insert(sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_workers_sequences_are_its_own() {
        let mut intake = Intake::default();
        assert!(intake.admit(WorkerId(0), 1));
        assert!(intake.admit(WorkerId(1), 1));
        assert!(!intake.admit(WorkerId(0), 1));
        assert!(!intake.admit(WorkerId(1), 1));
        assert!(intake.admit(WorkerId(0), 2));
    }
}

//! Lets each measurement in once: a delta is known by its worker and its sequence.
//!
//! In: (worker, sequence) of every delta that arrives, in any order and as often as the way there repeats it. Out: yes
//! the first time, no ever after.

mod sequences;

use std::collections::BTreeMap;

use sequences::SequenceSet;

/// A worker's place in the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WorkerId(pub(crate) u32);

impl WorkerId {
    /// The worker in this process.
    pub(crate) const LOCAL: Self = Self(0);
}

/// What has been let in so far.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    workers: BTreeMap<WorkerId, SequenceSet>,
}

impl Intake {
    /// Whether this delta is new; from now on it is not.
    pub(crate) fn admit(&mut self, worker: WorkerId, sequence: u64) -> bool {
        self.workers.entry(worker).or_default().insert(sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_workers_sequences_are_its_own() {
        let mut intake = Intake::default();
        assert!(intake.admit(WorkerId::LOCAL, 1));
        assert!(intake.admit(WorkerId(1), 1));
        assert!(!intake.admit(WorkerId::LOCAL, 1));
        assert!(!intake.admit(WorkerId(1), 1));
        assert!(intake.admit(WorkerId::LOCAL, 2));
    }
}

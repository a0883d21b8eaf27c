//! Lets each measurement in once: a delta is known by the process that measured it and its sequence.
//!
//! In: (instance, sequence) of every delta that arrives, in any order and as often as the way there repeats it. Out: yes
//! the first time, no ever after. A process counts its sequences through a whole run, whatever happens to its connections
//! and to this master; the number by which the fleet calls it may change, this does not.

mod sequences;

use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) use sequences::SequenceSet;

/// A worker's process, as its hello says it.
pub(crate) type Instance = Arc<str>;

/// What is let in at once: all sequences of the processes concerned, as they will be then.
pub(crate) type Admission = BTreeMap<Instance, SequenceSet>;

/// What has been let in so far.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    known: BTreeMap<Instance, SequenceSet>,
}

impl Intake {
    /// Whether this delta has been let in.
    pub(crate) fn has(&self, instance: &str, sequence: u64) -> bool {
        self.known
            .get(instance)
            .is_some_and(|known| known.contains(sequence))
    }

    /// What is known of the processes concerned once these deltas are let in; they are with [`Self::admit`].
    pub(crate) fn with<'a>(&self, arrived: impl IntoIterator<Item = (&'a Instance, u64)>) -> Admission {
        let mut admission = Admission::new();
        for (instance, sequence) in arrived {
            admission
                .entry(Arc::clone(instance))
                .or_insert_with(|| self.known.get(instance).cloned().unwrap_or_default())
                .insert(sequence);
        }
        admission
    }

    /// From now on these have been let in.
    pub(crate) fn admit(&mut self, admission: Admission) {
        self.known.extend(admission);
    }
}

impl FromIterator<(Instance, SequenceSet)> for Intake {
    fn from_iter<T: IntoIterator<Item = (Instance, SequenceSet)>>(known: T) -> Self {
        Self {
            known: known.into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_processes_sequences_are_its_own() {
        let (one, two): (Instance, Instance) = ("one".into(), "two".into());
        let mut intake = Intake::default();
        let admission = intake.with([(&one, 1), (&one, 2)]);
        assert!(!intake.has("one", 1), "not yet");
        intake.admit(admission);
        assert!(intake.has("one", 1) && intake.has("one", 2) && !intake.has("one", 3));
        assert!(!intake.has("two", 1));
        intake.admit(intake.with([(&two, 1), (&one, 3)]));
        assert!(intake.has("one", 1) && intake.has("one", 3) && intake.has("two", 1));
    }
}

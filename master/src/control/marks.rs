//! What happened to a run and should be seen in its charts: each thing with its second, and not too many.

use std::time::Duration;

use katydid_protocol::stats::{MarkKind, RunMark};
use serde::{Deserialize, Serialize};

use crate::clock::second_of;

/// Marks kept; in a chart with more nothing is seen any more.
const MAX_MARKS: usize = 500;

/// Marks in the order they came.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Marks(Vec<RunMark>);

impl Marks {
    /// Something happened when the run's clock read `at`.
    pub(super) fn add(&mut self, at: Duration, kind: MarkKind, text: String) {
        if self.0.len() < MAX_MARKS {
            self.0.push(RunMark {
                second: second_of(at),
                kind,
                text,
            });
        }
    }

    /// Whether such a thing has happened.
    pub(super) fn has(&self, kind: MarkKind) -> bool {
        self.0.iter().any(|mark| mark.kind == kind)
    }

    pub(super) fn all(&self) -> Vec<RunMark> {
        self.0.clone()
    }
}

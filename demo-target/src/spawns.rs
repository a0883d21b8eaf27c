//! When users arrived: the first sign of life that user `n` sends to `/spawn/:n`.
//!
//! In: a number and a time. Out: all of them in order of arrival. Bounded; arrivals past the bound are counted only.

use std::sync::{Mutex, PoisonError};

/// Arrivals remembered.
const MAX_SPAWNS: usize = 100_000;

/// All arrivals.
#[derive(Debug, Default)]
pub(crate) struct Spawns {
    arrivals: Mutex<Vec<(u64, u64)>>,
}

impl Spawns {
    /// Notes that user `n` arrived at a time of the target's clock, in µs.
    pub(crate) fn note(&self, n: u64, at_us: u64) {
        let mut arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        if arrivals.len() < MAX_SPAWNS {
            arrivals.push((n, at_us));
        }
    }

    /// All arrivals: (number, time in µs).
    pub(crate) fn all(&self) -> Vec<(u64, u64)> {
        self.arrivals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Forgets all arrivals.
    pub(crate) fn clear(&self) {
        *self.arrivals.lock().unwrap_or_else(PoisonError::into_inner) = Vec::new();
    }
}

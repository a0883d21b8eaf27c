//! Arrivals that started late: the one place where `late` gets its numbers.
//!
//! In: the picture of the run, or a delta. Out: how many were planned and how many were late; `None` while nothing counts
//! arrivals, so that rules about them have no data.

use katydid_protocol::stats::{Delta, Snapshot};

use super::counted::Counted;

/// Over the whole run.
pub(super) fn of_run(_snapshot: &Snapshot) -> Option<Counted<'static>> {
    None
}

/// Planned and late arrivals of an interval.
pub(super) fn of_delta(_delta: &Delta) -> (u64, u64) {
    (0, 0)
}

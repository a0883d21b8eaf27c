//! Arrivals that did not start when they were due: the one place where `late` gets its numbers.
//!
//! In: the picture of the run, or a delta. Out: how many were planned, and how many started late or never; `None` where
//! nobody plans arrivals, so that rules about them have no data.

use katydid_protocol::stats::{Delta, Snapshot};

use super::counted::Counted;

/// Over the whole run.
pub(super) fn of_run(snapshot: &Snapshot) -> Option<Counted<'static>> {
    snapshot.arrivals.map(|counts| Counted::Arrivals {
        planned: counts.planned,
        late: counts.missed(),
    })
}

/// Planned arrivals of an interval, and those that started late or never in it.
pub(super) fn of_delta(delta: &Delta) -> (u64, u64) {
    let counts = delta.arrivals.iter().map(|second| second.counts);
    counts.fold((0, 0), |(planned, late), counts| {
        (planned + counts.planned, late + counts.missed())
    })
}

//! What became of a run's arrivals, as programs see it.

use katydid_protocol::stats::ArrivalCounts;
use serde::Serialize;
use utoipa::ToSchema;

/// What became of arrivals of the open load model.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Arrivals {
    /// Arrivals that were due.
    planned: u64,
    /// Iterations that started for one.
    started: u64,
    /// Those among them that started late.
    late: u64,
    /// Arrivals that never start.
    dropped: u64,
    /// Arrivals that are due and wait for a user.
    waiting: u64,
}

impl From<ArrivalCounts> for Arrivals {
    fn from(counts: ArrivalCounts) -> Self {
        Self {
            planned: counts.planned,
            started: counts.started,
            late: counts.late,
            dropped: counts.dropped,
            waiting: counts.waiting(),
        }
    }
}

//! Arrivals of the open load model: counts that merge in any order to the same sum.
//!
//! In: arrivals as they fall due, start or are dropped. Out: sums over the run and per second, which say whether the
//! load that was planned is the load that was applied.

use serde::{Deserialize, Serialize};

/// What became of arrivals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrivalCounts {
    /// Arrivals that were due.
    pub planned: u64,
    /// Iterations that started for one.
    pub started: u64,
    /// Those among them that started late: no user was free, or the load generator was busy.
    pub late: u64,
    /// Arrivals that never start: nobody was free and they were not to wait, or the run ended while they waited.
    pub dropped: u64,
}

/// What became of arrivals in one second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrivalSecond {
    /// The second, counted from the run's start.
    pub second: u32,
    /// What happened in it.
    pub counts: ArrivalCounts,
}

/// The same in a point of a timeline, of which there are many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointArrivals {
    /// See [`ArrivalCounts::planned`].
    pub planned: u32,
    /// See [`ArrivalCounts::started`].
    pub started: u32,
    /// See [`ArrivalCounts::late`].
    pub late: u32,
    /// See [`ArrivalCounts::dropped`].
    pub dropped: u32,
}

impl ArrivalCounts {
    /// Adds another interval.
    pub fn merge(&mut self, other: Self) {
        self.planned += other.planned;
        self.started += other.started;
        self.late += other.late;
        self.dropped += other.dropped;
    }

    /// Arrivals that are due and wait for a user.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.planned.saturating_sub(self.started + self.dropped)
    }

    /// Arrivals that did not start when they were due: late ones and dropped ones.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.late + self.dropped
    }

    /// Whether there were any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl PointArrivals {
    /// Adds what happened in the same point.
    pub fn add(&mut self, counts: ArrivalCounts) {
        let small = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        *self = self.joined(Self {
            planned: small(counts.planned),
            started: small(counts.started),
            late: small(counts.late),
            dropped: small(counts.dropped),
        });
    }

    /// Both together.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        Self {
            planned: self.planned.saturating_add(other.planned),
            started: self.started.saturating_add(other.started),
            late: self.late.saturating_add(other.late),
            dropped: self.dropped.saturating_add(other.dropped),
        }
    }
}

/// Adds to a second's counts, keeping the seconds in order.
pub fn count_arrivals(seconds: &mut Vec<ArrivalSecond>, counts: ArrivalSecond) {
    // Nearly always it is the last one.
    let at = seconds
        .iter()
        .rposition(|known| known.second <= counts.second)
        .map_or(0, |at| at + 1);
    match at.checked_sub(1).and_then(|before| seconds.get_mut(before)) {
        Some(known) if known.second == counts.second => known.counts.merge(counts.counts),
        _ => seconds.insert(at, counts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_stay_in_order_and_apart() {
        let mut seconds = Vec::new();
        for second in [3, 1, 3, 2, 1] {
            let counts = ArrivalCounts {
                planned: 1,
                ..ArrivalCounts::default()
            };
            count_arrivals(&mut seconds, ArrivalSecond { second, counts });
        }
        let counted: Vec<_> = seconds
            .iter()
            .map(|second| (second.second, second.counts.planned))
            .collect();
        assert_eq!(counted, [(1, 2), (2, 1), (3, 2)]);
    }

    #[test]
    fn what_is_due_has_started_is_dropped_or_waits() {
        let counts = ArrivalCounts {
            planned: 10,
            started: 6,
            late: 2,
            dropped: 1,
        };
        assert_eq!((counts.waiting(), counts.missed()), (3, 3));
    }
}

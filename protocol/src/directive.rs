//! What the run tells a worker: control's way down.
//!
//! In: the run's plan, spread by [`crate::dispatch`]. Out: directives a worker obeys in order. No measurement travels
//! this way, and no type of this file travels back.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::fleet::Rows;
use crate::plan::ArrivalPlan;
use crate::timetable::Lane;

/// One instruction to a worker; applied in the order sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Directive {
    /// A run begins: its clock reads `elapsed` now. Sent once, before any share.
    Begin {
        /// Time since the run's start at the moment of sending.
        elapsed: Duration,
        /// What `on_test_start` returned, as JSON; `None` when the scenario has none or it returned nothing.
        setup: Option<Arc<str>>,
        /// The run clock's reading at which it is to end, when that is planned: users of a worker that cannot hear its
        /// master then end by themselves.
        run_time: Option<Duration>,
        /// When iterations start, if not whenever a user is done with the last one.
        arrivals: Option<Arc<ArrivalPlan>>,
    },
    /// Run this share of the users from now on.
    Share(Share),
    /// Of the rows handed out round robin (`next()`), this worker's users get those whose index modulo `count` is
    /// `index`.
    Partition {
        /// The worker's place, 0 to `count - 1`.
        index: u32,
        /// Workers that take part; at least 1.
        count: u32,
    },
    /// Rows that may be used once (`unique()`), in answer to [`crate::report::WorkerReport::RowsWanted`].
    Rows {
        /// The data set.
        data: Arc<str>,
        /// The rows, which nobody else has or will get.
        rows: Vec<Rows>,
        /// Whether there are no more after these.
        exhausted: bool,
    },
    /// Forget what was measured so far and start counting anew; deltas from now on carry `generation`. Ignored unless
    /// that is above the last one, so that it may be said again at any time.
    ResetStats {
        /// The new [`crate::stats::Delta::generation`].
        generation: u32,
    },
    /// Stop all users, give running iterations `grace`, flush the last delta and report
    /// [`crate::report::WorkerReport::Stopped`].
    Stop {
        /// How long running iterations may go on.
        grace: Duration,
    },
}

/// The users a worker shall run, and when to start or stop those that are missing or too many.
///
/// The worker's own k-th start (and likewise its k-th stop) happens at `from + (offset + k * stride) / rate` of the
/// run's clock. Workers whose offsets are staggered, and whose strides are the number of all changes over the number of
/// their own, together change the swarm at exactly `rate` users per second from its first change to its last, also when
/// some of them have more to change than others. See [`Share::part`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// Rises with each change of any worker's share; a share with an epoch not above the last one is ignored.
    pub epoch: u64,
    /// Rises when people change the plan, not when users only move between workers: users that ended by themselves are
    /// started anew only by a plan above the last one.
    pub plan: u64,
    /// Users per class, in the order of the run's classes; absolute, not a difference.
    pub users: Vec<u32>,
    /// The run clock's reading at which the first change of the whole swarm is due.
    pub from: Duration,
    /// Changes per second of the whole swarm; finite and above 0.
    pub rate: f64,
    /// When this worker's first change is due, in changes of the whole swarm since `from`; 0 and above.
    pub offset: f64,
    /// Changes of the whole swarm from one of this worker's to its next; 1 and above.
    pub stride: f64,
    /// How long running iterations of stopped users may go on.
    pub stop_timeout: Duration,
    /// With arrivals: which of them are this worker's. `users` is then how many users it may have at most, which come
    /// when they are needed.
    #[serde(default)]
    pub lane: Option<Lane>,
}

impl Share {
    /// When this worker's `k`-th change is due, by the run's clock.
    #[must_use]
    pub fn due(&self, k: u32) -> Duration {
        let seconds = (self.offset + f64::from(k) * self.stride) / self.rate;
        // A rate next to nothing puts the moment beyond any run; Duration must not overflow on it.
        self.from
            + Duration::from_secs_f64(if seconds.is_finite() {
                seconds.clamp(0.0, 1e9)
            } else {
                1e9
            })
    }

    /// The part of this share that place `index` of those with changes takes, which is to run `users`.
    ///
    /// `changes` are the changes of each such place. When all have the same number they take turns; otherwise each
    /// spreads its own evenly over the time all of them take.
    #[must_use]
    pub fn part(&self, users: Vec<u32>, index: usize, changes: &[u32]) -> Self {
        let total: f64 = changes.iter().copied().map(f64::from).sum();
        let own = changes.get(index).copied().map_or(0.0, f64::from);
        // Without changes of its own a place needs no turns.
        let turns = if own > 0.0 { total / own } else { 1.0 };
        let stagger = index as f64 / changes.len().max(1) as f64;
        Self {
            users,
            offset: self.offset + self.stride * turns * stagger,
            stride: self.stride * turns,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn share(rate: f64) -> Share {
        Share {
            epoch: 1,
            plan: 1,
            users: vec![1],
            from: Duration::from_secs(2),
            rate,
            offset: 0.0,
            stride: 1.0,
            stop_timeout: Duration::ZERO,
            lane: None,
        }
    }

    #[test]
    fn changes_are_due_at_the_rate() {
        assert_eq!(share(4.0).due(0), Duration::from_secs(2));
        assert_eq!(share(4.0).due(3), Duration::from_millis(2750));
        assert!(share(1e-300).due(3) > Duration::from_secs(100_000));
    }

    proptest! {
        #[test]
        fn equal_parts_of_parts_interleave_to_the_whole(
            places in 1usize..8, threads in 1usize..8, rate in 0.1f64..10_000.0,
        ) {
            let whole = share(rate);
            let mut due: Vec<Duration> = Vec::new();
            for place in 0..places {
                let part = whole.part(vec![], place, &vec![5 * threads as u32; places]);
                for thread in 0..threads {
                    let piece = part.part(vec![], thread, &vec![5; threads]);
                    due.extend((0..5).map(|k| piece.due(k)));
                }
            }
            due.sort();
            for (k, moment) in due.iter().enumerate() {
                let expected = whole.due(u32::try_from(k).unwrap());
                prop_assert!(moment.abs_diff(expected) < Duration::from_micros(1));
            }
        }

        #[test]
        fn unequal_parts_keep_the_rate_to_within_a_change_of_each(
            changes in prop::collection::vec(1u32..50, 1..10), rate in 0.1f64..10_000.0,
        ) {
            let whole = share(rate);
            let mut due: Vec<Duration> = Vec::new();
            for (place, own) in changes.iter().enumerate() {
                let part = whole.part(vec![], place, &changes);
                due.extend((0..*own).map(|k| part.due(k)));
            }
            due.sort();
            let slack = Duration::from_secs_f64(changes.len() as f64 / rate) + Duration::from_micros(1);
            for (k, moment) in due.iter().enumerate() {
                let expected = whole.due(u32::try_from(k).unwrap());
                prop_assert!(moment.abs_diff(expected) < slack, "change {k}: {moment:?} for {expected:?}");
            }
        }
    }
}

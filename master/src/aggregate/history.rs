//! A single request second by second, in bounded memory.
//!
//! In: its counts per second as deltas bring them, and its sum before each of them. Out: a [`Timeline`]. Its response times
//! are differences of two sums: what came with the deltas of one second, shown at that second. Nothing is merged a second
//! time for them, however many workers there are.

use std::sync::Arc;

use katydid_protocol::stats::{RequestStats, SecondCounts, Timeline};

use super::timeline::Keeper;

/// Points kept at most: half an hour of seconds, then of twice two seconds, and so on.
const MAX_POINTS: usize = 1_800;

/// The seconds of one request.
#[derive(Debug, Clone)]
pub(crate) struct History {
    keeper: Keeper,
    /// The sum when times were last shown.
    told: Arc<RequestStats>,
    /// The last second whose times are shown; what comes for it later is shown at the next.
    told_second: Option<u32>,
    /// The second at which the times since then will be shown.
    pending: Option<u32>,
}

impl History {
    /// Nothing yet, from the second `first` on.
    pub(crate) fn new(first: u32, stats: &Arc<RequestStats>) -> Self {
        Self {
            keeper: Keeper::with_limit(first, MAX_POINTS),
            told: Arc::clone(stats),
            told_second: None,
            pending: None,
        }
    }

    /// Counts what a delta tells that arrived in the second `now`; `before` is the sum without it.
    pub(crate) fn count(&mut self, before: &Arc<RequestStats>, seconds: &[SecondCounts], now: u32) {
        self.keeper.advance(now, 0);
        for counts in seconds {
            self.keeper.count(*counts);
        }
        // A delta's times are not told apart by second: they go where most of them belong.
        let fullest = seconds
            .iter()
            .max_by_key(|counts| (counts.requests, counts.second));
        let Some(fullest) = fullest.map(|counts| counts.second.min(now)) else {
            return;
        };
        let next = self
            .told_second
            .map_or(0, |told| told.saturating_add(self.keeper.span()));
        let second = self.keeper.point_of(fullest.max(next));
        match self.pending {
            Some(pending) if second > self.keeper.point_of(pending) => {
                self.tell(pending, before);
                self.pending = Some(second);
            }
            Some(_) => {}
            None => self.pending = Some(second),
        }
    }

    /// What was measured up to now has no seconds.
    pub(crate) fn begin_after(&mut self, stats: &Arc<RequestStats>) {
        self.told = Arc::clone(stats);
        self.pending = None;
    }

    /// The points of the seconds before `until`, at `now`.
    pub(crate) fn points(&mut self, stats: &Arc<RequestStats>, now: u32, until: u32) -> Timeline {
        self.keeper.advance(now, 0);
        if let Some(pending) = self.pending
            && self.keeper.point_of(pending).saturating_add(self.keeper.span()) <= until
        {
            self.tell(pending, stats);
        }
        self.keeper.points(u64::from(until))
    }

    /// All points at the end of the run.
    pub(crate) fn all_points(&mut self, stats: &Arc<RequestStats>) -> Timeline {
        if let Some(pending) = self.pending {
            self.tell(pending, stats);
        }
        self.keeper.all_points()
    }

    fn tell(&mut self, second: u32, stats: &Arc<RequestStats>) {
        let second = self.keeper.point_of(second);
        if stats.response.count() > self.told.response.count() {
            let fresh = stats.response.without(&self.told.response);
            self.keeper.add_times(second, fresh.summary());
        }
        self.told = Arc::clone(stats);
        self.told_second = Some(second);
        self.pending = None;
    }
}

#[cfg(test)]
mod tests {
    use katydid_protocol::stats::{Delta, PointTimes, RequestKey};
    use proptest::prelude::*;

    use super::super::sample;
    use super::*;

    fn stats(deltas: &[Delta]) -> Arc<RequestStats> {
        let mut stats = RequestStats::new(RequestKey::new("GET", "/"));
        for request in deltas.iter().flat_map(|delta| delta.requests.values()) {
            stats.apply(request);
        }
        Arc::new(stats)
    }

    fn seconds(delta: &Delta) -> Vec<SecondCounts> {
        let seconds = delta
            .requests
            .values()
            .flat_map(|request| request.seconds.clone());
        seconds.collect()
    }

    fn times(points: &Timeline) -> Vec<PointTimes> {
        points.iter().map(|point| point.times).collect()
    }

    #[test]
    fn each_second_shows_the_times_that_arrived_since_the_one_before() {
        let first = sample::timed_delta(0, &[1_000; 10]);
        let second = sample::timed_delta(1, &[5_000; 10]);
        let mut history = History::new(0, &stats(&[]));
        history.count(&stats(&[]), &seconds(&first), 1);
        history.count(&stats(std::slice::from_ref(&first)), &seconds(&second), 2);
        // Nobody has looked in between.
        let sum = stats(&[first, second]);
        let points = times(&history.points(&sum, 2, 2));
        assert_eq!((points[0].count, points[1].count), (10, 10));
        assert!(
            points[0].p50_us.abs_diff(1_000) <= 1 && points[1].p50_us.abs_diff(5_000) <= 5,
            "{points:?}"
        );
        // Looked at again, nothing is counted twice.
        assert_eq!(times(&history.points(&sum, 2, 2)), points);
    }

    proptest! {
        #[test]
        fn all_requests_and_all_times_are_in_some_second(
            steps in prop::collection::vec((0u32..3, prop::collection::vec(1u64..50_000, 0..5), any::<bool>()), 1..40),
        ) {
            let mut history = History { keeper: Keeper::with_limit(0, 8), ..History::new(0, &stats(&[])) };
            let (mut now, mut deltas) = (0, Vec::new());
            for (step, times, look) in steps {
                now += step;
                if !times.is_empty() {
                    let delta = sample::timed_delta(now, &times);
                    history.count(&stats(&deltas), &seconds(&delta), now);
                    deltas.push(delta);
                }
                if look {
                    history.points(&stats(&deltas), now, now.saturating_sub(1));
                }
            }
            history.keeper.advance(now, 0);
            let sum = stats(&deltas);
            let points = history.all_points(&sum);
            prop_assert!(points.len() <= 8);
            prop_assert_eq!(points.iter().map(|point| point.requests).sum::<u64>(), sum.requests);
            prop_assert_eq!(points.iter().map(|point| point.times.count).sum::<u64>(), sum.response.count());
            prop_assert_eq!(points.iter().map(|point| point.times.sum_us).sum::<u64>(), sum.response.sum_us());
        }
    }
}

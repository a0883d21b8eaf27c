//! A single request second by second, in bounded memory.
//!
//! In: its counts per second as deltas bring them, and now and then its sum. Out: a [`Timeline`]. Its response times are
//! the difference of two sums: what arrived since the last look, shown at the last second that is complete. Nothing is
//! merged a second time for them, however many workers there are.

use std::sync::Arc;

use katydid_protocol::stats::{RequestStats, SecondCounts, Timeline};

use super::timeline::Keeper;

/// Points kept at most: half an hour of seconds, then of twice two seconds, and so on.
const MAX_POINTS: usize = 1_800;

/// The seconds of one request.
#[derive(Debug, Clone)]
pub(crate) struct History {
    keeper: Keeper,
    /// The sum at the last look.
    told: Arc<RequestStats>,
    /// The second of the last point that got its times.
    told_second: Option<u32>,
}

impl History {
    /// Nothing yet, from the second `first` on.
    pub(crate) fn new(first: u32, stats: &Arc<RequestStats>) -> Self {
        Self {
            keeper: Keeper::with_limit(first, MAX_POINTS),
            told: Arc::clone(stats),
            told_second: None,
        }
    }

    /// Counts what a delta that arrived in the second `now` tells.
    pub(crate) fn count(&mut self, seconds: &[SecondCounts], now: u32) {
        self.keeper.advance(now, 0);
        for counts in seconds {
            self.keeper.count(*counts);
        }
    }

    /// What was measured up to now has no seconds.
    pub(crate) fn begin_after(&mut self, stats: &Arc<RequestStats>) {
        self.told = Arc::clone(stats);
    }

    /// The points of the seconds before `until`, at `now`.
    pub(crate) fn points(&mut self, stats: &Arc<RequestStats>, now: u32, until: u32) -> Timeline {
        self.keeper.advance(now, 0);
        let last = self.keeper.complete(u64::from(until)).checked_sub(1);
        if let Some(last) = last {
            let second = self.keeper.second_at(last);
            if second > self.told_second {
                self.tell(last, stats);
                self.told_second = second;
            }
        }
        self.keeper.points(u64::from(until))
    }

    /// All points at the end of the run.
    pub(crate) fn all_points(&mut self, stats: &Arc<RequestStats>) -> Timeline {
        let points = self.keeper.all_points();
        if let Some(last) = points.len().checked_sub(1) {
            self.tell(last, stats);
        }
        self.keeper.all_points()
    }

    fn tell(&mut self, index: usize, stats: &Arc<RequestStats>) {
        if stats.response.count() > self.told.response.count() {
            let fresh = stats.response.without(&self.told.response);
            self.keeper.add_times(index, fresh.summary());
        }
        self.told = Arc::clone(stats);
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

    fn times(points: &Timeline) -> Vec<PointTimes> {
        points.iter().map(|point| point.times).collect()
    }

    #[test]
    fn each_second_shows_the_times_that_arrived_since_the_one_before() {
        let first = sample::timed_delta(0, &[1_000; 10]);
        let second = sample::timed_delta(1, &[5_000; 10]);
        let mut history = History::new(0, &stats(&[]));
        let sum = stats(std::slice::from_ref(&first));
        assert_eq!(history.points(&sum, 1, 1).len(), 1);
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
                    for request in delta.requests.values() {
                        history.count(&request.seconds, now);
                    }
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

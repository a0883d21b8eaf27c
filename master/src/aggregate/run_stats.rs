//! The sum of all deltas since the run's start or the last reset.
//!
//! In: deltas that intake let pass. Out: what [`super::snapshot`] shows. Every table is bounded; what does not fit is
//! counted under "(other)" and said aloud.

use std::sync::Arc;
use std::time::Duration;

use katydid_protocol::stats::{
    ArrivalCounts, CheckCounts, ConnectionCounts, Delta, ErrorCounts, ErrorKey, ExceptionCounts,
    ExceptionKey, Folded, LossCounts, MAX_ERRORS, MAX_NAMES, MetricSums, OTHER_NAME, RequestKey, Tables,
};

use super::bounded::Bounded;
use super::measured::Measured;
use super::timeline::Keeper;
use crate::clock::second_of;
use crate::thresholds::Windows;

/// What was measured.
#[derive(Debug)]
pub(crate) struct RunStats {
    /// The life of the statistics that counts; deltas of an earlier one are dropped, one of a later one begins it.
    pub(super) generation: u32,
    pub(super) counted_from: Duration,
    pub(super) last_delta_at: Option<Duration>,
    pub(super) requests: Bounded<RequestKey, Measured>,
    pub(super) total: Measured,
    pub(super) groups: Bounded<Arc<str>, Measured>,
    pub(super) tags: Bounded<Arc<str>, Measured>,
    pub(super) checks: Bounded<Arc<str>, CheckCounts>,
    /// Shared with snapshots: copied when they grow while a snapshot of them is held.
    pub(super) metrics: Bounded<Arc<str>, Arc<MetricSums>>,
    pub(super) errors: Bounded<ErrorKey, ErrorCounts>,
    pub(super) exceptions: Bounded<ExceptionKey, ExceptionCounts>,
    pub(super) iterations: u64,
    pub(super) arrivals: ArrivalCounts,
    pub(super) connections: ConnectionCounts,
    pub(super) losses: LossCounts,
    pub(super) timeline: Keeper,
    /// Seconds in which a worker was saturated, ascending.
    pub(super) saturated: Vec<u32>,
    /// What came in lately, for thresholds.
    pub(super) windows: Windows,
}

/// Saturated seconds remembered one by one: a day of them.
const MAX_SATURATED: usize = 86_400;

impl RunStats {
    /// Nothing measured yet, at the run's start.
    pub(crate) fn new() -> Self {
        Self::starting(Duration::ZERO, 0)
    }

    /// Forgets everything: counting starts anew at `now` with deltas of `generation`.
    pub(crate) fn reset(&mut self, now: Duration, generation: u32) {
        let users = self.timeline.users();
        let windows = self.windows.emptied(now);
        *self = Self::starting(now, generation);
        self.windows = windows;
        self.advance(now, users);
    }

    /// When the last delta was counted, by the run's clock.
    pub(crate) fn last_delta_at(&self) -> Option<Duration> {
        self.last_delta_at
    }

    /// Keeps from now on what thresholds about a window need.
    pub(crate) fn watch(&mut self, windows: Windows) {
        self.windows = windows;
    }

    /// What came in lately.
    pub(crate) fn windows(&self) -> &Windows {
        &self.windows
    }

    /// Notes the number of users at `now`, and that time has passed.
    pub(crate) fn advance(&mut self, now: Duration, users: u32) {
        self.timeline.advance(second_of(now), users);
    }

    /// A worker was saturated in the second before `now`.
    pub(crate) fn saturated(&mut self, now: Duration) {
        let second = second_of(now).saturating_sub(1);
        if self.saturated.last().is_none_or(|last| *last < second) && self.saturated.len() < MAX_SATURATED {
            self.saturated.push(second);
        }
    }

    /// Adds a delta that arrived at `now`.
    pub(crate) fn apply(&mut self, now: Duration, delta: &Delta) {
        if delta.generation < self.generation {
            return;
        }
        // A worker has heard of a reset that this master, started again, knows nothing of.
        if delta.generation > self.generation {
            self.reset(now, delta.generation);
        }
        self.last_delta_at = Some(now);
        let second = second_of(now);
        self.timeline.advance(second, self.timeline.users());
        self.timeline.apply(delta);
        self.windows.add(second, delta);
        self.add(second, delta);
    }

    /// Adds a delta to the tables; it tells of no second after `second`.
    pub(super) fn add(&mut self, second: u32, delta: &Delta) {
        let first = second_of(self.counted_from);
        for (key, request) in &delta.requests {
            let row = self.requests.slot(key, request.requests, |key| {
                Measured::with_history(key.clone(), first)
            });
            row.apply(request, second);
            self.total.apply(request, second);
        }
        for (name, group) in &delta.groups {
            let row = self.groups.slot(name, group.requests, |name| {
                Measured::new(RequestKey::new("", name))
            });
            row.apply(group, second);
        }
        for (tag, requests) in &delta.tags {
            let row = self.tags.slot(tag, requests.requests, |tag| {
                Measured::new(RequestKey::new("", tag))
            });
            row.apply(requests, second);
        }
        for (name, counts) in &delta.checks {
            let row = self
                .checks
                .slot(name, counts.passes + counts.failures, |_| CheckCounts::default());
            row.merge(*counts);
        }
        for (name, sums) in &delta.metrics {
            let row = self.metrics.slot(name, sums.count(), |_| Arc::default());
            Arc::make_mut(row).merge(sums);
        }
        for (key, counts) in &delta.errors {
            // Made with no occurrences and its own times, an entry is the neutral element for the counts added to it.
            // A failure stands beside its request, wherever that is counted.
            let key = ErrorKey {
                request: self.requests.place(&key.request),
                message: key.message.clone(),
            };
            self.errors
                .slot(&key, counts.occurrences, |_| ErrorCounts {
                    occurrences: 0,
                    ..*counts
                })
                .merge(*counts);
        }
        for (key, exception) in &delta.exceptions {
            let counts = exception.counts;
            self.exceptions
                .slot(key, counts.occurrences, |_| {
                    ExceptionCounts::from(ErrorCounts {
                        occurrences: 0,
                        ..counts
                    })
                })
                .merge(exception);
        }
        self.iterations += delta.iterations;
        for arrived in &delta.arrivals {
            self.arrivals.merge(arrived.counts);
        }
        self.connections.merge(delta.connections);
        self.losses.merge(delta.losses.clone());
    }

    /// Counts what finds no place here under "(other)" before it is written down and counted, so that what is written is
    /// bounded as this is. What is of an earlier life counts for nothing.
    pub(crate) fn fold(&mut self, delta: &mut Delta) {
        if delta.generation < self.generation {
            *delta = Delta {
                generation: delta.generation,
                ..Delta::default()
            };
        } else if delta.generation > self.generation {
            Self::starting(Duration::ZERO, delta.generation).fold(delta);
        } else {
            let folded = delta.fold(Tables {
                requests: &self.requests,
                groups: &self.groups,
                tags: &self.tags,
                checks: &self.checks,
                metrics: &self.metrics,
                errors: &self.errors,
                exceptions: &self.exceptions,
            });
            self.note_folded(&folded);
        }
    }

    /// Names that were folded before they came here, for the warnings.
    pub(super) fn note_folded(&mut self, folded: &Folded) {
        if let Some(group) = &folded.group {
            self.groups.note_folded(group);
        }
        if let Some(check) = &folded.check {
            self.checks.note_folded(check);
        }
    }

    pub(super) fn starting(now: Duration, generation: u32) -> Self {
        let other: Arc<str> = OTHER_NAME.into();
        Self {
            generation,
            counted_from: now,
            last_delta_at: None,
            requests: Bounded::new(MAX_NAMES, RequestKey::other()),
            total: Measured::total(),
            groups: Bounded::new(MAX_NAMES, other.clone()),
            tags: Bounded::new(MAX_NAMES, other.clone()),
            checks: Bounded::new(MAX_NAMES, other.clone()),
            metrics: Bounded::new(MAX_NAMES, other.clone()),
            errors: Bounded::new(
                MAX_ERRORS,
                ErrorKey {
                    request: RequestKey::other(),
                    message: other.clone(),
                },
            ),
            exceptions: Bounded::new(
                MAX_ERRORS,
                ExceptionKey {
                    message: other,
                    traceback: "".into(),
                },
            ),
            iterations: 0,
            arrivals: ArrivalCounts::default(),
            connections: ConnectionCounts::default(),
            losses: LossCounts::default(),
            timeline: Keeper::new(second_of(now)),
            saturated: Vec::new(),
            windows: Windows::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use katydid_protocol::stats::{
        CheckEntry, ErrorEntry, ExceptionEntry, MetricEntry, RateSum, RequestStats, RunInfo,
    };
    use proptest::prelude::*;

    use super::super::sample::{any_delta, any_deltas, delta, requests_of, standing};
    use super::*;
    use crate::control::Standing;
    use crate::intake::{Instance, Intake};

    const NOW: Duration = Duration::from_secs(40);

    /// Everything that does not depend on the order of arrival.
    #[derive(Debug, PartialEq)]
    struct Summary {
        rows: Vec<(Arc<RequestStats>, f64, f64)>,
        checks: Vec<CheckEntry>,
        metrics: Vec<MetricEntry>,
        errors: Vec<ErrorEntry>,
        exceptions: Vec<ExceptionEntry>,
        iterations: u64,
        arrivals: Option<ArrivalCounts>,
        connections: ConnectionCounts,
        losses: LossCounts,
        seconds: Vec<(u32, u64, u64, u32)>,
    }

    fn summary(stats: &mut RunStats) -> Summary {
        let standing = Standing {
            has_arrivals: true,
            ..standing()
        };
        let snapshot = stats.snapshot(&sample_info(), NOW, standing);
        let rows = snapshot
            .requests
            .iter()
            .chain([&snapshot.total])
            .chain(&snapshot.groups)
            .chain(&snapshot.tags);
        Summary {
            rows: rows
                .map(|row| (row.stats.clone(), row.current_rps, row.current_failures_per_sec))
                .collect(),
            checks: snapshot.checks,
            metrics: snapshot.metrics,
            errors: snapshot.errors,
            exceptions: snapshot.exceptions,
            iterations: snapshot.iterations,
            arrivals: snapshot.arrivals,
            connections: snapshot.connections,
            losses: snapshot.losses,
            seconds: snapshot
                .timeline
                .iter()
                .map(|point| {
                    (
                        point.second,
                        point.requests,
                        point.failures,
                        point.arrivals.planned,
                    )
                })
                .collect(),
        }
    }

    fn sample_info() -> Arc<RunInfo> {
        Arc::new(super::super::sample::info())
    }

    #[test]
    fn names_beyond_the_limit_are_folded_and_counted() {
        let mut stats = RunStats::new();
        for number in 0..MAX_NAMES + 5 {
            let mut delta = delta(&[(0, 2)]);
            let (_, request) = delta.requests.pop_first().unwrap();
            delta
                .requests
                .insert(RequestKey::new("GET", &format!("/p/{number:05}")), request);
            stats.apply(NOW, &delta);
        }
        let snapshot = stats.snapshot(&sample_info(), NOW, standing());
        assert_eq!(snapshot.requests.len(), MAX_NAMES + 1);
        assert_eq!(snapshot.requests[0].stats.key, RequestKey::other());
        assert_eq!(snapshot.requests[0].stats.requests, 10);
        assert_eq!(snapshot.total.stats.requests, 2 * (MAX_NAMES as u64 + 5));
        assert_eq!(snapshot.losses.folded_requests, 10);
        assert_eq!(snapshot.losses.folded_example.as_deref(), Some("/p/01000"));
    }

    #[test]
    fn messages_beyond_the_limit_are_folded_and_counted() {
        let mut stats = RunStats::new();
        for number in 0..MAX_ERRORS + 3 {
            let mut delta = Delta::default();
            let message: Arc<str> = format!("error {number}").into();
            delta.exceptions.insert(
                ExceptionKey {
                    message: message.clone(),
                    traceback: "".into(),
                },
                ErrorCounts::once(7).into(),
            );
            delta.errors.insert(
                ErrorKey {
                    request: RequestKey::new("GET", "/"),
                    message,
                },
                ErrorCounts::once(5),
            );
            stats.apply(NOW, &delta);
        }
        let snapshot = stats.snapshot(&sample_info(), NOW, standing());
        assert_eq!(
            (snapshot.errors.len(), snapshot.exceptions.len()),
            (MAX_ERRORS + 1, MAX_ERRORS + 1)
        );
        assert_eq!(snapshot.losses.folded_errors, 6);
        assert_eq!(snapshot.exceptions[0].counts.occurrences, 3);
        assert_eq!(&*snapshot.exceptions[0].key.message, OTHER_NAME);
    }

    #[test]
    fn a_reset_forgets_and_ignores_what_was_measured_before() {
        let mut stats = RunStats::new();
        stats.advance(Duration::ZERO, 4);
        stats.apply(Duration::from_millis(3_200), &delta(&[(1, 5), (2, 6)]));
        let visits = |hits| MetricSums {
            rate: Some(RateSum { hits, total: 9 }),
            ..MetricSums::default()
        };
        let early = Delta {
            metrics: [("early".into(), visits(1)), ("visits".into(), visits(2))].into(),
            ..Delta::default()
        };
        stats.apply(Duration::from_millis(3_300), &early);
        stats.reset(Duration::from_millis(3_500), 1);
        let later = Delta {
            generation: 1,
            metrics: [("visits".into(), visits(3))].into(),
            ..delta(&[(3, 2), (4, 1)])
        };
        stats.apply(Duration::from_millis(4_000), &delta(&[(3, 7)]));
        stats.apply(Duration::from_millis(4_000), &early);
        stats.apply(Duration::from_millis(5_000), &later);
        let snapshot = stats.snapshot(&sample_info(), Duration::from_millis(5_100), standing());
        assert_eq!(snapshot.total.stats.requests, 3);
        let metrics: Vec<_> = snapshot
            .metrics
            .iter()
            .map(|entry| (&*entry.name, &*entry.sums))
            .collect();
        assert_eq!(metrics, [("visits", &visits(3))]);
        assert_eq!(snapshot.counted_from, Duration::from_millis(3_500));
        let points: Vec<_> = snapshot
            .timeline
            .iter()
            .map(|p| (p.second, p.requests, p.users))
            .collect();
        assert_eq!(points, [(3, 2, 4), (4, 1, 4)]);
    }

    #[test]
    fn a_later_generation_begins_anew() {
        let mut stats = RunStats::new();
        stats.apply(Duration::from_secs(3), &delta(&[(1, 5), (2, 6)]));
        let of = |generation, delta| Delta { generation, ..delta };
        stats.apply(Duration::from_millis(4_500), &of(2, delta(&[(4, 3)])));
        stats.apply(Duration::from_secs(5), &of(1, delta(&[(4, 9)])));
        stats.apply(Duration::from_secs(5), &of(2, delta(&[(4, 1)])));
        let snapshot = stats.snapshot(&sample_info(), Duration::from_secs(6), standing());
        assert_eq!(snapshot.total.stats.requests, 4);
        assert_eq!(snapshot.counted_from, Duration::from_millis(4_500));
    }

    proptest! {
        // Every case fills dozens of histograms.
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn any_order_and_any_repetition_give_the_same(
            (deltas, arrivals) in any_deltas(8).prop_flat_map(|deltas| {
                let last = deltas.len() - 1;
                let all: Vec<usize> = (0..=last).collect();
                let repeated = prop::collection::vec(0..=last, 0..10)
                    .prop_map(move |again| [all.clone(), again].concat())
                    .prop_shuffle();
                (Just(deltas), repeated)
            }),
        ) {
            let (mut in_order, mut as_arrived, mut intake) = (RunStats::new(), RunStats::new(), Intake::default());
            let worker: Instance = "w".into();
            for delta in &deltas {
                in_order.apply(NOW, delta);
            }
            for index in arrivals {
                if !intake.has(&worker, index as u64) {
                    intake.admit(intake.with([(&worker, index as u64)]));
                    as_arrived.apply(NOW, &deltas[index]);
                }
            }
            prop_assert!(summary(&mut in_order) == summary(&mut as_arrived));
        }

        #[test]
        fn merged_on_the_way_or_one_by_one_is_the_same(a in any_delta(), b in any_delta()) {
            let (mut apart, mut merged) = (RunStats::new(), RunStats::new());
            apart.apply(NOW, &a);
            apart.apply(NOW, &b);
            let mut sum = a.clone();
            sum.merge(b.clone());
            merged.apply(NOW, &sum);
            prop_assert!(summary(&mut apart) == summary(&mut merged));
        }

        #[test]
        fn folded_before_it_is_counted_or_while_it_is_the_same(deltas in any_deltas(6), limit in 0usize..4) {
            let small = || {
                let mut stats = RunStats::new();
                stats.requests = Bounded::new(limit, RequestKey::other());
                stats.metrics = Bounded::new(limit, OTHER_NAME.into());
                stats.tags = Bounded::new(limit, OTHER_NAME.into());
                stats
            };
            let (mut direct, mut before) = (small(), small());
            for delta in &deltas {
                direct.apply(NOW, delta);
                let mut folded = delta.clone();
                before.fold(&mut folded);
                prop_assert!(folded.requests.len() <= limit + 1);
                before.apply(NOW, &folded);
                prop_assert_eq!((before.requests.folded(), before.metrics.folded(), before.tags.folded()), (0, 0, 0));
            }
            prop_assert!(summary(&mut direct) == summary(&mut before));
        }

        #[test]
        fn every_request_is_in_a_row_in_the_total_and_in_the_timeline(deltas in any_deltas(6)) {
            let mut stats = RunStats::new();
            deltas.iter().for_each(|delta| stats.apply(NOW, delta));
            let snapshot = stats.snapshot(&sample_info(), NOW, standing());
            let truth: u64 = deltas.iter().map(requests_of).sum();
            prop_assert_eq!(snapshot.total.stats.requests, truth);
            prop_assert_eq!(snapshot.total.stats.response.count(), truth);
            prop_assert_eq!(snapshot.requests.iter().map(|row| row.stats.requests).sum::<u64>(), truth);
            prop_assert_eq!(snapshot.timeline.iter().map(|point| point.requests).sum::<u64>(), truth);
            let arrived = deltas.iter().flat_map(|delta| &delta.arrivals);
            prop_assert_eq!(
                snapshot.timeline.iter().map(|point| u64::from(point.arrivals.started)).sum::<u64>(),
                arrived.map(|second| second.counts.started).sum::<u64>()
            );
            let seconds = deltas.iter().flat_map(|delta| delta.requests.values()).flat_map(|request| &request.seconds);
            prop_assert_eq!(
                snapshot.timeline.iter().map(|point| point.late).sum::<u64>(),
                seconds.map(|counts| counts.late).sum::<u64>()
            );
        }
    }
}

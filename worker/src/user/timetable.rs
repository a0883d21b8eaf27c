//! When this thread's arrivals are due.
//!
//! In: the run's plan of arrivals, and which of them are the thread's own: a [`Lane`], and another one whenever workers
//! come or go. Out: planned moments, one after the other, by the run's clock. No arrival is due twice or left out where
//! one lane follows another: each says from which number on it holds.

use std::collections::VecDeque;
use std::time::Duration;

use fastrand::Rng;
use katydid_protocol::plan::{ARRIVALS_BEGIN, ArrivalPlan, Spacing};
use katydid_protocol::timetable::{Curve, Lane};

/// How old arrivals may be of which the thread is told when they should have started already; those that are older are
/// somebody else's by now, or nobody's.
const LATEST_NEWS: Duration = Duration::from_secs(1);
/// Lanes that wait for their beginning; more are never under way at once.
const MAX_LANES: usize = 16;

/// The thread's arrivals to come.
#[derive(Debug)]
pub(crate) struct Timetable {
    curve: Curve,
    /// The one in force, and those to come.
    lanes: VecDeque<Lane>,
    /// Its own arrivals at lower counts are past.
    position: f64,
    next: Option<Due>,
}

/// An arrival to come.
#[derive(Debug, Clone, Copy)]
struct Due {
    /// By the run's clock.
    planned: Duration,
    /// Of all arrivals, how many come before it.
    count: f64,
}

impl Timetable {
    /// A timetable without arrivals, until a lane says which are its own.
    pub(crate) fn new(plan: &ArrivalPlan) -> Self {
        Self {
            curve: Curve::new(&plan.stages),
            lanes: VecDeque::new(),
            position: 0.0,
            next: None,
        }
    }

    /// From its first number on arrivals are spread by this lane. `now` is the run's clock. Returns how many arrivals are
    /// due since so long that nobody will start them.
    pub(crate) fn follow(&mut self, lane: Lane, now: Duration, random: &mut Rng) -> u64 {
        while self
            .lanes
            .back()
            .is_some_and(|last| last.first > lane.first || self.lanes.len() >= MAX_LANES)
        {
            self.lanes.pop_back();
        }
        let first = lane.first as f64;
        if self.lanes.is_empty() {
            self.position = self.position.max(first);
        } else if self.position > first {
            self.position = self.after_change(&lane, first);
            self.lanes.clear();
        }
        self.lanes.push_back(lane);
        let missed = self.skip_old(now);
        // What comes before the change stays as it was drawn: to draw it again would let more arrive.
        if missed > 0 || self.next.is_none_or(|next| next.count >= first) {
            let here = self.due_by(now);
            self.next = self.find(here.max(first), random);
        }
        missed
    }

    /// When a lane takes force, by the run's clock; at once when its first arrival will never come.
    pub(crate) fn begins(&self, lane: &Lane) -> Duration {
        let at = self.curve.at(lane.first as f64);
        at.map_or(Duration::ZERO, |(_, moment)| ARRIVALS_BEGIN + moment)
    }

    /// When the next arrival is due, by the run's clock.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        self.next.map(|due| due.planned)
    }

    /// The planned moment of the next arrival, if it is due.
    pub(crate) fn pop_due(&mut self, now: Duration, random: &mut Rng) -> Option<Duration> {
        let due = self.next.filter(|due| due.planned <= now)?;
        self.position = due.count.next_up();
        while self
            .lanes
            .get(1)
            .is_some_and(|next| next.first as f64 <= due.count)
        {
            self.lanes.pop_front();
        }
        self.next = self.find(0.0, random);
        Some(due.planned)
    }

    /// No more arrivals. Returns how many were due and had not been asked for yet.
    pub(crate) fn close(&mut self, now: Duration) -> u64 {
        let until = self.due_by(now);
        // Of random ones it is known when the next is due, and how many follow on average.
        let is_due = self.next.is_some_and(|next| next.planned <= now);
        let overdue = if is_due { self.skip(until) } else { 0 };
        self.lanes.clear();
        self.next = None;
        overdue
    }

    /// Where to go on in a lane that should have held already: as many of its arrivals are left out as the thread has
    /// started of those that were its own before.
    fn after_change(&self, lane: &Lane, first: f64) -> f64 {
        let moment = |count: f64| self.curve.at(count).map(|(_, moment)| moment);
        let is_long_ago = match (moment(first), moment(self.position)) {
            (Some(first), Some(here)) => here.saturating_sub(first) > LATEST_NEWS,
            _ => true,
        };
        let is_even = |count: f64| {
            let piece = self.curve.at(count);
            piece.is_some_and(|(piece, _)| piece.spacing == Spacing::Constant)
        };
        let Some(old) = self.lanes.front().filter(|_| !is_long_ago && is_even(first)) else {
            return self.position;
        };
        let done = old.before(number(self.position)) - old.before(number(first));
        let next = lane.nth(lane.before(number(first)) + done);
        next.map_or(self.position, |next| next as f64)
    }

    /// How many arrivals of all are due when the run's clock reads `now`.
    fn due_by(&self, now: Duration) -> f64 {
        self.curve.due(now.saturating_sub(ARRIVALS_BEGIN))
    }

    fn skip_old(&mut self, now: Duration) -> u64 {
        self.skip(self.due_by(now.saturating_sub(LATEST_NEWS)))
    }

    /// Leaves out what is due before a count; returns how many that are.
    fn skip(&mut self, until: f64) -> u64 {
        let mut missed = 0;
        while self.position < until {
            let (Some(lane), end) = (self.lanes.front(), self.lanes.get(1)) else {
                break;
            };
            let end = end.map_or(f64::INFINITY, |next| next.first as f64);
            if self.position < end {
                let to = until.min(end);
                missed += lane.before(number(to)) - lane.before(number(self.position));
                self.position = to;
            }
            if end.is_finite() && self.position >= end {
                self.lanes.pop_front();
            }
        }
        missed
    }

    /// The next arrival. Those that are random come after `here`: up to there it is known that none came.
    fn find(&self, here: f64, random: &mut Rng) -> Option<Due> {
        let mut position = self.position;
        let mut lanes = self.lanes.iter().peekable();
        let mut lane = lanes.next()?;
        loop {
            let end = lanes.peek().map_or(f64::INFINITY, |next| next.first as f64);
            if position >= end {
                lane = lanes.next()?;
                continue;
            }
            let (piece, _) = self.curve.at(position)?;
            let count = match piece.spacing {
                Spacing::Constant => lane
                    .nth(lane.before(number(position)))
                    .map_or(f64::INFINITY, |number| number as f64),
                // Exponential gaps of a process that is as much slower as the lane is smaller; 1 - u keeps ln from 0.
                Spacing::Poisson => position.max(here) - (1.0 - random.f64()).ln() / lane.share(),
            };
            // What lies beyond a stage or a lane is drawn anew from there: nothing remembers how long it has waited.
            let until = end.min(piece.end());
            if count < until {
                let (_, moment) = self.curve.at(count)?;
                return Some(Due {
                    planned: ARRIVALS_BEGIN + moment,
                    count,
                });
            }
            if until.is_infinite() {
                return None;
            }
            position = until;
        }
    }
}

/// The first arrival at a count or after it.
fn number(count: f64) -> u64 {
    count.ceil() as u64
}

#[cfg(test)]
mod tests {
    use katydid_protocol::plan::{ArrivalStage, OnLate};
    use katydid_protocol::timetable::lanes;
    use proptest::prelude::*;

    use super::*;

    const NEVER: Duration = Duration::from_secs(1_000_000);

    fn plan(stages: &[(f64, f64, f64, Spacing)]) -> ArrivalPlan {
        ArrivalPlan {
            stages: stages
                .iter()
                .map(|(seconds, rate, to, spacing)| ArrivalStage {
                    duration: Some(Duration::from_secs_f64(*seconds)),
                    rate: *rate,
                    to: *to,
                    spacing: *spacing,
                })
                .collect(),
            on_late: OnLate::Start,
        }
    }

    fn seconds(moment: Duration) -> f64 {
        (moment - ARRIVALS_BEGIN).as_secs_f64()
    }

    #[test]
    fn the_parts_of_all_threads_are_the_whole() {
        let plan = plan(&[
            (2.0, 10.0, 10.0, Spacing::Constant),
            (3.0, 10.0, 40.0, Spacing::Constant),
        ]);
        let mut random = fastrand::Rng::with_seed(1);
        let mut all: Vec<Duration> = Vec::new();
        for lane in lanes(0, &[2, 3, 1]) {
            for thread in 0..2 {
                let mut table = Timetable::new(&plan);
                table.follow(lane.part(thread, 2), Duration::ZERO, &mut random);
                all.extend(std::iter::from_fn(|| table.pop_due(NEVER, &mut random)));
            }
        }
        all.sort();
        assert_eq!(all.len(), 20 + 75);
        let gaps: Vec<f64> = all
            .windows(2)
            .map(|pair| seconds(pair[1]) - seconds(pair[0]))
            .collect();
        assert!(gaps[..19].iter().all(|gap| (gap - 0.1).abs() < 1e-6), "{gaps:?}");
        assert!(gaps[20..].is_sorted_by(|a, b| a > b), "{gaps:?}");
    }

    #[test]
    fn nothing_is_due_before_its_time_or_without_a_lane() {
        let plan = plan(&[(10.0, 1.0, 1.0, Spacing::Constant)]);
        let mut random = fastrand::Rng::with_seed(1);
        let mut table = Timetable::new(&plan);
        assert_eq!(table.next_due(), None);
        table.follow(lanes(0, &[1]).remove(0), Duration::ZERO, &mut random);
        assert_eq!(table.next_due(), Some(ARRIVALS_BEGIN));
        assert_eq!(table.pop_due(Duration::from_millis(49), &mut random), None);
        assert_eq!(table.pop_due(ARRIVALS_BEGIN, &mut random), Some(ARRIVALS_BEGIN));
        assert_eq!(table.pop_due(Duration::from_secs(1), &mut random), None);
        // Those of 1 s to 4 s, of which one was about to be asked for.
        assert_eq!(table.close(ARRIVALS_BEGIN + Duration::from_millis(4_500)), 4);
        assert_eq!(table.next_due(), None);
        assert_eq!(table.close(Duration::from_secs(9)), 0);
    }

    #[test]
    fn who_comes_late_does_not_make_up_for_the_past() {
        let plan = plan(&[(100.0, 10.0, 10.0, Spacing::Constant)]);
        let mut random = fastrand::Rng::with_seed(1);
        let mut table = Timetable::new(&plan);
        let now = ARRIVALS_BEGIN + Duration::from_secs(31);
        let missed = table.follow(lanes(0, &[1]).remove(0), now, &mut random);
        assert_eq!(missed, 300);
        assert_eq!(table.next_due(), Some(ARRIVALS_BEGIN + Duration::from_secs(30)));
    }

    #[test]
    fn random_arrivals_are_as_many_as_the_rate_says_and_as_scattered() {
        let plan = plan(&[(500.0, 20.0, 60.0, Spacing::Poisson)]);
        let mut random = fastrand::Rng::with_seed(3);
        let mut all: Vec<f64> = Vec::new();
        for lane in lanes(0, &[1, 1, 1]) {
            let mut table = Timetable::new(&plan);
            table.follow(lane, Duration::ZERO, &mut random);
            all.extend(std::iter::from_fn(|| table.pop_due(NEVER, &mut random)).map(seconds));
        }
        // 20,000 on average, with a standard deviation of its root.
        assert!(
            (all.len() as f64 - 20_000.0).abs() < 6.0 * 20_000f64.sqrt(),
            "{}",
            all.len()
        );
        let early = all.iter().filter(|at| **at < 250.0).count() as f64;
        assert!((early - 7_500.0).abs() < 6.0 * 7_500f64.sqrt(), "{early}");
        // In windows of which each expects ten, the variance of a Poisson process is its mean.
        let mut windows = vec![0f64; 2_000];
        for at in &all {
            let count = at * (20.0 + 0.04 * at);
            windows[(count / 10.0) as usize] += 1.0;
        }
        let variance: f64 = windows.iter().map(|n| (n - 10.0).powi(2)).sum::<f64>() / 2_000.0;
        assert!((variance - 10.0).abs() < 2.0, "{variance}");
    }

    #[test]
    fn changes_of_lanes_make_random_arrivals_neither_more_nor_fewer() {
        let plan = plan(&[(500.0, 40.0, 40.0, Spacing::Poisson)]);
        let mut random = fastrand::Rng::with_seed(5);
        let curve = Curve::new(&plan.stages);
        let mut tables = [Timetable::new(&plan), Timetable::new(&plan)];
        let mut count = 0;
        // A change every 10 arrivals, known 2 ahead.
        for first in (0..20_000u64).step_by(10) {
            let known = ARRIVALS_BEGIN + curve.at(first.saturating_sub(2) as f64).unwrap().1;
            for table in &mut tables {
                count += std::iter::from_fn(|| table.pop_due(known, &mut random)).count();
            }
            let weights = if first % 20 == 0 { [1, 1] } else { [1, 3] };
            for (table, lane) in tables.iter_mut().zip(lanes(first, &weights)) {
                assert_eq!(table.follow(lane, known, &mut random), 0);
            }
        }
        for table in &mut tables {
            count += std::iter::from_fn(|| table.pop_due(NEVER, &mut random)).count();
        }
        assert!(
            (count as f64 - 20_000.0).abs() < 6.0 * 20_000f64.sqrt(),
            "{count}"
        );
    }

    proptest! {
        /// Workers come and go: what one lane leaves the next takes, and the whole stays what was planned.
        #[test]
        fn changes_of_lanes_lose_nothing_and_double_nothing(
            changes in prop::collection::vec((1u64..200, prop::collection::vec(1u32..5, 1..5)), 1..6),
            ahead in 0u64..20,
        ) {
            let plan = plan(&[(100.0, 10.0, 10.0, Spacing::Constant)]);
            let mut random = fastrand::Rng::with_seed(1);
            let curve = Curve::new(&plan.stages);
            let mut tables: Vec<Timetable> = (0..4).map(|_| Timetable::new(&plan)).collect();
            let mut numbers = Vec::new();
            let mut first = 0;
            for (step, weights) in changes {
                // The change is known `ahead` arrivals before it holds.
                let known = ARRIVALS_BEGIN
                    + curve.at(first.max(ahead) as f64 - ahead as f64).map_or(Duration::ZERO, |(_, at)| at);
                for table in &mut tables {
                    while let Some(planned) = table.pop_due(known.saturating_sub(Duration::from_nanos(1)), &mut random) {
                        numbers.push((seconds(planned) * 10.0).round() as u64);
                    }
                }
                let mut weights = weights;
                weights.resize(tables.len(), 0);
                for (table, lane) in tables.iter_mut().zip(lanes(first, &weights)) {
                    prop_assert_eq!(table.follow(lane, known, &mut random), 0);
                }
                first += step + ahead;
            }
            for table in &mut tables {
                while let Some(planned) = table.pop_due(NEVER, &mut random) {
                    numbers.push((seconds(planned) * 10.0).round() as u64);
                }
            }
            numbers.sort_unstable();
            let all: Vec<u64> = (0..1_000).collect();
            prop_assert_eq!(numbers, all);
        }

        /// A thread hears of a change too late: it has started arrivals that are others' now, and leaves out as many.
        #[test]
        fn news_that_come_late_do_not_change_how_many_arrive(late in 0u64..9, weight in 1u32..4) {
            let plan = plan(&[(100.0, 10.0, 10.0, Spacing::Constant)]);
            let mut random = fastrand::Rng::with_seed(1);
            let mut table = Timetable::new(&plan);
            table.follow(lanes(0, &[1]).remove(0), Duration::ZERO, &mut random);
            let now = ARRIVALS_BEGIN + Duration::from_secs(10) + Duration::from_millis(100 * late);
            let before = std::iter::from_fn(|| table.pop_due(now, &mut random)).count() as u64;
            prop_assert_eq!(before, 101 + late);
            let change = lanes(100, &[weight, 4 - weight]).remove(0);
            let own = change.before(1_000) - change.before(100);
            prop_assert_eq!(table.follow(change, now, &mut random), 0);
            let after = std::iter::from_fn(|| table.pop_due(NEVER, &mut random)).count() as u64;
            prop_assert_eq!(before + after, 100 + own);
        }
    }
}

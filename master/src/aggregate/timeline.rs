//! The run second by second: one point for each, idle or not, in bounded memory.
//!
//! In: counts per second (late ones go to their second), times, the number of users. Out: [`Timeline`]s to be looked at.
//! After a day of points each two neighbours become one of twice the span, and so on, so that a run of any length has
//! between half a day's and a day's worth of points.

use std::collections::VecDeque;

use katydid_protocol::stats::{
    Delta, PointArrivals, PointTimes, SecondCounts, Timeline, TimelinePoint, Times, TimesDelta,
};
use serde::{Deserialize, Serialize};

/// Points kept at most.
const MAX_POINTS: usize = 86_400;
/// Points, counted from the last, whose times are still kept in full; deltas hardly ever are later than that.
const OPEN_POINTS: usize = 4;
/// Those among them, counted from the last, whose times are ready for more: a whole histogram each, as large as the
/// longest time wants it. Those of the others are packed.
const READY_POINTS: usize = 2;

/// The points so far.
#[derive(Debug, Clone)]
pub(crate) struct Keeper {
    /// The second of the first point.
    first: u32,
    /// Seconds of each point.
    span: u32,
    points: Timeline,
    /// Times of the last points, ascending by index.
    open: VecDeque<OpenPoint>,
    /// Users at the last moment heard of.
    users: u32,
    max_points: usize,
}

/// A timeline put away: its points, no times to merge with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TimelineImage {
    first: u32,
    span: u32,
    points: Vec<TimelinePoint>,
    users: u32,
}

#[derive(Debug, Clone)]
struct OpenPoint {
    index: usize,
    /// What the point held when it was opened: nothing, but after two points have become one.
    before: PointTimes,
    times: OpenTimes,
}

/// Times that may still become more.
#[derive(Debug, Clone, Default)]
struct OpenTimes {
    ready: Option<Times>,
    /// In place of `ready`, with their summary.
    packed: Option<(TimesDelta, PointTimes)>,
}

// === impl Keeper ===

impl Keeper {
    /// An empty timeline that begins with the second `first`.
    pub(crate) fn new(first: u32) -> Self {
        Self::with_limit(first, MAX_POINTS)
    }

    /// The same with at most `max_points` points.
    pub(crate) fn with_limit(first: u32, max_points: usize) -> Self {
        Self {
            first,
            span: 1,
            points: Timeline::default(),
            open: VecDeque::new(),
            users: 0,
            max_points,
        }
    }

    /// The timeline as it is, to be written down.
    pub(crate) fn image(&self) -> TimelineImage {
        let mut points: Vec<TimelinePoint> = self.points.iter().copied().collect();
        for open in &self.open {
            points[open.index].times = open.summary();
        }
        TimelineImage {
            first: self.first,
            span: self.span,
            points,
            users: self.users,
        }
    }

    /// The timeline as it was.
    pub(crate) fn restored(image: TimelineImage) -> Self {
        Self {
            span: image.span.max(1),
            points: image.points.into_iter().collect(),
            users: image.users,
            ..Self::new(image.first)
        }
    }

    /// Brings the timeline up to the second `now`, in which `users` run; seconds nobody spoke of had the users before.
    pub(crate) fn advance(&mut self, now: u32, users: u32) {
        while self.next_second() <= u64::from(now) {
            if self.points.len() >= self.max_points {
                self.halve();
                continue;
            }
            self.points.push(TimelinePoint {
                second: u32::try_from(self.next_second()).unwrap_or(u32::MAX),
                span: self.span,
                users: self.users,
                ..TimelinePoint::default()
            });
        }
        self.users = users;
        let last = self.points.len().checked_sub(1);
        if let Some(last) =
            last.filter(|last| self.points.get(*last).is_some_and(|point| point.users != users))
            && let Some(point) = self.points.get_mut(last)
        {
            point.users = users;
        }
    }

    /// The users last heard of.
    pub(crate) fn users(&self) -> u32 {
        self.users
    }

    /// Adds what a delta tells of requests; seconds after the last count as the last.
    pub(crate) fn apply(&mut self, delta: &Delta) {
        if self.points.is_empty() {
            return;
        }
        for arrived in &delta.arrivals {
            let index = self.index_of(arrived.second);
            if let Some(point) = self.points.get_mut(index) {
                point.arrivals.add(arrived.counts);
            }
        }
        if delta.requests.is_empty() {
            return;
        }
        let mut seconds: Vec<SecondCounts> = Vec::new();
        for counts in delta.requests.values().flat_map(|request| &request.seconds) {
            self.count(*counts);
            match seconds.iter_mut().find(|known| known.second == counts.second) {
                Some(known) => known.requests += counts.requests,
                None => seconds.push(*counts),
            }
        }
        // A delta's times are not told apart by second: they go where most of them belong.
        let fullest = seconds
            .iter()
            .max_by_key(|counts| (counts.requests, counts.second));
        let last = self.points.len() - 1;
        let index = fullest.map_or(last, |counts| self.index_of(counts.second));
        // Times of a second long past are shown when they arrived: its own are no longer at hand to merge with.
        let index = if index + OPEN_POINTS > last { index } else { last };
        let times = self.open_at(index);
        for request in delta.requests.values() {
            times.apply(&request.response);
        }
    }

    /// Counts requests of a second; one after the last counts as the last.
    pub(crate) fn count(&mut self, counts: SecondCounts) {
        let index = self.index_of(counts.second);
        if let Some(point) = self.points.get_mut(index) {
            point.requests += counts.requests;
            point.failures += counts.failures;
            point.late += counts.late;
        }
    }

    /// Adds times to the point of a second.
    pub(crate) fn add_times(&mut self, second: u32, times: PointTimes) {
        let index = self.index_of(second);
        if let Some(point) = self.points.get_mut(index) {
            point.times = point.times.joined(times);
        }
    }

    /// Seconds of each point.
    pub(crate) fn span(&self) -> u32 {
        self.span
    }

    /// The first second of the point a second belongs to.
    pub(crate) fn point_of(&self, second: u32) -> u32 {
        let since = second.saturating_sub(self.first);
        self.first.saturating_add(since - since % self.span)
    }

    /// How many points are complete when all seconds before `until` are.
    fn complete(&self, until: u64) -> usize {
        let seconds = until.saturating_sub(u64::from(self.first));
        usize::try_from(seconds / u64::from(self.span))
            .unwrap_or(usize::MAX)
            .min(self.points.len())
    }

    /// The points of the seconds before `until`.
    pub(crate) fn points(&mut self, until: u64) -> Timeline {
        self.write_times();
        self.points.first(self.complete(until))
    }

    /// All points at the end of the run; a last second that had only just begun and counted nothing is left out.
    pub(crate) fn all_points(&mut self) -> Timeline {
        self.write_times();
        let len = self.points.len();
        let is_idle = len > 1
            && self.points.last().is_some_and(|last| {
                last.requests == 0 && last.times.count == 0 && last.arrivals == PointArrivals::default()
            });
        self.points.first(len - usize::from(is_idle))
    }

    fn next_second(&self) -> u64 {
        u64::from(self.first) + self.points.len() as u64 * u64::from(self.span)
    }

    fn index_of(&self, second: u32) -> usize {
        let index = second.saturating_sub(self.first) / self.span;
        (index as usize).min(self.points.len().saturating_sub(1))
    }

    /// The times of a point among the last ones.
    fn open_at(&mut self, index: usize) -> &mut Times {
        let len = self.points.len();
        let is_past = |open: &OpenPoint| open.index + OPEN_POINTS < len;
        while self.open.front().is_some_and(is_past) {
            if let Some(oldest) = self.open.pop_front() {
                self.write(&oldest);
            }
        }
        let at = self.open.partition_point(|open| open.index < index);
        if self.open.get(at).is_none_or(|open| open.index != index) {
            let before = self.points.get(index).map(|point| point.times);
            self.open.insert(
                at,
                OpenPoint {
                    index,
                    before: before.unwrap_or_default(),
                    times: OpenTimes::default(),
                },
            );
        }
        let packed = self.open.len().saturating_sub(READY_POINTS);
        let older = self.open.iter_mut().take(packed).enumerate();
        older
            .filter(|(place, _)| *place != at)
            .for_each(|(_, open)| open.times.pack());
        self.open[at].times.ready()
    }

    fn write_times(&mut self) {
        let open = std::mem::take(&mut self.open);
        for point in &open {
            self.write(point);
        }
        self.open = open;
    }

    fn write(&mut self, open: &OpenPoint) {
        let times = open.summary();
        // Looked at first: a point that is written is copied when somebody holds it.
        if self
            .points
            .get(open.index)
            .is_some_and(|point| point.times != times)
            && let Some(point) = self.points.get_mut(open.index)
        {
            point.times = times;
        }
    }

    /// Makes one point of each two.
    fn halve(&mut self) {
        self.write_times();
        self.open.clear();
        let points: Vec<TimelinePoint> = self.points.iter().copied().collect();
        self.span = self.span.saturating_mul(2);
        self.points = points
            .chunks(2)
            .filter_map(TimelinePoint::joined)
            .map(|point| TimelinePoint {
                span: self.span,
                ..point
            })
            .collect();
    }
}

// === impl OpenPoint ===

impl OpenPoint {
    fn summary(&self) -> PointTimes {
        self.before.joined(self.times.summary())
    }
}

// === impl OpenTimes ===

impl OpenTimes {
    fn pack(&mut self) {
        if let Some(times) = self.ready.take() {
            self.packed = Some((times.to_delta(), times.summary()));
        }
    }

    fn ready(&mut self) -> &mut Times {
        let packed = self.packed.take();
        self.ready.get_or_insert_with(|| {
            let mut times = Times::default();
            if let Some((packed, _)) = packed {
                times.apply(&packed);
            }
            times
        })
    }

    fn summary(&self) -> PointTimes {
        match (&self.ready, &self.packed) {
            (Some(times), _) => times.summary(),
            (None, Some((_, summary))) => *summary,
            (None, None) => PointTimes::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sample;
    use super::*;

    fn requests(points: &Timeline) -> Vec<u64> {
        points.iter().map(|point| point.requests).collect()
    }

    #[test]
    fn idle_seconds_have_points_and_the_users_of_before() {
        let mut timeline = Keeper::new(0);
        timeline.advance(0, 3);
        timeline.advance(3, 5);
        let points = timeline.points(u64::MAX);
        assert_eq!(
            points.iter().map(|point| point.second).collect::<Vec<_>>(),
            [0, 1, 2, 3]
        );
        assert_eq!(
            points.iter().map(|point| point.users).collect::<Vec<_>>(),
            [3, 3, 3, 5]
        );
    }

    #[test]
    fn late_counts_go_to_their_second() {
        let mut timeline = Keeper::new(0);
        timeline.advance(20, 1);
        timeline.apply(&sample::delta(&[(2, 4), (19, 1)]));
        timeline.apply(&sample::delta(&[(2, 1)]));
        let points = timeline.points(u64::MAX);
        let points = requests(&points);
        assert_eq!((points[2], points[19]), (5, 1));
    }

    #[test]
    fn times_are_those_of_the_second_most_of_them_belong_to() {
        let mut timeline = Keeper::new(0);
        timeline.advance(5, 1);
        timeline.apply(&sample::timed_delta(4, &[1_000; 100]));
        timeline.apply(&sample::timed_delta(5, &[9_000; 100]));
        timeline.apply(&sample::timed_delta(4, &[3_000; 300]));
        let points = timeline.points(u64::MAX);
        let times: Vec<PointTimes> = points.iter().map(|point| point.times).collect();
        assert_eq!(times[4].average_us(), Some(2_500.0));
        assert!(times[4].p50_us.abs_diff(3_000) <= 3 && times[5].p50_us.abs_diff(9_000) <= 9);
        assert_eq!(times[3].p99_us, 0);
    }

    #[test]
    fn times_that_come_late_join_those_of_their_second() {
        let mut timeline = Keeper::new(0);
        timeline.advance(5, 1);
        for second in 2..=5 {
            timeline.apply(&sample::timed_delta(second, &[1_000; 100]));
        }
        let early = timeline.points(u64::MAX);
        // Shown, put away and taken out again, twice.
        for times in [[3_000; 150], [3_000; 150]] {
            timeline.apply(&sample::timed_delta(2, &times));
            timeline.apply(&sample::timed_delta(5, &[1_000; 1]));
        }
        let points = timeline.points(u64::MAX);
        let times: Vec<PointTimes> = points.iter().map(|point| point.times).collect();
        assert_eq!((times[2].count, times[2].average_us()), (400, Some(2_500.0)));
        assert!(times[2].p50_us.abs_diff(3_000) <= 3);
        assert_eq!((times[3].count, times[5].count), (100, 102));
        assert_eq!(early.get(2).map(|point| point.times.count), Some(100));
        assert_eq!(
            timeline
                .open
                .iter()
                .filter(|open| open.times.ready.is_some())
                .count(),
            2
        );
    }

    #[test]
    fn seconds_not_complete_are_left_out_until_the_end() {
        let mut timeline = Keeper::new(0);
        timeline.advance(3, 1);
        timeline.apply(&sample::delta(&[(0, 1), (2, 5)]));
        assert_eq!(requests(&timeline.points(3)), [1, 0, 5]);
        assert_eq!(requests(&timeline.all_points()), [1, 0, 5]);
        timeline.apply(&sample::delta(&[(3, 2)]));
        assert_eq!(requests(&timeline.all_points()), [1, 0, 5, 2]);
    }

    #[test]
    fn a_second_beyond_the_end_is_counted_at_the_end() {
        let mut timeline = Keeper::new(7);
        timeline.advance(9, 1);
        timeline.apply(&sample::delta(&[(u32::MAX, 2), (0, 1)]));
        assert_eq!(requests(&timeline.points(u64::MAX)), [1, 0, 2]);
    }

    #[test]
    fn a_day_of_points_is_the_most_that_is_kept() {
        let mut timeline = Keeper::new(0);
        timeline.advance(10 * 86_400, 1);
        let points: Vec<TimelinePoint> = timeline.points(u64::MAX).iter().copied().collect();
        assert!(
            points.len() <= MAX_POINTS && points.len() > MAX_POINTS / 4,
            "{}",
            points.len()
        );
        assert_eq!(points[0].span, 16);
        assert!(
            points
                .windows(2)
                .all(|pair| pair[0].second + pair[0].span == pair[1].second)
        );
    }

    proptest! {
        // Every case fills a histogram for each second.
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn halving_keeps_counts_and_never_lowers_percentiles(
            seconds in prop::collection::vec((0u32..6, 1u64..20_000), 1..60),
            limit in 4usize..20,
        ) {
            let (mut small, mut whole) = (Keeper::with_limit(3, limit), Keeper::new(3));
            let mut now = 3;
            for (step, time_us) in &seconds {
                now += step;
                let delta = sample::timed_delta(now, &[*time_us, *time_us, 10]);
                for timeline in [&mut small, &mut whole] {
                    timeline.advance(now, now);
                    timeline.apply(&delta);
                }
            }
            let (small, whole) = (small.points(u64::MAX), whole.points(u64::MAX));
            prop_assert!(small.len() <= limit);
            prop_assert_eq!(requests(&small).iter().sum::<u64>(), 3 * seconds.len() as u64);
            prop_assert_eq!(small.last().unwrap().users, now);
            for point in small.iter() {
                let parts: Vec<_> = whole
                    .iter()
                    .filter(|part| (point.second..point.second + point.span).contains(&part.second))
                    .collect();
                prop_assert_eq!(point.requests, parts.iter().map(|part| part.requests).sum::<u64>());
                prop_assert!(parts.iter().map(|part| part.times.p99_us).max().unwrap_or(0) >= point.times.p99_us);
                prop_assert!(point.times.p99_us >= parts.iter().map(|part| part.times.p99_us).min().unwrap_or(0));
            }
        }
    }
}

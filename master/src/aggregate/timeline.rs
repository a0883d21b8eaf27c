//! The run second by second: one point for each, idle or not, in bounded memory.
//!
//! In: counts per second (late ones go to their second), times of deltas, the number of users. Out:
//! [`TimelinePoint`]s. After a day of points each two neighbours become one of twice the span, and so on, so that a run
//! of any length has between half a day's and a day's worth of points.

use std::collections::VecDeque;

use katydid_protocol::stats::{Delta, SecondCounts, TimelinePoint, Times};
use serde::{Deserialize, Serialize};

/// Points kept at most.
const MAX_POINTS: usize = 86_400;
/// Points, counted from the last, whose times are still kept in full; deltas hardly ever are later than that.
const OPEN_POINTS: usize = 4;

/// The points so far.
#[derive(Debug)]
pub(crate) struct Timeline {
    /// The second of the first point.
    first: u32,
    /// Seconds of each point.
    span: u32,
    cells: Vec<Cell>,
    /// Times of the last points, ascending by index.
    open: VecDeque<OpenCell>,
    /// Users at the last moment heard of.
    users: u32,
    max_points: usize,
}

/// A point in the making.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Cell {
    users: u32,
    requests: u64,
    failures: u64,
    times: CellTimes,
}

/// What remains of the times of a point.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct CellTimes {
    count: u64,
    sum_us: u64,
    p50_us: u64,
    p95_us: u64,
    p99_us: u64,
}

/// A timeline put away: its points, no times to merge with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TimelineImage {
    first: u32,
    span: u32,
    cells: Vec<Cell>,
    users: u32,
}

#[derive(Debug)]
struct OpenCell {
    index: usize,
    /// What the point held when it was opened: nothing, but after two points have become one.
    before: CellTimes,
    times: Times,
}

// === impl Timeline ===

impl Timeline {
    /// An empty timeline that begins with the second `first`.
    pub(crate) fn new(first: u32) -> Self {
        Self::with_limit(first, MAX_POINTS)
    }

    fn with_limit(first: u32, max_points: usize) -> Self {
        Self {
            first,
            span: 1,
            cells: Vec::new(),
            open: VecDeque::new(),
            users: 0,
            max_points,
        }
    }

    /// The timeline as it is, to be written down.
    pub(crate) fn image(&self) -> TimelineImage {
        let mut cells = self.cells.clone();
        for open in &self.open {
            cells[open.index].times = open.summary();
        }
        TimelineImage {
            first: self.first,
            span: self.span,
            cells,
            users: self.users,
        }
    }

    /// The timeline as it was.
    pub(crate) fn restored(image: TimelineImage) -> Self {
        Self {
            span: image.span.max(1),
            cells: image.cells,
            users: image.users,
            ..Self::new(image.first)
        }
    }

    /// Brings the timeline up to the second `now`, in which `users` run; seconds nobody spoke of had the users before.
    pub(crate) fn advance(&mut self, now: u32, users: u32) {
        while self.next_second() <= u64::from(now) {
            if self.cells.len() >= self.max_points {
                self.halve();
                continue;
            }
            self.cells.push(Cell {
                users: self.users,
                ..Cell::default()
            });
        }
        self.users = users;
        if let Some(last) = self.cells.last_mut() {
            last.users = users;
        }
    }

    /// The users last heard of.
    pub(crate) fn users(&self) -> u32 {
        self.users
    }

    /// Adds what a delta tells of requests; seconds after the last count as the last.
    pub(crate) fn apply(&mut self, delta: &Delta) {
        if self.cells.is_empty() || delta.requests.is_empty() {
            return;
        }
        let mut seconds: Vec<SecondCounts> = Vec::new();
        for counts in delta.requests.values().flat_map(|request| &request.seconds) {
            let index = self.index_of(counts.second);
            self.cells[index].requests += counts.requests;
            self.cells[index].failures += counts.failures;
            match seconds.iter_mut().find(|known| known.second == counts.second) {
                Some(known) => known.requests += counts.requests,
                None => seconds.push(*counts),
            }
        }
        // A delta's times are not told apart by second: they go where most of them belong.
        let fullest = seconds
            .iter()
            .max_by_key(|counts| (counts.requests, counts.second));
        let last = self.cells.len() - 1;
        let index = fullest.map_or(last, |counts| self.index_of(counts.second));
        // Times of a second long past are shown when they arrived: its own are no longer at hand to merge with.
        let index = if index + OPEN_POINTS > last { index } else { last };
        let times = self.open_at(index);
        for request in delta.requests.values() {
            times.apply(&request.response);
        }
    }

    /// The points of the seconds before `until`.
    pub(crate) fn points(&mut self, until: u64) -> Vec<TimelinePoint> {
        for open in &self.open {
            self.cells[open.index].times = open.summary();
        }
        let seconds = until.saturating_sub(u64::from(self.first));
        let count = usize::try_from(seconds / u64::from(self.span))
            .unwrap_or(usize::MAX)
            .min(self.cells.len());
        let spans = (0u32..).map(|index| self.first + index * self.span);
        self.cells[..count]
            .iter()
            .zip(spans)
            .map(|(cell, second)| cell.point(second, self.span))
            .collect()
    }

    /// All points at the end of the run; a last second that had only just begun and counted nothing is left out.
    pub(crate) fn all_points(&mut self) -> Vec<TimelinePoint> {
        let mut points = self.points(u64::MAX);
        if points.len() > 1 && points.last().is_some_and(|last| last.requests == 0) {
            points.pop();
        }
        points
    }

    fn next_second(&self) -> u64 {
        u64::from(self.first) + self.cells.len() as u64 * u64::from(self.span)
    }

    fn index_of(&self, second: u32) -> usize {
        let index = second.saturating_sub(self.first) / self.span;
        (index as usize).min(self.cells.len().saturating_sub(1))
    }

    /// The times of a point among the last ones.
    fn open_at(&mut self, index: usize) -> &mut Times {
        while let Some(oldest) = self
            .open
            .front()
            .filter(|open| open.index + OPEN_POINTS < self.cells.len())
        {
            self.cells[oldest.index].times = oldest.summary();
            self.open.pop_front();
        }
        let at = self.open.partition_point(|open| open.index < index);
        if self.open.get(at).is_none_or(|open| open.index != index) {
            let before = self.cells[index].times;
            self.open.insert(
                at,
                OpenCell {
                    index,
                    before,
                    times: Times::default(),
                },
            );
        }
        &mut self.open[at].times
    }

    /// Makes one point of each two.
    fn halve(&mut self) {
        for open in self.open.drain(..) {
            self.cells[open.index].times = open.summary();
        }
        self.cells = self.cells.chunks(2).map(Cell::joined).collect();
        self.span = self.span.saturating_mul(2);
    }
}

// === impl Cell ===

impl Cell {
    /// Neighbours as one.
    fn joined(cells: &[Self]) -> Self {
        cells
            .iter()
            .skip(1)
            .fold(cells.first().copied().unwrap_or_default(), |sum, cell| Self {
                users: cell.users,
                requests: sum.requests + cell.requests,
                failures: sum.failures + cell.failures,
                times: sum.times.joined(cell.times),
            })
    }

    fn point(&self, second: u32, span: u32) -> TimelinePoint {
        let times = self.times;
        TimelinePoint {
            second,
            span,
            users: self.users,
            requests: self.requests,
            failures: self.failures,
            average_us: if times.count == 0 {
                0.0
            } else {
                times.sum_us as f64 / times.count as f64
            },
            p50_us: times.p50_us,
            p95_us: times.p95_us,
            p99_us: times.p99_us,
        }
    }
}

// === impl CellTimes ===

impl CellTimes {
    /// Exact but for the percentiles, whose histograms are gone: the larger one is an upper bound, and never flatters.
    fn joined(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            sum_us: self.sum_us + other.sum_us,
            p50_us: self.p50_us.max(other.p50_us),
            p95_us: self.p95_us.max(other.p95_us),
            p99_us: self.p99_us.max(other.p99_us),
        }
    }
}

// === impl OpenCell ===

impl OpenCell {
    fn summary(&self) -> CellTimes {
        let quantile = |quantile| self.times.quantile_us(quantile).unwrap_or(0);
        self.before.joined(CellTimes {
            count: self.times.count(),
            sum_us: self.times.sum_us(),
            p50_us: quantile(0.5),
            p95_us: quantile(0.95),
            p99_us: quantile(0.99),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sample;
    use super::*;

    fn requests(points: &[TimelinePoint]) -> Vec<u64> {
        points.iter().map(|point| point.requests).collect()
    }

    #[test]
    fn idle_seconds_have_points_and_the_users_of_before() {
        let mut timeline = Timeline::new(0);
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
        let mut timeline = Timeline::new(0);
        timeline.advance(20, 1);
        timeline.apply(&sample::delta(&[(2, 4), (19, 1)]));
        timeline.apply(&sample::delta(&[(2, 1)]));
        let points = timeline.points(u64::MAX);
        assert_eq!(points[2].requests, 5);
        assert_eq!(points[19].requests, 1);
    }

    #[test]
    fn times_are_those_of_the_second_most_of_them_belong_to() {
        let mut timeline = Timeline::new(0);
        timeline.advance(5, 1);
        timeline.apply(&sample::timed_delta(4, &[1_000; 100]));
        timeline.apply(&sample::timed_delta(5, &[9_000; 100]));
        timeline.apply(&sample::timed_delta(4, &[3_000; 300]));
        let points = timeline.points(u64::MAX);
        assert_eq!(points[4].average_us, 2_500.0);
        assert!(points[4].p50_us.abs_diff(3_000) <= 3 && points[5].p50_us.abs_diff(9_000) <= 9);
        assert_eq!(points[3].p99_us, 0);
    }

    #[test]
    fn seconds_not_complete_are_left_out_until_the_end() {
        let mut timeline = Timeline::new(0);
        timeline.advance(3, 1);
        timeline.apply(&sample::delta(&[(0, 1), (2, 5)]));
        assert_eq!(requests(&timeline.points(3)), [1, 0, 5]);
        assert_eq!(requests(&timeline.all_points()), [1, 0, 5]);
        timeline.apply(&sample::delta(&[(3, 2)]));
        assert_eq!(requests(&timeline.all_points()), [1, 0, 5, 2]);
    }

    #[test]
    fn a_second_beyond_the_end_is_counted_at_the_end() {
        let mut timeline = Timeline::new(7);
        timeline.advance(9, 1);
        timeline.apply(&sample::delta(&[(u32::MAX, 2), (0, 1)]));
        assert_eq!(requests(&timeline.points(u64::MAX)), [1, 0, 2]);
    }

    #[test]
    fn a_day_of_points_is_the_most_that_is_kept() {
        let mut timeline = Timeline::new(0);
        timeline.advance(10 * 86_400, 1);
        let points = timeline.points(u64::MAX);
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
            let (mut small, mut whole) = (Timeline::with_limit(3, limit), Timeline::new(3));
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
            for point in &small {
                let parts: Vec<_> = whole
                    .iter()
                    .filter(|part| (point.second..point.second + point.span).contains(&part.second))
                    .collect();
                prop_assert_eq!(point.requests, parts.iter().map(|part| part.requests).sum::<u64>());
                prop_assert!(parts.iter().map(|part| part.p99_us).max().unwrap_or(0) >= point.p99_us);
                prop_assert!(point.p99_us >= parts.iter().map(|part| part.p99_us).min().unwrap_or(0));
            }
        }
    }
}

//! A run, or one of its requests, second by second.
//!
//! In: points, appended and corrected by whoever counts. Out: the same points for everybody else. Sharing is cheap: points
//! are kept in chunks, and a chunk is copied only when it changes while somebody else looks at it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::PointArrivals;

/// Points of a chunk: what is copied when the last point changes.
const CHUNK: usize = 64;

/// One second of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct TimelinePoint {
    /// The second, counted from the run's start.
    pub second: u32,
    /// Seconds this point stands for: 1, more in long runs.
    pub span: u32,
    /// Users running at its end; 0 for a single request, whose users nobody counts.
    pub users: u32,
    /// Requests that ended in it.
    pub requests: u64,
    /// Those among them that failed.
    pub failures: u64,
    /// Those whose users were paced and started them late.
    #[serde(default)]
    pub late: u64,
    /// Arrivals of the run in it; none for a single request.
    #[serde(default)]
    pub arrivals: PointArrivals,
    /// Response times of what arrived in it.
    pub times: PointTimes,
}

/// What remains of the response times of a point.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointTimes {
    /// How many.
    pub count: u64,
    /// Their sum in µs.
    pub sum_us: u64,
    /// Percentiles in µs: 50, 90, 95, 99.
    pub p50_us: u64,
    /// See `p50_us`.
    pub p90_us: u64,
    /// See `p50_us`.
    pub p95_us: u64,
    /// See `p50_us`.
    pub p99_us: u64,
}

/// Points, ascending by second.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Timeline {
    /// All but the last are full.
    chunks: Vec<Arc<Vec<TimelinePoint>>>,
    len: usize,
}

impl PointTimes {
    /// Exact mean in µs; `None` without times.
    #[must_use]
    pub fn average_us(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum_us as f64 / self.count as f64)
    }

    /// Both together: exact but for the percentiles, whose histograms are gone: the larger one is an upper bound, and
    /// never flatters.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            sum_us: self.sum_us + other.sum_us,
            p50_us: self.p50_us.max(other.p50_us),
            p90_us: self.p90_us.max(other.p90_us),
            p95_us: self.p95_us.max(other.p95_us),
            p99_us: self.p99_us.max(other.p99_us),
        }
    }
}

impl TimelinePoint {
    /// Neighbours as one; `None` for none.
    #[must_use]
    pub fn joined<'a>(points: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        points.into_iter().copied().reduce(|sum, point| Self {
            second: sum.second,
            span: sum.span.saturating_add(point.span),
            users: point.users,
            requests: sum.requests + point.requests,
            failures: sum.failures + point.failures,
            late: sum.late + point.late,
            arrivals: sum.arrivals.joined(point.arrivals),
            times: sum.times.joined(point.times),
        })
    }
}

impl Timeline {
    /// Number of points.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no points.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends a point.
    pub fn push(&mut self, point: TimelinePoint) {
        match self.chunks.last_mut().filter(|chunk| chunk.len() < CHUNK) {
            Some(chunk) => owned(chunk).push(point),
            None => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(point);
                self.chunks.push(Arc::new(chunk));
            }
        }
        self.len += 1;
    }

    /// The point at `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&TimelinePoint> {
        self.chunks
            .get(index / CHUNK)?
            .get(index % CHUNK)
            .filter(|_| index < self.len)
    }

    /// The point at `index`, to be changed.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut TimelinePoint> {
        if index >= self.len {
            return None;
        }
        owned(self.chunks.get_mut(index / CHUNK)?).get_mut(index % CHUNK)
    }

    /// The last point.
    #[must_use]
    pub fn last(&self) -> Option<&TimelinePoint> {
        self.get(self.len.checked_sub(1)?)
    }

    /// All points.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &TimelinePoint> {
        self.skip(0)
    }

    /// The points but the first `count`.
    pub fn skip(&self, count: usize) -> impl DoubleEndedIterator<Item = &TimelinePoint> {
        (count.min(self.len)..self.len).filter_map(|index| self.get(index))
    }

    /// The points from the second `from` on.
    pub fn since(&self, from: u32) -> impl DoubleEndedIterator<Item = &TimelinePoint> {
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.get(middle).is_some_and(|point| point.second < from) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        self.skip(low)
    }

    /// The points that `before` does not have, or has otherwise. What both share is not looked at.
    pub fn fresh<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = &'a TimelinePoint> {
        let chunks = self.chunks.iter().enumerate();
        chunks
            .filter(|(index, chunk)| {
                let other = before.chunks.get(*index);
                !other.is_some_and(|other| Arc::ptr_eq(chunk, other))
            })
            .flat_map(move |(index, chunk)| {
                let other = before.chunks.get(index);
                let is_known = move |at: usize, point: &TimelinePoint| {
                    other
                        .and_then(|other| other.get(at))
                        .is_some_and(|known| known == point)
                };
                let points = chunk.iter().enumerate();
                points
                    .filter(move |(at, point)| !is_known(*at, point))
                    .map(|(_, point)| point)
            })
    }

    /// The first `count` points, shared with these.
    #[must_use]
    pub fn first(&self, count: usize) -> Self {
        let len = count.min(self.len);
        let mut chunks = self.chunks[..len.div_ceil(CHUNK)].to_vec();
        // What is appended to the shorter one must not follow points it does not show.
        if let Some(last) = chunks.last_mut()
            && !len.is_multiple_of(CHUNK)
            && last.len() > len % CHUNK
        {
            *last = Arc::new(last[..len % CHUNK].to_vec());
        }
        Self { chunks, len }
    }
}

impl FromIterator<TimelinePoint> for Timeline {
    fn from_iter<T: IntoIterator<Item = TimelinePoint>>(points: T) -> Self {
        let mut timeline = Self::default();
        points.into_iter().for_each(|point| timeline.push(point));
        timeline
    }
}

/// A chunk to be changed: copied when somebody else looks at it. Every copy has room for a full chunk, so that all of them
/// are of one size and take each other's places in memory.
fn owned(chunk: &mut Arc<Vec<TimelinePoint>>) -> &mut Vec<TimelinePoint> {
    if Arc::get_mut(chunk).is_none() {
        let mut copy = Vec::with_capacity(CHUNK);
        copy.extend_from_slice(chunk);
        *chunk = Arc::new(copy);
    }
    Arc::make_mut(chunk)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: u32) -> TimelinePoint {
        TimelinePoint {
            second,
            span: 1,
            ..TimelinePoint::default()
        }
    }

    fn seconds<'a>(points: impl Iterator<Item = &'a TimelinePoint>) -> Vec<u32> {
        points.map(|point| point.second).collect()
    }

    #[test]
    fn a_copy_does_not_change_with_the_original() {
        let mut timeline: Timeline = (0..100).map(at).collect();
        let copy = timeline.clone();
        timeline.push(at(100));
        timeline.get_mut(3).unwrap().requests = 7;
        assert_eq!((copy.len(), copy.get(3).unwrap().requests), (100, 0));
        assert_eq!((timeline.len(), timeline.get(3).unwrap().requests), (101, 7));
    }

    #[test]
    fn joined_neighbours_are_their_sum() {
        let times = |us: u64| PointTimes {
            count: 2,
            sum_us: 2 * us,
            p50_us: us,
            p90_us: us,
            p95_us: us,
            p99_us: us,
        };
        let point = |second, us| TimelinePoint {
            requests: 2,
            late: 1,
            users: second,
            times: times(us),
            ..at(second)
        };
        let joined = TimelinePoint::joined(&[point(4, 30), point(5, 10)]).unwrap();
        assert_eq!(
            (joined.second, joined.span, joined.users, joined.requests),
            (4, 2, 5, 4)
        );
        assert_eq!((joined.times.average_us(), joined.times.p99_us), (Some(20.0), 30));
        assert_eq!(joined.late, 2);
        assert_eq!(TimelinePoint::joined(&[]), None);
        assert_eq!(PointTimes::default().average_us(), None);
    }

    proptest! {
        #[test]
        fn it_is_a_list_of_points(len in 0u32..300, first in 0usize..310, from in 0u32..700, more in 0u32..5) {
            let timeline: Timeline = (0..len).map(|index| at(2 * index)).collect();
            let all: Vec<u32> = (0..len).map(|index| 2 * index).collect();
            prop_assert_eq!(seconds(timeline.iter()), all.clone());
            let wanted: Vec<u32> = all.iter().copied().filter(|second| *second >= from).collect();
            prop_assert_eq!(seconds(timeline.since(from)), wanted);
            let mut start = timeline.first(first);
            let mut wanted: Vec<u32> = all.into_iter().take(first).collect();
            prop_assert_eq!(seconds(start.iter()), wanted.clone());
            for number in 0..more {
                start.push(at(1_000 + number));
                wanted.push(1_000 + number);
            }
            prop_assert_eq!(start.last().map(|point| point.second), wanted.last().copied());
            prop_assert_eq!(seconds(start.iter()), wanted);
            prop_assert_eq!(timeline.len(), len as usize);
        }

        #[test]
        fn what_is_fresh_makes_the_old_one_the_new_one(
            len in 0u32..200, first in 0usize..210, changed in prop::collection::btree_set(0usize..210, 0..6),
        ) {
            let mut timeline: Timeline = (0..len).map(at).collect();
            let before = timeline.first(first);
            for index in &changed {
                if let Some(point) = timeline.get_mut(*index) {
                    point.requests += 1;
                }
            }
            let fresh = seconds(timeline.fresh(&before));
            let wanted: Vec<u32> = (0..len)
                .filter(|second| *second as usize >= before.len() || changed.contains(&(*second as usize)))
                .collect();
            prop_assert_eq!(fresh, wanted);
        }
    }
}

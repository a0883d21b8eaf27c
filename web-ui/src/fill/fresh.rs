//! What charts that are open do not show yet: seconds that are new, seconds that are not what they were, marks.
//!
//! In: one snapshot after the other. Out: for each what makes charts of the one before charts of this one. Late samples
//! change seconds that have been told: the last few often, long past ones when a worker comes back. The latter raise the
//! *revision*, by which charts that have missed it know that they have to be fetched again.

use katydid_protocol::stats::{Snapshot, Timeline, TimelinePoint};

use super::series;
use crate::view::series::{FreshSeries, Series};

/// Seconds that charts fetch again whenever they fetch: what changes in these raises no revision.
const RECENT: u32 = 5;
/// Points told at most; whoever needs more fetches them.
const MOST: usize = 300;

/// What has been told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    run: String,
    timeline: Timeline,
    saturated: usize,
    marks: usize,
    revision: u64,
}

impl Told {
    /// The revision of what has been told.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// What is to be told now; `None` when nothing is.
    pub(crate) fn tell(&mut self, snapshot: &Snapshot) -> Option<FreshSeries> {
        if snapshot.info.id != self.run {
            *self = Self {
                run: snapshot.info.id.clone(),
                revision: self.revision,
                ..Self::default()
            };
        }
        let builds_on = self.revision;
        let follows = self.timeline.last().map(|point| point.second);
        let mut points: Vec<TimelinePoint> = snapshot.timeline.fresh(&self.timeline).copied().collect();
        let recent = follows.map_or(0, |last| last.saturating_sub(RECENT));
        // After a reset, or when two points have become one, nothing of before holds.
        let is_other = is_other(&snapshot.timeline, &self.timeline)
            || snapshot.saturated_seconds.len() < self.saturated
            || snapshot.marks.len() < self.marks;
        if is_other || points.len() > MOST || points.first().is_some_and(|point| point.second < recent) {
            self.revision += 1;
        }
        let is_whole = !is_other && points.len() <= MOST;
        if !is_whole {
            points.clear();
        }
        let mut marks = Vec::new();
        if is_whole {
            marks = series::bands(&snapshot.saturated_seconds[self.saturated..]);
            marks.extend(snapshot.marks[self.marks..].iter().map(series::mark));
        }
        self.timeline = snapshot.timeline.clone();
        self.saturated = snapshot.saturated_seconds.len();
        self.marks = snapshot.marks.len();
        if is_whole && points.is_empty() && marks.is_empty() {
            return None;
        }
        Some(FreshSeries {
            series: Series {
                revision: self.revision,
                marks,
                ..series::of_points(snapshot, points.iter())
            },
            // Nobody has what this would build on.
            builds_on: if is_whole { builds_on } else { self.revision },
            follows: follows.filter(|_| is_whole),
        })
    }
}

fn is_other(now: &Timeline, before: &Timeline) -> bool {
    let ends = |timeline: &Timeline| timeline.get(0).map(|point| (point.second, point.span));
    before.len() > now.len() || (!before.is_empty() && ends(now) != ends(before))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use katydid_protocol::stats::{MarkKind, RunMark};

    use super::super::sample;
    use super::*;

    /// A page: it takes what is told, and fetches everything when that is not enough.
    #[derive(Default)]
    struct Page {
        revision: u64,
        last: Option<u32>,
        requests: BTreeMap<u32, Option<u64>>,
        marks: usize,
        fetches: u32,
    }

    impl Page {
        fn take(&mut self, told: Option<&FreshSeries>, snapshot: &Snapshot, revision: u64) {
            let Some(told) = told else { return };
            if told.builds_on > self.revision || told.follows > self.last {
                self.fetch(snapshot, revision);
            } else {
                self.marks += told.series.marks.len();
                self.add(&told.series);
            }
        }

        fn fetch(&mut self, snapshot: &Snapshot, revision: u64) {
            self.requests.clear();
            let series = Series {
                revision,
                ..series::series(snapshot, None, 0)
            };
            self.marks = series.marks.len();
            self.add(&series);
            self.fetches += 1;
        }

        fn add(&mut self, series: &Series) {
            self.revision = series.revision;
            for (second, requests) in series.second.iter().zip(&series.requests) {
                self.requests
                    .insert(*second, requests.map(|requests| requests as u64));
            }
            self.last = self.requests.keys().next_back().copied();
        }

        fn shows(&self, snapshot: &Snapshot) {
            let wanted: BTreeMap<u32, Option<u64>> = snapshot
                .timeline
                .iter()
                .map(|point| (point.second, Some(point.requests / u64::from(point.span))))
                .collect();
            assert_eq!(self.requests, wanted);
        }
    }

    struct Stage {
        told: Told,
        snapshot: Snapshot,
        open: Page,
    }

    impl Stage {
        fn new() -> Self {
            Self {
                told: Told::default(),
                snapshot: sample::snapshot(100, &[]),
                open: Page::default(),
            }
        }

        fn step(&mut self) {
            let told = self.told.tell(&self.snapshot);
            self.open
                .take(told.as_ref(), &self.snapshot, self.told.revision());
            self.open.shows(&self.snapshot);
        }
    }

    #[test]
    fn a_worker_that_comes_back_mends_the_past_of_open_pages() {
        let mut stage = Stage::new();
        stage.step();
        stage.snapshot.timeline.push(sample::point(100));
        stage.step();
        let (revision, fetches) = (stage.told.revision(), stage.open.fetches);
        for second in 60..90 {
            stage.snapshot.timeline.get_mut(second).unwrap().requests += 40;
        }
        stage.step();
        assert_eq!(
            stage.open.fetches, fetches,
            "what has changed is told, not fetched"
        );
        assert_eq!(stage.told.revision(), revision + 1);
        // A page that was away for that moment knows from what is told next.
        let mut away = Page {
            revision,
            ..Page::default()
        };
        stage.snapshot.timeline.push(sample::point(101));
        let told = stage.told.tell(&stage.snapshot);
        away.take(told.as_ref(), &stage.snapshot, stage.told.revision());
        away.shows(&stage.snapshot);
        assert_eq!(away.fetches, 1);
    }

    #[test]
    fn the_last_seconds_change_without_a_new_revision() {
        let mut stage = Stage::new();
        stage.step();
        let revision = stage.told.revision();
        stage.snapshot.timeline.get_mut(98).unwrap().requests += 7;
        stage.snapshot.timeline.push(sample::point(100));
        stage.step();
        assert_eq!(stage.told.revision(), revision);
        assert!(
            stage.told.tell(&stage.snapshot).is_none(),
            "nothing is told twice"
        );
    }

    #[test]
    fn a_mark_that_comes_late_is_told() {
        let mut stage = Stage::new();
        stage.step();
        stage.snapshot.saturated_seconds.extend([97, 98]);
        stage.snapshot.marks.push(RunMark {
            second: 20,
            kind: MarkKind::WorkerLost,
            text: "Lost: w1".to_owned(),
        });
        stage.step();
        assert_eq!(stage.open.marks, 2);
    }

    #[test]
    fn after_a_reset_or_when_points_are_joined_everything_is_fetched() {
        let mut stage = Stage::new();
        stage.step();
        let fetches = stage.open.fetches;
        stage.snapshot.timeline = (60..103).map(sample::point).collect();
        stage.step();
        assert_eq!(stage.open.fetches, fetches + 1);
        let points: Vec<TimelinePoint> = stage.snapshot.timeline.iter().copied().collect();
        stage.snapshot.timeline = points.chunks(2).filter_map(TimelinePoint::joined).collect();
        stage.step();
        assert_eq!(stage.open.fetches, fetches + 2);
    }

    #[test]
    fn another_run_begins_with_nothing_told() {
        let mut stage = Stage::new();
        stage.step();
        let mut info = (*stage.snapshot.info).clone();
        info.id = "run-2".to_owned();
        stage.snapshot = Snapshot {
            info: info.into(),
            ..sample::snapshot(3, &[])
        };
        let told = stage.told.tell(&stage.snapshot).unwrap();
        assert_eq!(
            (told.series.run.as_str(), told.series.second.len(), told.follows),
            ("run-2", 3, None)
        );
    }
}

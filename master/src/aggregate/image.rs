//! What was measured, put away and taken out again: how the aggregate gets into the journal and back.
//!
//! In: the sums, or what was written of them. Out: a delta that holds all of them, the image that goes with it, and the
//! moment at which each later delta was counted; from these, the same sums. What is written is bounded as the sums are.

use std::time::Duration;

use katydid_protocol::stats::{ArrivalSecond, Delta, Folded, MetricSums};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::RunStats;
use super::measured::Measured;
use super::timeline::{Keeper, TimelineImage};
use crate::clock::second_of;
use crate::thresholds::{Windows, WindowsImage};

/// Everything about the sums that is in no delta.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StatsImage {
    generation: u32,
    counted_from: Duration,
    last_delta_at: Option<Duration>,
    timeline: TimelineImage,
    saturated: Vec<u32>,
    folded: FoldedNames,
    #[serde(default)]
    windows: Option<WindowsImage>,
}

/// What surrounded a delta when it was counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Moment {
    /// The run's clock.
    pub(crate) elapsed: Duration,
    /// Users last heard of.
    pub(crate) users: u32,
    /// Seconds in which a worker was saturated, since the last delta.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) saturated: Vec<u32>,
    #[serde(flatten)]
    folded: FoldedNames,
}

/// Names that were folded, for the warnings.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct FoldedNames {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    check: Option<Arc<str>>,
}

impl RunStats {
    /// All that was counted, as one delta without seconds.
    pub(crate) fn sum(&self) -> Delta {
        let (groups, tags, metrics) = (self.groups.iter(), self.tags.iter(), self.metrics.iter());
        let exceptions = self.exceptions.iter();
        Delta {
            generation: self.generation,
            requests: self
                .requests
                .iter()
                .map(|(key, row)| (key.clone(), row.sum()))
                .collect(),
            groups: groups.map(|(name, row)| (Arc::clone(name), row.sum())).collect(),
            tags: tags.map(|(tag, row)| (Arc::clone(tag), row.sum())).collect(),
            checks: copied(self.checks.iter()),
            metrics: metrics
                .map(|(name, sums)| (Arc::clone(name), MetricSums::clone(sums)))
                .collect(),
            errors: copied(self.errors.iter()),
            exceptions: exceptions
                .map(|(key, exception)| (key.clone(), exception.clone()))
                .collect(),
            iterations: self.iterations,
            arrivals: self.arrivals_sum(),
            connections: self.connections,
            losses: self.all_losses(),
        }
    }

    /// What became of arrivals, as a second of no meaning: the timeline is put away apart.
    fn arrivals_sum(&self) -> Vec<ArrivalSecond> {
        let sum = ArrivalSecond {
            second: second_of(self.counted_from),
            counts: self.arrivals,
        };
        if self.arrivals.is_empty() {
            Vec::new()
        } else {
            vec![sum]
        }
    }

    /// What [`Self::sum`] does not hold.
    pub(crate) fn image(&self) -> StatsImage {
        StatsImage {
            generation: self.generation,
            counted_from: self.counted_from,
            last_delta_at: self.last_delta_at,
            timeline: self.timeline.image(),
            saturated: self.saturated.clone(),
            folded: self.folded_names(),
            windows: Some(self.windows.image()),
        }
    }

    /// What surrounds a delta that is counted at `now`; saturated seconds after the first `written` are part of it.
    pub(crate) fn moment(&self, now: Duration, written: usize) -> Moment {
        Moment {
            elapsed: now,
            users: self.timeline.users(),
            saturated: self.saturated.get(written..).unwrap_or_default().to_vec(),
            folded: self.folded_names(),
        }
    }

    /// How many seconds were saturated.
    pub(crate) fn saturated_len(&self) -> usize {
        self.saturated.len()
    }

    /// The sums as they were when [`Self::sum`] and [`Self::image`] were taken.
    pub(crate) fn restored(sum: &Delta, image: StatsImage, mut windows: Windows) -> Self {
        windows.restore(image.windows, image.last_delta_at.unwrap_or_default());
        let mut stats = Self::starting(image.counted_from, image.generation);
        if sum.generation == image.generation {
            stats.add(second_of(image.counted_from), sum);
        }
        stats.last_delta_at = image.last_delta_at;
        stats.timeline = Keeper::restored(image.timeline);
        stats.saturated = image.saturated;
        stats.windows = windows;
        stats.note_folded(&image.folded.into());
        // Of single requests, only the sum was written down.
        stats.requests.values_mut().for_each(Measured::begin_history);
        stats
    }

    /// Counts a delta again as it was counted then.
    pub(crate) fn replay(&mut self, moment: Moment, delta: &Delta) {
        self.advance(moment.elapsed, moment.users);
        self.apply(moment.elapsed, delta);
        self.saturated.extend(moment.saturated);
        self.note_folded(&moment.folded.into());
    }

    fn folded_names(&self) -> FoldedNames {
        FoldedNames {
            group: self.groups.example().cloned(),
            check: self.checks.example().cloned(),
        }
    }
}

impl From<FoldedNames> for Folded {
    fn from(names: FoldedNames) -> Self {
        Self {
            group: names.group,
            check: names.check,
        }
    }
}

fn copied<'a, K: Ord + Clone + 'a, V: Copy + 'a, M: FromIterator<(K, V)>>(
    entries: impl Iterator<Item = (&'a K, &'a V)>,
) -> M {
    entries.map(|(key, value)| (key.clone(), *value)).collect()
}

#[cfg(test)]
mod tests {
    use katydid_protocol::stats::{
        CheckCounts, MAX_NAMES, RateSum, RequestDelta, RequestKey, RequestStats, RunInfo, Snapshot,
    };
    use katydid_protocol::wire::{decode_delta, encode_delta};
    use proptest::prelude::*;

    use super::super::sample::{any_deltas, info, request, standing};
    use super::*;

    /// Through the journal and back.
    fn written(stats: &RunStats) -> RunStats {
        let sum = decode_delta(&encode_delta(&stats.sum())).unwrap();
        let image = serde_json::to_string(&stats.image()).unwrap();
        RunStats::restored(&sum, serde_json::from_str(&image).unwrap(), Windows::default())
    }

    fn snapshot(stats: &mut RunStats, at: Duration) -> Snapshot {
        let info: Arc<RunInfo> = Arc::new(info());
        stats.snapshot(&info, at, standing())
    }

    fn rows(snapshot: &Snapshot) -> Vec<RequestStats> {
        let rows = snapshot
            .requests
            .iter()
            .chain([&snapshot.total])
            .chain(&snapshot.groups)
            .chain(&snapshot.tags);
        rows.map(|row| RequestStats::clone(&row.stats)).collect()
    }

    #[test]
    fn more_names_than_are_kept_come_back_as_they_were() {
        let mut stats = RunStats::new();
        let at = Duration::from_secs(1);
        for number in 0..MAX_NAMES + 5 {
            let mut delta = Delta::default();
            let key = RequestKey::new("GET", &format!("/p/{number:05}"));
            delta.requests.insert(key, request(0, &[1_000], 0));
            let passed = CheckCounts {
                passes: 1,
                failures: 0,
            };
            delta.checks.insert(format!("c{number:05}").into(), passed);
            let once = MetricSums {
                rate: Some(RateSum { hits: 1, total: 1 }),
                ..MetricSums::default()
            };
            delta.metrics.insert(format!("m{number:05}").into(), once);
            let tag = format!("t:{number:05}");
            delta.tags.insert(tag.into(), request(0, &[1_000], 0));
            stats.fold(&mut delta);
            stats.apply(at, &delta);
        }
        let (mut again, before) = (written(&stats), snapshot(&mut stats, at));
        assert_eq!(stats.sum().requests.len(), MAX_NAMES + 1);
        assert_eq!(stats.sum().metrics.len(), MAX_NAMES + 1);
        assert_eq!(stats.sum().tags.len(), MAX_NAMES + 1);
        let after = snapshot(&mut again, at);
        assert_eq!(rows(&after), rows(&before));
        assert_eq!(
            (&after.losses, &after.warnings),
            (&before.losses, &before.warnings)
        );
        assert_eq!(after.metrics, before.metrics);
        assert_eq!(before.losses.folded_requests, 5);
        assert_eq!(before.losses.folded_metrics, 5);
        assert_eq!(before.losses.folded_metric.as_deref(), Some("m01000"));
        assert_eq!(before.losses.folded_tags, 5);
        assert_eq!(before.losses.folded_tag.as_deref(), Some("t:01000"));
        assert!(before.warnings[0].contains("`c01000`"), "{:?}", before.warnings);
    }

    proptest! {
        // Every case fills dozens of histograms.
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// Counted, put away at some moment, taken out again and counted on: nothing that people see is another than if it
        /// had never been put away, each point of the timeline included.
        #[test]
        fn put_away_and_taken_out_it_is_the_same(
            deltas in any_deltas(8),
            compacted in 0usize..8,
            steps in prop::collection::vec((0u64..1_500, 0u32..9, any::<bool>()), 8),
            reset_after in prop::option::of(0usize..4),
        ) {
            let mut live = RunStats::new();
            let mut again = written(&live);
            let (mut now, mut generation, mut journal) = (Duration::ZERO, 0, Vec::new());
            let mut saturated = 0;
            for (index, delta) in deltas.iter().enumerate() {
                let (wait_ms, users, busy) = steps[index];
                now += Duration::from_millis(wait_ms);
                live.advance(now, users);
                if reset_after == Some(index) {
                    generation += 1;
                    live.reset(now, generation);
                    (again, saturated) = (written(&live), 0);
                    journal.clear();
                }
                if busy {
                    live.saturated(now);
                }
                let mut delta = Delta { generation, ..delta.clone() };
                // Times of open points are merged again from their summaries: not what this is about.
                let second = second_of(now);
                let rows = delta.requests.values_mut().chain(delta.groups.values_mut());
                for request in rows.chain(delta.tags.values_mut()) {
                    moved(request, second);
                }
                live.fold(&mut delta);
                journal.push((live.moment(now, saturated), delta.clone()));
                saturated = live.saturated_len();
                live.apply(now, &delta);
                if compacted == index {
                    again = written(&live);
                    journal.clear();
                }
            }
            for (moment, delta) in journal {
                let moment = serde_json::from_str(&serde_json::to_string(&moment).unwrap()).unwrap();
                again.replay(moment, &delta);
            }
            let (before, after) = (snapshot(&mut live, now), snapshot(&mut again, now));
            prop_assert_eq!(rows(&after), rows(&before));
            prop_assert_eq!(after.counted_from, before.counted_from);
            prop_assert_eq!(&after.saturated_seconds, &before.saturated_seconds);
            prop_assert_eq!((&after.losses, after.iterations), (&before.losses, before.iterations));
            prop_assert_eq!(after.connections, before.connections);
            prop_assert_eq!(&after.metrics, &before.metrics);
            prop_assert!(after.checks == before.checks && after.errors == before.errors);
            prop_assert_eq!(&after.exceptions, &before.exceptions);
            let counts = |snapshot: &Snapshot| -> Vec<_> {
                let points = snapshot.timeline.iter();
                points.map(|point| (point.second, point.users, point.requests, point.times.count, point.times.sum_us)).collect()
            };
            prop_assert_eq!(counts(&after), counts(&before));
        }
    }

    /// The same interval in another second.
    fn moved(request: &mut RequestDelta, second: u32) {
        for counts in &mut request.seconds {
            counts.second = second;
        }
    }
}

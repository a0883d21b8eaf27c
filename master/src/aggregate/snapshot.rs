//! Builds the picture of the run that everybody else looks at.
//!
//! In: the sums, and what control says about the run's state. Out: a [`Snapshot`]; rows are shared, not copied.

use std::sync::Arc;
use std::time::Duration;

use katydid_protocol::format;
use katydid_protocol::stats::{
    CheckEntry, ErrorEntry, ExceptionEntry, LossCounts, MAX_NAMES, MetricEntry, OTHER_NAME, RunInfo, Snapshot,
};

use super::RunStats;
use super::measured::Look;
use super::rates::{Window, complete_until};
use crate::clock::second_of;
use crate::control::Standing;

impl RunStats {
    /// The run at `now`.
    pub(crate) fn snapshot(&mut self, info: &Arc<RunInfo>, now: Duration, standing: Standing) -> Snapshot {
        let users = standing.users_by_class.iter().sum();
        self.advance(now, users);
        let window = Window::last(now, self.last_delta_at, self.counted_from);
        let complete_until = (!standing.state.is_over()).then(|| complete_until(now, self.last_delta_at));
        let look = Look {
            now: second_of(now),
            complete_until,
        };
        let timeline = match complete_until {
            Some(until) => self.timeline.points(u64::from(until)),
            None => self.timeline.all_points(),
        };
        let mut warnings = standing.warnings;
        warnings.extend(self.folding_warnings());
        Snapshot {
            info: Arc::clone(info),
            state: standing.state,
            elapsed: now,
            counted_from: self.counted_from,
            users,
            target_users: standing.target_users,
            users_by_class: standing.users_by_class,
            requests: self
                .requests
                .values_mut()
                .map(|row| row.entry(window, look))
                .collect(),
            total: self.total.entry(window, look),
            groups: self
                .groups
                .values_mut()
                .map(|row| row.entry(window, look))
                .collect(),
            tags: self
                .tags
                .values_mut()
                .map(|row| row.entry(window, look))
                .collect(),
            checks: self
                .checks
                .iter()
                .map(|(name, counts)| CheckEntry {
                    name: Arc::clone(name),
                    counts: *counts,
                })
                .collect(),
            metrics: self
                .metrics
                .iter()
                .map(|(name, sums)| MetricEntry {
                    name: Arc::clone(name),
                    sums: Arc::clone(sums),
                })
                .collect(),
            thresholds: standing.thresholds,
            errors: self
                .errors
                .iter()
                .map(|(key, counts)| ErrorEntry {
                    key: key.clone(),
                    counts: *counts,
                })
                .collect(),
            exceptions: self.exceptions_by_frequency(),
            iterations: self.iterations,
            arrivals: standing.has_arrivals.then_some(self.arrivals),
            connections: self.connections,
            timeline,
            workers: standing.workers,
            saturated_seconds: self.saturated.clone(),
            marks: standing.marks,
            failure: standing.failure,
            losses: self.all_losses(),
            warnings,
            stop_reason: standing.stop_reason,
        }
    }

    fn exceptions_by_frequency(&self) -> Vec<ExceptionEntry> {
        let entries = self.exceptions.iter();
        let mut entries: Vec<_> = entries
            .map(|(key, exception)| ExceptionEntry {
                key: key.clone(),
                counts: exception.counts,
                nodes: exception.nodes.clone(),
            })
            .collect();
        // Stable, so that equals stay in the order of their keys.
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.counts.occurrences));
        entries
    }

    /// What workers lost, and what was folded here because only all workers together exceeded a limit.
    pub(super) fn all_losses(&self) -> LossCounts {
        let mut losses = self.losses.clone();
        losses.merge(LossCounts {
            folded_requests: self.requests.folded(),
            folded_example: self.requests.example().map(|key| Arc::clone(&key.name)),
            folded_errors: self.errors.folded() + self.exceptions.folded(),
            folded_metrics: self.metrics.folded(),
            folded_metric: self.metrics.example().cloned(),
            folded_tags: self.tags.folded(),
            folded_tag: self.tags.example().cloned(),
            ..LossCounts::default()
        });
        losses
    }

    fn folding_warnings(&self) -> impl Iterator<Item = String> {
        let folded = |what: &str, example: Option<&Arc<str>>| {
            example.map(|example| {
                format!(
                    "the run has more than {} {what}; those beyond (`{example}`, for example) are counted under \
                     \"{OTHER_NAME}\": give them names that do not contain ids",
                    format::count(MAX_NAMES as u64)
                )
            })
        };
        folded("groups", self.groups.example())
            .into_iter()
            .chain(folded("checks", self.checks.example()))
    }
}

#[cfg(test)]
mod tests {
    use katydid_protocol::stats::{CheckCounts, Delta, ErrorCounts, ExceptionKey};

    use super::super::sample::{delta, info, standing};
    use super::*;

    #[test]
    fn exceptions_come_most_frequent_first() {
        let mut stats = RunStats::new();
        let mut delta = Delta::default();
        for (message, occurrences) in [("a", 1), ("b", 9), ("c", 9)] {
            delta.exceptions.insert(
                ExceptionKey {
                    message: message.into(),
                    traceback: "".into(),
                },
                ErrorCounts {
                    occurrences,
                    first_us: 0,
                    last_us: 0,
                }
                .into(),
            );
        }
        stats.apply(Duration::ZERO, &delta);
        let snapshot = stats.snapshot(&Arc::new(info()), Duration::from_secs(1), standing());
        let order: Vec<_> = snapshot
            .exceptions
            .iter()
            .map(|entry| &*entry.key.message)
            .collect();
        assert_eq!(order, ["b", "c", "a"]);
    }

    #[test]
    fn a_snapshot_does_not_change_when_more_arrives() {
        let mut stats = RunStats::new();
        stats.apply(Duration::from_secs(1), &delta(&[(0, 5)]));
        let before = stats.snapshot(&Arc::new(info()), Duration::from_secs(1), standing());
        stats.apply(Duration::from_secs(2), &delta(&[(1, 5)]));
        assert_eq!(before.total.stats.requests, 5);
    }

    #[test]
    fn too_many_checks_are_said_aloud() {
        let mut stats = RunStats::new();
        let mut delta = Delta::default();
        for number in 0..=MAX_NAMES {
            delta.checks.insert(
                format!("check {number:05}").into(),
                CheckCounts {
                    passes: 1,
                    failures: 0,
                },
            );
        }
        stats.apply(Duration::ZERO, &delta);
        let snapshot = stats.snapshot(&Arc::new(info()), Duration::ZERO, standing());
        assert_eq!(
            snapshot.warnings,
            [
                "the run has more than 1,000 checks; those beyond (`check 01000`, for example) are counted under \
              \"(other)\": give them names that do not contain ids"
            ]
        );
    }
}

//! What a worker adds in one interval: values that merge in any order to the same sum.
//!
//! Deltas merge, they do not queue: a worker that cannot send adds the next interval to the one it holds. Merging is
//! commutative and associative; nothing in a delta is an average or a percentile.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    ArrivalSecond, Buckets, ConnectionCounts, ErrorKey, ExceptionKey, MetricSums, Nodes, Phases, RequestKey,
    count_arrivals,
};

/// One interval's measurements of one worker.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Delta {
    /// Which life of the statistics this belongs to; rises with each reset. Deltas of an earlier life are dropped.
    pub generation: u32,
    /// Requests by (method, name).
    pub requests: BTreeMap<RequestKey, RequestDelta>,
    /// Groups (transactions) by name; their times span whole blocks and are in no total.
    pub groups: BTreeMap<Arc<str>, RequestDelta>,
    /// Requests by tag, each named `key:value`; a request counts for each of its tags, and these are in no total.
    pub tags: BTreeMap<Arc<str>, RequestDelta>,
    /// Checks by name.
    pub checks: BTreeMap<Arc<str>, CheckCounts>,
    /// Custom metrics by name.
    pub metrics: BTreeMap<Arc<str>, MetricSums>,
    /// Failures by request and message.
    pub errors: BTreeMap<ErrorKey, ErrorCounts>,
    /// Exceptions of scripts.
    pub exceptions: BTreeMap<ExceptionKey, ExceptionCounts>,
    /// Iterations that ended, however they ended.
    pub iterations: u64,
    /// What became of arrivals, per second of the run's clock, ascending.
    pub arrivals: Vec<ArrivalSecond>,
    /// How the requests were connected.
    pub connections: ConnectionCounts,
    /// What could not be kept apart or on time.
    pub losses: LossCounts,
}

/// One interval of one request.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RequestDelta {
    /// Requests that ended.
    pub requests: u64,
    /// Those among them that failed.
    pub failures: u64,
    /// Response bodies as received, in bytes.
    pub bytes_in: u64,
    /// Requests as sent, in bytes.
    pub bytes_out: u64,
    /// Requests per status; 0 stands for "no response".
    pub statuses: BTreeMap<u16, u64>,
    /// Response times of all requests.
    pub response: TimesDelta,
    /// Response times of the failed ones.
    pub failed: TimesDelta,
    /// Service times, only when some request's differed from its response time; then of all requests.
    pub service: Option<TimesDelta>,
    /// Sums of the phases.
    pub phases: Phases,
    /// Counts per second of the run's clock, ascending.
    pub seconds: Vec<SecondCounts>,
    /// End of the last request, in µs of the run's clock.
    pub last_us: u64,
}

/// One interval of times: exact sum, minimum and maximum, and the buckets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimesDelta {
    /// Sum in µs.
    pub sum_us: u64,
    /// Shortest in µs; meaningless when there are no buckets.
    pub min_us: u64,
    /// Longest in µs; meaningless when there are no buckets.
    pub max_us: u64,
    /// The distribution.
    pub buckets: Buckets,
}

/// How much happened in one second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondCounts {
    /// The second, counted from the run's start.
    pub second: u32,
    /// Requests that ended in it.
    pub requests: u64,
    /// Those among them that failed.
    pub failures: u64,
    /// Those whose users were paced and started them late.
    pub late: u64,
}

impl SecondCounts {
    /// Adds to the same second.
    pub fn merge(&mut self, other: Self) {
        self.requests += other.requests;
        self.failures += other.failures;
        self.late += other.late;
    }
}

/// How often a check passed and failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckCounts {
    /// Times the condition held.
    pub passes: u64,
    /// Times it did not.
    pub failures: u64,
}

/// How often and when an error occurred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorCounts {
    /// Occurrences.
    pub occurrences: u64,
    /// First and last time, in µs of the run's clock.
    pub first_us: u64,
    /// See `first_us`.
    pub last_us: u64,
}

/// How often, when and where an exception occurred.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExceptionCounts {
    /// How often and when.
    pub counts: ErrorCounts,
    /// On which workers; the master adds this when a delta arrives.
    pub nodes: Nodes,
}

/// What could not be kept apart, or not kept at all; every one of these is shown to people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossCounts {
    /// Requests counted under "(other)" because of too many names.
    pub folded_requests: u64,
    /// A name that was folded, for the warning.
    pub folded_example: Option<Arc<str>>,
    /// Errors and exceptions counted under "(other)" because of too many messages.
    pub folded_errors: u64,
    /// Values of custom metrics counted under "(other)" because of too many names.
    pub folded_metrics: u64,
    /// The name of a metric that was folded, for the warning.
    pub folded_metric: Option<Arc<str>>,
    /// Requests counted under "(other)" instead of a tag of theirs because of too many tags.
    pub folded_tags: u64,
    /// A tag that was folded, for the warning.
    pub folded_tag: Option<Arc<str>>,
    /// Iterations that had to wait for a coroutine stack because too many were in flight.
    pub stack_waits: u64,
    /// Iterations ended by force because they outlived the stop timeout.
    pub killed_iterations: u64,
    /// `on_stop` hooks left out because the stop timeout was over.
    pub skipped_on_stops: u64,
}

// === impl Delta ===

impl Delta {
    /// Adds another interval. Deltas of different generations do not mix: the later one wins.
    pub fn merge(&mut self, other: Self) {
        match self.generation.cmp(&other.generation) {
            std::cmp::Ordering::Greater => return,
            std::cmp::Ordering::Less => {
                *self = Self {
                    generation: other.generation,
                    ..Self::default()
                }
            }
            std::cmp::Ordering::Equal => {}
        }
        for (key, request) in other.requests {
            self.requests.entry(key).or_default().merge(&request);
        }
        for (name, group) in other.groups {
            self.groups.entry(name).or_default().merge(&group);
        }
        for (tag, requests) in other.tags {
            self.tags.entry(tag).or_default().merge(&requests);
        }
        for (name, counts) in other.checks {
            self.checks.entry(name).or_default().merge(counts);
        }
        for (name, sums) in other.metrics {
            self.metrics.entry(name).or_default().merge(&sums);
        }
        for (key, counts) in other.errors {
            self.errors
                .entry(key)
                .and_modify(|own| own.merge(counts))
                .or_insert(counts);
        }
        for (key, counts) in other.exceptions {
            match self.exceptions.get_mut(&key) {
                Some(own) => own.merge(&counts),
                None => {
                    self.exceptions.insert(key, counts);
                }
            }
        }
        self.iterations += other.iterations;
        for second in other.arrivals {
            count_arrivals(&mut self.arrivals, second);
        }
        self.connections.merge(other.connections);
        self.losses.merge(other.losses);
    }

    /// Notes that all of it happened on the worker of this name.
    pub fn come_from(&mut self, worker: &Arc<str>) {
        for exception in self.exceptions.values_mut() {
            exception.nodes = Nodes::one(Arc::clone(worker));
        }
    }

    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self
            == Self {
                generation: self.generation,
                ..Self::default()
            }
    }
}

// === impl RequestDelta ===

impl RequestDelta {
    /// Adds another interval of the same request.
    pub fn merge(&mut self, other: &Self) {
        self.service = match (self.service.take(), &other.service) {
            (None, None) => None,
            // A side without service times had them equal to its response times.
            (own, theirs) => {
                let mut sum = own.unwrap_or_else(|| self.response.clone());
                sum.merge(theirs.as_ref().unwrap_or(&other.response));
                Some(sum)
            }
        };
        self.requests += other.requests;
        self.failures += other.failures;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        self.response.merge(&other.response);
        self.failed.merge(&other.failed);
        self.phases.merge(&other.phases);
        for counts in &other.seconds {
            self.count_second(*counts);
        }
        self.last_us = self.last_us.max(other.last_us);
    }

    /// Adds to a second's counts, keeping the seconds in order.
    pub fn count_second(&mut self, counts: SecondCounts) {
        let position = self
            .seconds
            .binary_search_by_key(&counts.second, |known| known.second);
        match position {
            Ok(at) => self.seconds[at].merge(counts),
            Err(at) => self.seconds.insert(at, counts),
        }
    }
}

// === impl TimesDelta ===

impl TimesDelta {
    /// Adds another interval.
    pub fn merge(&mut self, other: &Self) {
        if other.buckets.is_empty() {
            return;
        }
        if self.buckets.is_empty() {
            *self = other.clone();
            return;
        }
        self.sum_us += other.sum_us;
        self.min_us = self.min_us.min(other.min_us);
        self.max_us = self.max_us.max(other.max_us);
        self.buckets.merge(&other.buckets);
    }
}

impl CheckCounts {
    /// Adds another interval.
    pub fn merge(&mut self, other: Self) {
        self.passes += other.passes;
        self.failures += other.failures;
    }
}

impl ErrorCounts {
    /// One occurrence at a moment of the run's clock.
    #[must_use]
    pub fn once(at_us: u64) -> Self {
        Self {
            occurrences: 1,
            first_us: at_us,
            last_us: at_us,
        }
    }

    /// Adds another interval.
    pub fn merge(&mut self, other: Self) {
        self.occurrences += other.occurrences;
        self.first_us = self.first_us.min(other.first_us);
        self.last_us = self.last_us.max(other.last_us);
    }
}

impl ExceptionCounts {
    /// Adds another interval.
    pub fn merge(&mut self, other: &Self) {
        self.counts.merge(other.counts);
        self.nodes.merge(&other.nodes);
    }
}

/// Of a worker that does not know its name.
impl From<ErrorCounts> for ExceptionCounts {
    fn from(counts: ErrorCounts) -> Self {
        Self {
            counts,
            nodes: Nodes::default(),
        }
    }
}

impl LossCounts {
    /// Adds another interval; of two examples the alphabetically first stays, so that any order gives the same.
    pub fn merge(&mut self, other: Self) {
        self.folded_requests += other.folded_requests;
        self.folded_example = first(self.folded_example.take(), other.folded_example);
        self.folded_errors += other.folded_errors;
        self.folded_metrics += other.folded_metrics;
        self.folded_metric = first(self.folded_metric.take(), other.folded_metric);
        self.folded_tags += other.folded_tags;
        self.folded_tag = first(self.folded_tag.take(), other.folded_tag);
        self.stack_waits += other.stack_waits;
        self.killed_iterations += other.killed_iterations;
        self.skipped_on_stops += other.skipped_on_stops;
    }
}

/// The alphabetically first of two examples.
fn first(a: Option<Arc<str>>, b: Option<Arc<str>>) -> Option<Arc<str>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::super::metric::tests::any_sums;
    use super::super::nodes::tests::any_nodes;
    use super::super::{ArrivalCounts, LatencyHistogram};
    use super::*;

    fn times(values: &[u64]) -> TimesDelta {
        let mut histogram = LatencyHistogram::new();
        values.iter().for_each(|value| histogram.record(*value));
        TimesDelta {
            sum_us: values.iter().sum(),
            min_us: values.iter().copied().min().unwrap_or(0),
            max_us: values.iter().copied().max().unwrap_or(0),
            buckets: histogram.drain(),
        }
    }

    prop_compose! {
        fn any_request()(
            values in prop::collection::vec(1u64..10_000_000, 1..30),
            failed in prop::collection::vec(1u64..10_000_000, 0..5),
            paced in any::<bool>(),
            second in 0u32..5,
            status in prop::sample::select(vec![0u16, 200, 500]),
        ) -> RequestDelta {
            let n = values.len() as u64;
            RequestDelta {
                requests: n,
                failures: failed.len() as u64,
                bytes_in: n * 10,
                bytes_out: n * 3,
                statuses: [(status, n)].into(),
                response: times(&values),
                failed: times(&failed),
                service: paced.then(|| times(&values.iter().map(|v| v / 2 + 1).collect::<Vec<_>>())),
                phases: Phases::default(),
                seconds: vec![SecondCounts { second, requests: n, failures: failed.len() as u64, late: u64::from(paced) }],
                last_us: u64::from(second) * 1_000_000,
            }
        }
    }

    prop_compose! {
        /// An arbitrary delta over few keys, so that merges meet.
        pub(crate) fn any_delta()(
            requests in prop::collection::btree_map(
                prop::sample::select(vec!["/a", "/b", "/c"]).prop_map(|name| RequestKey::new("GET", name)),
                any_request(), 0..3),
            tags in prop::collection::btree_map("t:[u-w]".prop_map(|name| name.as_str().into()), any_request(), 0..3),
            errors in prop::collection::btree_map("[xyz]", (1u64..9, 0u64..100, 0u64..100), 0..3),
            checks in prop::collection::btree_map("[pq]", (0u64..9, 0u64..9), 0..2),
            exceptions in prop::collection::btree_map("[e-g]", (1u64..9, 0u64..100, any_nodes()), 0..3),
            metrics in prop::collection::btree_map("[m-o]".prop_map(|name| name.as_str().into()), any_sums(), 0..3),
            iterations in 0u64..100,
            arrivals in prop::collection::btree_map(0u32..5, (0u64..9, 0u64..9, 0u64..3), 0..3),
            (opened, reused) in (0u64..9, 0u64..99),
            folded in 0u64..3,
            example in prop::option::of("[a-c]"),
        ) -> Delta {
            Delta {
                generation: 0,
                requests,
                groups: BTreeMap::new(),
                tags,
                checks: checks.into_iter().map(|(name, (passes, failures))| {
                    (name.as_str().into(), CheckCounts { passes, failures })
                }).collect(),
                metrics,
                errors: errors.into_iter().map(|(message, (occurrences, a, b))| {
                    (ErrorKey { request: RequestKey::new("GET", "/a"), message: message.as_str().into() },
                     ErrorCounts { occurrences, first_us: a.min(b), last_us: a.max(b) })
                }).collect(),
                exceptions: exceptions.into_iter().map(|(message, (occurrences, at_us, nodes))| {
                    let counts = ErrorCounts { occurrences, ..ErrorCounts::once(at_us) };
                    (ExceptionKey { message: message.as_str().into(), traceback: "".into() },
                     ExceptionCounts { counts, nodes })
                }).collect(),
                iterations,
                arrivals: arrivals.into_iter().map(|(second, (planned, started, dropped))| ArrivalSecond {
                    second,
                    counts: ArrivalCounts { planned, started, late: started / 2, dropped },
                }).collect(),
                connections: ConnectionCounts { opened, reused, tls_handshakes: opened, http2: opened / 2 },
                losses: LossCounts {
                    folded_requests: folded,
                    folded_example: example.as_deref().map(Arc::from),
                    folded_metrics: folded / 2,
                    folded_metric: example.as_deref().map(Arc::from),
                    folded_tags: folded / 3,
                    folded_tag: example.as_deref().map(Arc::from),
                    ..LossCounts::default()
                },
            }
        }
    }

    fn merged(mut a: Delta, b: Delta) -> Delta {
        a.merge(b);
        a
    }

    proptest! {
        #[test]
        fn merging_is_commutative_and_associative(a in any_delta(), b in any_delta(), c in any_delta()) {
            prop_assert_eq!(merged(a.clone(), b.clone()), merged(b.clone(), a.clone()));
            prop_assert_eq!(
                merged(merged(a.clone(), b.clone()), c.clone()),
                merged(a, merged(b, c))
            );
        }

        #[test]
        fn merging_nothing_changes_nothing(a in any_delta()) {
            prop_assert_eq!(merged(a.clone(), Delta::default()), a.clone());
            prop_assert_eq!(merged(Delta::default(), a.clone()), a);
        }

        #[test]
        fn a_later_generation_replaces(a in any_delta(), b in any_delta()) {
            let later = Delta { generation: 1, ..b };
            prop_assert_eq!(merged(a.clone(), later.clone()), later.clone());
            prop_assert_eq!(merged(later.clone(), a), later);
        }
    }
}

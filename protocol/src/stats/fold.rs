//! Keeps deltas within bounds: what finds no place of its own is counted under "(other)".
//!
//! In: a delta, and tables that say what has a place. Out: the same measurements under no more keys than the tables
//! have room for; how many lost their own key is part of the delta.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use super::{
    CheckCounts, Delta, ErrorCounts, ErrorKey, ExceptionCounts, ExceptionKey, LossCounts, MetricSums,
    OTHER_NAME, RequestDelta, RequestKey,
};

/// What has a place of its own.
pub trait Table<K>: Debug {
    /// Whether this key has one already.
    fn has(&self, key: &K) -> bool;
    /// How many more keys get one.
    fn room(&self) -> usize;
}

/// An empty table with room for so many keys, besides the common one.
#[derive(Debug, Clone, Copy)]
pub struct AtMost(pub usize);

/// The tables of a delta's seven kinds of entries.
#[derive(Debug, Clone, Copy)]
pub struct Tables<'a> {
    /// Of requests.
    pub requests: &'a dyn Table<RequestKey>,
    /// Of groups.
    pub groups: &'a dyn Table<Arc<str>>,
    /// Of tags.
    pub tags: &'a dyn Table<Arc<str>>,
    /// Of checks.
    pub checks: &'a dyn Table<Arc<str>>,
    /// Of custom metrics.
    pub metrics: &'a dyn Table<Arc<str>>,
    /// Of failures.
    pub errors: &'a dyn Table<ErrorKey>,
    /// Of exceptions.
    pub exceptions: &'a dyn Table<ExceptionKey>,
}

/// The alphabetically first of the names that were folded, where the delta itself has no room to tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folded {
    /// A group.
    pub group: Option<Arc<str>>,
    /// A check.
    pub check: Option<Arc<str>>,
}

impl<K> Table<K> for AtMost {
    fn has(&self, _: &K) -> bool {
        false
    }

    fn room(&self) -> usize {
        self.0
    }
}

impl Delta {
    /// Counts what finds no place under the common keys. New keys take places in ascending order, so that the same delta
    /// is always folded the same way.
    pub fn fold(&mut self, tables: Tables<'_>) -> Folded {
        let other: Arc<str> = OTHER_NAME.into();
        let (folded_requests, example) = fold(
            &mut self.requests,
            tables.requests,
            &RequestKey::other(),
            |request| request.requests,
            |sum, request| sum.merge(&request),
        );
        let interval = |group: &RequestDelta| group.requests;
        let (_, group) = fold(&mut self.groups, tables.groups, &other, interval, |sum, group| {
            sum.merge(&group);
        });
        let (folded_tags, folded_tag) =
            fold(&mut self.tags, tables.tags, &other, interval, |sum, requests| {
                sum.merge(&requests);
            });
        let either = |counts: &CheckCounts| counts.passes + counts.failures;
        let (_, check) = fold(
            &mut self.checks,
            tables.checks,
            &other,
            either,
            CheckCounts::merge,
        );
        let (folded_metrics, folded_metric) = fold(
            &mut self.metrics,
            tables.metrics,
            &other,
            MetricSums::count,
            |sum, sums| sum.merge(&sums),
        );
        self.place_errors(tables.requests);
        let occurrences = |counts: &ErrorCounts| counts.occurrences;
        let common = ErrorKey {
            request: RequestKey::other(),
            message: Arc::clone(&other),
        };
        let (errors, _) = fold(
            &mut self.errors,
            tables.errors,
            &common,
            occurrences,
            ErrorCounts::merge,
        );
        let common = ExceptionKey {
            message: other,
            traceback: "".into(),
        };
        let (exceptions, _) = fold(
            &mut self.exceptions,
            tables.exceptions,
            &common,
            |exception: &ExceptionCounts| exception.counts.occurrences,
            |sum, exception| sum.merge(&exception),
        );
        self.losses.merge(LossCounts {
            folded_requests,
            folded_example: example.map(|key| key.name),
            folded_errors: errors + exceptions,
            folded_metrics,
            folded_metric,
            folded_tags,
            folded_tag,
            ..LossCounts::default()
        });
        Folded { group, check }
    }

    /// A failure stands beside its request, wherever that is counted.
    fn place_errors(&mut self, table: &dyn Table<RequestKey>) {
        if self.errors.is_empty() || self.requests.len() < table.room() {
            return;
        }
        let other = RequestKey::other();
        let news = self
            .requests
            .keys()
            .filter(|key| **key != other && !table.has(key));
        let room = table.room().saturating_sub(news.count());
        let has_place =
            |key: &RequestKey| *key == other || room > 0 || table.has(key) || self.requests.contains_key(key);
        if self.errors.keys().all(|key| has_place(&key.request)) {
            return;
        }
        let mut placed: BTreeMap<ErrorKey, ErrorCounts> = BTreeMap::new();
        for (mut key, counts) in std::mem::take(&mut self.errors) {
            if !has_place(&key.request) {
                key.request = other.clone();
            }
            add(&mut placed, key, counts, ErrorCounts::merge);
        }
        self.errors = placed;
    }
}

/// Moves what has no place in `table` under the key `other`; how much that was, and the first key of it.
fn fold<K: Ord + Clone, V>(
    entries: &mut BTreeMap<K, V>,
    table: &dyn Table<K>,
    other: &K,
    count: impl Fn(&V) -> u64,
    merge: impl Fn(&mut V, V) + Copy,
) -> (u64, Option<K>) {
    let mut room = table.room();
    if entries.len() <= room {
        return (0, None);
    }
    let (mut folded, mut example) = (0u64, None);
    let mut kept = BTreeMap::new();
    for (key, value) in std::mem::take(entries) {
        if key == *other || table.has(&key) {
            add(&mut kept, key, value, merge);
        } else if room > 0 {
            room -= 1;
            add(&mut kept, key, value, merge);
        } else {
            folded += count(&value);
            example.get_or_insert(key);
            add(&mut kept, other.clone(), value, merge);
        }
    }
    *entries = kept;
    (folded, example)
}

fn add<K: Ord, V>(entries: &mut BTreeMap<K, V>, key: K, value: V, merge: impl Fn(&mut V, V)) {
    match entries.get_mut(&key) {
        Some(sum) => merge(sum, value),
        None => {
            entries.insert(key, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::RateSum;
    use super::super::delta::tests::any_delta;
    use super::*;

    fn tables(limit: &AtMost) -> Tables<'_> {
        Tables {
            requests: limit,
            groups: limit,
            tags: limit,
            checks: limit,
            metrics: limit,
            errors: limit,
            exceptions: limit,
        }
    }

    fn requests(delta: &Delta) -> u64 {
        delta.requests.values().map(|request| request.requests).sum()
    }

    fn tagged(delta: &Delta) -> u64 {
        delta.tags.values().map(|requests| requests.requests).sum()
    }

    fn occurrences(delta: &Delta) -> u64 {
        let exceptions = delta.exceptions.values().map(|exception| exception.counts);
        let counts = delta.errors.values().copied().chain(exceptions);
        counts.map(|counts| counts.occurrences).sum()
    }

    fn values(delta: &Delta) -> u64 {
        delta.metrics.values().map(MetricSums::count).sum()
    }

    #[test]
    fn metrics_without_a_place_are_counted_together_and_told() {
        let rate = |hits| MetricSums {
            rate: Some(RateSum { hits, total: 4 }),
            ..MetricSums::default()
        };
        let names = ["a", "b", "c"];
        let metrics = names
            .iter()
            .zip(1..)
            .map(|(name, hits)| ((*name).into(), rate(hits)));
        let mut delta = Delta {
            metrics: metrics.collect(),
            ..Delta::default()
        };
        delta.fold(tables(&AtMost(1)));
        let sum = MetricSums {
            rate: Some(RateSum { hits: 5, total: 8 }),
            ..MetricSums::default()
        };
        assert_eq!(
            delta.metrics,
            [(OTHER_NAME.into(), sum), ("a".into(), rate(1))].into()
        );
        assert_eq!(delta.losses.folded_metrics, 8);
        assert_eq!(delta.losses.folded_metric.as_deref(), Some("b"));
    }

    #[test]
    fn tags_without_a_place_are_counted_together_and_told() {
        let requests = |requests| RequestDelta {
            requests,
            ..RequestDelta::default()
        };
        let tags = ["t:a", "t:b", "t:c"].iter().zip(1..);
        let mut delta = Delta {
            tags: tags
                .map(|(tag, count)| ((*tag).into(), requests(count)))
                .collect(),
            ..Delta::default()
        };
        delta.fold(tables(&AtMost(1)));
        assert_eq!(
            delta.tags,
            [(OTHER_NAME.into(), requests(5)), ("t:a".into(), requests(1))].into()
        );
        assert_eq!(delta.losses.folded_tags, 5);
        assert_eq!(delta.losses.folded_tag.as_deref(), Some("t:b"));
    }

    #[test]
    fn a_failure_follows_its_request() {
        let mut delta = Delta::default();
        for name in ["/a", "/b", "/c"] {
            let key = RequestKey::new("GET", name);
            let request = RequestDelta {
                requests: 2,
                ..RequestDelta::default()
            };
            delta.requests.insert(key.clone(), request);
            let key = ErrorKey {
                request: key,
                message: "boom".into(),
            };
            delta.errors.insert(key, ErrorCounts::once(7));
        }
        let limit = AtMost(2);
        let roomy = AtMost(10);
        delta.fold(Tables {
            requests: &limit,
            ..tables(&roomy)
        });
        let places: Vec<&str> = delta.errors.keys().map(|key| &*key.request.name).collect();
        assert_eq!(places, [OTHER_NAME, "/a", "/b"]);
        assert_eq!(delta.requests[&RequestKey::other()].requests, 2);
        assert_eq!(delta.losses.folded_requests, 2);
        assert_eq!(delta.losses.folded_example.as_deref(), Some("/c"));
    }

    proptest! {
        #[test]
        fn folding_loses_nothing_and_keeps_within_the_limit(delta in any_delta(), limit in 0usize..4) {
            let limit = AtMost(limit);
            let mut folded = delta.clone();
            folded.fold(tables(&limit));
            prop_assert!(folded.requests.len() <= limit.0 + 1 && folded.errors.len() <= limit.0 + 1);
            prop_assert_eq!(requests(&folded), requests(&delta));
            prop_assert_eq!(occurrences(&folded), occurrences(&delta));
            prop_assert!(folded.metrics.len() <= limit.0 + 1 && folded.exceptions.len() <= limit.0 + 1);
            prop_assert_eq!(values(&folded), values(&delta));
            prop_assert!(folded.tags.len() <= limit.0 + 1);
            prop_assert_eq!(tagged(&folded), tagged(&delta));
            let fits = [delta.requests.len(), delta.checks.len(), delta.metrics.len(), delta.errors.len(), delta.exceptions.len(), delta.tags.len()];
            if fits.into_iter().all(|len| len <= limit.0) {
                prop_assert_eq!((folded.requests, folded.checks), (delta.requests, delta.checks));
                prop_assert_eq!((folded.metrics, folded.tags), (delta.metrics, delta.tags));
                prop_assert_eq!(folded.losses, delta.losses);
            }
        }
    }
}

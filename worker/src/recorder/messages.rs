//! Errors and exceptions by message: counted, bounded, and cheap when the same one comes again and again.

use std::collections::BTreeMap;

use katydid_protocol::stats::{ErrorCounts, MAX_ERRORS};
use rustc_hash::FxHashMap;

use super::names::RequestId;

/// Unmasked messages remembered so that repeated ones need no masking.
const MAX_RAW: usize = 2_000;

/// Counts by key since the last drain; the set of keys is bounded over the whole run.
#[derive(Debug)]
pub(crate) struct MessageTable<Key> {
    /// Every key seen in the run; its counts are `None` when it did not occur since the last drain.
    counts: Vec<(Key, Option<ErrorCounts>)>,
    index: BTreeMap<Key, usize>,
    raw: FxHashMap<RequestId, FxHashMap<Box<str>, usize>>,
    raw_len: usize,
}

impl<Key> Default for MessageTable<Key> {
    fn default() -> Self {
        Self {
            counts: Vec::new(),
            index: BTreeMap::new(),
            raw: FxHashMap::default(),
            raw_len: 0,
        }
    }
}

impl<Key: Ord + Clone> MessageTable<Key> {
    /// Counts a message whose key is known from its unmasked text; `false` when it is not.
    pub(crate) fn count_known(&mut self, request: RequestId, message: &str, at_us: u64) -> bool {
        let Some(index) = self
            .raw
            .get(&request)
            .and_then(|messages| messages.get(message))
            .copied()
        else {
            return false;
        };
        self.add(index, at_us);
        true
    }

    /// Counts a message and remembers its unmasked text; `false` when it was folded into `other`.
    pub(crate) fn count_new(
        &mut self,
        request: RequestId,
        message: &str,
        key: &Key,
        at_us: u64,
        other: impl FnOnce() -> Key,
    ) -> bool {
        let kept = self.count(key.clone(), at_us, other);
        if kept
            && self.raw_len < MAX_RAW
            && let Some(index) = self.index.get(key)
        {
            self.raw
                .entry(request)
                .or_default()
                .insert(message.into(), *index);
            self.raw_len += 1;
        }
        kept
    }

    /// Counts one occurrence; `false` when there are too many keys and it went to `other`.
    pub(crate) fn count(&mut self, key: Key, at_us: u64, other: impl FnOnce() -> Key) -> bool {
        let known = self.index.contains_key(&key);
        let kept = known || self.counts.len() < MAX_ERRORS;
        let key = if kept { key } else { other() };
        let index = match self.index.get(&key) {
            Some(index) => *index,
            None => {
                self.counts.push((key.clone(), None));
                self.index.insert(key, self.counts.len() - 1);
                self.counts.len() - 1
            }
        };
        self.add(index, at_us);
        kept
    }

    fn add(&mut self, index: usize, at_us: u64) {
        let once = ErrorCounts::once(at_us);
        match &mut self.counts[index].1 {
            Some(counts) => counts.merge(once),
            empty => *empty = Some(once),
        }
    }

    /// Keys seen in the run.
    pub(crate) fn len(&self) -> usize {
        self.counts.len()
    }

    /// The counts since the last time.
    pub(crate) fn drain(&mut self) -> BTreeMap<Key, ErrorCounts> {
        self.counts
            .iter_mut()
            .filter_map(|(key, counts)| counts.take().map(|counts| (key.clone(), counts)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_bounded_and_the_surplus_is_counted_together() {
        let mut table = MessageTable::<String>::default();
        let folded = (0..10_000)
            .filter(|n| !table.count(n.to_string(), *n, || "(other)".to_owned()))
            .count();
        assert_eq!(folded, 10_000 - MAX_ERRORS);
        let counts = table.drain();
        assert_eq!(counts["(other)"].occurrences as usize, folded);
        assert_eq!(
            counts.values().map(|counts| counts.occurrences).sum::<u64>(),
            10_000
        );
        assert!(table.drain().is_empty());
    }
}

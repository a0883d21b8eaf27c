//! A table that stops growing: past its limit, new keys are counted under one common key.
//!
//! In: keys as workers name them. Out: the value to count on, and the number of things that lost their own key.

use std::collections::BTreeMap;
use std::fmt::Debug;

use katydid_protocol::stats::Table;

/// Values by key, at most `limit` keys besides the common one.
#[derive(Debug, Clone)]
pub(crate) struct Bounded<K, V> {
    entries: BTreeMap<K, V>,
    other: K,
    limit: usize,
    folded: u64,
    example: Option<K>,
}

impl<K: Ord + Clone, V> Bounded<K, V> {
    /// An empty table.
    pub(crate) fn new(limit: usize, other: K) -> Self {
        Self {
            entries: BTreeMap::new(),
            other,
            limit,
            folded: 0,
            example: None,
        }
    }

    /// The key under which `key` is counted: itself, or the common one when the table is full.
    pub(crate) fn place(&self, key: &K) -> K {
        if *key == self.other || self.entries.contains_key(key) || self.distinct() < self.limit {
            key.clone()
        } else {
            self.other.clone()
        }
    }

    /// The value `count` things named `key` are counted on, made by `new` when there is none.
    pub(crate) fn slot(&mut self, key: &K, count: u64, new: impl FnOnce(&K) -> V) -> &mut V {
        let place = self.place(key);
        if place != *key {
            self.folded += count;
            self.note_folded(key);
        }
        self.entries.entry(place.clone()).or_insert_with(|| new(&place))
    }

    /// A key that has been folded, here or before it came here.
    pub(crate) fn note_folded(&mut self, key: &K) {
        if self.example.as_ref().is_none_or(|example| key < example) {
            self.example = Some(key.clone());
        }
    }

    /// Values in the keys' order, to be changed.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.entries.values_mut()
    }

    /// Keys and values in the keys' order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter()
    }

    /// Things counted under the common key by this table.
    pub(crate) fn folded(&self) -> u64 {
        self.folded
    }

    /// The alphabetically first of their keys.
    pub(crate) fn example(&self) -> Option<&K> {
        self.example.as_ref()
    }

    fn distinct(&self) -> usize {
        self.entries.len() - usize::from(self.entries.contains_key(&self.other))
    }
}

impl<K: Ord + Clone + Debug, V: Debug> Table<K> for Bounded<K, V> {
    fn has(&self, key: &K) -> bool {
        self.entries.contains_key(key)
    }

    fn room(&self) -> usize {
        self.limit.saturating_sub(self.distinct())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_beyond_the_limit_share_one_value() {
        let mut table = Bounded::new(2, "(other)");
        for key in ["(other)", "b", "c", "e", "d", "b"] {
            *table.slot(&key, 1, |_| 0) += 1;
        }
        assert_eq!(
            table.iter().collect::<Vec<_>>(),
            [(&"(other)", &3), (&"b", &2), (&"c", &1)]
        );
        assert_eq!(table.folded(), 2);
        assert_eq!(table.example(), Some(&"d"));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_the_size_is_bounded(keys in prop::collection::vec(0u32..50, 0..200), limit in 1usize..20) {
            let mut table = Bounded::new(limit, u32::MAX);
            for key in &keys {
                *table.slot(key, 1, |_| 0usize) += 1;
            }
            prop_assert_eq!(table.iter().map(|(_, count)| count).sum::<usize>(), keys.len());
            prop_assert!(table.iter().count() <= limit + 1);
        }
    }
}

//! A set of sequence numbers that takes next to no memory while they arrive without gaps.

use serde::{Deserialize, Serialize};

/// Gaps remembered. A worker has one delta in flight, so that there is hardly ever one; past this many the oldest gap
/// is closed, and what belongs into it would be refused if it came.
const MAX_GAPS: usize = 1_024;

/// Numbers seen, as inclusive ranges in ascending order with gaps between them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct SequenceSet {
    ranges: Vec<(u64, u64)>,
}

impl SequenceSet {
    /// Whether a number is in it.
    pub(super) fn contains(&self, number: u64) -> bool {
        let after = self.ranges.partition_point(|(first, _)| *first <= number);
        after > 0 && number <= self.ranges[after - 1].1
    }

    /// Adds a number; says whether it was new.
    pub(super) fn insert(&mut self, number: u64) -> bool {
        let after = self.ranges.partition_point(|(first, _)| *first <= number);
        if after > 0 && number <= self.ranges[after - 1].1 {
            return false;
        }
        let touches_left = after > 0 && self.ranges[after - 1].1.checked_add(1) == Some(number);
        let touches_right = self
            .ranges
            .get(after)
            .is_some_and(|(first, _)| number.checked_add(1) == Some(*first));
        match (touches_left, touches_right) {
            (true, true) => {
                self.ranges[after - 1].1 = self.ranges[after].1;
                self.ranges.remove(after);
            }
            (true, false) => self.ranges[after - 1].1 = number,
            (false, true) => self.ranges[after].0 = number,
            (false, false) => self.ranges.insert(after, (number, number)),
        }
        if self.ranges.len() > MAX_GAPS + 1 {
            self.ranges[1].0 = self.ranges[0].0;
            self.ranges.remove(0);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_steady_stream_is_one_range() {
        let mut set = SequenceSet::default();
        assert!((1..=1_000).all(|number| set.insert(number)));
        assert_eq!(set.ranges, [(1, 1_000)]);
    }

    #[test]
    fn the_number_of_gaps_is_bounded() {
        let mut set = SequenceSet::default();
        assert!((0..10_000).all(|number| set.insert(number * 2)));
        assert_eq!(set.ranges.len(), MAX_GAPS + 1);
        assert!((0..10_000).all(|number| !set.insert(number * 2)));
    }

    #[test]
    fn the_ends_of_the_range_are_numbers_like_any_other() {
        let mut set = SequenceSet::default();
        assert!(
            [0, u64::MAX, u64::MAX - 1, 1]
                .into_iter()
                .all(|number| set.insert(number))
        );
        assert!(
            [0, u64::MAX, u64::MAX - 1, 1]
                .into_iter()
                .all(|number| !set.insert(number))
        );
    }

    proptest! {
        #[test]
        fn says_what_a_set_would_say(numbers in prop::collection::vec(0u64..60, 0..200)) {
            let (mut set, mut model) = (SequenceSet::default(), HashSet::new());
            for number in numbers {
                prop_assert_eq!(set.insert(number), model.insert(number));
            }
            prop_assert!(set.ranges.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
        }
    }
}

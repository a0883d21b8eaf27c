//! How the values of a trend are distributed: a sparse histogram of any numbers, negative ones included.
//!
//! In: values in thousandths. Out: how many lie where, and quantiles. It has the buckets of the histogram of times
//! (HdrHistogram's with three significant digits), mirrored at zero: values up to 2.047 are told apart exactly, all others
//! within 0.1 %. Only buckets in use take memory, because a metric may be about anything from bytes to shares.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::histogram::{bucket_start, bucket_width};

/// The largest value of a metric, on both sides of zero, in thousandths: a million millions.
pub const MAX_AMOUNT: i64 = 1_000_000_000_000_000;

/// Counts by bucket; merging is adding.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distribution {
    /// Key: the bucket's value nearest to zero, in thousandths. Ascending keys are ascending values.
    counts: BTreeMap<i64, u64>,
}

impl Distribution {
    /// Counts that came from elsewhere, ascending; `None` unless they could have been recorded here.
    #[must_use]
    pub fn from_entries(entries: Vec<(i64, u64)>) -> Option<Self> {
        let mut total = 0u64;
        let mut before = None;
        for (at, count) in &entries {
            let is_bucket = at.unsigned_abs() <= MAX_AMOUNT.unsigned_abs() && bucket(*at) == *at;
            if !is_bucket || *count == 0 || before.is_some_and(|before| before >= *at) {
                return None;
            }
            total = total.checked_add(*count)?;
            before = Some(*at);
        }
        Some(Self {
            counts: entries.into_iter().collect(),
        })
    }

    /// Counts a value; one beyond [`MAX_AMOUNT`] counts as that.
    pub fn record(&mut self, amount: i64) {
        let within = amount.clamp(-MAX_AMOUNT, MAX_AMOUNT);
        *self.counts.entry(bucket(within)).or_default() += 1;
    }

    /// Adds the values of another one.
    pub fn merge(&mut self, other: &Self) {
        for (at, count) in &other.counts {
            *self.counts.entry(*at).or_default() += count;
        }
    }

    /// The buckets in use, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        self.counts.iter().map(|(at, count)| (*at, *count))
    }

    /// How many values there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The value in thousandths below or at which `quantile` (0 to 1) of the values lie, read at the middle of its bucket;
    /// `None` when there are none. As with times, it is the value at rank ⌈quantile × count⌉.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Option<i64> {
        let count = self.count();
        let wanted = (quantile.clamp(0.0, 1.0) * count as f64).ceil();
        let rank = (wanted as u64).clamp(1, count.max(1));
        let mut seen = 0;
        for (at, count) in self.iter() {
            seen += count;
            if seen >= rank {
                return Some(middle(at));
            }
        }
        None
    }
}

/// The bucket of a value.
fn bucket(amount: i64) -> i64 {
    signed(amount, bucket_start(amount.unsigned_abs()))
}

/// The middle of a bucket.
fn middle(at: i64) -> i64 {
    let start = at.unsigned_abs();
    signed(at, start + bucket_width(start) / 2)
}

fn signed(sign: i64, size: u64) -> i64 {
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    if sign < 0 { -size } else { size }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::LatencyHistogram;
    use super::*;

    fn filled(values: &[i64]) -> Distribution {
        let mut values_seen = Distribution::default();
        values.iter().for_each(|value| values_seen.record(*value));
        values_seen
    }

    fn amounts(most: usize) -> impl Strategy<Value = Vec<i64>> {
        let amount = prop_oneof![-3_000i64..3_000, -MAX_AMOUNT..=MAX_AMOUNT, any::<i64>()];
        prop::collection::vec(amount, 1..most)
    }

    #[test]
    fn nothing_has_no_quantiles() {
        assert_eq!(Distribution::default().quantile(0.5), None);
    }

    #[test]
    fn counts_from_elsewhere_are_checked() {
        let accepted = |entries: &[(i64, u64)]| Distribution::from_entries(entries.to_vec()).is_some();
        assert!(accepted(&[]));
        assert!(accepted(&[(-4_096, 2), (-2_047, 1), (0, 1), (1, 1), (2_048, 3)]));
        for refused in [
            [(5, 1), (5, 1)],
            [(5, 1), (4, 1)],
            [(5, 0), (6, 1)],
            [(5, 1), (2_049, 1)],
            [(-2_049, 1), (5, 1)],
            [(5, u64::MAX), (6, 1)],
            [(i64::MIN, 1), (0, 1)],
            [(0, 1), (1 << 50, 1)],
        ] {
            assert!(!accepted(&refused), "{refused:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_recorded_is_accepted_from_elsewhere(values in amounts(100)) {
            let values = filled(&values);
            prop_assert_eq!(Distribution::from_entries(values.iter().collect()), Some(values));
        }

        #[test]
        fn quantiles_are_within_the_precision(mut values in amounts(200), quantile in 0.0f64..=1.0) {
            let read = filled(&values).quantile(quantile).unwrap() as f64;
            values.iter_mut().for_each(|value| *value = (*value).clamp(-MAX_AMOUNT, MAX_AMOUNT));
            values.sort_unstable();
            let rank = ((quantile * values.len() as f64).ceil() as usize).clamp(1, values.len());
            let truth = values[rank - 1] as f64;
            prop_assert!((read - truth).abs() <= truth.abs() * 0.001, "read {read}, truth {truth}");
        }

        #[test]
        fn merging_is_recording_both_in_any_order(a in amounts(60), b in amounts(60), c in amounts(60)) {
            let merged = |parts: [&[i64]; 3]| {
                let mut sum = Distribution::default();
                parts.iter().for_each(|part| sum.merge(&filled(part)));
                sum
            };
            let whole = filled(&[a.clone(), b.clone(), c.clone()].concat());
            prop_assert_eq!(&merged([&a, &b, &c]), &whole);
            prop_assert_eq!(&merged([&c, &a, &b]), &whole);
        }

        #[test]
        fn its_buckets_are_those_of_times(values in prop::collection::vec(1i64..3_600_000_000, 1..100)) {
            let mut times = LatencyHistogram::new();
            values.iter().for_each(|value| times.record(value.unsigned_abs()));
            let buckets: Vec<_> = times.buckets().iter().map(|(at, count)| (at as i64, count)).collect();
            prop_assert_eq!(filled(&values).iter().collect::<Vec<_>>(), buckets);
            prop_assert_eq!(filled(&values).quantile(0.9), times.quantile_us(0.9).map(|at| at as i64));
        }
    }
}

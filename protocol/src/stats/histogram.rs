//! Response times: the one histogram, its bounds, and its sparse form for the way from worker to master.
//!
//! HdrHistogram (<http://hdrhistogram.org>) with three significant digits from 1 µs to 1 h: any value read back is
//! within 0.1 % of the value recorded. Values outside are clamped and counted.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// The shortest time told apart, in µs.
pub const LOWEST_US: u64 = 1;
/// The longest time told apart: one hour, in µs.
pub const HIGHEST_US: u64 = 3_600_000_000;
/// Decimal digits kept of every value.
pub const SIGNIFICANT_DIGITS: u8 = 3;

/// A mergeable histogram of times in µs.
///
/// Starts small and grows with the longest time recorded, up to a fixed bound of about 190 KiB.
#[derive(Debug, Clone, PartialEq)]
pub struct LatencyHistogram {
    counts: Histogram<u64>,
    clamped: u64,
}

impl Default for LatencyHistogram {
    fn default() -> Self {
        Self::new()
    }
}

impl LatencyHistogram {
    /// An empty histogram.
    #[must_use]
    pub fn new() -> Self {
        let mut counts = Histogram::new(SIGNIFICANT_DIGITS)
            .or_else(|_| Histogram::new(2))
            .unwrap_or_else(|_| unreachable!("three significant digits are within HdrHistogram's bounds"));
        counts.auto(true);
        Self { counts, clamped: 0 }
    }

    /// Records one time in µs.
    #[inline]
    pub fn record(&mut self, time_us: u64) {
        self.record_n(time_us, 1);
    }

    /// Records the same time `count` times.
    #[inline]
    pub fn record_n(&mut self, time_us: u64, count: u64) {
        let within = time_us.clamp(LOWEST_US, HIGHEST_US);
        // 0 µs is an honest measurement on a fast loopback, not a value lost; only hours are.
        if time_us > HIGHEST_US {
            self.clamped += count;
        }
        if self.counts.record_n(within, count).is_err() {
            self.clamped += count;
        }
    }

    /// Adds the recorded values of another histogram.
    pub fn merge(&mut self, other: &Self) {
        if self.counts.add(&other.counts).is_err() {
            self.clamped += other.counts.len();
        }
        self.clamped += other.clamped;
    }

    /// Adds the values of a sparse histogram.
    pub fn add(&mut self, buckets: &Buckets) {
        for (time_us, count) in buckets.iter() {
            self.record_n(time_us, count);
        }
        self.clamped += buckets.clamped;
    }

    /// Takes out `other`'s values, which must have been recorded here before; what is missing is left at zero.
    ///
    /// This gives the successes from all and the failures.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut rest = self.clone();
        if rest.counts.subtract(&other.counts).is_err() {
            return Self::new();
        }
        rest
    }

    /// Empties the histogram into its sparse form, keeping its memory for the next interval.
    pub fn drain(&mut self) -> Buckets {
        let buckets = self.buckets();
        self.counts.reset();
        self.clamped = 0;
        buckets
    }

    /// The sparse form.
    #[must_use]
    pub fn buckets(&self) -> Buckets {
        let entries = self.counts.iter_recorded().map(|step| {
            let begins = self.counts.lowest_equivalent(step.value_iterated_to());
            (begins, step.count_at_value())
        });
        Buckets {
            entries: entries.collect(),
            clamped: self.clamped,
        }
    }

    /// Number of values recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.len()
    }

    /// Values that lay above [`HIGHEST_US`] and were counted there.
    #[must_use]
    pub fn clamped(&self) -> u64 {
        self.clamped
    }

    /// The time in µs below or at which `quantile` (0 to 1) of the values lie; `None` when there are none.
    ///
    /// The value at rank ⌈quantile × count⌉ in ascending order, read at the middle of its bucket. Callers clamp it to
    /// the exact minimum and maximum they keep beside.
    #[must_use]
    pub fn quantile_us(&self, quantile: f64) -> Option<u64> {
        if self.counts.is_empty() {
            return None;
        }
        let value = self.counts.value_at_quantile(quantile.clamp(0.0, 1.0));
        Some(self.counts.median_equivalent(value))
    }

    /// Recorded values in ascending order: (time in µs, count).
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.counts
            .iter_recorded()
            .map(|step| (step.value_iterated_to(), step.count_at_value()))
    }
}

/// A sparse histogram: the non-empty buckets of one interval, in ascending order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buckets {
    /// (lowest time of the bucket in µs, count), ascending, counts above 0.
    entries: Vec<(u64, u64)>,
    /// Values above [`HIGHEST_US`] among them.
    clamped: u64,
}

impl Buckets {
    /// Buckets that came from elsewhere; `None` unless they could have been recorded here: times that begin a bucket
    /// of [`LatencyHistogram`], ascending, each with a count above 0, all of them and `clamped` countable.
    #[must_use]
    pub fn from_entries(entries: Vec<(u64, u64)>, clamped: u64) -> Option<Self> {
        let mut total = 0u64;
        let mut before = 0;
        for (time_us, count) in &entries {
            let begins = *time_us > before && *time_us <= HIGHEST_US && bucket_start(*time_us) == *time_us;
            if !begins || *count == 0 {
                return None;
            }
            total = total.checked_add(*count)?;
            before = *time_us;
        }
        (clamped <= total).then_some(Self { entries, clamped })
    }

    /// Values above [`HIGHEST_US`] among them.
    #[must_use]
    pub fn clamped(&self) -> u64 {
        self.clamped
    }

    /// The buckets, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.entries.iter().copied()
    }

    /// Number of values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.entries.iter().map(|(_, count)| count).sum()
    }

    /// Whether there are no values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds another interval's buckets.
    pub fn merge(&mut self, other: &Self) {
        let mut merged = Vec::with_capacity(self.entries.len() + other.entries.len());
        let (mut left, mut right) = (self.entries.iter().peekable(), other.entries.iter().peekable());
        loop {
            let next = match (left.peek(), right.peek()) {
                (Some(a), Some(b)) if a.0 == b.0 => {
                    let sum = (a.0, a.1 + b.1);
                    left.next();
                    right.next();
                    sum
                }
                (Some(a), Some(b)) if a.0 < b.0 => {
                    let entry = **a;
                    left.next();
                    entry
                }
                (_, Some(b)) => {
                    let entry = **b;
                    right.next();
                    entry
                }
                (Some(a), None) => {
                    let entry = **a;
                    left.next();
                    entry
                }
                (None, None) => break,
            };
            merged.push(next);
        }
        self.entries = merged;
        self.clamped += other.clamped;
    }
}

/// The lowest time of the bucket a time falls into.
pub(super) fn bucket_start(time_us: u64) -> u64 {
    let width = bucket_width(time_us).ilog2();
    time_us >> width << width
}

/// How wide the bucket is that a time falls into: a power of two.
///
/// HdrHistogram tells every time up to 2 × 10^digits apart, rounded up to a power of two; beyond it, each doubling of
/// the time doubles the width of a bucket.
pub(super) fn bucket_width(time_us: u64) -> u64 {
    const FINE_BITS: u32 = (2 * 10u64.pow(SIGNIFICANT_DIGITS as u32))
        .next_power_of_two()
        .ilog2();
    1 << (u64::BITS - time_us.leading_zeros()).saturating_sub(FINE_BITS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filled(values: &[u64]) -> LatencyHistogram {
        let mut histogram = LatencyHistogram::new();
        values.iter().for_each(|value| histogram.record(*value));
        histogram
    }

    #[test]
    fn out_of_range_values_are_clamped_and_counted() {
        let histogram = filled(&[0, HIGHEST_US, HIGHEST_US + 1, u64::MAX]);
        assert_eq!(histogram.count(), 4);
        assert_eq!(histogram.clamped(), 2);
    }

    #[test]
    fn an_empty_histogram_has_no_percentiles() {
        assert_eq!(LatencyHistogram::new().quantile_us(0.5), None);
    }

    #[test]
    fn draining_leaves_an_empty_histogram() {
        let mut histogram = filled(&[1, 1, 5_000_000]);
        let buckets = histogram.drain();
        assert_eq!(histogram.count(), 0);
        assert_eq!(buckets.count(), 3);
        assert_eq!(buckets.iter().count(), 2);
    }

    #[test]
    fn buckets_from_elsewhere_are_checked() {
        let accepted = |entries: &[(u64, u64)]| Buckets::from_entries(entries.to_vec(), 0).is_some();
        assert!(accepted(&[]));
        assert!(accepted(&[(1, 1), (2_047, 1), (2_048, 3), (4_096, 1)]));
        for refused in [
            [(0, 1), (1, 1)],
            [(5, 1), (5, 1)],
            [(5, 1), (4, 1)],
            [(5, 1), (6, 0)],
            [(5, 1), (2_049, 1)],
            [(5, 1), (u64::MAX, 1)],
            [(5, u64::MAX), (6, 1)],
        ] {
            assert!(!accepted(&refused), "{refused:?}");
        }
        assert!(Buckets::from_entries(vec![(1, 1)], 2).is_none());
    }

    proptest! {
        #[test]
        fn what_was_recorded_is_accepted_from_elsewhere(
            values in prop::collection::vec(prop_oneof![0..5_000u64, 0..=HIGHEST_US, any::<u64>()], 0..200),
        ) {
            let buckets = filled(&values).drain();
            prop_assert_eq!(Buckets::from_entries(buckets.entries.clone(), buckets.clamped), Some(buckets));
        }

        #[test]
        fn quantiles_are_within_the_precision(
            mut values in prop::collection::vec(1u64..2_000_000_000, 1..300),
            quantile in 0.0f64..=1.0,
        ) {
            let histogram = filled(&values);
            values.sort_unstable();
            let rank = ((quantile * values.len() as f64).ceil() as usize).clamp(1, values.len());
            let truth = values[rank - 1] as f64;
            let read = histogram.quantile_us(quantile).unwrap() as f64;
            prop_assert!((read - truth).abs() <= truth * 0.001 + 1.0, "read {read}, truth {truth}");
        }

        #[test]
        fn merging_is_recording_both(
            a in prop::collection::vec(0u64..10_000_000, 0..200),
            b in prop::collection::vec(0u64..10_000_000, 0..200),
        ) {
            let whole = filled(&[a.clone(), b.clone()].concat());
            let mut dense = filled(&a);
            dense.merge(&filled(&b));
            prop_assert_eq!(dense.iter().collect::<Vec<_>>(), whole.iter().collect::<Vec<_>>());

            let (mut left, right) = (filled(&a).drain(), filled(&b).drain());
            let mut swapped = right.clone();
            swapped.merge(&left);
            left.merge(&right);
            prop_assert_eq!(&left, &swapped);
            let mut from_sparse = LatencyHistogram::new();
            from_sparse.add(&left);
            prop_assert_eq!(from_sparse.iter().collect::<Vec<_>>(), whole.iter().collect::<Vec<_>>());
        }

        #[test]
        fn without_undoes_merge(
            a in prop::collection::vec(0u64..10_000_000, 0..200),
            b in prop::collection::vec(0u64..10_000_000, 0..200),
        ) {
            let mut whole = filled(&a);
            whole.merge(&filled(&b));
            let rest = whole.without(&filled(&b));
            prop_assert_eq!(rest.iter().collect::<Vec<_>>(), filled(&a).iter().collect::<Vec<_>>());
        }
    }
}

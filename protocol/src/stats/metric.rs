//! Custom metrics: what scripts count, set and add besides requests.
//!
//! In: single values, as a script gave them. Out: sums of any number of intervals, threads and workers. Merging is
//! commutative and associative: amounts are whole thousandths, so that no sum depends on the order of its parts.

use std::cmp::Ordering;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Amount, Distribution};

/// Everything counted under one name.
///
/// A script uses a name for one kind of metric. Scripts of other threads and workers may disagree; then each kind has
/// its own sum.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MetricSums {
    /// What counters added.
    pub counter: Option<CounterSum>,
    /// What gauges were set to.
    pub gauge: Option<GaugeSum>,
    /// What rates counted.
    pub rate: Option<RateSum>,
    /// Values of trends.
    pub trend: Option<TrendSum>,
    /// Values of trends of times, in ms.
    pub time: Option<TrendSum>,
}

/// A counter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterSum {
    /// The sum; not negative.
    pub sum: Amount,
    /// How often something was added.
    pub count: u64,
    /// Last time, in µs of the run's clock.
    pub last_us: u64,
}

/// A gauge that was set at least once.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GaugeSum {
    /// How often it was set.
    pub count: u64,
    /// When it was last set, in µs of the run's clock.
    pub at_us: u64,
    /// To what; finite. Of several values of the same moment, the largest.
    pub last: f64,
    /// The smallest it was set to.
    pub min: f64,
    /// The largest it was set to.
    pub max: f64,
}

/// A share.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateSum {
    /// How often `true` was added.
    pub hits: u64,
    /// How often anything was added.
    pub total: u64,
}

/// A distribution.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrendSum {
    /// The sum of all values.
    pub sum: Amount,
    /// The smallest value, in thousandths; meaningless when there are none.
    pub min: i64,
    /// The largest value, in thousandths; meaningless when there are none.
    pub max: i64,
    /// How they are distributed.
    pub values: Distribution,
}

/// One metric of one kind.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "see `MetricSums`")]
pub enum MetricValue<'a> {
    Counter(&'a CounterSum),
    Gauge(&'a GaugeSum),
    Rate(&'a RateSum),
    Trend(&'a TrendSum),
    Time(&'a TrendSum),
}

/// A name and what is counted under it.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricEntry {
    /// Its name.
    pub name: Arc<str>,
    /// Its sums.
    pub sums: Arc<MetricSums>,
}

// === impl MetricSums ===

impl MetricSums {
    /// Adds another interval, or what another worker counted.
    pub fn merge(&mut self, other: &Self) {
        merge(&mut self.counter, &other.counter, CounterSum::merge);
        merge(&mut self.gauge, &other.gauge, GaugeSum::merge);
        merge(&mut self.rate, &other.rate, RateSum::merge);
        merge(&mut self.trend, &other.trend, TrendSum::merge);
        merge(&mut self.time, &other.time, TrendSum::merge);
    }

    /// How many values were given.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.values().map(MetricValue::count).sum()
    }

    /// The metrics of this name; more than one only if scripts disagree about its kind.
    pub fn values(&self) -> impl Iterator<Item = MetricValue<'_>> {
        let values = [
            self.counter.as_ref().map(MetricValue::Counter),
            self.gauge.as_ref().map(MetricValue::Gauge),
            self.rate.as_ref().map(MetricValue::Rate),
            self.trend.as_ref().map(MetricValue::Trend),
            self.time.as_ref().map(MetricValue::Time),
        ];
        values.into_iter().flatten()
    }
}

fn merge<T: Clone>(own: &mut Option<T>, other: &Option<T>, add: impl Fn(&mut T, &T)) {
    match (own, other) {
        (Some(own), Some(other)) => add(own, other),
        (own @ None, Some(other)) => *own = Some(other.clone()),
        (_, None) => {}
    }
}

impl MetricValue<'_> {
    /// Its kind, in the word scripts and people use.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Counter(_) => "counter",
            Self::Gauge(_) => "gauge",
            Self::Rate(_) => "rate",
            Self::Trend(_) => "trend",
            Self::Time(_) => "time",
        }
    }

    /// How many values were given.
    #[must_use]
    pub fn count(self) -> u64 {
        match self {
            Self::Counter(counter) => counter.count,
            Self::Gauge(gauge) => gauge.count,
            Self::Rate(rate) => rate.total,
            Self::Trend(trend) | Self::Time(trend) => trend.values.count(),
        }
    }
}

impl CounterSum {
    /// Adds so many thousandths at a moment of the run's clock.
    pub fn add(&mut self, amount: i64, at_us: u64) {
        self.merge(&Self {
            sum: amount.into(),
            count: 1,
            last_us: at_us,
        });
    }

    /// Adds another interval.
    pub fn merge(&mut self, other: &Self) {
        self.sum.0 += other.sum.0;
        self.count += other.count;
        self.last_us = self.last_us.max(other.last_us);
    }
}

impl GaugeSum {
    /// Set once, to a finite value.
    #[must_use]
    pub fn once(value: f64, at_us: u64) -> Self {
        // There is one zero only, or equal gauges would differ.
        let value = value + 0.0;
        Self {
            count: 1,
            at_us,
            last: value,
            min: value,
            max: value,
        }
    }

    /// Adds another interval.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        let order = self.at_us.cmp(&other.at_us);
        if order.then(self.last.total_cmp(&other.last)) == Ordering::Less {
            (self.at_us, self.last) = (other.at_us, other.last);
        }
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }
}

impl RateSum {
    /// Counts once.
    pub fn add(&mut self, hit: bool) {
        self.hits += u64::from(hit);
        self.total += 1;
    }

    /// The share of `true`, 0 to 1; 0 for nothing.
    #[must_use]
    pub fn share(&self) -> f64 {
        if self.total == 0 {
            0.0
        } else {
            self.hits as f64 / self.total as f64
        }
    }

    /// Adds another interval.
    pub fn merge(&mut self, other: &Self) {
        self.hits += other.hits;
        self.total += other.total;
    }
}

impl TrendSum {
    /// Adds a value in thousandths.
    pub fn add(&mut self, amount: i64) {
        if self.values.is_empty() {
            (self.min, self.max) = (amount, amount);
        }
        self.min = self.min.min(amount);
        self.max = self.max.max(amount);
        self.sum.0 += i128::from(amount);
        self.values.record(amount);
    }

    /// Adds another interval.
    pub fn merge(&mut self, other: &Self) {
        if other.values.is_empty() {
            return;
        }
        if self.values.is_empty() {
            *self = other.clone();
            return;
        }
        self.sum.0 += other.sum.0;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.values.merge(&other.values);
    }

    /// The average in thousandths; `None` when there are no values.
    #[must_use]
    pub fn average(&self) -> Option<f64> {
        (!self.values.is_empty()).then(|| self.sum.0 as f64 / self.values.count() as f64)
    }

    /// The value in thousandths below or at which `quantile` (0 to 1) of the values lie, within the smallest and the
    /// largest; `None` when there are none.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Option<i64> {
        if !self.values.is_empty() && quantile <= 0.0 {
            return Some(self.min);
        }
        if !self.values.is_empty() && quantile >= 1.0 {
            return Some(self.max);
        }
        Some(self.values.quantile(quantile)?.max(self.min).min(self.max))
    }
}

#[cfg(test)]
pub(in crate::stats) mod tests {
    use proptest::prelude::*;

    use super::super::MAX_AMOUNT;
    use super::*;

    fn trend(values: &[i64]) -> TrendSum {
        let mut sum = TrendSum::default();
        values.iter().for_each(|value| sum.add(*value));
        sum
    }

    prop_compose! {
        /// Arbitrary sums that meet at the same moments.
        pub(in crate::stats) fn any_sums()(
            counter in prop::option::of((0i64..MAX_AMOUNT, 1u64..5, 0u64..4)),
            gauge in prop::option::of(prop::collection::vec((-2i8..3, 0u64..4), 1..4)),
            rate in prop::option::of((0u64..5, 0u64..5)),
            trend_values in prop::option::of(prop::collection::vec(-5_000i64..5_000, 1..6)),
            times in prop::option::of(prop::collection::vec(0i64..5_000_000, 1..6)),
        ) -> MetricSums {
            MetricSums {
                counter: counter.map(|(sum, count, last_us)| CounterSum { sum: sum.into(), count, last_us }),
                gauge: gauge.and_then(|sets| {
                    let once = sets.into_iter().map(|(value, at_us)| GaugeSum::once(f64::from(value) / 2.0, at_us));
                    once.reduce(|mut sum, one| { sum.merge(&one); sum })
                }),
                rate: rate.map(|(hits, misses)| RateSum { hits, total: hits + misses }),
                trend: trend_values.map(|values| trend(&values)),
                time: times.map(|values| trend(&values)),
            }
        }
    }

    #[test]
    fn whole_numbers_are_added_exactly() {
        let mut counter = CounterSum::default();
        for _ in 0..1_000 {
            counter.add(MAX_AMOUNT, 0);
            counter.add(1_000, 7);
        }
        assert_eq!(counter.sum, Amount(1_000_000_000_001_000 * 1_000));
        assert_eq!(counter.sum.to_f64(), 1_000_000_000_001_000.0);
        assert_eq!((counter.count, counter.last_us), (2_000, 7));
    }

    #[test]
    fn the_last_value_is_the_latest_and_of_the_same_moment_the_largest() {
        let mut gauge = GaugeSum::once(5.0, 10);
        gauge.merge(&GaugeSum::once(1.0, 11));
        gauge.merge(&GaugeSum::once(9.0, 9));
        assert_eq!(
            (gauge.last, gauge.min, gauge.max, gauge.count),
            (1.0, 1.0, 9.0, 3)
        );
        gauge.merge(&GaugeSum::once(2.0, 11));
        gauge.merge(&GaugeSum::once(-0.0, 11));
        assert_eq!((gauge.last, gauge.at_us), (2.0, 11));
        assert!(gauge.min.is_sign_positive());
    }

    #[test]
    fn percentiles_lie_within_the_extremes() {
        let values = trend(&[-10_001, 10_001]);
        assert_eq!(values.quantile(0.01), Some(-10_001));
        assert_eq!(values.quantile(0.99), Some(10_001));
        assert_eq!(values.quantile(0.0), Some(-10_001));
        assert_eq!(values.quantile(1.0), Some(10_001));
        assert_eq!(values.average(), Some(0.0));
        assert_eq!(TrendSum::default().quantile(0.5), None);
    }

    fn merged(mut a: MetricSums, b: &MetricSums) -> MetricSums {
        a.merge(b);
        a
    }

    proptest! {
        #[test]
        fn merging_is_commutative_and_associative(a in any_sums(), b in any_sums(), c in any_sums()) {
            prop_assert_eq!(merged(a.clone(), &b), merged(b.clone(), &a));
            prop_assert_eq!(merged(merged(a.clone(), &b), &c), merged(a.clone(), &merged(b.clone(), &c)));
            prop_assert_eq!(merged(MetricSums::default(), &a), a);
        }

        #[test]
        fn nothing_is_lost(a in any_sums(), b in any_sums()) {
            prop_assert_eq!(merged(a.clone(), &b).count(), a.count() + b.count());
        }
    }
}

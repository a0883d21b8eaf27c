//! The sum of all deltas of one request: what tables, charts and reports read.

use std::collections::BTreeMap;

use super::{LatencyHistogram, Phases, PointTimes, RequestDelta, RequestKey, TimesDelta};

/// One request over the whole run.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestStats {
    /// Which request; method and name are `""` and `Aggregated` for the total.
    pub key: RequestKey,
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
    /// Response times of all requests, failed ones included.
    pub response: Times,
    /// Response times of the failed ones.
    pub failed: Times,
    /// Service times, when they differ from the response times.
    pub service: Option<Times>,
    /// Sums of the phases.
    pub phases: Phases,
    /// End of the last request, in µs of the run's clock.
    pub last_us: u64,
}

/// Times with exact sum, minimum and maximum, and the percentiles of their histogram.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Times {
    sum_us: u64,
    min_us: u64,
    max_us: u64,
    histogram: LatencyHistogram,
}

impl RequestStats {
    /// The name of the row that adds up all requests, as Locust calls it.
    pub const TOTAL_NAME: &str = "Aggregated";

    /// An empty sum.
    #[must_use]
    pub fn new(key: RequestKey) -> Self {
        Self {
            key,
            requests: 0,
            failures: 0,
            bytes_in: 0,
            bytes_out: 0,
            statuses: BTreeMap::new(),
            response: Times::default(),
            failed: Times::default(),
            service: None,
            phases: Phases::default(),
            last_us: 0,
        }
    }

    /// An empty sum of all requests.
    #[must_use]
    pub fn total() -> Self {
        Self::new(RequestKey::new("", Self::TOTAL_NAME))
    }

    /// Adds one interval.
    pub fn apply(&mut self, delta: &RequestDelta) {
        if self.service.is_some() || delta.service.is_some() {
            // Up to now service times were the response times.
            let service = self.service.get_or_insert_with(|| self.response.clone());
            service.apply(delta.service.as_ref().unwrap_or(&delta.response));
        }
        self.requests += delta.requests;
        self.failures += delta.failures;
        self.bytes_in += delta.bytes_in;
        self.bytes_out += delta.bytes_out;
        for (status, count) in &delta.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        self.response.apply(&delta.response);
        self.failed.apply(&delta.failed);
        self.phases.merge(&delta.phases);
        self.last_us = self.last_us.max(delta.last_us);
    }

    /// The sum as one interval, without its seconds: applied to nothing, it gives this sum again.
    #[must_use]
    pub fn to_delta(&self) -> RequestDelta {
        RequestDelta {
            requests: self.requests,
            failures: self.failures,
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            statuses: self.statuses.clone(),
            response: self.response.to_delta(),
            failed: self.failed.to_delta(),
            service: self.service.as_ref().map(Times::to_delta),
            phases: self.phases.clone(),
            seconds: Vec::new(),
            last_us: self.last_us,
        }
    }

    /// Share of the requests that failed, 0 to 1; 0 without requests.
    #[must_use]
    pub fn failure_ratio(&self) -> f64 {
        if self.requests == 0 {
            0.0
        } else {
            self.failures as f64 / self.requests as f64
        }
    }

    /// Mean size of the response bodies in bytes; 0 without requests.
    #[must_use]
    pub fn average_bytes_in(&self) -> f64 {
        if self.requests == 0 {
            0.0
        } else {
            self.bytes_in as f64 / self.requests as f64
        }
    }

    /// Response times of the requests that succeeded.
    #[must_use]
    pub fn succeeded(&self) -> Times {
        self.response.without(&self.failed)
    }
}

impl Times {
    /// Adds one interval.
    pub fn apply(&mut self, delta: &TimesDelta) {
        if delta.buckets.is_empty() {
            return;
        }
        self.min_us = if self.is_empty() {
            delta.min_us
        } else {
            self.min_us.min(delta.min_us)
        };
        self.max_us = self.max_us.max(delta.max_us);
        self.sum_us += delta.sum_us;
        self.histogram.add(&delta.buckets);
    }

    /// Adds other times.
    pub fn merge(&mut self, other: &Self) {
        if other.is_empty() {
            return;
        }
        self.min_us = if self.is_empty() {
            other.min_us
        } else {
            self.min_us.min(other.min_us)
        };
        self.max_us = self.max_us.max(other.max_us);
        self.sum_us += other.sum_us;
        self.histogram.merge(&other.histogram);
    }

    /// These times as one interval: applied to nothing, it gives them again.
    #[must_use]
    pub fn to_delta(&self) -> TimesDelta {
        TimesDelta {
            sum_us: self.sum_us,
            min_us: self.min_us,
            max_us: self.max_us,
            buckets: self.histogram.buckets(),
        }
    }

    /// Number of values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.histogram.count()
    }

    /// Whether there are no values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// Exact mean in µs; `None` without values.
    #[must_use]
    pub fn average_us(&self) -> Option<f64> {
        (!self.is_empty()).then(|| self.sum_us as f64 / self.count() as f64)
    }

    /// Exact minimum in µs; `None` without values.
    #[must_use]
    pub fn min_us(&self) -> Option<u64> {
        (!self.is_empty()).then_some(self.min_us)
    }

    /// Exact maximum in µs; `None` without values.
    #[must_use]
    pub fn max_us(&self) -> Option<u64> {
        (!self.is_empty()).then_some(self.max_us)
    }

    /// Exact sum in µs.
    #[must_use]
    pub fn sum_us(&self) -> u64 {
        self.sum_us
    }

    /// What a timeline keeps of them.
    #[must_use]
    pub fn summary(&self) -> PointTimes {
        let quantile = |quantile| self.quantile_us(quantile).unwrap_or(0);
        PointTimes {
            count: self.count(),
            sum_us: self.sum_us,
            p50_us: quantile(0.5),
            p90_us: quantile(0.9),
            p95_us: quantile(0.95),
            p99_us: quantile(0.99),
        }
    }

    /// The percentile at `quantile` (0 to 1) in µs, within [min, max]; `None` without values.
    ///
    /// The one place where percentiles come from.
    #[must_use]
    pub fn quantile_us(&self, quantile: f64) -> Option<u64> {
        if quantile <= 0.0 {
            return self.min_us();
        }
        if quantile >= 1.0 {
            return self.max_us();
        }
        self.histogram
            .quantile_us(quantile)
            .map(|value| value.clamp(self.min_us, self.max_us))
    }

    /// Values beyond the histogram's range, counted at its end.
    #[must_use]
    pub fn clamped(&self) -> u64 {
        self.histogram.clamped()
    }

    /// The distribution: (time in µs, count), ascending.
    pub fn distribution(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.histogram.iter()
    }

    /// These times less `other`'s, which are among them; minimum and maximum are then as exact as the histogram.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        if other.is_empty() {
            return self.clone();
        }
        let histogram = self.histogram.without(&other.histogram);
        let mut values = histogram.iter().map(|(value, _)| value);
        let min_us = values.next().unwrap_or(0);
        let max_us = values.last().unwrap_or(min_us);
        Self {
            sum_us: self.sum_us.saturating_sub(other.sum_us),
            min_us: min_us.clamp(self.min_us, self.max_us),
            max_us: max_us.clamp(self.min_us, self.max_us),
            histogram,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::delta::tests::any_delta;
    use super::*;

    fn times(values: &[u64]) -> Times {
        let mut histogram = LatencyHistogram::new();
        values.iter().for_each(|value| histogram.record(*value));
        Times {
            sum_us: values.iter().sum(),
            min_us: values.iter().copied().min().unwrap_or(0),
            max_us: values.iter().copied().max().unwrap_or(0),
            histogram,
        }
    }

    #[test]
    fn without_values_there_is_nothing_to_read() {
        let empty = Times::default();
        assert_eq!(empty.quantile_us(0.5), None);
        assert_eq!(empty.average_us(), None);
        assert_eq!(RequestStats::total().failure_ratio(), 0.0);
    }

    proptest! {
        // Each case walks histograms many times.
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn percentiles_lie_within_min_and_max_and_ascend(values in prop::collection::vec(0u64..100_000_000, 1..100)) {
            let times = times(&values);
            let mut last = 0;
            for step in 0..=20 {
                let value = times.quantile_us(f64::from(step) / 20.0).unwrap();
                prop_assert!(value >= times.min_us().unwrap() && value <= times.max_us().unwrap());
                prop_assert!(value >= last);
                last = value;
            }
        }

        #[test]
        fn applying_deltas_one_by_one_or_merged_is_the_same(a in any_delta(), b in any_delta()) {
            let mut one_by_one = BTreeMap::new();
            for delta in [&a, &b] {
                for (key, request) in &delta.requests {
                    one_by_one
                        .entry(key.clone())
                        .or_insert_with(|| RequestStats::new(key.clone()))
                        .apply(request);
                }
            }
            let mut sum = a.clone();
            sum.merge(b);
            for (key, request) in &sum.requests {
                let mut merged = RequestStats::new(key.clone());
                merged.apply(request);
                let other = &one_by_one[key];
                prop_assert_eq!(merged.requests, other.requests);
                prop_assert_eq!(merged.response.quantile_us(0.9), other.response.quantile_us(0.9));
                prop_assert_eq!(merged.response.sum_us(), other.response.sum_us());
                prop_assert_eq!(&merged.statuses, &other.statuses);
                prop_assert_eq!(
                    merged.service.as_ref().map(Times::sum_us),
                    other.service.as_ref().map(Times::sum_us)
                );
            }
        }

        #[test]
        fn a_sum_written_as_one_interval_is_the_same_sum(a in any_delta(), b in any_delta()) {
            let mut sum = RequestStats::total();
            a.requests.values().chain(b.requests.values()).for_each(|request| sum.apply(request));
            let mut again = RequestStats::total();
            again.apply(&sum.to_delta());
            prop_assert_eq!(again, sum);
        }
    }
}

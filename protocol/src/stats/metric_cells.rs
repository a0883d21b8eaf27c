//! A custom metric as a row of a table, the same one for terminals, pages and files.
//!
//! In: a metric and the time rates divide by. Out: its numbers as text; what a kind of metric does not have is empty.

use super::{MetricValue, Snapshot, TrendSum, units};
use crate::format;

/// A row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetricCells {
    /// Its name.
    pub name: String,
    /// Its kind: `counter`, `gauge`, `rate`, `trend`, `time`.
    pub kind: &'static str,
    /// How many values were given.
    pub count: String,
    /// What it comes to: a counter's sum, a gauge's last value, a rate's share, a trend's average.
    pub value: String,
    /// A counter's sum per second.
    pub per_sec: String,
    /// The smallest value of a gauge or trend.
    pub min: String,
    /// The largest value of a gauge or trend.
    pub max: String,
    /// A trend's median.
    pub median: String,
    /// A trend's 95th percentile.
    pub p95: String,
    /// A trend's 99th percentile.
    pub p99: String,
}

impl MetricCells {
    /// A row for each metric, in their order.
    #[must_use]
    pub fn rows(snapshot: &Snapshot) -> Vec<Self> {
        snapshot
            .metric_values()
            .map(|(name, value)| Self::of(snapshot, name, value))
            .collect()
    }

    fn of(snapshot: &Snapshot, name: &str, value: MetricValue<'_>) -> Self {
        let common = Self {
            name: name.to_owned(),
            kind: value.kind(),
            count: format::count(value.count()),
            ..Self::default()
        };
        match value {
            MetricValue::Counter(counter) => Self {
                value: format::amount(counter.sum.0),
                per_sec: format::rate(snapshot.metric_per_sec(counter)),
                ..common
            },
            MetricValue::Gauge(gauge) => Self {
                value: format::number(gauge.last),
                min: format::number(gauge.min),
                max: format::number(gauge.max),
                ..common
            },
            MetricValue::Rate(rate) => Self {
                value: format::percent(rate.share()),
                ..common
            },
            MetricValue::Trend(trend) => {
                common.distribution(trend, |thousandths| format::number(units(thousandths)))
            }
            // A thousandth of a ms is a µs.
            MetricValue::Time(trend) => common.distribution(trend, |us| format!("{} ms", format::ms(us))),
        }
    }

    fn distribution(self, trend: &TrendSum, text: impl Fn(f64) -> String) -> Self {
        let quantile = |share| {
            trend
                .quantile(share)
                .map_or_else(String::new, |at| text(at as f64))
        };
        Self {
            value: trend.average().map_or_else(String::new, &text),
            min: text(trend.min as f64),
            max: text(trend.max as f64),
            median: quantile(0.5),
            p95: quantile(0.95),
            p99: quantile(0.99),
            ..self
        }
    }
}

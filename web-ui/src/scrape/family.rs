//! A family of numbers: one name, one meaning, a member for each set of labels.
//!
//! In: numbers that have been added up elsewhere. Out: Prometheus's own type for them.

use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType, Quantile, Summary,
};

/// The labels of a member.
pub(super) type Labels<'a> = &'a [(&'static str, &'a str)];

/// A family that gets its members one by one.
#[derive(Debug)]
pub(super) struct Family {
    family: MetricFamily,
    kind: MetricType,
}

/// A distribution, added up.
#[derive(Debug, Clone, Default)]
pub(super) struct Distributed {
    /// Upper bounds, ascending, and how many values do not lie above each.
    pub(super) below: Vec<(f64, u64)>,
    /// All values.
    pub(super) count: u64,
    /// Their sum.
    pub(super) sum: f64,
}

impl Family {
    /// What only grows; its name ends with `_total`.
    pub(super) fn counter(name: &str, help: &str) -> Self {
        Self::new(MetricType::COUNTER, name, help)
    }

    /// What goes up and down.
    pub(super) fn gauge(name: &str, help: &str) -> Self {
        Self::new(MetricType::GAUGE, name, help)
    }

    /// How something is distributed, in buckets.
    pub(super) fn histogram(name: &str, help: &str) -> Self {
        Self::new(MetricType::HISTOGRAM, name, help)
    }

    /// How something is distributed, by quantiles.
    pub(super) fn summary(name: &str, help: &str) -> Self {
        Self::new(MetricType::SUMMARY, name, help)
    }

    fn new(kind: MetricType, name: &str, help: &str) -> Self {
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(help.to_owned());
        family.set_field_type(kind);
        Self { family, kind }
    }

    /// Adds a member of a counter or gauge.
    pub(super) fn add(&mut self, labels: Labels<'_>, value: f64) {
        let mut metric = labelled(labels);
        if self.kind == MetricType::COUNTER {
            let mut counter = Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
        self.family.mut_metric().push(metric);
    }

    /// Adds a member of a histogram.
    pub(super) fn add_histogram(&mut self, labels: Labels<'_>, values: Distributed) {
        let bucket = |(bound, count)| {
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(bound);
            bucket.set_cumulative_count(count);
            bucket
        };
        let mut histogram = Histogram::default();
        histogram.set_bucket(values.below.into_iter().map(bucket).collect());
        histogram.set_sample_count(values.count);
        histogram.set_sample_sum(values.sum);
        let mut metric = labelled(labels);
        metric.set_histogram(histogram);
        self.family.mut_metric().push(metric);
    }

    /// Adds a member of a summary: its values' number and sum, and (quantile, value).
    pub(super) fn add_summary(
        &mut self,
        labels: Labels<'_>,
        (count, sum): (u64, f64),
        quantiles: impl IntoIterator<Item = (f64, f64)>,
    ) {
        let quantile = |(at, value)| {
            let mut quantile = Quantile::default();
            quantile.set_quantile(at);
            quantile.set_value(value);
            quantile
        };
        let mut summary = Summary::default();
        summary.set_quantile(quantiles.into_iter().map(quantile).collect());
        summary.set_sample_count(count);
        summary.set_sample_sum(sum);
        let mut metric = labelled(labels);
        metric.set_summary(summary);
        self.family.mut_metric().push(metric);
    }

    /// The family with a single member, which has no labels.
    pub(super) fn of(mut self, value: f64) -> MetricFamily {
        self.add(&[], value);
        self.family
    }

    /// The family with the members it got.
    pub(super) fn done(self) -> MetricFamily {
        self.family
    }
}

fn labelled(labels: Labels<'_>) -> Metric {
    let pair = |(name, value): &(&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    };
    let mut metric = Metric::default();
    metric.set_label(labels.iter().map(pair).collect());
    metric
}

//! What was measured of the metric a rule is about, and the one number of it that the rule wants.
//!
//! In: sums, of a whole run or of a window. Out: a [`Figure`], exact; `None` where there is no such number.

use std::borrow::Cow;

use katydid_protocol::stats::{CheckCounts, MetricSums, MetricValue, Times, TrendSum};
use katydid_protocol::threshold::{Aggregate, Figure, Threshold, ThresholdMetric};

/// Sums of the metric of a rule.
#[derive(Debug, Clone)]
pub(super) enum Counted<'a> {
    /// Requests or groups.
    Requests {
        requests: u64,
        failures: u64,
        times: Cow<'a, Times>,
    },
    /// Checks.
    Checks(CheckCounts),
    /// Iterations.
    Iterations(u64),
    /// Arrivals.
    Arrivals { planned: u64, late: u64 },
    /// A metric of the scripts' own.
    Own(Cow<'a, MetricSums>),
}

impl Counted<'_> {
    /// Whether anything was measured at all.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Requests { requests, .. } => *requests == 0,
            Self::Checks(counts) => counts.passes + counts.failures == 0,
            Self::Iterations(count) => *count == 0,
            Self::Arrivals { planned, .. } => *planned == 0,
            Self::Own(sums) => sums.count() == 0,
        }
    }

    /// The number a rule wants; rates per second are over `time_us`.
    pub(super) fn figure(&self, rule: &Threshold, time_us: u64) -> Option<Figure> {
        let whole = |count: u64| i128::from(count).saturating_mul(1_000);
        match (self, rule.aggregate) {
            (
                Self::Requests {
                    failures, requests, ..
                },
                Aggregate::Rate,
            ) => match rule.metric {
                ThresholdMetric::Failures => Figure::share(*failures, *requests),
                _ => Figure::per_second(whole(*requests), time_us),
            },
            (
                Self::Requests {
                    failures, requests, ..
                },
                Aggregate::Count,
            ) => Some(Figure::count(match rule.metric {
                ThresholdMetric::Failures => *failures,
                _ => *requests,
            })),
            (Self::Requests { times, .. }, aggregate) => of_times(times, aggregate),
            (Self::Checks(counts), Aggregate::Rate) => {
                Figure::share(counts.passes, counts.passes + counts.failures)
            }
            (Self::Checks(counts), Aggregate::Count) => Some(Figure::count(counts.passes + counts.failures)),
            (Self::Iterations(count), Aggregate::Rate) => Figure::per_second(whole(*count), time_us),
            (Self::Iterations(count), Aggregate::Count) => Some(Figure::count(*count)),
            (Self::Arrivals { planned, late }, Aggregate::Rate) => Figure::share(*late, *planned),
            (Self::Arrivals { late, .. }, Aggregate::Count) => Some(Figure::count(*late)),
            (Self::Own(sums), _) => of_own(sums, rule, time_us),
            _ => None,
        }
    }
}

fn of_times(times: &Times, aggregate: Aggregate) -> Option<Figure> {
    match aggregate {
        Aggregate::Quantile(millionths) => times.quantile_us(share(millionths)).map(Figure::time),
        Aggregate::Average => {
            let count = times.count();
            (count > 0).then(|| Figure::mean_time(times.sum_us().into(), count))
        }
        Aggregate::Min => times.min_us().map(Figure::time),
        Aggregate::Max => times.max_us().map(Figure::time),
        Aggregate::Count => Some(Figure::count(times.count())),
        Aggregate::Rate | Aggregate::Value => None,
    }
}

/// A metric of the scripts' own has one kind, unless scripts disagree; then the first that has such a number counts.
fn of_own(sums: &MetricSums, rule: &Threshold, time_us: u64) -> Option<Figure> {
    sums.values().find_map(|value| match (value, rule.aggregate) {
        (MetricValue::Counter(counter), Aggregate::Count) => Some(Figure::amount(counter.sum.0, 1)),
        (MetricValue::Counter(counter), Aggregate::Rate) => Figure::per_second(counter.sum.0, time_us),
        (MetricValue::Gauge(gauge), Aggregate::Value) => Some(Figure::Level(gauge.last)),
        (MetricValue::Gauge(gauge), Aggregate::Min) => Some(Figure::Level(gauge.min)),
        (MetricValue::Gauge(gauge), Aggregate::Max) => Some(Figure::Level(gauge.max)),
        (MetricValue::Rate(rate), Aggregate::Rate) => Figure::share(rate.hits, rate.total),
        (MetricValue::Rate(rate), Aggregate::Count) => Some(Figure::count(rate.total)),
        (MetricValue::Trend(trend), aggregate) => of_trend(trend, aggregate, rule.bound.is_time),
        (MetricValue::Time(trend), aggregate) => of_trend(trend, aggregate, true),
        _ => None,
    })
}

/// Values are thousandths; those of times are thousandths of ms.
fn of_trend(trend: &TrendSum, aggregate: Aggregate, is_time: bool) -> Option<Figure> {
    let count = trend.values.count();
    let figure = |thousandths: i128, under: u64| {
        if is_time {
            Figure::mean_time(thousandths, under)
        } else {
            Figure::amount(thousandths, under)
        }
    };
    if count == 0 {
        return None;
    }
    match aggregate {
        Aggregate::Quantile(millionths) => {
            let value = trend.quantile(share(millionths))?;
            Some(figure(value.into(), 1))
        }
        Aggregate::Average => Some(figure(trend.sum.0, count)),
        Aggregate::Min => Some(figure(trend.min.into(), 1)),
        Aggregate::Max => Some(figure(trend.max.into(), 1)),
        Aggregate::Count => Some(Figure::count(count)),
        Aggregate::Rate | Aggregate::Value => None,
    }
}

fn share(millionths: u32) -> f64 {
    f64::from(millionths) / 1e6
}

impl Counted<'_> {
    /// What a rule about a window is judged by when nothing happened in it, though something did before.
    pub(super) fn nothing(&self, rule: &Threshold, time_us: u64) -> Option<Figure> {
        let is_counter = matches!(self, Self::Own(sums) if sums.counter.is_some());
        match (&rule.metric, rule.aggregate) {
            (_, Aggregate::Count) => Some(Figure::count(0)),
            (ThresholdMetric::Requests | ThresholdMetric::Iterations, Aggregate::Rate) => {
                Figure::per_second(0, time_us)
            }
            (_, Aggregate::Rate) if is_counter => Figure::per_second(0, time_us),
            _ => None,
        }
    }
}

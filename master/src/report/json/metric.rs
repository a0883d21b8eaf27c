//! What the document says about custom metrics.

use katydid_protocol::stats::{
    CounterSum, GaugeSum, MetricValue, Number, PERCENTILES_REPORTED, RateSum, Snapshot, TrendSum, units,
};
use serde::ser::{Serialize, SerializeMap, Serializer};

#[derive(serde::Serialize)]
pub(super) struct MetricJson<'a> {
    name: &'a str,
    kind: &'static str,
    count: u64,
    #[serde(flatten)]
    figures: Figures<'a>,
}

#[derive(serde::Serialize)]
#[serde(untagged)]
enum Figures<'a> {
    Counter { sum: Number, per_sec: f64 },
    Gauge { last: f64, min: f64, max: f64 },
    Rate { hits: u64, ratio: f64 },
    Trend(TrendJson<'a>),
}

/// A trend with at least one value, in the unit of its values.
struct TrendJson<'a>(&'a TrendSum);

impl<'a> MetricJson<'a> {
    /// Each metric of a run.
    pub(super) fn all(snapshot: &'a Snapshot) -> Vec<Self> {
        let metrics = snapshot.metric_values().map(|(name, value)| Self {
            name,
            kind: value.kind(),
            count: value.count(),
            figures: Figures::of(snapshot, value),
        });
        metrics.collect()
    }
}

impl<'a> Figures<'a> {
    fn of(snapshot: &Snapshot, value: MetricValue<'a>) -> Self {
        match value {
            MetricValue::Counter(counter @ CounterSum { sum, .. }) => Self::Counter {
                sum: (*sum).into(),
                per_sec: snapshot.metric_per_sec(counter),
            },
            MetricValue::Gauge(GaugeSum { last, min, max, .. }) => Self::Gauge {
                last: *last,
                min: *min,
                max: *max,
            },
            MetricValue::Rate(rate @ RateSum { hits, .. }) => Self::Rate {
                hits: *hits,
                ratio: rate.share(),
            },
            MetricValue::Trend(trend) | MetricValue::Time(trend) => Self::Trend(TrendJson(trend)),
        }
    }
}

impl Serialize for TrendJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let trend = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("sum", &Number::from(trend.sum))?;
        map.serialize_entry("min", &units(trend.min as f64))?;
        map.serialize_entry("max", &units(trend.max as f64))?;
        map.serialize_entry("avg", &trend.average().map(units))?;
        for (share, label) in PERCENTILES_REPORTED {
            let value = trend.quantile(share).map(|at| units(at as f64));
            map.serialize_entry(&format!("p{}", label.trim_end_matches('%')), &value)?;
        }
        map.end()
    }
}

//! Custom metrics of scripts.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use katydid_protocol::stats::{MetricValue, Number, PERCENTILES_REPORTED, Snapshot, TrendSum, units};
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::Web;

/// A custom metric; what its kind does not have is left out.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct Metric {
    name: String,
    /// `counter`, `gauge`, `rate`, `trend`, or `time` for a trend of times in ms.
    kind: String,
    /// How many values were given.
    count: u64,
    /// The sum of a counter or trend.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    sum: Option<Number>,
    /// A counter's sum per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    per_s: Option<f64>,
    /// What a gauge was last set to.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<f64>,
    /// How often a rate was true.
    #[serde(skip_serializing_if = "Option::is_none")]
    hits: Option<u64>,
    /// The share of `hits`, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
    /// The smallest value of a gauge or trend.
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<f64>,
    /// The largest value of a gauge or trend.
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<f64>,
    /// A trend's average.
    #[serde(skip_serializing_if = "Option::is_none")]
    average: Option<f64>,
    /// A trend's percentiles: `50` to `100`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    percentiles: BTreeMap<String, f64>,
}

/// Custom metrics, by name.
#[utoipa::path(get, path = "/metrics", tag = "results", responses((status = 200, body = Vec<Metric>)))]
pub(super) async fn list(State(web): State<Web>) -> Json<Vec<Metric>> {
    let picture = web.picture();
    let snapshot = &picture.snapshot;
    let metrics = snapshot
        .metric_values()
        .map(|(name, value)| metric(snapshot, name, value));
    Json(metrics.collect())
}

fn metric(snapshot: &Snapshot, name: &str, value: MetricValue<'_>) -> Metric {
    let common = Metric {
        name: name.to_owned(),
        kind: value.kind().to_owned(),
        count: value.count(),
        ..Metric::default()
    };
    match value {
        MetricValue::Counter(counter) => Metric {
            sum: Some(counter.sum.into()),
            per_s: Some(snapshot.metric_per_sec(counter)),
            ..common
        },
        MetricValue::Gauge(gauge) => Metric {
            last: Some(gauge.last),
            min: Some(gauge.min),
            max: Some(gauge.max),
            ..common
        },
        MetricValue::Rate(rate) => Metric {
            hits: Some(rate.hits),
            ratio: Some(rate.share()),
            ..common
        },
        MetricValue::Trend(trend) | MetricValue::Time(trend) => distribution(common, trend),
    }
}

fn distribution(common: Metric, trend: &TrendSum) -> Metric {
    let percentiles = PERCENTILES_REPORTED.iter().filter_map(|(share, label)| {
        let at = trend.quantile(*share)?;
        Some((label.trim_end_matches('%').to_owned(), units(at as f64)))
    });
    Metric {
        sum: Some(trend.sum.into()),
        min: Some(units(trend.min as f64)),
        max: Some(units(trend.max as f64)),
        average: trend.average().map(units),
        percentiles: percentiles.collect(),
        ..common
    }
}

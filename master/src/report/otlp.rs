//! A run as OpenTelemetry's metrics: the message OTLP carries.
//!
//! In: a snapshot. Out: an `ExportMetricsServiceRequest` as bytes, which is what `/v1/metrics` of a collector takes. Sums
//! are cumulative from the run's start or the last reset, so that whatever is lost on the way comes with the next one;
//! histograms are ours, sorted into fixed bounds, with exact count, sum, minimum and maximum.

use std::time::{Duration, SystemTime};

use katydid_protocol::stats::{BOUNDS_US, RequestEntry, RunState, Snapshot, Times, WorkerState};
use katydid_protocol::threshold::ThresholdState;
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

/// Who measures, and what the names of all metrics begin with.
const SCOPE: &str = "katydid";
const WORKER_STATES: [WorkerState; 6] = [
    WorkerState::Preparing,
    WorkerState::Ready,
    WorkerState::Running,
    WorkerState::Stopping,
    WorkerState::Missing,
    WorkerState::Stopped,
];

/// The message; `resource` says who we are, `now` is when.
#[must_use]
pub fn render(snapshot: &Snapshot, resource: &[(String, String)], now: SystemTime) -> Vec<u8> {
    let moment = Moment {
        start: nanos(snapshot.info.started_at + snapshot.counted_from),
        now: nanos(now),
    };
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource {
                attributes: resource
                    .iter()
                    .map(|(key, value)| attribute(key, value))
                    .collect(),
                ..Default::default()
            }),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(InstrumentationScope {
                    name: SCOPE.to_owned(),
                    version: snapshot.info.version.clone(),
                    ..Default::default()
                }),
                metrics: metrics(snapshot, moment),
                ..Default::default()
            }],
            ..Default::default()
        }],
    };
    request.encode_to_vec()
}

/// What a collector did not take of a message it has answered with `answer`: how many points, and why.
#[must_use]
pub fn rejected(answer: &[u8]) -> Option<(u64, String)> {
    let answer = ExportMetricsServiceResponse::decode(answer).ok()?;
    let partial = answer.partial_success?;
    let points = u64::try_from(partial.rejected_data_points).unwrap_or_default();
    (points > 0).then_some((points, partial.error_message))
}

/// Between which times numbers were counted, in ns since 1970.
#[derive(Debug, Clone, Copy)]
struct Moment {
    start: u64,
    now: u64,
}

fn metrics(snapshot: &Snapshot, moment: Moment) -> Vec<Metric> {
    let mut metrics = of_the_run(snapshot, moment);
    metrics.extend(of_requests(snapshot, moment));
    metrics.extend(of_thresholds(snapshot, moment));
    metrics
}

/// What the run passes or fails by; without data there is no point.
fn of_thresholds(snapshot: &Snapshot, moment: Moment) -> Option<Metric> {
    let points = snapshot.thresholds.iter().filter_map(|entry| {
        let holds = match entry.state {
            ThresholdState::Passing => 1,
            ThresholdState::Failing => 0,
            ThresholdState::Pending | ThresholdState::NoData => return None,
        };
        Some(moment.point(holds, vec![attribute("threshold", &entry.rule.text)]))
    });
    let points: Vec<NumberDataPoint> = points.collect();
    let description = "1 for thresholds that hold, 0 for those that do not";
    (!points.is_empty()).then(|| gauge("threshold.ok", "1", description, points))
}

/// Who runs, and how that goes.
fn of_the_run(snapshot: &Snapshot, moment: Moment) -> Vec<Metric> {
    let alone = |value: u64| vec![moment.point(value, Vec::new())];
    let checks = snapshot.checks.iter().flat_map(|check| {
        let results = [("passed", check.counts.passes), ("failed", check.counts.failures)];
        results.map(|(result, count)| {
            let attributes = vec![attribute("name", &check.name), attribute("result", result)];
            moment.point(count, attributes)
        })
    });
    let workers = WORKER_STATES.map(|state| {
        let doing = snapshot.workers.iter().filter(|worker| worker.state == state);
        moment.point(doing.count() as u64, vec![attribute("state", state.as_str())])
    });
    let states = RunState::ALL.map(|state| {
        let is_it = u64::from(snapshot.state == state);
        moment.point(is_it, vec![attribute("state", state.as_str())])
    });
    let thrown = snapshot.exceptions.iter().map(|entry| entry.counts.occurrences);
    let (users, target) = (snapshot.users.into(), snapshot.target_users.into());
    let arrivals = snapshot.arrivals.map(|counts| {
        let named = [
            ("planned", counts.planned),
            ("started", counts.started),
            ("late", counts.late),
            ("dropped", counts.dropped),
        ];
        let points = named.map(|(what, count)| moment.point(count, vec![attribute("what", what)]));
        sum(
            "arrivals",
            "{arrival}",
            "What became of arrivals",
            points.to_vec(),
        )
    });
    let mut metrics = vec![
        gauge("users", "{user}", "Users that run", alone(users)),
        gauge("target_users", "{user}", "Users that shall run", alone(target)),
        gauge("workers", "{worker}", "Workers by what they do", workers.to_vec()),
        gauge("run.state", "1", "1 for the state the run is in", states.to_vec()),
        sum("checks", "{check}", "Checks", checks.collect()),
        sum(
            "iterations",
            "{iteration}",
            "Iterations of tasks",
            alone(snapshot.iterations),
        ),
        sum(
            "exceptions",
            "{exception}",
            "Iterations that threw",
            alone(thrown.sum()),
        ),
    ];
    metrics.extend(arrivals);
    metrics
}

/// What was measured.
fn of_requests(snapshot: &Snapshot, moment: Moment) -> Vec<Metric> {
    let each = |value: fn(&RequestEntry) -> u64| -> Vec<NumberDataPoint> {
        let entries = snapshot.requests.iter();
        entries
            .map(|entry| moment.point(value(entry), of_request(entry)))
            .collect()
    };
    let times = snapshot.requests.iter();
    let times = times.map(|entry| moment.times(&entry.stats.response, of_request(entry)));
    let times = Histogram {
        data_points: times.collect(),
        aggregation_temporality: AggregationTemporality::Cumulative.into(),
    };
    let (requests, failures) = (
        each(|entry| entry.stats.requests),
        each(|entry| entry.stats.failures),
    );
    let about = "Response times of requests, failed ones included";
    vec![
        sum("requests", "{request}", "Requests", requests),
        sum("request.failures", "{request}", "Requests that failed", failures),
        metric("response_time", "s", about, Data::Histogram(times)),
    ]
}

fn gauge(name: &str, unit: &str, description: &str, data_points: Vec<NumberDataPoint>) -> Metric {
    metric(name, unit, description, Data::Gauge(Gauge { data_points }))
}

/// A sum that only grows.
fn sum(name: &str, unit: &str, description: &str, data_points: Vec<NumberDataPoint>) -> Metric {
    let sum = Sum {
        data_points,
        aggregation_temporality: AggregationTemporality::Cumulative.into(),
        is_monotonic: true,
    };
    metric(name, unit, description, Data::Sum(sum))
}

fn metric(name: &str, unit: &str, description: &str, data: Data) -> Metric {
    Metric {
        name: format!("{SCOPE}.{name}"),
        unit: unit.to_owned(),
        description: description.to_owned(),
        data: Some(data),
        ..Default::default()
    }
}

fn of_request(entry: &RequestEntry) -> Vec<KeyValue> {
    let key = &entry.stats.key;
    vec![attribute("method", &key.method), attribute("name", &key.name)]
}

fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Any::StringValue(value.to_owned())),
        }),
        ..Default::default()
    }
}

impl Moment {
    fn point(self, value: u64, attributes: Vec<KeyValue>) -> NumberDataPoint {
        NumberDataPoint {
            attributes,
            start_time_unix_nano: self.start,
            time_unix_nano: self.now,
            value: Some(Value::AsInt(i64::try_from(value).unwrap_or(i64::MAX))),
            ..Default::default()
        }
    }

    fn times(self, times: &Times, attributes: Vec<KeyValue>) -> HistogramDataPoint {
        let secs = |us: u64| Duration::from_micros(us).as_secs_f64();
        HistogramDataPoint {
            attributes,
            start_time_unix_nano: self.start,
            time_unix_nano: self.now,
            count: times.count(),
            sum: Some(secs(times.sum_us())),
            bucket_counts: times.by_bounds().to_vec(),
            explicit_bounds: BOUNDS_US.map(secs).to_vec(),
            min: times.min_us().map(secs),
            max: times.max_us().map(secs),
            ..Default::default()
        }
    }
}

fn nanos(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

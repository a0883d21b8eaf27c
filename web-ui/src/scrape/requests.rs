//! Requests and their times as families.
//!
//! In: the rows of a snapshot. Out: counters by method and name, and histograms of response times with fixed bounds.

use katydid_protocol::stats::{BOUNDS_US, RequestEntry, Times};
use prometheus::proto::MetricFamily;

use super::family::{Distributed, Family, Labels};

/// Percentiles that are told exactly, for all requests together.
const PERCENTILES: [(f64, &str); 5] = [
    (0.5, "50"),
    (0.9, "90"),
    (0.95, "95"),
    (0.99, "99"),
    (0.999, "99.9"),
];

/// Requests, failures and response times by method and name.
pub(super) fn by_name(requests: &[RequestEntry]) -> Vec<MetricFamily> {
    let mut total = Family::counter(
        "katydid_requests_total",
        "Requests that ended, failed ones included.",
    );
    let mut failures = Family::counter("katydid_request_failures_total", "Requests that failed.");
    let mut times = Family::histogram(
        "katydid_response_time_seconds",
        "Response times of all requests, failed ones included: from the moment a request should have started to the last \
         byte of its answer.",
    );
    for entry in requests {
        let stats = &entry.stats;
        let labels: Labels<'_> = &[("method", &stats.key.method), ("name", &stats.key.name)];
        total.add(labels, stats.requests as f64);
        failures.add(labels, stats.failures as f64);
        times.add_histogram(labels, distributed(&stats.response));
    }
    vec![total.done(), failures.done(), times.done()]
}

/// How long groups took, by name.
pub(super) fn groups(groups: &[RequestEntry]) -> MetricFamily {
    let mut times = Family::histogram("katydid_group_time_seconds", "How long groups took.");
    for entry in groups {
        times.add_histogram(
            &[("name", &entry.stats.key.name)],
            distributed(&entry.stats.response),
        );
    }
    times.done()
}

/// Requests and failures by tag; a request counts for each of its tags.
pub(super) fn tags(tags: &[RequestEntry]) -> Vec<MetricFamily> {
    let mut total = Family::counter(
        "katydid_tag_requests_total",
        "Requests that have a tag (key:value).",
    );
    let mut failures = Family::counter(
        "katydid_tag_request_failures_total",
        "Requests that have a tag and failed.",
    );
    for entry in tags {
        let labels: Labels<'_> = &[("tag", &entry.stats.key.name)];
        total.add(labels, entry.stats.requests as f64);
        failures.add(labels, entry.stats.failures as f64);
    }
    vec![total.done(), failures.done()]
}

/// What is told of all requests together.
pub(super) fn together(total: &RequestEntry) -> Vec<MetricFamily> {
    let stats = &total.stats;
    let mut statuses = Family::counter(
        "katydid_responses_total",
        "Requests by the status of their answer; 0 got none.",
    );
    for (status, count) in &stats.statuses {
        statuses.add(&[("status", &status.to_string())], *count as f64);
    }
    let mut percentiles = Family::gauge(
        "katydid_response_time_percentile_seconds",
        "Response times of the whole run so far, all requests together, from the exact histogram.",
    );
    for (quantile, label) in PERCENTILES {
        if let Some(time_us) = stats.response.quantile_us(quantile) {
            percentiles.add(&[("percentile", label)], time_us as f64 / 1e6);
        }
    }
    vec![
        statuses.done(),
        percentiles.done(),
        Family::gauge(
            "katydid_requests_per_second",
            "Requests per second over the last ten seconds, as the page shows them.",
        )
        .of(total.current_rps),
        Family::gauge(
            "katydid_request_failures_per_second",
            "Failures per second over the last ten seconds.",
        )
        .of(total.current_failures_per_sec),
        Family::counter("katydid_sent_bytes_total", "Requests as sent, in bytes.").of(stats.bytes_out as f64),
        Family::counter(
            "katydid_received_bytes_total",
            "Bodies of answers as received, in bytes.",
        )
        .of(stats.bytes_in as f64),
    ]
}

/// Times by [`BOUNDS_US`], each bound with all those below it.
fn distributed(times: &Times) -> Distributed {
    let mut count = 0;
    let below = BOUNDS_US.iter().zip(times.by_bounds()).map(|(bound_us, more)| {
        count += more;
        (*bound_us as f64 / 1e6, count)
    });
    Distributed {
        below: below.collect(),
        count: times.count(),
        sum: times.sum_us() as f64 / 1e6,
    }
}

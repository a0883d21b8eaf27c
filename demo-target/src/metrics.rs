//! What the target tells Prometheus: how many requests it answered, and how long each took, by method, route and status.
//!
//! In: each answer, noted by its thread. Out: a document in the OpenMetrics format at `/metrics`. The names are those of services
//! in Java (Micrometer), which autoscalers are set up for everywhere. Unlike `/__stats` it is never reset: counters of
//! Prometheus only rise. Routes, methods and statuses are few, so this is bounded.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use http::Method;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use rustc_hash::FxHashMap;

use crate::ledger::Shard;

/// The media type of the document.
pub(crate) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const NAME: &str = "http_server_requests_seconds";
/// Upper ends of the histogram's buckets, in µs; what is longer is in the last one, without an end.
const BOUNDS_US: [u64; 12] = [
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
];

/// Method, route, status.
type Key = (&'static str, &'static str, u16);

/// The answers of one thread.
#[derive(Debug, Default)]
pub(crate) struct Served(Mutex<FxHashMap<Key, Durations>>);

#[derive(Debug, Default, Clone)]
struct Durations {
    buckets: [u64; BOUNDS_US.len() + 1],
    sum_us: u64,
}

/// The answers of all threads.
#[derive(Debug)]
struct AllServed(Vec<Arc<Shard>>);

/// The document now.
pub(crate) fn document(threads: Vec<Arc<Shard>>) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(AllServed(threads)));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry)?;
    Ok(text)
}

/// A method by its name; those nobody has heard of by one.
fn method_name(method: &Method) -> &'static str {
    const KNOWN: [(Method, &str); 7] = [
        (Method::GET, "GET"),
        (Method::POST, "POST"),
        (Method::PUT, "PUT"),
        (Method::PATCH, "PATCH"),
        (Method::DELETE, "DELETE"),
        (Method::HEAD, "HEAD"),
        (Method::OPTIONS, "OPTIONS"),
    ];
    let known = KNOWN.iter().find(|(known, _)| known == method);
    known.map_or("OTHER", |(_, name)| *name)
}

impl Served {
    /// Notes an answer.
    pub(crate) fn note(&self, method: &Method, route: &'static str, status: u16, took_us: u64) {
        let bucket = BOUNDS_US.partition_point(|bound| *bound < took_us);
        // Counting leaves no half-done state behind, whatever panicked.
        let mut served = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let durations = served.entry((method_name(method), route, status)).or_default();
        durations.buckets[bucket] += 1;
        durations.sum_us += took_us;
    }
}

impl Durations {
    fn add(&mut self, other: &Self) {
        let pairs = self.buckets.iter_mut().zip(other.buckets);
        pairs.for_each(|(sum, count)| *sum += count);
        self.sum_us += other.sum_us;
    }
}

impl Collector for AllServed {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut sums: std::collections::BTreeMap<Key, Durations> = Default::default();
        for thread in &self.0 {
            let served = thread.served.0.lock().unwrap_or_else(PoisonError::into_inner);
            for (key, durations) in served.iter() {
                sums.entry(*key).or_default().add(durations);
            }
        }
        let help = "Requests answered and how long each took, from its head to the head of the answer";
        let mut family = encoder.encode_descriptor(NAME, help, None, MetricType::Histogram)?;
        let bounds = BOUNDS_US.map(|bound_us| bound_us as f64 / 1e6);
        for ((method, route, status), durations) in sums {
            let status = status.to_string();
            let labels = [("method", method), ("uri", route), ("status", status.as_str())];
            let ends = bounds.into_iter().chain([f64::INFINITY]);
            let buckets: Vec<(f64, u64)> = ends.zip(durations.buckets).collect();
            family.encode_family(&labels)?.encode_histogram::<NoLabelSet>(
                durations.sum_us as f64 / 1e6,
                durations.buckets.iter().sum(),
                &buckets,
                None,
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_added_up_and_buckets_too() {
        let threads: Vec<Arc<Shard>> = (0..2).map(|_| Arc::default()).collect();
        threads[0].served.note(&Method::GET, "/", 200, 1_000);
        threads[1].served.note(&Method::GET, "/", 200, 1_001);
        threads[1].served.note(&Method::GET, "/", 200, 9_000_000);
        threads[1].served.note(&Method::GET, "/", 500, 10);
        let strange = Method::from_bytes(b"BREW").unwrap();
        threads[0].served.note(&strange, "/count/:id", 200, 10);
        let text = document(threads).unwrap();
        let labels = r#"method="GET",uri="/",status="200""#;
        for line in [
            format!("{NAME}_count{{{labels}}} 3"),
            format!("{NAME}_sum{{{labels}}} 9.002001"),
            format!("{NAME}_bucket{{le=\"0.001\",{labels}}} 1"),
            format!("{NAME}_bucket{{le=\"0.0025\",{labels}}} 2"),
            format!("{NAME}_bucket{{le=\"5.0\",{labels}}} 2"),
            format!("{NAME}_bucket{{le=\"+Inf\",{labels}}} 3"),
            format!("{NAME}_count{{method=\"GET\",uri=\"/\",status=\"500\"}} 1"),
            format!("{NAME}_count{{method=\"OTHER\",uri=\"/count/:id\",status=\"200\"}} 1"),
            "# EOF".to_owned(),
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }
}

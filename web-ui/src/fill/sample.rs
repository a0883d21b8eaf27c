//! Snapshots for tests.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use katydid_protocol::stats::{
    ConnectionCounts, LatencyHistogram, LossCounts, PointTimes, RequestDelta, RequestEntry, RequestKey,
    RequestStats, RunInfo, RunState, Snapshot, Timeline, TimelinePoint, TimesDelta,
};

/// A second of 100 requests.
pub(crate) fn point(second: u32) -> TimelinePoint {
    TimelinePoint {
        second,
        span: 1,
        users: 50,
        requests: 100,
        failures: 1,
        times: PointTimes {
            count: 100,
            sum_us: 1_234_567 + u64::from(second),
            p50_us: 11_000 + u64::from(second % 997),
            p90_us: 23_456,
            p95_us: 34_567,
            p99_us: 145_678,
        },
        ..TimelinePoint::default()
    }
}

/// A run of so many seconds with 100 requests in each of them, made under each name.
pub(crate) fn snapshot(seconds: u32, names: &[&str]) -> Snapshot {
    let timeline: Timeline = (0..seconds).map(point).collect();
    let entry = |stats: RequestStats| RequestEntry {
        stats: Arc::new(stats),
        current_rps: 12.5,
        current_failures_per_sec: 0.0,
        timeline: timeline.clone(),
    };
    let delta = delta(seconds);
    let measured = |mut stats: RequestStats| {
        stats.apply(&delta);
        entry(stats)
    };
    Snapshot {
        info: Arc::new(RunInfo {
            id: "run-1".to_owned(),
            scenarios: vec!["shop.rhai".to_owned()],
            host: Some("http://shop.example:8000".to_owned()),
            classes: Vec::new(),
            started_at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_787_392_800),
            version: "0.1.0".to_owned(),
            plan: None,
            parameters: std::collections::BTreeMap::new(),
            system: String::new(),
        }),
        state: RunState::Running,
        elapsed: Duration::from_secs(u64::from(seconds)),
        counted_from: Duration::ZERO,
        users: 50,
        target_users: 50,
        users_by_class: Vec::new(),
        requests: names
            .iter()
            .map(|name| measured(RequestStats::new(RequestKey::new("GET", name))))
            .collect(),
        total: measured(RequestStats::total()),
        groups: Vec::new(),
        tags: Vec::new(),
        checks: Vec::new(),
        metrics: Vec::new(),
        thresholds: Vec::new(),
        errors: Vec::new(),
        exceptions: Vec::new(),
        iterations: 100 * u64::from(seconds),
        arrivals: None,
        connections: ConnectionCounts::default(),
        timeline: timeline.clone(),
        losses: LossCounts::default(),
        workers: Vec::new(),
        saturated_seconds: Vec::new(),
        marks: Vec::new(),
        warnings: Vec::new(),
        stop_reason: None,
        failure: None,
    }
}

fn delta(seconds: u32) -> RequestDelta {
    let mut histogram = LatencyHistogram::new();
    let requests = 100 * u64::from(seconds);
    for _ in 0..requests.min(1_000) {
        histogram.record(11_000);
    }
    RequestDelta {
        requests,
        failures: u64::from(seconds),
        bytes_in: requests * 512,
        bytes_out: requests * 64,
        statuses: [(200, requests)].into(),
        response: TimesDelta {
            sum_us: 11_000 * requests.min(1_000),
            min_us: 11_000,
            max_us: 11_000,
            buckets: histogram.drain(),
        },
        last_us: u64::from(seconds) * 1_000_000,
        ..RequestDelta::default()
    }
}

//! Deltas and settings for tests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use katydid_protocol::plan::LoadPlan;
use katydid_protocol::stats::{
    ArrivalCounts, ArrivalSecond, CheckCounts, ClassInfo, ConnectionCounts, CounterSum, Delta, ErrorCounts,
    ErrorKey, ExceptionCounts, ExceptionKey, GaugeSum, LatencyHistogram, LossCounts, MetricSums, Nodes,
    OTHER_NAME, RateSum, RequestDelta, RequestKey, RunInfo, RunState, SecondCounts, Snapshot, TaskInfo,
    TimesDelta, TrendSum,
};
use proptest::prelude::*;

use super::RunStats;
use crate::control::Standing;

mod thresholds;

pub(crate) use thresholds::threshold;
use thresholds::thresholds;

pub(crate) fn times(values: &[u64]) -> TimesDelta {
    let mut histogram = LatencyHistogram::new();
    values.iter().for_each(|value| histogram.record(*value));
    TimesDelta {
        sum_us: values.iter().sum(),
        min_us: values.iter().copied().min().unwrap_or(0),
        max_us: values.iter().copied().max().unwrap_or(0),
        buckets: histogram.drain(),
    }
}

/// Requests of one name in one second; the first `failures` of them failed.
pub(crate) fn request(second: u32, values: &[u64], failures: usize) -> RequestDelta {
    let count = values.len() as u64;
    let failed = failures as u64;
    let statuses = [(200, count - failed), (500, failed)]
        .into_iter()
        .filter(|(_, count)| *count > 0);
    RequestDelta {
        requests: count,
        failures: failed,
        bytes_in: count * 100,
        bytes_out: count * 30,
        statuses: statuses.collect(),
        response: times(values),
        failed: times(&values[..failures]),
        seconds: vec![SecondCounts {
            second,
            requests: count,
            failures: failed,
            late: 0,
        }],
        last_us: u64::from(second) * 1_000_000 + 900_000,
        ..RequestDelta::default()
    }
}

/// `GET /` with these numbers of requests in these seconds, 1 ms each.
pub(crate) fn delta(seconds: &[(u32, u64)]) -> Delta {
    let mut sum = RequestDelta::default();
    for (second, count) in seconds {
        sum.merge(&request(*second, &vec![1_000; *count as usize], 0));
    }
    Delta {
        requests: [(RequestKey::new("GET", "/"), sum)].into(),
        ..Delta::default()
    }
}

/// `GET /` with these times in one second.
pub(crate) fn timed_delta(second: u32, values: &[u64]) -> Delta {
    Delta {
        requests: [(RequestKey::new("GET", "/"), request(second, values, 0))].into(),
        iterations: values.len() as u64,
        ..Delta::default()
    }
}

pub(crate) fn requests_of(delta: &Delta) -> u64 {
    delta.requests.values().map(|request| request.requests).sum()
}

pub(crate) fn standing() -> Standing {
    Standing {
        state: RunState::Running,
        users_by_class: vec![3, 1],
        target_users: 4,
        workers: Vec::new(),
        marks: Vec::new(),
        thresholds: Vec::new(),
        warnings: Vec::new(),
        stop_reason: None,
        failure: None,
        has_arrivals: false,
    }
}

pub(crate) fn info() -> RunInfo {
    let task = |name: &str, weight| TaskInfo {
        name: name.to_owned(),
        weight,
    };
    RunInfo {
        id: "run-1".to_owned(),
        scenarios: vec!["shop.rhai".to_owned()],
        host: Some("http://localhost:8000".to_owned()),
        classes: vec![
            ClassInfo {
                name: "Shopper".to_owned(),
                weight: 3.0,
                fixed_count: 0,
                host: Some("http://localhost:8000".to_owned()),
                is_paced: false,
                tasks: vec![task("browse", 2.0), task("buy", 1.0)],
            },
            ClassInfo {
                name: "Admin".to_owned(),
                weight: 1.0,
                fixed_count: 1,
                host: None,
                is_paced: false,
                tasks: vec![task("audit", 1.0)],
            },
        ],
        started_at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_787_392_800),
        version: "0.1.0".to_owned(),
        plan: Some(LoadPlan {
            users: 4,
            spawn_rate: 2.0,
            run_time: Some(Duration::from_secs(3)),
            stop_timeout: Duration::ZERO,
            arrivals: None,
        }),
        parameters: [("size".to_owned(), "10".to_owned())].into(),
        system: "Linux 6.1, x86_64".to_owned(),
    }
}

prop_compose! {
    fn any_request()(
        values in prop::collection::vec(1u64..20_000, 1..20),
        failures in 0usize..4,
        paced in any::<bool>(),
        second in 0u32..40,
    ) -> RequestDelta {
        let service = values.iter().map(|value| value / 2 + 1).collect::<Vec<_>>();
        let mut delta = RequestDelta {
            service: paced.then(|| times(&service)),
            ..request(second, &values, failures.min(values.len()))
        };
        delta.seconds[0].late = u64::from(paced);
        delta
    }
}

fn trend(values: &[i64]) -> TrendSum {
    let mut sum = TrendSum::default();
    values.iter().for_each(|value| sum.add(*value));
    sum
}

prop_compose! {
    fn any_metric()(
        counter in prop::option::of((0i64..1_000_000_000_000_000, 1u64..5, 0u64..4)),
        gauge in prop::option::of((-9i8..9, 0u64..4)),
        rate in prop::option::of((0u64..5, 1u64..5)),
        values in prop::option::of(prop::collection::vec(-5_000_000i64..5_000_000, 1..6)),
        times in prop::option::of(prop::collection::vec(0i64..5_000_000, 1..6)),
    ) -> MetricSums {
        MetricSums {
            counter: counter.map(|(sum, count, last_us)| CounterSum { sum: sum.into(), count, last_us }),
            gauge: gauge.map(|(level, at_us)| GaugeSum::once(f64::from(level), at_us)),
            rate: rate.map(|(hits, misses)| RateSum { hits, total: hits + misses }),
            trend: values.map(|values| trend(&values)),
            time: times.map(|values| trend(&values)),
        }
    }
}

prop_compose! {
    /// An arbitrary delta over few keys, so that they meet.
    pub(crate) fn any_delta()(
        requests in prop::collection::btree_map("/[a-d]", any_request(), 0..4),
        groups in prop::collection::btree_map("[gh]", any_request(), 0..2),
        tags in prop::collection::btree_map("t:[u-w]", any_request(), 0..3),
        errors in prop::collection::btree_map("[xyz]", (1u64..9, 0u64..100, 0u64..100), 0..3),
        checks in prop::collection::btree_map("[pq]", (0u64..9, 0u64..9), 0..2),
        metrics in prop::collection::btree_map("[k-o]", any_metric(), 0..3),
        iterations in 0u64..100,
        arrivals in prop::collection::btree_map(0u32..30, (0u64..9, 0u64..9, 0u64..3), 0..3),
        (opened, reused) in (0u64..9, 0u64..99),
        folded in 0u64..3,
    ) -> Delta {
        let counted = |(message, (occurrences, a, b)): (&String, &(u64, u64, u64))| {
            let counts = ErrorCounts { occurrences: *occurrences, first_us: *a.min(b), last_us: *a.max(b) };
            (Arc::<str>::from(message.as_str()), counts)
        };
        Delta {
            generation: 0,
            requests: requests.into_iter().map(|(name, request)| (RequestKey::new("GET", &name), request)).collect(),
            groups: groups.into_iter().map(|(name, group)| (name.as_str().into(), group)).collect(),
            tags: tags.into_iter().map(|(tag, requests)| (tag.as_str().into(), requests)).collect(),
            checks: checks
                .into_iter()
                .map(|(name, (passes, failures))| (name.as_str().into(), CheckCounts { passes, failures }))
                .collect(),
            metrics: metrics.into_iter().map(|(name, sums)| (name.as_str().into(), sums)).collect(),
            errors: errors
                .iter()
                .map(counted)
                .map(|(message, counts)| (ErrorKey { request: RequestKey::new("GET", "/a"), message }, counts))
                .collect(),
            exceptions: errors
                .iter()
                .map(counted)
                .map(|(message, counts)| {
                    let nodes = Nodes::one(format!("w{}", counts.occurrences % 3).into());
                    (ExceptionKey { message, traceback: "".into() }, ExceptionCounts { counts, nodes })
                })
                .collect(),
            iterations,
            arrivals: arrivals
                .into_iter()
                .map(|(second, (planned, started, dropped))| ArrivalSecond {
                    second,
                    counts: ArrivalCounts { planned, started, late: started / 2, dropped },
                })
                .collect(),
            connections: ConnectionCounts { opened, reused, tls_handshakes: opened / 2, http2: opened / 3 },
            losses: LossCounts { folded_requests: folded, ..LossCounts::default() },
        }
    }
}

pub(crate) fn any_deltas(most: usize) -> impl Strategy<Value = Vec<Delta>> {
    prop::collection::vec(any_delta(), 1..most)
}

/// A metric of each kind, in one second.
fn metrics(second: u32) -> BTreeMap<Arc<str>, MetricSums> {
    let at_us = u64::from(second) * 1_000_000 + 500_000;
    let mut counter = CounterSum::default();
    counter.add(1_234_000, at_us);
    counter.add(500, at_us);
    let mut rate = RateSum::default();
    (0..8).for_each(|number| rate.add(number < 7));
    let level = f64::from(second) * 1.5 - 1.0;
    let sums = MetricSums::default;
    [
        (
            "signups".into(),
            MetricSums {
                counter: Some(counter),
                ..sums()
            },
        ),
        (
            "queue".into(),
            MetricSums {
                gauge: Some(GaugeSum::once(level, at_us)),
                ..sums()
            },
        ),
        (
            "cache hits".into(),
            MetricSums {
                rate: Some(rate),
                ..sums()
            },
        ),
        (
            "basket".into(),
            MetricSums {
                trend: Some(trend(&[-2_500, 3_000, 12_345_000])),
                ..sums()
            },
        ),
        (
            "login".into(),
            MetricSums {
                time: Some(trend(&[48_900, 3_214, 700_000])),
                ..sums()
            },
        ),
    ]
    .into()
}

/// How the requests of each second were connected.
const CONNECTIONS: ConnectionCounts = ConnectionCounts {
    opened: 2,
    reused: 58,
    tls_handshakes: 2,
    http2: 1,
};

/// A finished run with something in every table.
pub(crate) fn snapshot() -> Snapshot {
    let mut stats = RunStats::new();
    stats.advance(Duration::ZERO, 1);
    let named = |method: &str, name: &str, request: RequestDelta| (RequestKey::new(method, name), request);
    for second in 0..3u32 {
        let fast: Vec<u64> = (1..=100).map(|step| step * 17 + u64::from(second)).collect();
        let mut page = request(second, &fast, 0);
        page.phases.record(&[0, 40, 120, 0, 9, 900, 30]);
        let slow = request(second, &[48_900, 700_000, 1_007_400, 90_000], 2);
        let paced = request(second, &[20_000; 10], 0);
        let mut paced = RequestDelta {
            service: Some(times(&[9_000; 10])),
            ..paced
        };
        paced.seconds[0].late = 10;
        let mut delta = Delta {
            requests: [
                named("GET", "/products/:id", page),
                named("POST", "/orders", slow),
                named("GET", "/größe/日本", paced),
                named(
                    "GET",
                    &format!("/long/{}", "x".repeat(60)),
                    request(second, &[431], 0),
                ),
            ]
            .into(),
            groups: [("checkout".into(), request(second, &[60_000, 2_000_000], 1))].into(),
            tags: [
                ("tier:free".into(), request(second, &[90_000, 1_007_400], 1)),
                ("tier:gold".into(), request(second, &[48_900, 700_000], 1)),
                (OTHER_NAME.into(), request(second, &[431], 0)),
            ]
            .into(),
            checks: [(
                "created".into(),
                CheckCounts {
                    passes: 3,
                    failures: 1,
                },
            )]
            .into(),
            metrics: metrics(second),
            iterations: 25,
            connections: CONNECTIONS,
            ..Delta::default()
        };
        let at = u64::from(second) * 1_000_000 + 250_000;
        let error = |name, message: &str| ErrorKey {
            request: RequestKey::new("POST", name),
            message: message.into(),
        };
        delta
            .errors
            .insert(error("/orders", "status 503"), ErrorCounts::once(at));
        delta.errors.insert(
            error("/orders", "negative total, \"really\""),
            ErrorCounts::once(at),
        );
        let traceback = "Shopper.buy\nshop.rhai:12:5 in buy";
        delta.exceptions.insert(
            ExceptionKey {
                message: "division by zero".into(),
                traceback: traceback.into(),
            },
            ErrorCounts::once(at).into(),
        );
        delta.come_from(&"local".into());
        let arrived = Duration::from_secs(u64::from(second) + 1);
        stats.apply(arrived, &delta);
        stats.advance(arrived, second + 2);
    }
    let standing = Standing {
        state: RunState::Stopped,
        users_by_class: vec![0, 0],
        warnings: vec!["limit of open files is 1024: raise `ulimit -n`".to_owned()],
        stop_reason: Some("--run-time limit reached".to_owned()),
        thresholds: thresholds(),
        ..standing()
    };
    stats.snapshot(&Arc::new(info()), Duration::from_millis(3_200), standing)
}

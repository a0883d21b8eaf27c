//! What families come to, line by line.

use std::sync::Arc;

use katydid_protocol::stats::{
    CounterSum, GaugeSum, MetricEntry, MetricSums, RateSum, RequestKey, RunState, TrendSum, WorkerEntry,
    WorkerState,
};
use katydid_protocol::vitals::WorkerVitals;

use super::*;
use crate::fill::sample;

fn text_of(snapshot: katydid_protocol::stats::Snapshot) -> String {
    of_run(Some(&RunView::of_snapshot(Arc::new(snapshot), 7))).unwrap()
}

fn has(text: &str, line: &str) {
    assert!(text.lines().any(|found| found == line), "no `{line}` in\n{text}");
}

#[test]
fn names_are_escaped_and_counted() {
    let mut snapshot = sample::snapshot(3, &["/"]);
    Arc::make_mut(&mut snapshot.requests[0].stats).key = RequestKey::new("GET", "/a\"b\\c\nd");
    let text = text_of(snapshot);
    has(&text, "# TYPE katydid_requests_total counter");
    has(
        &text,
        r#"katydid_requests_total{method="GET",name="/a\"b\\c\nd"} 300"#,
    );
    has(
        &text,
        r#"katydid_request_failures_total{method="GET",name="/a\"b\\c\nd"} 3"#,
    );
    has(&text, r#"katydid_responses_total{status="200"} 300"#);
    has(&text, "katydid_received_bytes_total 153600");
    has(&text, "katydid_users 50");
}

#[test]
fn a_time_is_in_the_first_bucket_that_is_not_below_it() {
    // All of them took 11 ms.
    let text = text_of(sample::snapshot(3, &["/"]));
    let bucket = |bound: &str, count: u32| {
        has(
            &text,
            &format!(r#"katydid_response_time_seconds_bucket{{method="GET",name="/",le="{bound}"}} {count}"#),
        );
    };
    bucket("0.0005", 0);
    bucket("0.01", 0);
    bucket("0.015", 300);
    bucket("60", 300);
    bucket("+Inf", 300);
    has(
        &text,
        r#"katydid_response_time_seconds_sum{method="GET",name="/"} 3.3"#,
    );
    has(
        &text,
        r#"katydid_response_time_percentile_seconds{percentile="50"} 0.011"#,
    );
}

#[test]
fn autoscalers_see_who_is_asked_for_from_before_the_start_until_the_end() {
    let target = |state: RunState| {
        let mut snapshot = sample::snapshot(0, &[]);
        snapshot.state = state;
        if state == RunState::Ready {
            snapshot.target_users = 0;
        }
        RunView::of_snapshot(Arc::new(snapshot), 7).target_users
    };
    assert_eq!(target(RunState::Ready), 7);
    assert_eq!(target(RunState::Spawning), 50);
    assert_eq!(target(RunState::Running), 50);
    assert_eq!(target(RunState::Stopping), 50);
    assert_eq!(target(RunState::Stopped), 0);
    assert_eq!(target(RunState::Failed), 0);
}

#[test]
fn each_kind_of_own_metric_is_a_family() {
    let mut sums = MetricSums::default();
    let mut counter = CounterSum::default();
    counter.add(2_500, 1);
    sums.counter = Some(counter);
    sums.gauge = Some(GaugeSum::once(-3.5, 1));
    sums.rate = Some(RateSum { hits: 2, total: 3 });
    let mut snapshot = sample::snapshot(1, &[]);
    snapshot.metrics = vec![
        MetricEntry {
            name: "own".into(),
            sums: Arc::new(sums),
        },
        MetricEntry {
            name: "empty".into(),
            sums: Arc::new(MetricSums {
                time: Some(TrendSum::default()),
                ..MetricSums::default()
            }),
        },
    ];
    let text = text_of(snapshot);
    has(&text, r#"katydid_custom_total{name="own"} 2.5"#);
    has(&text, r#"katydid_custom_value{name="own"} -3.5"#);
    has(
        &text,
        r#"katydid_custom_results_total{name="own",result="true"} 2"#,
    );
    has(
        &text,
        r#"katydid_custom_results_total{name="own",result="false"} 1"#,
    );
    has(&text, r#"katydid_custom_time_seconds_count{name="empty"} 0"#);
    assert!(!text.contains("katydid_custom_trend"), "there is none: {text}");
}

#[test]
fn workers_that_have_left_are_not_counted() {
    let worker = |name: &str, state, is_saturated| WorkerEntry {
        name: name.to_owned(),
        state,
        threads: 1,
        cores: 1,
        users: 0,
        users_by_class: Vec::new(),
        cpu: 0.0,
        memory_bytes: 0,
        lag_us: 0,
        saturated: 0,
        is_saturated,
    };
    let mut snapshot = sample::snapshot(1, &[]);
    snapshot.workers = vec![
        worker("a", WorkerState::Running, true),
        worker("b", WorkerState::Running, false),
        worker("c", WorkerState::Stopped, false),
    ];
    let text = text_of(snapshot);
    has(&text, r#"katydid_workers{state="running"} 2"#);
    has(&text, r#"katydid_workers{state="missing"} 0"#);
    has(&text, r#"katydid_worker_saturated{worker="a"} 1"#);
    has(&text, r#"katydid_worker_saturated{worker="b"} 0"#);
    assert!(!text.contains(r#"worker="c""#), "{text}");
}

#[test]
fn a_process_without_a_run_tells_of_itself() {
    let text = of_run(None).unwrap();
    has(
        &text,
        &format!(
            "katydid_build_info{{version=\"{}\"}} 1",
            env!("CARGO_PKG_VERSION")
        ),
    );
    assert!(!text.contains("katydid_users"));
    let worker = of_worker(&WorkerVitals {
        throttled_us: 1_500_000,
        reconnects: 2,
        ..WorkerVitals::default()
    });
    let worker = worker.unwrap();
    has(&worker, "katydid_worker_cpu_throttled_seconds_total 1.5");
    has(&worker, "katydid_worker_reconnects_total 2");
    has(&worker, "katydid_worker_connected 0");
}

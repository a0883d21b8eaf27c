//! Arbitrary messages, as honest peers send them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use crate::directive::{Directive, Share};
use crate::fleet::{
    Asset, DataAsset, Heartbeat, Hello, LogLine, MasterMessage, Rows, RunId, RunOrder, Running,
    ScenarioAsset, Welcome, WorkerMessage,
};
use crate::plan::{ArrivalPlan, ArrivalStage, MAX_ARRIVAL_RATE, OnLate, Spacing};
use crate::report::{WorkerReport, WorkerStatus};
use crate::stats::{
    Amount, ArrivalCounts, ArrivalSecond, CheckCounts, ConnectionCounts, CounterSum, Delta, ErrorCounts,
    ErrorKey, ExceptionCounts, ExceptionKey, GaugeSum, LatencyHistogram, LossCounts, MAX_AMOUNT, MetricSums,
    Phases, RateSum, RequestDelta, RequestKey, SecondCounts, TimesDelta, TrendSum,
};
use crate::timetable::Lane;
use crate::wire::limits::{MAX_AMOUNT_SUM, MAX_COUNT, MAX_SUM, MAX_TIME_US, MAX_USERS};

pub(super) fn times(values: &[u64]) -> TimesDelta {
    let mut histogram = LatencyHistogram::new();
    values.iter().for_each(|value| histogram.record(*value));
    TimesDelta {
        sum_us: values.iter().sum(),
        min_us: values.iter().copied().min().unwrap_or(0),
        max_us: values.iter().copied().max().unwrap_or(0),
        buckets: histogram.drain(),
    }
}

fn any_times() -> impl Strategy<Value = TimesDelta> {
    // Short ones, and now and then any, some of which the histogram clamps; those make it large, which takes time.
    prop_oneof![20 => vec(0..20_000u64, 0..20), 1 => vec(0..10_000_000_000u64, 1..20)]
        .prop_map(|values| times(&values))
}

fn text() -> impl Strategy<Value = String> {
    ".{0,12}"
}

fn shared() -> impl Strategy<Value = Arc<str>> {
    "[a-zé/]{1,4}".prop_map(Arc::from)
}

fn run() -> impl Strategy<Value = RunId> {
    "[a-z0-9-]{1,20}".prop_map(Arc::from)
}

fn duration() -> impl Strategy<Value = Duration> {
    (0..=MAX_TIME_US).prop_map(Duration::from_micros)
}

fn users() -> impl Strategy<Value = Vec<u32>> {
    vec(0..10_000u32, 0..8)
}

fn rows() -> impl Strategy<Value = Vec<Rows>> {
    vec(
        (0..1_000_000u64, 0..5_000u64).prop_map(|(start, len)| start..start + len),
        0..5,
    )
}

fn count() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0..1_000u64, 1 => 0..=MAX_COUNT]
}

fn sum() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0..1_000_000u64, 1 => 0..=MAX_SUM]
}

prop_compose! {
    fn phases()(
        sum_us in prop::array::uniform7(sum()),
        max_us in prop::array::uniform7(any::<u32>()),
        count in prop::array::uniform7(count()),
        happened in prop::array::uniform7(any::<bool>()),
    ) -> Phases {
        let mut phases = Phases { sum_us, max_us, count };
        for (index, _) in happened.iter().enumerate().filter(|(_, happened)| !**happened) {
            phases.sum_us[index] = 0;
            phases.max_us[index] = 0;
            phases.count[index] = 0;
        }
        phases
    }
}

prop_compose! {
    fn request()(
        (requests, failures) in (count(), count()),
        (bytes_in, bytes_out) in (sum(), sum()),
        statuses in btree_map(prop_oneof![Just(0u16), 100..600u16, any::<u16>()], count(), 0..4),
        response in any_times(),
        failed in any_times(),
        service in option::of(any_times()),
        phases in phases(),
        seconds in btree_map(any::<u32>(), (count(), count(), prop_oneof![Just(0), count()]), 0..4),
        last_us in 0..=MAX_TIME_US,
    ) -> RequestDelta {
        RequestDelta {
            requests, failures, bytes_in, bytes_out, statuses, response, failed, service, phases, last_us,
            seconds: seconds
                .into_iter()
                .map(|(second, (requests, failures, late))| SecondCounts { second, requests, failures, late })
                .collect(),
        }
    }
}

fn key() -> impl Strategy<Value = RequestKey> {
    (prop::sample::select(vec!["GET", "POST", ""]), shared())
        .prop_map(|(method, name)| RequestKey::new(method, &name))
}

fn occurrences() -> impl Strategy<Value = ErrorCounts> {
    (count(), 0..=MAX_TIME_US, 0..=MAX_TIME_US).prop_map(|(occurrences, a, b)| ErrorCounts {
        occurrences,
        first_us: a.min(b),
        last_us: a.max(b),
    })
}

fn errors() -> impl Strategy<Value = BTreeMap<ErrorKey, ErrorCounts>> {
    let key = (key(), shared()).prop_map(|(request, message)| ErrorKey { request, message });
    btree_map(key, occurrences(), 0..4)
}

fn exceptions() -> impl Strategy<Value = BTreeMap<ExceptionKey, ExceptionCounts>> {
    let key = (shared(), shared()).prop_map(|(message, traceback)| ExceptionKey { message, traceback });
    let nodes =
        vec(0u8..30, 0..20).prop_map(|numbers| numbers.iter().map(|n| format!("w{n}").into()).collect());
    let counts = (occurrences(), nodes).prop_map(|(counts, nodes)| ExceptionCounts { counts, nodes });
    btree_map(key, counts, 0..4)
}

fn trend() -> impl Strategy<Value = TrendSum> {
    vec(prop_oneof![-5_000..5_000i64, -MAX_AMOUNT..=MAX_AMOUNT], 0..8).prop_map(|values| {
        let mut sum = TrendSum::default();
        values.into_iter().for_each(|value| sum.add(value));
        sum
    })
}

prop_compose! {
    fn gauge()(count in 1..=MAX_COUNT, at_us in 0..=MAX_TIME_US, values in vec(-1e12..1e12f64, 3)) -> GaugeSum {
        let mut sum = GaugeSum::once(values[0], at_us);
        values.iter().for_each(|value| sum.merge(&GaugeSum::once(*value, at_us)));
        GaugeSum { count, ..sum }
    }
}

prop_compose! {
    fn metric()(
        counter in option::of((0..=MAX_AMOUNT_SUM, count(), 0..=MAX_TIME_US)),
        gauge in option::of(gauge()),
        rate in option::of((count(), count())),
        trend_values in option::of(trend()),
        time in option::of(trend()),
    ) -> MetricSums {
        MetricSums {
            counter: counter.map(|(sum, count, last_us)| CounterSum { sum: Amount(sum), count, last_us }),
            gauge,
            rate: rate.map(|(a, b)| RateSum { hits: a.min(b), total: a.max(b) }),
            trend: trend_values,
            time,
        }
    }
}

prop_compose! {
    fn losses()(
        folded_requests in count(),
        folded_example in option::of(shared()),
        folded_errors in count(),
        stack_waits in count(),
        killed_iterations in count(),
        skipped_on_stops in count(),
        folded_metrics in count(),
        folded_metric in option::of(shared()),
        folded_tags in count(),
        folded_tag in option::of(shared()),
    ) -> LossCounts {
        LossCounts {
            folded_requests, folded_example, folded_errors, stack_waits, killed_iterations, skipped_on_stops,
            folded_metrics, folded_metric, folded_tags, folded_tag,
        }
    }
}

prop_compose! {
    fn connections()(opened in count(), reused in count(), tls in any::<u64>(), http2 in any::<u64>()) -> ConnectionCounts {
        ConnectionCounts {
            opened, reused, tls_handshakes: tls % (opened + 1), http2: http2 % (opened + 1),
        }
    }
}

fn arrivals() -> impl Strategy<Value = Vec<ArrivalSecond>> {
    btree_map(any::<u32>(), (count(), count(), any::<u64>(), count()), 0..4).prop_map(|seconds| {
        let second = |(second, (planned, started, late, dropped))| ArrivalSecond {
            second,
            counts: ArrivalCounts {
                planned,
                started,
                late: late % (started + 1),
                dropped,
            },
        };
        seconds.into_iter().map(second).collect()
    })
}

prop_compose! {
    pub(super) fn delta()(
        generation in any::<u32>(),
        requests in btree_map(key(), request(), 0..5),
        groups in btree_map(shared(), request(), 0..3),
        tags in btree_map(shared(), request(), 0..3),
        checks in btree_map(shared(), (count(), count()), 0..4),
        metrics in btree_map(shared(), metric(), 0..4),
        errors in errors(),
        exceptions in exceptions(),
        iterations in count(),
        arrivals in arrivals(),
        connections in prop_oneof![Just(ConnectionCounts::default()), connections()],
        losses in prop_oneof![Just(LossCounts::default()), losses()],
    ) -> Delta {
        let checks = checks
            .into_iter()
            .map(|(name, (passes, failures))| (name, CheckCounts { passes, failures }))
            .collect();
        Delta {
            generation, requests, groups, tags, checks, metrics, errors, exceptions, iterations, arrivals, connections,
            losses,
        }
    }
}

prop_compose! {
    fn hello()(
        protocol in any::<u32>(),
        version in text(),
        name in "[a-z-]{1,20}",
        instance in "[0-9a-f]{1,32}",
        cores in 0..512u32,
        threads in 1..512u32,
        open_files in any::<u64>(),
        running in option::of((run(), any::<u64>(), any::<u64>())),
    ) -> Hello {
        Hello {
            protocol, version, name, instance, cores, threads, open_files,
            running: running.map(|(run, epoch, sequence)| Running { run, epoch, sequence }),
        }
    }
}

prop_compose! {
    fn heartbeat()(
        number in any::<u64>(),
        users in 0..=MAX_USERS,
        cpu in 0.0..1.5f64,
        memory_bytes in any::<u64>(),
        lag_us in 0..=MAX_TIME_US,
        throttled_us in 0..=MAX_TIME_US,
    ) -> Heartbeat {
        Heartbeat { number, users, cpu, memory_bytes, lag_us, throttled_us }
    }
}

fn log_line() -> impl Strategy<Value = LogLine> {
    (text(), text(), text(), any::<u64>()).prop_map(|(level, target, text, omitted)| LogLine {
        level,
        target,
        text,
        omitted,
    })
}

fn status() -> impl Strategy<Value = WorkerStatus> {
    (any::<u64>(), users(), any::<bool>(), users()).prop_map(|(epoch, users, settled, retired)| {
        WorkerStatus {
            epoch,
            users,
            settled,
            retired,
        }
    })
}

fn report() -> impl Strategy<Value = WorkerReport> {
    prop_oneof![
        (any::<u64>(), delta()).prop_map(|(sequence, delta)| WorkerReport::Delta {
            sequence,
            delta: Box::new(delta)
        }),
        status().prop_map(WorkerReport::Status),
        text().prop_map(|reason| WorkerReport::StopRequested { reason }),
        (shared(), any::<u64>(), any::<u32>()).prop_map(|(data, len, count)| WorkerReport::RowsWanted {
            data,
            len,
            count
        }),
        (shared(), rows()).prop_map(|(data, rows)| WorkerReport::RowsReturned { data, rows }),
        text().prop_map(WorkerReport::Warning),
        Just(WorkerReport::Stopped),
        text().prop_map(WorkerReport::Failed),
    ]
}

pub(super) fn worker_message() -> impl Strategy<Value = WorkerMessage> {
    prop_oneof![
        1 => hello().prop_map(WorkerMessage::Hello),
        1 => run().prop_map(|run| WorkerMessage::Ready { run }),
        1 => (run(), text()).prop_map(|(run, why)| WorkerMessage::Unable { run, why }),
        8 => (run(), report()).prop_map(|(run, report)| WorkerMessage::Report { run, report }),
        1 => heartbeat().prop_map(WorkerMessage::Heartbeat),
        1 => Just(WorkerMessage::Draining),
        1 => log_line().prop_map(WorkerMessage::Log),
    ]
}

fn asset() -> impl Strategy<Value = Asset> {
    (any::<[u8; 32]>(), 0..1_000_000u64).prop_map(|(sha256, bytes)| Asset { sha256, bytes })
}

prop_compose! {
    fn order()(
        run in run(),
        scenarios in vec((text(), any::<u32>(), asset()), 0..3),
        data in vec(("[a-z]{1,4}(/[a-z.]{1}[a-z]{1,4}){0,2}", any::<u32>(), asset()), 0..3),
        host in option::of(text()),
        parameters in btree_map(text(), text(), 0..3),
        environment in btree_map(text(), text(), 0..3),
        (classes, tags, exclude_tags) in (vec(text(), 0..3), vec(text(), 0..3), vec(text(), 0..3)),
    ) -> RunOrder {
        let scenarios = scenarios
            .into_iter()
            .map(|(name, folder, asset)| ScenarioAsset { name, folder, asset })
            .collect();
        let data = data.into_iter().map(|(path, folder, asset)| DataAsset { path, folder, asset }).collect();
        RunOrder { run, scenarios, data, host, parameters, environment, classes, tags, exclude_tags }
    }
}

prop_compose! {
    fn share()(
        (epoch, plan) in any::<(u64, u64)>(),
        users in users(),
        from in duration(),
        rate in prop_oneof![0.001..10_000.0f64, Just(f64::MIN_POSITIVE), Just(f64::MAX)],
        stride in 1.0..1e6f64,
        offset in 0.0..1e6f64,
        stop_timeout in duration(),
        lane in option::of(lane()),
    ) -> Share {
        Share { epoch, plan, users, from, rate, offset, stride, stop_timeout, lane }
    }
}

prop_compose! {
    fn lane()(
        first in 0..=MAX_COUNT,
        round in 1..1_000u32,
        places in prop::collection::btree_set(any::<u32>(), 0..6),
        (turn, turns) in (any::<u32>(), 1..100u32),
    ) -> Lane {
        let mut places: Vec<u32> = places.into_iter().map(|place| place % round).collect();
        places.sort_unstable();
        places.dedup();
        Lane { first, round, places, turn: turn % turns, turns }
    }
}

prop_compose! {
    fn arrival_plan()(
        stages in vec((1..=MAX_TIME_US, 0.0..=MAX_ARRIVAL_RATE, 0.0..=MAX_ARRIVAL_RATE, any::<bool>()), 1..5),
        endless in any::<bool>(),
        drops in any::<bool>(),
    ) -> ArrivalPlan {
        let mut stages: Vec<_> = stages
            .into_iter()
            .map(|(us, rate, to, poisson)| ArrivalStage {
                duration: Some(Duration::from_micros(us)),
                rate,
                to,
                spacing: if poisson { Spacing::Poisson } else { Spacing::Constant },
            })
            .collect();
        if let Some(last) = stages.last_mut().filter(|_| endless) {
            *last = ArrivalStage { duration: None, to: last.rate, ..*last };
        }
        ArrivalPlan { stages, on_late: if drops { OnLate::Drop } else { OnLate::Start } }
    }
}

fn directive() -> impl Strategy<Value = Directive> {
    prop_oneof![
        (
            duration(),
            option::of(text()),
            option::of(duration()),
            option::of(arrival_plan())
        )
            .prop_map(|(elapsed, setup, run_time, arrivals)| {
                Directive::Begin {
                    elapsed,
                    setup: setup.map(Arc::from),
                    run_time,
                    arrivals: arrivals.map(Arc::new),
                }
            }),
        share().prop_map(Directive::Share),
        (1..1_000u32, any::<u32>()).prop_map(|(count, index)| Directive::Partition {
            index: index % count,
            count
        }),
        (shared(), rows(), any::<bool>()).prop_map(|(data, rows, exhausted)| Directive::Rows {
            data,
            rows,
            exhausted
        }),
        any::<u32>().prop_map(|generation| Directive::ResetStats { generation }),
        duration().prop_map(|grace| Directive::Stop { grace }),
    ]
}

pub(super) fn master_message() -> impl Strategy<Value = MasterMessage> {
    let welcome =
        ("[a-z-]{1,20}", 1_000..=MAX_TIME_US, duration()).prop_map(|(name, every, master_grace)| Welcome {
            name,
            heartbeat_every: Duration::from_micros(every),
            master_grace,
        });
    prop_oneof![
        1 => welcome.prop_map(MasterMessage::Welcome),
        1 => (text(), any::<bool>()).prop_map(|(why, retry)| MasterMessage::Refused { why, retry }),
        2 => order().prop_map(|order| MasterMessage::Prepare(Arc::new(order))),
        6 => (run(), directive()).prop_map(|(run, directive)| MasterMessage::Directive { run, directive }),
        1 => (run(), any::<u64>()).prop_map(|(run, sequence)| MasterMessage::Acknowledge { run, sequence }),
        1 => (any::<u64>(), option::of(duration()))
            .prop_map(|(number, elapsed)| MasterMessage::HeartbeatReply { number, elapsed }),
        1 => run().prop_map(|run| MasterMessage::Dismiss { run }),
        1 => Just(MasterMessage::Leave),
        1 => Just(MasterMessage::Goodbye),
    ]
}

//! What no honest peer sends is refused, in words that name the field.

use prost::Message;

use super::{read_master, read_worker};
use crate::fleet::{Asset, MasterMessage, RunOrder, WorkerMessage};
use crate::stats::Delta;
use crate::wire::limits::{
    MAX_ASSET_BYTES, MAX_CLASSES, MAX_COUNT, MAX_DELTA_ERRORS, MAX_DELTA_NAMES, MAX_ENTRIES, MAX_ID_BYTES,
    MAX_ROW_RANGES, MAX_TEXT_BYTES, MAX_TIME_US,
};
use crate::wire::proto::{
    master_message::Message as Down, report::Report, run_directive::Directive, worker_message::Message as Up,
};
use crate::wire::{decode_delta, proto, requested_asset};

fn down(message: Down) -> String {
    why(MasterMessage::try_from(proto::MasterMessage {
        message: Some(message),
    }))
}

fn up(message: Up) -> String {
    why(WorkerMessage::try_from(proto::WorkerMessage {
        message: Some(message),
    }))
}

fn directive(directive: Directive) -> String {
    down(Down::Directive(proto::RunDirective {
        run: "r".to_owned(),
        directive: Some(directive),
    }))
}

fn report(report: Report) -> String {
    up(Up::Report(proto::Report {
        run: "r".to_owned(),
        report: Some(report),
    }))
}

fn delta(delta: &proto::Delta) -> String {
    let bytes = delta.encode_to_vec();
    let why = why(decode_delta(&bytes));
    let sequenced = proto::SequencedDelta {
        sequence: 1,
        delta: bytes.into(),
    };
    assert_eq!(report(Report::Delta(sequenced)), why);
    why
}

fn request(change: impl FnOnce(&mut proto::RequestDelta)) -> String {
    let mut request = proto::RequestDelta::default();
    change(&mut request);
    delta(&proto::Delta {
        strings: vec![String::new()],
        requests: vec![request],
        ..proto::Delta::default()
    })
}

fn times(change: impl FnOnce(&mut proto::Times)) -> String {
    let mut times = proto::Times {
        sum_us: 10,
        min_us: 5,
        max_us: 5,
        buckets: vec![5, 2],
        clamped: 0,
    };
    change(&mut times);
    request(|request| request.response = Some(times))
}

fn why<T, E: ToString>(result: Result<T, E>) -> String {
    result
        .err()
        .map_or("accepted".to_owned(), |error| error.to_string())
}

#[test]
fn kinds_of_a_newer_version() {
    let newer = "is of a kind that only a newer version of Katydid knows";
    // Field 15, an empty message: what this version would see of a kind of message it does not know.
    let unknown = [0x7a, 0];
    assert_eq!(why(read_worker(&unknown)), format!("WorkerMessage {newer}"));
    assert_eq!(why(read_master(&unknown)), format!("MasterMessage {newer}"));
    assert_eq!(
        up(Up::Report(proto::Report {
            run: "r".to_owned(),
            report: None
        })),
        format!("Report {newer}")
    );
    assert_eq!(
        down(Down::Directive(proto::RunDirective {
            run: "r".to_owned(),
            directive: None
        })),
        format!("RunDirective {newer}")
    );
}

#[test]
fn fields_of_a_newer_version_are_read_over() {
    let mut bytes = proto::MasterMessage {
        message: Some(Down::Leave(proto::Leave {})),
    }
    .encode_to_vec();
    bytes.extend([0xa0, 0x06, 1]);
    assert_eq!(read_master(&bytes), Ok(MasterMessage::Leave));
    assert_eq!(decode_delta(&[0xa0, 0x06, 1]), Ok(Delta::default()));
}

#[test]
fn bytes_that_are_no_message() {
    assert!(why(decode_delta(&[0x0f])).starts_with("this is no message of Katydid's protocol: "));
}

#[test]
fn identities() {
    let hello = proto::Hello {
        name: "w".to_owned(),
        instance: "i".to_owned(),
        threads: 1,
        ..proto::Hello::default()
    };
    let of = |change: fn(&mut proto::Hello)| {
        let mut hello = hello.clone();
        change(&mut hello);
        up(Up::Hello(hello))
    };
    assert_eq!(of(|_| ()), "accepted");
    assert_eq!(of(|hello| hello.name.clear()), "Hello.name is missing");
    assert_eq!(of(|hello| hello.instance.clear()), "Hello.instance is missing");
    assert_eq!(
        of(|hello| hello.name = "x".repeat(MAX_ID_BYTES + 1)),
        "Hello.name has 257 bytes, more than the 256 that are accepted"
    );
    assert_eq!(
        of(|hello| hello.threads = 0),
        "Hello.threads is 0; it must be 1 to 65536"
    );
    assert_eq!(
        of(|hello| hello.running = Some(proto::Running::default())),
        "Running.run is missing"
    );
    assert_eq!(
        up(Up::Ready(proto::Ready { run: String::new() })),
        "Ready.run is missing"
    );
}

#[test]
fn heartbeats() {
    for cpu in [f64::NAN, f64::INFINITY, -0.1, 1e9] {
        let heartbeat = proto::Heartbeat {
            cpu,
            ..proto::Heartbeat::default()
        };
        assert_eq!(
            up(Up::Heartbeat(heartbeat)),
            format!("Heartbeat.cpu is {cpu}; it must be a share of the worker's cores")
        );
    }
    let welcome = proto::Welcome {
        name: "w".to_owned(),
        ..proto::Welcome::default()
    };
    assert!(
        down(Down::Welcome(welcome))
            .starts_with("Welcome.heartbeat_every_us is 0; it must be 1000 to 31622400")
    );
}

#[test]
fn texts() {
    let refused = proto::Refused {
        why: "x".repeat(MAX_TEXT_BYTES + 1),
        retry: false,
    };
    assert_eq!(
        down(Down::Refused(refused)),
        "Refused.why has 65537 bytes, more than the 65536 that are accepted"
    );
}

#[test]
fn shares() {
    let share = proto::Share {
        rate_per_sec: 1.0,
        stride: 2.0,
        offset: 1.0,
        ..proto::Share::default()
    };
    let of = |change: fn(&mut proto::Share)| {
        let mut share = share.clone();
        change(&mut share);
        directive(Directive::Share(share))
    };
    assert_eq!(of(|_| ()), "accepted");
    for (rate, text) in [
        (0.0, "0"),
        (-1.0, "-1"),
        (f64::NAN, "NaN"),
        (f64::INFINITY, "inf"),
    ] {
        let share = proto::Share {
            rate_per_sec: rate,
            ..share.clone()
        };
        assert_eq!(
            directive(Directive::Share(share)),
            format!("Share.rate_per_sec is {text}; it must be finite and above 0")
        );
    }
    assert_eq!(
        of(|share| share.stride = 0.5),
        "Share.stride is 0.5; it must be finite and not below 1"
    );
    assert_eq!(
        of(|share| share.offset = f64::NAN),
        "Share.offset is NaN; it must be finite and not below 0"
    );
    assert_eq!(
        of(|share| share.users = vec![0; MAX_CLASSES + 1]),
        "Share.users has 10001 entries, more than the 10000 that are accepted"
    );
    assert_eq!(
        of(|share| share.users = vec![u32::MAX; 3]),
        "Share.users is 12884901885; it must be 0 to 10000000"
    );
    assert!(of(|share| share.from_us = MAX_TIME_US + 1).starts_with("Share.from_us is 31622400"));
    assert!(of(|share| share.stop_timeout_us = u64::MAX).starts_with("Share.stop_timeout_us is "));
    assert_eq!(
        directive(Directive::Partition(proto::Partition { index: 0, count: 0 })),
        "Partition.count is 0; it must be 1 to 1000000"
    );
}

#[test]
fn lanes() {
    let lane = proto::Lane {
        round: 4,
        places: vec![0, 2],
        turns: 2,
        ..proto::Lane::default()
    };
    let of = |change: fn(&mut proto::Lane)| {
        let mut lane = lane.clone();
        change(&mut lane);
        let share = proto::Share {
            rate_per_sec: 1.0,
            stride: 1.0,
            lane: Some(lane),
            ..proto::Share::default()
        };
        directive(Directive::Share(share))
    };
    assert_eq!(of(|_| ()), "accepted");
    assert!(of(|lane| lane.round = 0).starts_with("Lane.round is 0"));
    assert_eq!(of(|lane| lane.round = 2), "Lane.places is 2; it must be below 2");
    assert_eq!(
        of(|lane| lane.places = vec![2, 2]),
        "Lane.places is not ascending; it must be ascending"
    );
    assert!(of(|lane| lane.turn = 2).starts_with("Lane.turn is 2"));
    assert!(of(|lane| lane.turns = 0).starts_with("Lane.turns is 0"));
    assert!(of(|lane| lane.first = u64::MAX).starts_with("Lane.first is "));
}

#[test]
fn arrival_plans() {
    let stage = proto::ArrivalStage {
        duration_us: Some(1),
        rate_per_sec: 1.0,
        to_per_sec: 2.0,
        poisson: false,
    };
    let of = |change: fn(&mut proto::ArrivalStage)| {
        let mut changed = stage;
        change(&mut changed);
        let arrivals = Some(proto::Arrivals {
            stages: vec![changed, stage],
            drop_late: false,
        });
        directive(Directive::Begin(proto::Begin {
            arrivals,
            ..proto::Begin::default()
        }))
    };
    assert_eq!(of(|_| ()), "accepted");
    assert!(of(|stage| stage.rate_per_sec = f64::NAN).starts_with("ArrivalStage.rate_per_sec is NaN"));
    assert!(of(|stage| stage.to_per_sec = -1.0).starts_with("ArrivalStage.to_per_sec is -1"));
    assert!(of(|stage| stage.to_per_sec = 1e300).starts_with("ArrivalStage.to_per_sec is 1"));
    assert!(of(|stage| stage.duration_us = Some(0)).starts_with("ArrivalStage.duration_us is 0"));
    assert_eq!(
        of(|stage| stage.duration_us = None),
        "ArrivalStage.duration_us is absent; it must be there, but for a last stage of one rate"
    );
    let arrivals = Some(proto::Arrivals::default());
    let empty = directive(Directive::Begin(proto::Begin {
        arrivals,
        ..proto::Begin::default()
    }));
    assert!(empty.contains("Arrivals.stages"), "{empty}");
}

#[test]
fn rows() {
    let rows = |rows: Vec<(u64, u64)>| {
        directive(Directive::Rows(proto::Rows {
            data: "d".to_owned(),
            rows: rows
                .into_iter()
                .map(|(start, end)| proto::RowRange { start, end })
                .collect(),
            exhausted: false,
        }))
    };
    assert_eq!(rows(vec![(3, 5), (0, 1)]), "accepted");
    assert_eq!(
        rows(vec![(5, 3)]),
        "Rows.rows is 5 to 3; it must be ranges that do not end before they start"
    );
    assert_eq!(
        rows(vec![(0, u64::MAX), (0, 1)]),
        "Rows.rows is more rows than can be counted; it must be rows of one data set"
    );
    assert_eq!(
        rows(vec![(0, 1); MAX_ROW_RANGES + 1]),
        "Rows.rows has 100001 ranges, more than the 100000 that are accepted"
    );
    let wanted = proto::RowsWanted::default();
    assert_eq!(report(Report::RowsWanted(wanted)), "RowsWanted.data is missing");
}

#[test]
fn assets() {
    let asset = |sha256: usize, bytes| {
        why(Asset::try_from(proto::Asset {
            sha256: vec![0; sha256],
            bytes,
        }))
    };
    assert_eq!(asset(32, MAX_ASSET_BYTES), "accepted");
    assert_eq!(
        asset(31, 0),
        "Asset.sha256 is 31 bytes long; it must be 32 bytes long"
    );
    assert_eq!(
        asset(32, MAX_ASSET_BYTES + 1),
        "Asset.bytes is 268435457; it must be 0 to 268435456"
    );
    assert_eq!(
        requested_asset(&proto::AssetRequest { sha256: vec![7; 32] }),
        Ok([7; 32])
    );
    assert!(requested_asset(&proto::AssetRequest::default()).is_err());
}

#[test]
fn orders() {
    let order = proto::RunOrder {
        run: "r".to_owned(),
        ..proto::RunOrder::default()
    };
    let with_path = |path: &str| {
        why(RunOrder::try_from(proto::RunOrder {
            data: vec![proto::DataAsset {
                path: path.to_owned(),
                folder: 0,
                asset: Some(proto::Asset {
                    sha256: vec![0; 32],
                    bytes: 0,
                }),
            }],
            ..order.clone()
        }))
    };
    for path in ["a.csv", "./a/b.csv", "a..b"] {
        assert_eq!(with_path(path), "accepted");
    }
    for path in ["", "/etc/passwd", "..", "../a", "a/../../b", "a\0b"] {
        assert_eq!(
            with_path(path),
            format!(
                "DataAsset.path is `{}`; it must be a path below its folder",
                path.escape_default()
            )
        );
    }
    let scenario = proto::RunOrder {
        scenarios: vec![proto::ScenarioAsset::default()],
        ..order.clone()
    };
    assert_eq!(
        why(RunOrder::try_from(scenario)),
        "ScenarioAsset.asset is missing"
    );
    let many = proto::RunOrder {
        tags: vec![String::new(); MAX_ENTRIES + 1],
        ..order
    };
    assert_eq!(
        why(RunOrder::try_from(many)),
        "RunOrder.tags has 10001 entries, more than the 10000 that are accepted"
    );
}

#[test]
fn histograms() {
    assert_eq!(times(|_| ()), "accepted");
    let no_buckets = |buckets: &[u64]| times(|times| times.buckets = buckets.to_vec());
    for buckets in [
        &[0, 1][..],
        &[5, 0],
        &[5, 1, 0, 1],
        &[2_049, 1],
        &[3_600_000_001, 1],
    ] {
        assert!(
            no_buckets(buckets).starts_with("Times.buckets is a list of buckets that no histogram has;"),
            "{buckets:?}"
        );
    }
    assert!(no_buckets(&[5, 1, 5]).starts_with("Times.buckets is an odd number of values;"));
    assert!(no_buckets(&[5, 1, u64::MAX, 1]).starts_with("Times.buckets is beyond any time;"));
    assert!(no_buckets(&[5, MAX_COUNT, 1, 1]).starts_with("Times.buckets is 1099511627777;"));
    assert!(no_buckets(&[5, u64::MAX, 1, 1]).starts_with("Times.buckets is "));
    assert_eq!(
        times(|times| times.min_us = 6),
        "Times.min_us is 6; it must be 0 to 5"
    );
    assert!(times(|times| times.clamped = 3).starts_with("Times.buckets is "));
    assert!(times(|times| times.sum_us = u64::MAX).starts_with("Times.sum_us is "));
    assert!(times(|times| times.max_us = u64::MAX).starts_with("Times.max_us is "));
}

#[test]
fn requests() {
    assert_eq!(request(|_| ()), "accepted");
    assert!(request(|request| request.requests = u64::MAX).starts_with("RequestDelta.requests is "));
    assert!(request(|request| request.bytes_in = u64::MAX).starts_with("RequestDelta.bytes_in is "));
    assert!(request(|request| request.last_us = u64::MAX).starts_with("RequestDelta.last_us is "));
    assert_eq!(
        request(|request| request.name = 1),
        "RequestDelta.name is 1; it must be below 1, the number of texts"
    );
    assert_eq!(
        request(|request| request.statuses = vec![200, 1, 0, 1]),
        "RequestDelta.statuses is not ascending; it must be ascending"
    );
    assert_eq!(
        request(|request| request.statuses = vec![200]),
        "RequestDelta.statuses is 1 values long; it must be a list of groups of 2"
    );
    assert!(request(|request| request.statuses = vec![65_536, 1]).starts_with("RequestDelta.statuses is "));
    assert_eq!(
        request(|request| request.phases = vec![7, 1, 1, 1]),
        "RequestDelta.phases is 7; it must be phases 0 to 6, ascending"
    );
    assert!(request(|request| request.phases = vec![1, 1, 1, 1, 0, 1, 1, 1]).contains("phases is 0"));
    assert!(request(|request| request.phases = vec![0, 1, 1 << 32, 1]).contains("below 2^32"));
    assert!(request(|request| request.seconds = vec![1, 1, 0, 0, 1, 0]).contains("not ascending"));
    assert!(request(|request| request.seconds = vec![u64::MAX, 1, 0, 2, 1, 0]).contains("seconds is"));
    assert!(request(|request| request.late = vec![1]).contains("RequestDelta.late"));
}

#[test]
fn arrivals_of_deltas() {
    let of = |arrivals: Vec<u64>| {
        delta(&proto::Delta {
            arrivals,
            ..proto::Delta::default()
        })
    };
    assert_eq!(of(vec![3, 2, 1, 1, 0, 1, 2, 2, 0, 0]), "accepted");
    assert!(of(vec![3, 2]).contains("groups of 5"));
    assert!(of(vec![3, 1, 1, 0, 0, 0, 1, 1, 0, 0]).contains("not ascending"));
    assert!(of(vec![u64::from(u32::MAX) + 1, 0, 0, 0, 0]).contains("a second of the run"));
    assert!(of(vec![0, 1, 1, 2, 0]).starts_with("Delta.arrivals is 2; it must be 0 to 1"));
    assert!(of(vec![0, u64::MAX, 0, 0, 0]).starts_with("Delta.arrivals is "));
}

#[test]
fn lists_of_deltas() {
    let strings = vec![String::new(), "x".repeat(4_097)];
    assert_eq!(
        delta(&proto::Delta {
            strings,
            ..proto::Delta::default()
        }),
        "Delta.strings has 4097 bytes, more than the 4096 that are accepted"
    );
    let twice = proto::Delta {
        strings: vec![String::new()],
        checks: vec![proto::Check::default(); 2],
        ..proto::Delta::default()
    };
    assert_eq!(
        delta(&twice),
        "Delta.checks is a list with repetitions; it must be a list of different entries"
    );
    let names = proto::Delta {
        requests: vec![proto::RequestDelta::default(); MAX_DELTA_NAMES + 1],
        ..proto::Delta::default()
    };
    assert_eq!(
        delta(&names),
        "Delta.requests has 64001 entries, more than the 64000 that are accepted"
    );
    let errors = proto::Delta {
        errors: vec![proto::Error::default(); MAX_DELTA_ERRORS + 1],
        ..proto::Delta::default()
    };
    assert_eq!(
        delta(&errors),
        "Delta.errors has 32001 entries, more than the 32000 that are accepted"
    );
    let error = |occurrences| {
        delta(&proto::Delta {
            strings: vec![String::new()],
            exceptions: vec![proto::Exception {
                occurrences,
                ..proto::Exception::default()
            }],
            ..proto::Delta::default()
        })
    };
    assert_eq!(error(None), "Exception.occurrences is missing");
    assert_eq!(
        error(Some(proto::Occurrences {
            count: 1,
            first_us: 2,
            last_us: 1
        })),
        "Occurrences.first_us is 2; it must be 0 to 1"
    );
    let losses = proto::Delta {
        losses: Some(proto::Losses {
            folded_example: Some(0),
            ..proto::Losses::default()
        }),
        ..proto::Delta::default()
    };
    assert_eq!(
        delta(&losses),
        "Losses.folded_example is 0; it must be below 0, the number of texts"
    );
    let connections = proto::Delta {
        connections: Some(proto::Connections {
            opened: 3,
            http2: 4,
            ..proto::Connections::default()
        }),
        ..proto::Delta::default()
    };
    assert_eq!(delta(&connections), "Connections.http2 is 4; it must be 0 to 3");
}

#[test]
fn metrics() {
    let of = |change: &dyn Fn(&mut proto::Metric)| {
        let mut metric = proto::Metric::default();
        change(&mut metric);
        delta(&proto::Delta {
            strings: vec!["m".to_owned()],
            metrics: vec![metric],
            ..proto::Delta::default()
        })
    };
    let counter = |low, high| {
        of(&|metric| {
            metric.counter = Some(proto::CounterSum {
                sum: Some(proto::Amount { low, high }),
                ..proto::CounterSum::default()
            });
        })
    };
    assert_eq!(counter(u64::MAX, 7), "accepted");
    assert_eq!(
        counter(0, -1),
        "CounterSum.sum is -18446744073709551616; it must be 0 or more"
    );
    assert!(counter(0, i64::MAX).ends_with("it must be within 2^100 of zero"));
    let gauge = |count, min, last, max| {
        of(&|metric| {
            metric.gauge = Some(proto::GaugeSum {
                count,
                at_us: 1,
                last,
                min,
                max,
            });
        })
    };
    assert_eq!(gauge(1, -1.0, 0.0, 1.0), "accepted");
    for refused in [
        gauge(0, -1.0, 0.0, 1.0),
        gauge(1, 1.0, 0.0, 1.0),
        gauge(1, f64::NAN, 0.0, 1.0),
        gauge(1, 0.0, 0.0, f64::INFINITY),
    ] {
        assert!(refused.starts_with("GaugeSum."), "{refused}");
    }
    let rate = of(&|metric| metric.rate = Some(proto::RateSum { hits: 2, total: 1 }));
    assert_eq!(rate, "RateSum.hits is 2; it must be 0 to 1");
    let trend = |min, max, buckets: &[i64]| {
        of(&|metric| {
            metric.time = Some(proto::TrendSum {
                sum: None,
                min,
                max,
                buckets: buckets.to_vec(),
            });
        })
    };
    assert_eq!(trend(-5, 7, &[-5, 2, 12, 1]), "accepted");
    for refused in [
        trend(8, 7, &[5, 1]),
        trend(i64::MIN, 7, &[5, 1]),
        trend(5, 5, &[5]),
        trend(5, 5, &[5, 0]),
        trend(5, 5, &[5, -1]),
        trend(5, 5, &[5, 1, -1, 1]),
        trend(5, 5, &[2_049, 1]),
        trend(5, 5, &[i64::MAX, 1, 1, 1]),
    ] {
        assert!(refused.starts_with("TrendSum."), "{refused}");
    }
}

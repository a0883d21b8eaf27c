//! What is sent arrives.

use std::time::Duration;

use proptest::prelude::*;

use super::strategies::{delta, master_message, times, worker_message};
use super::{master_bytes, read_master, read_worker, worker_bytes};
use crate::directive::Directive;
use crate::fleet::{MasterMessage, WorkerMessage};
use crate::report::WorkerReport;
use crate::stats::{Delta, ErrorCounts, ErrorKey, ExceptionKey, RequestDelta, RequestKey, TimesDelta};
use crate::wire::limits::{MAX_DELTA_TEXT_BYTES, MAX_TEXT_BYTES, MAX_TIME_US};
use crate::wire::{decode_delta, encode_delta};

proptest! {
    #[test]
    fn workers_messages(message in worker_message()) {
        prop_assert_eq!(read_worker(&worker_bytes(&message)), Ok(message));
    }

    #[test]
    fn masters_messages(message in master_message()) {
        prop_assert_eq!(read_master(&master_bytes(&message)), Ok(message));
    }

    #[test]
    fn deltas_of_the_journal(delta in delta()) {
        prop_assert_eq!(decode_delta(&encode_delta(&delta)), Ok(delta));
    }
}

#[test]
fn nothing_measured_is_nothing_sent() {
    assert_eq!(encode_delta(&Delta::default()), Vec::<u8>::new());
    assert_eq!(decode_delta(&[]), Ok(Delta::default()));
}

#[test]
fn service_times_of_nothing_differ_from_no_service_times() {
    for service in [None, Some(TimesDelta::default()), Some(times(&[3]))] {
        let request = RequestDelta {
            service,
            ..RequestDelta::default()
        };
        let delta = Delta {
            requests: [(RequestKey::new("GET", "/"), request)].into(),
            ..Delta::default()
        };
        assert_eq!(decode_delta(&encode_delta(&delta)), Ok(delta));
    }
}

#[test]
fn texts_for_people_are_cut_to_what_is_accepted() {
    let report = |text: String| WorkerMessage::Report {
        run: "r".into(),
        report: WorkerReport::Warning(text),
    };
    let Ok(WorkerMessage::Report {
        report: WorkerReport::Warning(text),
        ..
    }) = read_worker(&worker_bytes(&report("é".repeat(MAX_TEXT_BYTES))))
    else {
        panic!("a long warning does not arrive");
    };
    assert!(text.ends_with('…') && text.len() <= MAX_TEXT_BYTES);
}

#[test]
fn endless_durations_arrive_as_the_longest() {
    let stop = |grace| MasterMessage::Directive {
        run: "r".into(),
        directive: Directive::Stop { grace },
    };
    assert_eq!(
        read_master(&master_bytes(&stop(Duration::MAX))),
        Ok(stop(Duration::from_micros(MAX_TIME_US)))
    );
}

#[test]
fn names_too_long_to_send_are_cut_and_their_requests_added_up() {
    let long = "x".repeat(MAX_DELTA_TEXT_BYTES);
    let request = |requests| RequestDelta {
        requests,
        response: times(&[requests]),
        ..RequestDelta::default()
    };
    let key = |tail: &str| RequestKey::new("GET", &format!("{long}{tail}"));
    let delta = Delta {
        requests: [
            (key("1"), request(1)),
            (key("2"), request(2)),
            (RequestKey::new("GET", "/"), request(4)),
        ]
        .into(),
        groups: [(format!("{long}1").into(), request(8))].into(),
        tags: [
            (format!("{long}1").into(), request(16)),
            (format!("{long}2").into(), request(32)),
        ]
        .into(),
        errors: ["1", "2"]
            .map(|tail| {
                let key = ErrorKey {
                    request: key(tail),
                    message: "no".into(),
                };
                (key, ErrorCounts::once(5))
            })
            .into(),
        exceptions: ["1", "2"]
            .map(|tail| {
                let key = ExceptionKey {
                    message: "no".into(),
                    traceback: format!("{long}{tail}").into(),
                };
                (key, ErrorCounts::once(5).into())
            })
            .into(),
        iterations: 3,
        ..Delta::default()
    };
    let arrived = decode_delta(&encode_delta(&delta)).unwrap();
    let cut = RequestKey::new("GET", &format!("{}…", &long[3..]));
    assert_eq!(arrived.requests.len(), 2);
    assert_eq!(arrived.requests[&cut].requests, 3);
    assert_eq!(arrived.requests[&cut].response.sum_us, 3);
    assert_eq!(arrived.groups.values().next().unwrap().requests, 8);
    assert_eq!(arrived.tags.values().next().unwrap().requests, 48);
    assert_eq!(arrived.errors.values().next().unwrap().occurrences, 2);
    assert_eq!(arrived.exceptions.values().next().unwrap().counts.occurrences, 2);
    assert_eq!(arrived.iterations, 3);
}

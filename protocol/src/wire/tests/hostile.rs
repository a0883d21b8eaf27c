//! Whatever arrives, nothing panics, and what is accepted can be used.

use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use proptest::strategy::ValueTree;

use super::strategies::{delta, master_message, worker_message};
use super::{master_bytes, read_master, read_worker, worker_bytes};
use crate::directive::Directive;
use crate::fleet::{MasterMessage, WorkerMessage};
use crate::report::WorkerReport;
use crate::stats::{Delta, LatencyHistogram};
use crate::wire::{decode_delta, encode_delta};

/// Does with a message what its receiver would; it must not overflow.
fn use_master(message: &MasterMessage) {
    if let MasterMessage::Directive { directive, .. } = message {
        match directive {
            Directive::Begin { elapsed, .. } => assert!(SystemTime::now().checked_sub(*elapsed).is_some()),
            Directive::Share(share) => {
                let part = share.part(share.users.clone(), 3, &[1; 64]);
                let _ = SystemTime::now() + part.due(u32::MAX) + share.stop_timeout;
            }
            Directive::Stop { grace } => assert!(SystemTime::now().checked_add(*grace).is_some()),
            _ => {}
        }
    }
}

fn use_worker(message: &WorkerMessage) {
    if let WorkerMessage::Report { report, .. } = message {
        match report {
            WorkerReport::Delta { delta, .. } => use_delta(delta),
            WorkerReport::Status(status) => assert!(status.total_users() < u32::MAX / 400),
            _ => {}
        }
    }
}

fn use_delta(delta: &Delta) {
    let mut sum = Delta::default();
    sum.merge(delta.clone());
    sum.merge(delta.clone());
    let mut histogram = LatencyHistogram::new();
    let rows = delta.requests.values();
    for request in rows.chain(delta.groups.values()).chain(delta.tags.values()) {
        let times = [
            Some(&request.response),
            Some(&request.failed),
            request.service.as_ref(),
        ];
        for times in times.into_iter().flatten() {
            let before = histogram.count();
            histogram.add(&times.buckets);
            assert_eq!(histogram.count() - before, times.buckets.count());
            let median = histogram.quantile_us(0.5).unwrap_or(0);
            let _ = median.clamp(times.min_us, times.max_us);
        }
        let _ = SystemTime::UNIX_EPOCH + Duration::from_micros(request.last_us);
    }
}

fn read_all(bytes: &[u8]) {
    if let Ok(message) = read_worker(bytes) {
        use_worker(&message);
    }
    if let Ok(message) = read_master(bytes) {
        use_master(&message);
    }
    if let Ok(delta) = decode_delta(bytes) {
        use_delta(&delta);
    }
}

/// Overwrites, removes and repeats bytes.
fn mutated(mut bytes: Vec<u8>, changes: &[(prop::sample::Index, u8, u8)]) -> Vec<u8> {
    for (at, kind, value) in changes {
        if bytes.is_empty() {
            break;
        }
        let at = at.index(bytes.len());
        match kind % 5 {
            0 => bytes[at] = *value,
            1 => bytes[at] ^= 1 << (value % 8),
            2 => bytes.insert(at, *value),
            3 => drop(bytes.remove(at)),
            _ => bytes.truncate(at),
        }
    }
    bytes
}

fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, u8, u8)>> {
    prop::collection::vec(any::<(prop::sample::Index, u8, u8)>(), 1..6)
}

proptest! {
    #[test]
    fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        read_all(&bytes);
    }

    #[test]
    fn mutated_messages_of_workers(message in worker_message(), changes in changes()) {
        read_all(&mutated(worker_bytes(&message), &changes));
    }

    #[test]
    fn mutated_messages_of_the_master(message in master_message(), changes in changes()) {
        read_all(&mutated(master_bytes(&message), &changes));
    }

    #[test]
    fn mutated_deltas(delta in delta(), changes in changes()) {
        read_all(&mutated(encode_delta(&delta), &changes));
    }
}

#[test]
fn every_beginning_of_a_message_is_read_or_refused() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..20 {
        let delta = delta().new_tree(&mut runner).unwrap().current();
        let bytes = encode_delta(&delta);
        (0..bytes.len()).for_each(|end| drop(decode_delta(&bytes[..end])));
        let message = worker_message().new_tree(&mut runner).unwrap().current();
        let bytes = worker_bytes(&message);
        (0..bytes.len()).for_each(|end| drop(read_worker(&bytes[..end])));
        let message = master_message().new_tree(&mut runner).unwrap().current();
        let bytes = master_bytes(&message);
        (0..bytes.len()).for_each(|end| drop(read_master(&bytes[..end])));
    }
}

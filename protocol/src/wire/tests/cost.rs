//! What a second of one worker costs on the wire.

use crate::stats::{Delta, LossCounts, Phases, RequestDelta, RequestKey, SecondCounts};
use crate::wire::{decode_delta, encode_delta};

use super::strategies::times;

/// A hundred requests of an ordinary run an hour in, ten samples each, over kept connections: about
/// 113 bytes a name, its text included.
fn second_of_a_worker() -> Delta {
    let mut random = 1u64;
    let mut random = move |below: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let requests = (0..100).map(|number| {
        let samples: Vec<u64> = (0..10).map(|_| 3_000 + random(40_000)).collect();
        let sum_us: u64 = samples.iter().sum();
        let request = RequestDelta {
            requests: 10,
            failures: 0,
            bytes_in: 20_000 + random(100_000),
            bytes_out: 1_500 + random(1_000),
            statuses: [(200, 10)].into(),
            response: times(&samples),
            phases: Phases {
                sum_us: [0, 0, 0, 0, 300 + random(100), sum_us - 900, 500 + random(100)],
                max_us: [0, 0, 0, 0, 45, 40_000, 80],
                count: [0, 0, 0, 0, 10, 10, 10],
            },
            seconds: [3_600, 3_601]
                .map(|second| SecondCounts {
                    second,
                    requests: 5,
                    failures: 0,
                    late: 0,
                })
                .into(),
            last_us: 3_601_000_000 + random(900_000),
            ..RequestDelta::default()
        };
        (RequestKey::new("GET", &format!("/api/items/{number}")), request)
    });
    Delta {
        requests: requests.collect(),
        iterations: 1_000,
        losses: LossCounts::default(),
        ..Delta::default()
    }
}

#[test]
fn a_hundred_names_fit_into_twelve_kibibytes() {
    let delta = second_of_a_worker();
    let bytes = encode_delta(&delta);
    assert!(bytes.len() < 12 * 1024, "{} bytes", bytes.len());
    assert_eq!(decode_delta(&bytes), Ok(delta));
}

//! The recorder as its users see it: what goes in comes out in the delta, once.

use std::rc::Rc;
use std::time::Duration;

use http::Method;
use katydid_protocol::stats::{ConnectionCounts, Delta, LatencyHistogram, PHASE_NAMES, RequestKey};
use katydid_scenario_lang::host::{SampleRef, Tag, TagSet};
use katydid_scenario_lang::{ImmutableString, ScriptError};
use proptest::prelude::*;
use tokio::time::Instant;

use super::{Recorder, Sample};
use crate::clock::RunClock;

fn sample(recorder: &Recorder, name: &str, service_us: u64, late_us: u64, error: Option<&str>) -> Sample {
    Sample {
        request: recorder.request_id(&Method::GET, &name.into()),
        tags: TagSet::default(),
        status: if error.is_some() { 500 } else { 200 },
        error: error.map(Rc::from),
        response_us: service_us + late_us,
        service_us,
        phases: [0; PHASE_NAMES.len()],
        connections: ConnectionCounts::default(),
        bytes_in: 10,
        bytes_out: 3,
        ended: Instant::now() + Duration::from_micros(service_us),
    }
}

fn reference(sample: &Sample) -> SampleRef {
    SampleRef {
        serial: 1,
        request: sample.request,
        tags: sample.tags,
        response_us: sample.response_us,
        failed: sample.error.is_some(),
    }
}

fn tag(key: &str, value: &str) -> Tag {
    Tag {
        key: key.into(),
        value: value.into(),
    }
}

#[test]
fn a_request_counts_for_each_of_its_tags() {
    let recorder = Recorder::new(RunClock::reading(Duration::ZERO));
    let [gold, eu] = [tag("tier", "gold"), tag("region", "eu")];
    let both = Sample {
        tags: recorder.tags([&gold, &eu].into_iter()),
        ..sample(&recorder, "/a", 100, 0, None)
    };
    let one = Sample {
        tags: recorder.tags([&eu].into_iter()),
        ..sample(&recorder, "/b", 300, 50, Some("status 500"))
    };
    recorder.record(&both);
    recorder.record(&one);
    recorder.record(&sample(&recorder, "/c", 7, 0, None));
    let mut sum = recorder.drain();
    recorder.fail_later(&reference(&both), "too cheap");
    sum.merge(recorder.drain());
    let names: Vec<&str> = sum.tags.keys().map(|name| &**name).collect();
    assert_eq!(names, ["region:eu", "tier:gold"]);
    let row = &sum.tags["region:eu"];
    assert_eq!((row.requests, row.failures, row.bytes_in), (2, 2, 20));
    assert_eq!(
        (row.response.sum_us, row.statuses[&200], row.statuses[&500]),
        (450, 1, 1)
    );
    assert_eq!(row.service.as_ref().map(|times| times.sum_us), Some(400));
    let row = &sum.tags["tier:gold"];
    assert_eq!((row.requests, row.failures, row.response.sum_us), (1, 1, 100));
    assert_eq!(sum.requests.len(), 3, "they are what they were");
    assert!(recorder.drain().tags.is_empty());
}

fn histogram(values: &[u64]) -> LatencyHistogram {
    let mut histogram = LatencyHistogram::new();
    values.iter().for_each(|value| histogram.record(*value));
    histogram
}

#[test]
fn a_drain_leaves_nothing_behind() {
    let recorder = Recorder::new(RunClock::reading(Duration::ZERO));
    recorder.record(&sample(&recorder, "/a", 100, 0, Some("status 500")));
    recorder.check(&"fine".into(), true);
    recorder.group(&"checkout".into(), 5_000, false, Instant::now());
    recorder.iteration();
    recorder.exception(
        "Shopper.buy",
        &ScriptError {
            message: "boom 12345".to_owned(),
            traceback: "shop.rhai:3:1".to_owned(),
        },
    );
    let delta = recorder.drain();
    let request = &delta.requests[&RequestKey::new("GET", "/a")];
    assert_eq!((request.requests, request.failures, request.bytes_in), (1, 1, 10));
    assert_eq!(request.statuses[&500], 1);
    assert_eq!(delta.checks["fine"].passes, 1);
    assert_eq!(delta.groups["checkout"].response.sum_us, 5_000);
    assert_eq!(delta.iterations, 1);
    let (exception, counts) = delta.exceptions.first_key_value().unwrap();
    assert_eq!(&*exception.message, "boom <n>");
    assert_eq!(&*exception.traceback, "Shopper.buy\nshop.rhai:3:1");
    assert_eq!(counts.counts.occurrences, 1);
    assert_eq!(&*delta.errors.first_key_value().unwrap().0.message, "status 500");
    assert!(recorder.drain().is_empty());
}

#[test]
fn a_reset_forgets_and_starts_the_next_generation() {
    let recorder = Recorder::new(RunClock::reading(Duration::ZERO));
    recorder.record(&sample(&recorder, "/a", 100, 0, None));
    recorder.reset(1);
    assert_eq!(
        recorder.drain(),
        Delta {
            generation: 1,
            ..Delta::default()
        }
    );
}

#[test]
fn a_reset_that_is_known_already_forgets_nothing() {
    let recorder = Recorder::new(RunClock::reading(Duration::ZERO));
    recorder.reset(2);
    recorder.record(&sample(&recorder, "/a", 100, 0, None));
    recorder.reset(2);
    recorder.reset(1);
    let delta = recorder.drain();
    assert_eq!(delta.generation, 2);
    assert_eq!(delta.requests[&RequestKey::new("GET", "/a")].requests, 1);
}

#[test]
fn a_verdict_after_the_fact_moves_a_success_to_the_failures() {
    let recorder = Recorder::new(RunClock::reading(Duration::ZERO));
    let sample = sample(&recorder, "/a", 100, 0, None);
    recorder.record(&sample);
    let mut sum = recorder.drain();
    recorder.fail_later(&reference(&sample), "negative total");
    sum.merge(recorder.drain());
    let request = &sum.requests[&RequestKey::new("GET", "/a")];
    assert_eq!((request.requests, request.failures), (1, 1));
    assert_eq!(request.failed.buckets.count(), 1);
    assert_eq!(sum.errors.len(), 1);
}

#[test]
fn names_beyond_the_limit_are_counted_together_and_told() {
    let recorder = Recorder::new(RunClock::reading(Duration::ZERO));
    for number in 0..1_500 {
        recorder.record(&sample(&recorder, &format!("/{number}"), 100, 0, None));
    }
    let delta = recorder.drain();
    assert_eq!(delta.requests[&RequestKey::other()].requests, 500);
    assert_eq!(delta.losses.folded_requests, 500);
    assert_eq!(delta.losses.folded_example.as_deref(), Some("/1000"));
    assert_eq!(
        delta
            .requests
            .values()
            .map(|request| request.requests)
            .sum::<u64>(),
        1_500
    );
}

proptest! {
    // Each case drains whole histograms many times.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn however_often_it_is_drained_the_sum_is_what_was_recorded(
        samples in prop::collection::vec((0usize..4, 1u64..5_000_000, prop::option::of(1u64..50_000), any::<bool>()), 1..120),
        drain_every in 1usize..40,
    ) {
        let recorder = Recorder::new(RunClock::reading(Duration::ZERO));
        let names: Vec<ImmutableString> = ["/a", "/b", "/c", "/d"].iter().map(|name| (*name).into()).collect();
        let mut sum = Delta::default();
        for (index, (name, service_us, late_us, fails)) in samples.iter().enumerate() {
            let error = fails.then_some("status 500");
            recorder.record(&sample(&recorder, &names[*name], *service_us, late_us.unwrap_or(0), error));
            if index % drain_every == 0 {
                sum.merge(recorder.drain());
            }
        }
        sum.merge(recorder.drain());
        for (name, text) in names.iter().enumerate() {
            let own: Vec<_> = samples.iter().filter(|sample| sample.0 == name).collect();
            let Some(request) = sum.requests.get(&RequestKey::new("GET", text)) else {
                prop_assert!(own.is_empty());
                continue;
            };
            let response: Vec<u64> = own.iter().map(|(_, service, late, _)| service + late.unwrap_or(0)).collect();
            let service: Vec<u64> = own.iter().map(|(_, service, ..)| *service).collect();
            prop_assert_eq!(request.requests as usize, own.len());
            prop_assert_eq!(request.failures as usize, own.iter().filter(|sample| sample.3).count());
            prop_assert_eq!(request.response.sum_us, response.iter().sum::<u64>());
            prop_assert_eq!(request.response.min_us, *response.iter().min().unwrap());
            prop_assert_eq!(request.response.max_us, *response.iter().max().unwrap());
            prop_assert_eq!(&request.response.buckets, &histogram(&response).drain());
            prop_assert_eq!(request.seconds.iter().map(|second| second.requests).sum::<u64>() as usize, own.len());
            let late = samples.iter().filter(|sample| sample.0 == name && sample.2.is_some()).count();
            prop_assert_eq!(request.seconds.iter().map(|second| second.late).sum::<u64>() as usize, late);
            if response != service {
                let times = request.service.as_ref().unwrap();
                prop_assert_eq!(times.sum_us, service.iter().sum::<u64>());
                prop_assert_eq!(&times.buckets, &histogram(&service).drain());
            }
        }
    }
}

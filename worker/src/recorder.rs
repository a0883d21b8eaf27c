//! Where measurements land: one recorder per load thread, without locks.
//!
//! In: samples, checks, custom metrics, errors and exceptions of the thread's users. Out: once a second, everything since the last
//! time as one [`Delta`]. Memory is bounded by the limits on names and messages, not by the number of requests.

mod messages;
mod metrics;
mod names;
mod shard;
mod tags;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use http::Method;
use katydid_protocol::stats::{
    ArrivalCounts, ArrivalSecond, CheckCounts, ConnectionCounts, Delta, ErrorKey, ExceptionKey, LossCounts,
    MAX_NAMES, OTHER_NAME, count_arrivals, mask,
};
use katydid_scenario_lang::host::{Measurement, Metric, MetricKind, SampleRef};
use katydid_scenario_lang::{ImmutableString, ScriptError, Tag, TagSet};
use rustc_hash::FxHashMap;
use tokio::time::Instant;

use crate::clock::RunClock;

use messages::MessageTable;
use metrics::Metrics;
use names::{Names, RequestId};
pub(crate) use shard::Sample;
use shard::Shard;
use tags::Tags;

/// A load thread's recorder.
#[derive(Debug)]
pub(crate) struct Recorder {
    clock: Cell<RunClock>,
    names: RefCell<Names>,
    shard: RefCell<Shard>,
    groups: RefCell<GroupTable>,
    tags: RefCell<Tags>,
    checks: RefCell<FxHashMap<ImmutableString, CheckCounts>>,
    metrics: RefCell<Metrics>,
    errors: RefCell<MessageTable<ErrorKey>>,
    exceptions: RefCell<MessageTable<ExceptionKey>>,
    iterations: Cell<u64>,
    arrivals: RefCell<Vec<ArrivalSecond>>,
    connections: Cell<ConnectionCounts>,
    losses: RefCell<LossCounts>,
    generation: Cell<u32>,
}

/// Groups are few and slow next to requests: they reuse the requests' shard under names of their own.
#[derive(Debug, Default)]
struct GroupTable {
    ids: FxHashMap<ImmutableString, u32>,
    shard: Shard,
}

impl Recorder {
    pub(crate) fn new(clock: RunClock) -> Self {
        Self {
            clock: Cell::new(clock),
            names: RefCell::default(),
            shard: RefCell::default(),
            groups: RefCell::default(),
            tags: RefCell::default(),
            checks: RefCell::default(),
            metrics: RefCell::default(),
            errors: RefCell::default(),
            exceptions: RefCell::default(),
            iterations: Cell::new(0),
            arrivals: RefCell::default(),
            connections: Cell::default(),
            losses: RefCell::default(),
            generation: Cell::new(0),
        }
    }

    /// From now on moments are read by this clock; called before any user starts.
    pub(crate) fn set_clock(&self, clock: RunClock) {
        self.clock.set(clock);
    }

    /// The number under which (method, name) is counted on this thread.
    #[inline]
    pub(crate) fn request_id(&self, method: &Method, name: &ImmutableString) -> RequestId {
        self.names.borrow_mut().id(method, name)
    }

    /// The numbers under which requests with these tags are counted on this thread.
    pub(crate) fn tags<'a>(&self, tags: impl Iterator<Item = &'a Tag>) -> TagSet {
        self.tags.borrow_mut().set(tags)
    }

    /// Counts one finished request.
    pub(crate) fn record(&self, sample: &Sample) {
        let ended_us = self.clock.get().us(sample.ended);
        let mut connections = self.connections.get();
        connections.merge(sample.connections);
        self.connections.set(connections);
        self.shard.borrow_mut().record(sample.request, sample, ended_us);
        if !sample.tags.is_empty() {
            self.tags.borrow_mut().record(sample, ended_us);
        }
        if sample.request == names::OTHER {
            let mut losses = self.losses.borrow_mut();
            losses.folded_requests += 1;
        }
        if let Some(message) = &sample.error {
            self.error(sample.request, message, ended_us);
        }
    }

    /// Makes a request that was counted as a success a failure.
    pub(crate) fn fail_later(&self, sample: &SampleRef, message: &str) {
        let now_us = self.clock.get().us(Instant::now());
        let mut shard = self.shard.borrow_mut();
        shard.fail_later(sample.request, sample.response_us, now_us);
        if !sample.tags.is_empty() {
            let mut tags = self.tags.borrow_mut();
            tags.fail_later(sample.tags, sample.response_us, now_us);
        }
        self.error(sample.request, message, now_us);
    }

    /// Counts a check.
    pub(crate) fn check(&self, name: &ImmutableString, passed: bool) {
        let mut checks = self.checks.borrow_mut();
        let name = if checks.len() < MAX_NAMES || checks.contains_key(name) {
            name.clone()
        } else {
            OTHER_NAME.into()
        };
        let counts = checks.entry(name).or_default();
        if passed {
            counts.passes += 1;
        } else {
            counts.failures += 1;
        }
    }

    /// Counts a value of a custom metric; an error if its name is that of a metric of another kind.
    pub(crate) fn measure(&self, metric: &Metric, measurement: Measurement) -> Result<(), MetricKind> {
        let now_us = self.clock.get().us(Instant::now());
        self.metrics.borrow_mut().measure(metric, measurement, now_us)
    }

    /// Counts a group's run through.
    pub(crate) fn group(&self, name: &ImmutableString, time_us: u64, failed: bool, ended: Instant) {
        let ended_us = self.clock.get().us(ended);
        let mut groups = self.groups.borrow_mut();
        let next = u32::try_from(groups.ids.len()).unwrap_or(u32::MAX) + 1;
        let id = match groups.ids.get(name) {
            Some(id) => *id,
            None if groups.ids.len() >= MAX_NAMES => names::OTHER,
            None => {
                groups.ids.insert(name.clone(), next);
                next
            }
        };
        groups.shard.record_time(id, time_us, failed, ended_us);
    }

    /// Counts an exception of a script; `true` when it is the first of its kind.
    pub(crate) fn exception(&self, place: &str, error: &ScriptError) -> bool {
        let now_us = self.clock.get().us(Instant::now());
        let key = ExceptionKey {
            message: mask(&error.message).into(),
            traceback: format!("{place}\n{}", error.traceback).trim_end().into(),
        };
        let mut exceptions = self.exceptions.borrow_mut();
        let known = exceptions.len();
        let kept = exceptions.count(key, now_us, || ExceptionKey {
            message: OTHER_NAME.into(),
            traceback: "".into(),
        });
        if !kept {
            self.losses.borrow_mut().folded_errors += 1;
        }
        exceptions.len() > known
    }

    /// Counts an iteration that ended, however it ended.
    pub(crate) fn iteration(&self) {
        self.iterations.set(self.iterations.get() + 1);
    }

    /// Counts what became of an arrival, in the second of `at`.
    pub(crate) fn arrival(&self, at: Instant, count: impl FnOnce(&mut ArrivalCounts)) {
        let mut counts = ArrivalCounts::default();
        count(&mut counts);
        if counts.is_empty() {
            return;
        }
        let second = shard::second_of(self.clock.get().us(at));
        count_arrivals(&mut self.arrivals.borrow_mut(), ArrivalSecond { second, counts });
    }

    /// Counts something that could not be kept apart or on time.
    pub(crate) fn lose(&self, count: impl FnOnce(&mut LossCounts)) {
        count(&mut self.losses.borrow_mut());
    }

    /// Everything since the last time; the recorder starts over, keeping its memory.
    pub(crate) fn drain(&self) -> Delta {
        let mut names = self.names.borrow_mut();
        let mut losses = self.losses.take();
        losses.folded_example = names.take_folded_example();
        let mut metrics = self.metrics.borrow_mut();
        (losses.folded_metrics, losses.folded_metric) = metrics.take_folded();
        let mut tags = self.tags.borrow_mut();
        (losses.folded_tags, losses.folded_tag) = tags.take_folded();
        let exceptions = self.exceptions.borrow_mut().drain();
        let mut delta = Delta {
            generation: self.generation.get(),
            iterations: self.iterations.take(),
            arrivals: self.arrivals.take(),
            connections: self.connections.take(),
            losses,
            tags: tags.drain(),
            metrics: metrics.drain(),
            errors: self.errors.borrow_mut().drain(),
            exceptions: exceptions
                .into_iter()
                .map(|(key, counts)| (key, counts.into()))
                .collect(),
            ..Delta::default()
        };
        for (id, request) in self.shard.borrow_mut().drain() {
            delta.requests.entry(names.key(id)).or_default().merge(&request);
        }
        let mut groups = self.groups.borrow_mut();
        if !groups.ids.is_empty() {
            let by_id: FxHashMap<u32, Arc<str>> = groups
                .ids
                .iter()
                .map(|(name, id)| (*id, name.as_str().into()))
                .collect();
            for (id, group) in groups.shard.drain() {
                let name = by_id.get(&id).cloned().unwrap_or_else(|| OTHER_NAME.into());
                delta.groups.insert(name, group);
            }
        }
        let mut checks: BTreeMap<Arc<str>, CheckCounts> = BTreeMap::new();
        for (name, counts) in self.checks.borrow_mut().iter_mut() {
            let counts = std::mem::take(counts);
            if counts != CheckCounts::default() {
                checks.insert(name.as_str().into(), counts);
            }
        }
        delta.checks = checks;
        delta
    }

    /// Which generation of the statistics is counted into.
    #[inline]
    pub(crate) fn generation(&self) -> u32 {
        self.generation.get()
    }

    /// Forgets everything counted so far; what follows belongs to `generation`. One that is not above the last changes
    /// nothing.
    pub(crate) fn reset(&self, generation: u32) {
        if generation <= self.generation.get() {
            return;
        }
        drop(self.drain());
        self.generation.set(generation);
    }

    fn error(&self, request: RequestId, message: &str, at_us: u64) {
        let mut errors = self.errors.borrow_mut();
        if errors.count_known(request, message, at_us) {
            return;
        }
        let key = ErrorKey {
            request: self.names.borrow().key(request),
            message: mask(message).into(),
        };
        if !errors.count_new(request, message, &key, at_us, || ErrorKey {
            request: katydid_protocol::stats::RequestKey::other(),
            message: OTHER_NAME.into(),
        }) {
            self.losses.borrow_mut().folded_errors += 1;
        }
    }
}

#[cfg(test)]
mod tests;

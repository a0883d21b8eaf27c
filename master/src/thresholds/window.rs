//! What came in lately, for rules about a window.
//!
//! In: deltas, with the second they arrived in. Out: the sum over the last seconds of what each rule is about. Up to a
//! minute a window has a slot for each second; longer ones have sixty slots, so that a window holds at most a sixtieth too
//! much, and memory does not grow with it.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use katydid_protocol::stats::{CheckCounts, Delta, MetricSums, RequestDelta, Times, TimesDelta};
use katydid_protocol::threshold::{Threshold, ThresholdMetric};
use serde::{Deserialize, Serialize};

use super::counted::Counted;
use super::late;
use super::read::{Place, fits_key, fits_name, fits_tag, needs_times, place};
use crate::clock::second_of;

/// Slots of a window.
const SLOTS: u32 = 60;

/// The windows of all rules; rules without one have an empty one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Windows {
    rings: Vec<Ring>,
    /// Since when nothing is missing.
    from: Duration,
}

#[derive(Debug, Clone)]
struct Ring {
    rule: Arc<Threshold>,
    slots: VecDeque<Slot>,
}

/// What is written down of windows.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct WindowsImage {
    from: Duration,
    slots: Vec<VecDeque<Slot>>,
}

/// What arrived in one or some seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Slot {
    /// The first of the seconds.
    start: u32,
    requests: u64,
    failures: u64,
    times: TimesDelta,
    checks: CheckCounts,
    iterations: u64,
    planned: u64,
    late: u64,
    own: MetricSums,
}

impl Windows {
    /// Empty ones for these rules, from the moment `from` on.
    pub(crate) fn new<'a>(rules: impl Iterator<Item = &'a Arc<Threshold>>, from: Duration) -> Self {
        let ring = |rule: &Arc<Threshold>| Ring {
            rule: Arc::clone(rule),
            slots: VecDeque::new(),
        };
        Self {
            rings: rules.map(ring).collect(),
            from,
        }
    }

    /// The same rules, and nothing that was measured before `from`.
    pub(crate) fn emptied(&self, from: Duration) -> Self {
        Self::new(self.rings.iter().map(|ring| &ring.rule), from)
    }

    /// What is to be written down.
    pub(crate) fn image(&self) -> WindowsImage {
        WindowsImage {
            from: self.from,
            slots: self.rings.iter().map(|ring| ring.slots.clone()).collect(),
        }
    }

    /// Takes what was written down of windows of the same rules; without it, nothing before `now` is known.
    pub(crate) fn restore(&mut self, image: Option<WindowsImage>, now: Duration) {
        match image.filter(|image| image.slots.len() == self.rings.len()) {
            Some(image) => {
                self.from = image.from;
                for (ring, slots) in self.rings.iter_mut().zip(image.slots) {
                    ring.slots = slots;
                }
            }
            None => self.from = now,
        }
    }

    /// Adds what arrived in the second `now`.
    pub(crate) fn add(&mut self, now: u32, delta: &Delta) {
        for ring in &mut self.rings {
            ring.add(now, delta);
        }
    }

    /// Whether a rule's window has passed since counting began.
    pub(super) fn is_full(&self, index: usize, now: Duration) -> bool {
        let window = self.rings.get(index).and_then(|ring| ring.rule.window);
        window.is_none_or(|window| now.saturating_sub(self.from) >= window)
    }

    /// What a rule's window holds at `now`, and how much time that is in µs.
    pub(super) fn counted(&self, index: usize, now: Duration) -> (Option<Counted<'static>>, u64) {
        let Some(ring) = self.rings.get(index) else {
            return (None, 0);
        };
        let first = ring.first(second_of(now));
        let begin = Duration::from_secs(u64::from(first).saturating_sub(1));
        let time = if begin >= self.from && self.is_full(index, now) {
            Duration::from_secs(u64::from(second_of(now))).saturating_sub(begin)
        } else {
            now.saturating_sub(self.from)
        };
        let time_us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let slots = ring.slots.iter().filter(|slot| slot.start >= first);
        (Some(counted(&ring.rule, slots)), time_us)
    }
}

impl Ring {
    fn window_s(&self) -> u32 {
        self.rule
            .window
            .map_or(0, |window| u32::try_from(window.as_secs()).unwrap_or(u32::MAX))
    }

    /// Seconds of a slot.
    fn span(&self) -> u32 {
        self.window_s().div_ceil(SLOTS).max(1)
    }

    /// The start of the first slot that belongs to the window at the second `now`.
    fn first(&self, now: u32) -> u32 {
        let second = now.saturating_add(1).saturating_sub(self.window_s());
        second / self.span() * self.span()
    }

    fn add(&mut self, now: u32, delta: &Delta) {
        if self.rule.window.is_none() {
            return;
        }
        let start = now / self.span() * self.span();
        let first = self.first(now);
        while self.slots.front().is_some_and(|slot| slot.start < first) {
            self.slots.pop_front();
        }
        if self.slots.back().is_none_or(|slot| slot.start != start) {
            self.slots.push_back(Slot {
                start,
                ..Slot::default()
            });
        }
        if let Some(slot) = self.slots.back_mut() {
            slot.add(&self.rule, delta);
        }
    }
}

impl Slot {
    fn add(&mut self, rule: &Threshold, delta: &Delta) {
        match &rule.metric {
            ThresholdMetric::GroupTime => {
                let groups = delta.groups.iter();
                groups
                    .filter(|(name, _)| fits_name(rule, name))
                    .for_each(|(_, group)| self.add_requests(rule, group));
            }
            ThresholdMetric::ResponseTime
            | ThresholdMetric::ServiceTime
            | ThresholdMetric::Failures
            | ThresholdMetric::Requests => match place(rule) {
                Place::Tag => delta
                    .tags
                    .iter()
                    .filter(|(tag, _)| fits_tag(rule, tag))
                    .for_each(|(_, requests)| self.add_requests(rule, requests)),
                Place::Everything | Place::Requests => delta
                    .requests
                    .iter()
                    .filter(|(key, _)| fits_key(rule, key))
                    .for_each(|(_, requests)| self.add_requests(rule, requests)),
            },
            ThresholdMetric::Checks => {
                let checks = delta.checks.iter();
                checks
                    .filter(|(name, _)| fits_name(rule, name))
                    .for_each(|(_, counts)| self.checks.merge(*counts));
            }
            ThresholdMetric::Iterations => self.iterations += delta.iterations,
            ThresholdMetric::Late => {
                let (planned, late) = late::of_delta(delta);
                self.planned += planned;
                self.late += late;
            }
            ThresholdMetric::Own(name) => {
                if let Some(sums) = delta.metrics.get(name.as_str()) {
                    self.own.merge(sums);
                }
            }
        }
    }

    fn add_requests(&mut self, rule: &Threshold, delta: &RequestDelta) {
        self.requests += delta.requests;
        self.failures += delta.failures;
        if needs_times(rule) {
            let service = delta
                .service
                .as_ref()
                .filter(|_| rule.metric == ThresholdMetric::ServiceTime);
            self.times.merge(service.unwrap_or(&delta.response));
        }
    }
}

/// The sum of slots.
fn counted<'a>(rule: &Threshold, slots: impl Iterator<Item = &'a Slot>) -> Counted<'static> {
    let mut sum = Slot::default();
    let mut times = Times::default();
    for slot in slots {
        sum.requests += slot.requests;
        sum.failures += slot.failures;
        times.apply(&slot.times);
        sum.checks.merge(slot.checks);
        sum.iterations += slot.iterations;
        sum.planned += slot.planned;
        sum.late += slot.late;
        sum.own.merge(&slot.own);
    }
    match &rule.metric {
        ThresholdMetric::Checks => Counted::Checks(sum.checks),
        ThresholdMetric::Iterations => Counted::Iterations(sum.iterations),
        ThresholdMetric::Late => Counted::Arrivals {
            planned: sum.planned,
            late: sum.late,
        },
        ThresholdMetric::Own(_) => Counted::Own(Cow::Owned(sum.own)),
        _ => Counted::Requests {
            requests: sum.requests,
            failures: sum.failures,
            times: Cow::Owned(times),
        },
    }
}

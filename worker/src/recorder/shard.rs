//! The hot path of measuring: one entry per request (or group, or tag) of a thread, indexed by number.
//!
//! Recording an ordinary sample touches one entry and one histogram bucket, and allocates nothing.

use std::collections::BTreeMap;
use std::rc::Rc;

use katydid_protocol::stats::{
    ConnectionCounts, LatencyHistogram, PhaseTimes, Phases, RequestDelta, SecondCounts, TimesDelta,
};
use katydid_scenario_lang::TagSet;
use tokio::time::Instant;

use super::names::RequestId;

/// One measured request.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    /// Which request.
    pub(crate) request: RequestId,
    /// What it is counted by besides.
    pub(crate) tags: TagSet,
    /// Its status; 0 without a response.
    pub(crate) status: u16,
    /// Why it failed; `None` for a success.
    pub(crate) error: Option<Rc<str>>,
    /// From the moment it should have started to its end, in µs.
    pub(crate) response_us: u64,
    /// From the moment it did start to its end, in µs.
    pub(crate) service_us: u64,
    /// Where the time went.
    pub(crate) phases: PhaseTimes,
    /// How it was connected.
    pub(crate) connections: ConnectionCounts,
    /// Bytes of the response's body, on the wire.
    pub(crate) bytes_in: u64,
    /// Bytes of the request, on the wire.
    pub(crate) bytes_out: u64,
    /// When it ended.
    pub(crate) ended: Instant,
}

/// The entries of one thread.
#[derive(Debug, Default)]
pub(crate) struct Shard {
    /// Index: request number; boxed, because numbers of methods and names never used on this thread stay empty.
    entries: Vec<Option<Box<Entry>>>,
    /// Entries touched since the last drain.
    touched: Vec<RequestId>,
}

#[derive(Debug, Default)]
struct Entry {
    requests: u64,
    failures: u64,
    bytes_in: u64,
    bytes_out: u64,
    /// A handful at most, so a list beats a map.
    statuses: Vec<(u16, u64)>,
    response: DenseTimes,
    failed: Option<Box<DenseTimes>>,
    service: Option<Box<DenseTimes>>,
    phases: Phases,
    seconds: Vec<SecondCounts>,
    last_us: u64,
}

#[derive(Debug, Clone, Default)]
struct DenseTimes {
    sum_us: u64,
    min_us: u64,
    max_us: u64,
    histogram: LatencyHistogram,
}

impl Shard {
    /// Counts a sample that ended at `ended_us` of the run's clock.
    pub(crate) fn record(&mut self, id: RequestId, sample: &Sample, ended_us: u64) {
        let entry = self.touch(id);
        if sample.service_us != sample.response_us && entry.service.is_none() {
            // Up to here service times were the response times.
            entry.service = Some(Box::new(entry.response.clone()));
        }
        if let Some(service) = &mut entry.service {
            service.record(sample.service_us);
        }
        let is_late = sample.response_us > sample.service_us;
        entry.count(sample.response_us, sample.error.is_some(), is_late, ended_us);
        entry.bytes_in += sample.bytes_in;
        entry.bytes_out += sample.bytes_out;
        entry.count_status(sample.status);
        entry.phases.record(&sample.phases);
    }

    /// Counts something that has a time and an outcome but is no request.
    pub(crate) fn record_time(&mut self, id: RequestId, time_us: u64, failed: bool, ended_us: u64) {
        self.touch(id).count(time_us, failed, false, ended_us);
    }

    /// Makes one of the successes recorded before a failure.
    pub(crate) fn fail_later(&mut self, id: RequestId, response_us: u64, now_us: u64) {
        let entry = self.touch(id);
        entry.failures += 1;
        entry.failed.get_or_insert_default().record(response_us);
        entry.count_second(SecondCounts {
            second: second_of(now_us),
            failures: 1,
            ..SecondCounts::default()
        });
    }

    /// The entries touched since the last time, emptied.
    pub(crate) fn drain(&mut self) -> Vec<(RequestId, RequestDelta)> {
        let touched = std::mem::take(&mut self.touched);
        touched
            .into_iter()
            .filter_map(|id| Some((id, self.entries.get_mut(id as usize)?.as_mut()?.drain())))
            .collect()
    }

    #[inline]
    fn touch(&mut self, id: RequestId) -> &mut Entry {
        let index = id as usize;
        if index >= self.entries.len() {
            self.entries.resize_with(index + 1, || None);
        }
        let entry = self.entries[index].get_or_insert_default();
        if entry.is_untouched() {
            self.touched.push(id);
        }
        entry
    }
}

impl Entry {
    #[inline]
    fn is_untouched(&self) -> bool {
        self.requests == 0 && self.failures == 0
    }

    #[inline]
    fn count(&mut self, time_us: u64, failed: bool, late: bool, ended_us: u64) {
        self.requests += 1;
        self.response.record(time_us);
        if failed {
            self.failures += 1;
            self.failed.get_or_insert_default().record(time_us);
        }
        self.count_second(SecondCounts {
            second: second_of(ended_us),
            requests: 1,
            failures: u64::from(failed),
            late: u64::from(late),
        });
        self.last_us = self.last_us.max(ended_us);
    }

    #[inline]
    fn count_second(&mut self, counts: SecondCounts) {
        let mut known = self.seconds.iter_mut().rev();
        match known.find(|known| known.second == counts.second) {
            Some(known) => known.merge(counts),
            None => self.seconds.push(counts),
        }
    }

    #[inline]
    fn count_status(&mut self, status: u16) {
        match self.statuses.iter_mut().find(|(known, _)| *known == status) {
            Some((_, count)) => *count += 1,
            None => self.statuses.push((status, 1)),
        }
    }

    fn drain(&mut self) -> RequestDelta {
        self.seconds.sort_unstable_by_key(|counts| counts.second);
        RequestDelta {
            requests: std::mem::take(&mut self.requests),
            failures: std::mem::take(&mut self.failures),
            bytes_in: std::mem::take(&mut self.bytes_in),
            bytes_out: std::mem::take(&mut self.bytes_out),
            statuses: self.statuses.drain(..).collect::<BTreeMap<_, _>>(),
            response: self.response.drain(),
            failed: self
                .failed
                .as_mut()
                .map(|times| times.drain())
                .unwrap_or_default(),
            service: self.service.take().map(|mut times| times.drain()),
            phases: std::mem::take(&mut self.phases),
            seconds: std::mem::take(&mut self.seconds),
            last_us: std::mem::take(&mut self.last_us),
        }
    }
}

/// The second of the run's clock.
pub(super) fn second_of(at_us: u64) -> u32 {
    u32::try_from(at_us / 1_000_000).unwrap_or(u32::MAX)
}

impl DenseTimes {
    #[inline]
    fn record(&mut self, time_us: u64) {
        self.min_us = if self.histogram.count() == 0 {
            time_us
        } else {
            self.min_us.min(time_us)
        };
        self.max_us = self.max_us.max(time_us);
        self.sum_us += time_us;
        self.histogram.record(time_us);
    }

    fn drain(&mut self) -> TimesDelta {
        TimesDelta {
            sum_us: std::mem::take(&mut self.sum_us),
            min_us: std::mem::take(&mut self.min_us),
            max_us: std::mem::take(&mut self.max_us),
            buckets: self.histogram.drain(),
        }
    }
}

//! The exchange a client is in the middle of: what is known about it when it ends, however it ends.
//!
//! In: marks from whoever drives the connection. Out: phases, bytes, and the stage to blame. It lives in the client
//! rather than in the exchange's future, so that it survives when that is dropped.

use std::cell::Cell;
use std::rc::Rc;

use http::Method;
use katydid_protocol::stats::{ConnectionCounts, PhaseTimes};
use katydid_scenario_lang::{ImmutableString, TraceId};
use tokio::time::Instant;

use super::fault::Stage;
use super::meter::{Meter, Watch};

/// The phases, as places in [`PhaseTimes`].
#[derive(Debug, Clone, Copy)]
pub(super) enum Phase {
    Blocked,
    Dns,
    Connect,
    Tls,
    Send,
    Wait,
    Receive,
}

/// An exchange under way.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) name: ImmutableString,
    pub(super) method: Method,
    /// What tracing systems know it by.
    pub(super) trace_id: Option<TraceId>,
    pub(super) started: Instant,
    /// The end of the last phase.
    mark: Instant,
    phases: PhaseTimes,
    pub(super) stage: Stage,
    /// How its requests were connected, over all redirects.
    pub(super) connections: ConnectionCounts,
    /// Bytes written, over all attempts and redirects.
    pub(super) bytes_out: u64,
    /// `bytes_out` when the present attempt began.
    attempt_from: u64,
    /// Body bytes of the present response.
    pub(super) bytes_in: u64,
    /// Where the bytes of the present attempt are counted, when another task writes them.
    watch: Option<Watch>,
}

// === impl Flight ===

impl Flight {
    /// Starts the clock.
    pub(super) fn new(name: ImmutableString, method: Method, started: Instant) -> Self {
        Self {
            name,
            method,
            trace_id: None,
            started,
            mark: started,
            phases: PhaseTimes::default(),
            stage: Stage::Connecting,
            connections: ConnectionCounts::default(),
            bytes_out: 0,
            attempt_from: 0,
            bytes_in: 0,
            watch: None,
        }
    }

    /// Ends a phase now.
    pub(super) fn lap(&mut self, phase: Phase) {
        self.lap_at(phase, Instant::now());
    }

    /// Ends a phase at an instant, which may be one that was noted a little earlier.
    pub(super) fn lap_at(&mut self, phase: Phase, now: Instant) {
        let time = now.saturating_duration_since(self.mark).as_micros();
        let sum = &mut self.phases[phase as usize];
        *sum = sum.saturating_add(u32::try_from(time).unwrap_or(u32::MAX));
        self.mark = self.mark.max(now);
    }

    /// Gives what has passed since the last mark to the phase the exchange is in, and ends it.
    pub(super) fn finish(&mut self) {
        self.lap(match self.stage {
            Stage::Connecting => Phase::Connect,
            Stage::Sending => Phase::Send,
            Stage::Waiting => Phase::Wait,
            Stage::Receiving => Phase::Receive,
        });
    }

    /// The end of the last phase.
    pub(super) const fn mark(&self) -> Instant {
        self.mark
    }

    /// The times of the phases so far.
    pub(super) const fn phases(&self) -> PhaseTimes {
        self.phases
    }

    /// From here on, what a meter counts is ours, as far as no other flight claims it. `body` tells when all of the body
    /// has been handed over; `None` without a body.
    pub(super) fn watch(&mut self, meter: &Rc<Meter>, body: Option<Rc<Cell<bool>>>) {
        self.settle();
        self.watch = Some(Meter::watch(meter, body));
    }

    /// When the last of the present request was written, where another task writes it and has done so.
    pub(super) fn sent(&self) -> Option<Instant> {
        self.watch.as_ref()?.sent()
    }

    /// Takes over what a meter has counted.
    pub(super) fn settle(&mut self) {
        if let Some(watch) = self.watch.take() {
            self.bytes_out += watch.claim();
        }
    }

    /// Begins another attempt: nothing of it has been written.
    pub(super) fn begin_attempt(&mut self) {
        self.settle();
        self.attempt_from = self.bytes_out;
        self.bytes_in = 0;
        self.stage = Stage::Sending;
    }

    /// Whether the present attempt has written anything, or may have, where others write to the same connection.
    pub(super) fn has_written(&self) -> bool {
        self.bytes_out > self.attempt_from || self.watch.as_ref().is_some_and(Watch::has_written)
    }
}

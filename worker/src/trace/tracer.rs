//! The observer of a traced user: hands on what happens, and counts what failed.
//!
//! In: calls from the user's engine, which has no tracer under load. Out: events for the sink, and two numbers.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::Duration;

use http::Method;
use katydid_scenario_lang::host::{Response, SampleRef};

use super::event::{TraceEvent, TraceSink};

/// The observer of the users of one thread.
#[derive(Debug)]
pub(crate) struct Tracer {
    sink: Box<dyn TraceSink>,
    skip_sleeps: bool,
    /// Whether requests count; those of hooks do not, as under load.
    counts: Cell<bool>,
    /// The present user's failed requests: a script may change its mind about one.
    failed: RefCell<BTreeSet<u64>>,
    /// Failed requests of the users before.
    failures: Cell<u64>,
    exceptions: Cell<u64>,
}

impl Tracer {
    pub(crate) fn new(sink: Box<dyn TraceSink>, skip_sleeps: bool) -> Self {
        Self {
            sink,
            skip_sleeps,
            counts: Cell::new(false),
            failed: RefCell::default(),
            failures: Cell::new(0),
            exceptions: Cell::new(0),
        }
    }

    /// Hands on an event.
    #[cold]
    pub(crate) fn event(&self, event: &TraceEvent<'_>) {
        self.sink.event(event);
    }

    /// Somebody else acts from now on, whose requests count or not.
    pub(super) fn turn(&self, counts: bool) {
        self.failures.set(self.failures());
        self.failed.borrow_mut().clear();
        self.counts.set(counts);
    }

    /// An exchange has ended.
    #[cold]
    pub(crate) fn response(&self, method: &Method, name: &str, response: &Response) {
        if response.sample.failed {
            self.note(response.sample);
        }
        self.event(&TraceEvent::Response {
            method,
            name,
            response,
        });
    }

    /// A script makes a request a failure.
    #[cold]
    pub(crate) fn fails(&self, sample: SampleRef, message: &str) {
        self.note(sample);
        self.event(&TraceEvent::Fails(message));
    }

    /// A script makes a request a success.
    #[cold]
    pub(crate) fn passes(&self, sample: SampleRef) {
        self.failed.borrow_mut().remove(&sample.serial);
        self.event(&TraceEvent::Passes);
    }

    /// A script wants to sleep; returns for how long it does.
    #[cold]
    pub(crate) fn sleeps(&self, time: Duration) -> Duration {
        self.event(&TraceEvent::Sleeps(time, self.skip_sleeps));
        if self.skip_sleeps { Duration::ZERO } else { time }
    }

    pub(super) fn exception(&self) {
        self.exceptions.set(self.exceptions.get() + 1);
    }

    pub(super) fn exceptions(&self) -> u64 {
        self.exceptions.get()
    }

    /// Failed requests so far.
    pub(super) fn failures(&self) -> u64 {
        self.failures.get() + self.failed.borrow().len() as u64
    }

    fn note(&self, sample: SampleRef) {
        if self.counts.get() {
            self.failed.borrow_mut().insert(sample.serial);
        }
    }
}

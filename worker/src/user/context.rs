//! What is known of one user while its script runs, and what all users of a load thread share.
//!
//! A finished request's sample stays here until its script waits or ends: that is how long verdicts (`r.fail`) can
//! change it before it is counted. Nothing a script does can keep it from being counted.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use katydid_scenario_lang::host::{GroupEnd, Me, SampleRef, VerdictError};
use katydid_scenario_lang::{ImmutableString, Scenario, ScriptError};
use tokio::time::Instant;

use super::class::Class;
use super::desk::{Arrived, Seat};
use super::stacks::StackPool;
use super::stop::StopSignal;
use super::turnstile::Turnstile;
use super::verdicts::{Late, Verdicts};
use crate::clock::{RunClock, span_us};
use crate::http::{HttpSettings, HttpThread};
use crate::recorder::{Recorder, Sample};
use crate::trace::Tracer;

/// The id of what is no user: a test hook. Users count from 1.
pub(crate) const HOOK_ID: u64 = 0;

/// What the users of one load thread share.
#[derive(Debug)]
pub(crate) struct ThreadShared {
    pub(crate) scenario: Scenario,
    pub(crate) recorder: Recorder,
    pub(crate) http: Rc<HttpThread>,
    pub(crate) stacks: Rc<StackPool>,
    pub(crate) turnstile: Rc<Turnstile>,
    pub(crate) random: RefCell<Rng>,
    pub(crate) worker_name: ImmutableString,
}

impl ThreadShared {
    /// Makes ready what the users of one of `threads` threads need.
    pub(crate) fn new(
        scenario: Scenario,
        tls: Arc<rustls::ClientConfig>,
        threads: usize,
        worker_name: &str,
    ) -> Self {
        let declared = scenario.declarations();
        let settings = HttpSettings::new(declared.reads_bodies, declared.reads_headers);
        Self::with(scenario, HttpThread::new(settings, tls), threads, worker_name)
    }

    /// Makes ready what the users of a trace need, who are watched: whatever comes back is kept to be shown.
    pub(crate) fn traced(scenario: Scenario, tls: Arc<rustls::ClientConfig>, tracer: Rc<Tracer>) -> Self {
        let settings = HttpSettings {
            tracer: Some(tracer),
            ..HttpSettings::new(true, true)
        };
        Self::with(scenario, HttpThread::new(settings, tls), 1, "local")
    }

    fn with(scenario: Scenario, http: Rc<HttpThread>, threads: usize, worker_name: &str) -> Self {
        Self {
            scenario,
            recorder: Recorder::new(RunClock::reading(Duration::ZERO)),
            http,
            stacks: StackPool::new(StackPool::machine_limit(threads)),
            turnstile: Rc::default(),
            random: RefCell::new(Rng::new()),
            worker_name: worker_name.into(),
        }
    }
}

/// One user, as its script and its task see it.
#[derive(Debug)]
pub(crate) struct UserContext {
    pub(crate) id: u64,
    pub(crate) class: Rc<Class>,
    pub(crate) shared: Rc<ThreadShared>,
    pub(crate) stop: StopSignal,
    pub(crate) iteration: Cell<u64>,
    /// When the script's current time slice began.
    pub(crate) slice_began: Cell<Instant>,
    /// How late the running iteration started, in µs; taken by its first request.
    pub(crate) lateness_us: Cell<u64>,
    /// Where arrivals come to it, if they do.
    pub(crate) seat: Option<Box<Seat>>,
    last_serial: Cell<u64>,
    pending: RefCell<Option<(u64, Sample)>>,
    /// The same of a batch, but for its last request.
    pending_batch: RefCell<Vec<(u64, Sample)>>,
    verdicts: Cell<Verdicts>,
    groups: RefCell<Vec<(ImmutableString, Instant)>>,
}

impl UserContext {
    /// One that decides by itself when to begin its next iteration.
    pub(crate) fn new(id: u64, class: Rc<Class>, shared: Rc<ThreadShared>) -> Rc<Self> {
        Self::seated(id, class, shared, None)
    }

    /// One that waits for arrivals on its seat, if it has one.
    pub(crate) fn seated(
        id: u64,
        class: Rc<Class>,
        shared: Rc<ThreadShared>,
        seat: Option<Seat>,
    ) -> Rc<Self> {
        Rc::new(Self {
            id,
            class,
            shared,
            stop: StopSignal::default(),
            iteration: Cell::new(0),
            slice_began: Cell::new(Instant::now()),
            lateness_us: Cell::new(0),
            seat: seat.map(Box::new),
            last_serial: Cell::new(0),
            pending: RefCell::default(),
            pending_batch: RefCell::default(),
            verdicts: Cell::default(),
            groups: RefCell::default(),
        })
    }

    /// Notes how late the iteration starts that begins now.
    pub(crate) fn note_lateness(&self, lateness: Duration) {
        self.lateness_us
            .set(u64::try_from(lateness.as_micros()).unwrap_or(u64::MAX));
    }

    /// Begins what an arrival is about; the user notes how late that is.
    pub(crate) fn begin_arrival(&self, arrived: Arrived) {
        let now = Instant::now();
        let lateness = arrived.start().lateness(now, !arrived.waited);
        self.note_lateness(lateness);
        self.shared.recorder.arrival(now, |counts| {
            counts.started += 1;
            counts.late += u64::from(!lateness.is_zero());
        });
    }

    /// The user; `None` for a test hook.
    pub(crate) fn me(&self) -> Option<Me> {
        (self.id != HOOK_ID).then(|| Me {
            id: self.id,
            class: self.class.name.clone(),
            worker: self.shared.worker_name.clone(),
            iteration: self.iteration.get(),
        })
    }

    /// Takes in a finished request; it is counted by the next [`UserContext::commit`].
    pub(crate) fn finish_request(&self, sample: Sample) -> SampleRef {
        self.commit();
        self.finish_another(sample)
    }

    /// Takes in one more finished request of a batch; it is counted together with those before it.
    pub(crate) fn finish_another(&self, sample: Sample) -> SampleRef {
        let serial = self.last_serial.get() + 1;
        self.last_serial.set(serial);
        let reference = SampleRef {
            serial,
            request: sample.request,
            tags: sample.tags,
            response_us: sample.response_us,
            failed: sample.error.is_some(),
        };
        if let Some(earlier) = self.pending.borrow_mut().replace((serial, sample)) {
            self.pending_batch.borrow_mut().push(earlier);
        }
        reference
    }

    /// Counts what is finished: the last request, or the last batch.
    pub(crate) fn commit(&self) {
        let Some(last) = self.pending.borrow_mut().take() else {
            return;
        };
        for earlier in self.pending_batch.take() {
            self.count(earlier);
        }
        self.count(last);
    }

    fn count(&self, (serial, sample): (u64, Sample)) {
        let recorder = &self.shared.recorder;
        let mut verdicts = self.verdicts.get();
        verdicts.counted(serial, sample.error.is_some(), recorder.generation());
        self.verdicts.set(verdicts);
        recorder.record(&sample);
    }

    /// Gives an error to a finished request that is not counted yet, or takes it away; whether there is such a request.
    fn judge(&self, reference: SampleRef, error: Option<&str>) -> bool {
        let mut pending = self.pending.borrow_mut();
        let mut batch = self.pending_batch.borrow_mut();
        let mut all = pending.iter_mut().chain(batch.iter_mut());
        match all.find(|(serial, _)| *serial == reference.serial) {
            Some((_, sample)) => {
                sample.error = error.map(Into::into);
                true
            }
            None => false,
        }
    }

    /// Makes a request a failure; one that is a failure already stays one.
    ///
    /// # Errors
    ///
    /// [`VerdictError::TooLate`] for one of long ago.
    pub(crate) fn fail(&self, reference: SampleRef, message: &str) -> Result<(), VerdictError> {
        if self.judge(reference, Some(message)) {
            return Ok(());
        }
        let recorder = &self.shared.recorder;
        let mut verdicts = self.verdicts.get();
        let late = verdicts.fail(reference.serial, recorder.generation());
        self.verdicts.set(verdicts);
        match late {
            Late::Fails => recorder.fail_later(&reference, message),
            Late::Nothing => {}
            Late::Forgotten => return Err(VerdictError::TooLate),
        }
        Ok(())
    }

    /// Makes a request a success.
    ///
    /// # Errors
    ///
    /// [`VerdictError::TooLate`] once it has been counted.
    pub(crate) fn pass(&self, reference: SampleRef) -> Result<(), VerdictError> {
        if self.judge(reference, None) {
            Ok(())
        } else {
            Err(VerdictError::TooLate)
        }
    }

    pub(crate) fn begin_group(&self, name: &ImmutableString) {
        self.groups.borrow_mut().push((name.clone(), Instant::now()));
    }

    pub(crate) fn end_group(&self, end: GroupEnd) {
        if let Some((name, began)) = self.groups.borrow_mut().pop() {
            let failed = match end {
                GroupEnd::Completed => false,
                GroupEnd::Failed => true,
                // Nobody knows how long it would have taken.
                GroupEnd::CutOff => return,
            };
            let now = Instant::now();
            self.shared
                .recorder
                .group(&name, span_us(began, now), failed, now);
        }
    }

    /// Forgets groups left open; an iteration that was ended by force leaves some.
    pub(crate) fn abandon_groups(&self) {
        self.groups.borrow_mut().clear();
    }

    /// Counts and logs an exception of this user's script.
    pub(crate) fn exception(&self, place: &str, error: &ScriptError) {
        let place = format!("{}.{place}", self.class.name);
        // Each is counted, but one line of the log per kind and thread tells people enough.
        if self.shared.recorder.exception(&place, error) {
            tracing::error!(target: "script", "{place}: {}\n{}", error.message, error.traceback);
        }
    }
}

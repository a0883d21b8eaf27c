//! The language's host on a load thread: what waits suspends the calling fiber, everything else is answered at once.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use katydid_scenario_lang::ImmutableString;
use katydid_scenario_lang::host::{
    BatchLimits, CookieCall, CookieReply, GroupEnd, Host, Interrupt, LogLevel, Me, Measurement, Metric,
    MetricKind, RequestSpec, Response, SampleRef, VerdictError,
};
use rustc_hash::FxHashMap;
use tokio::time::Instant;

use super::fiber::{self, Answer, Call};
use super::stacks::STACK_BYTES;
use super::stop::StopLevel;
use crate::clock::wall_us;
use crate::http::absolute_url;
use crate::rows::{RowSet, RowStore, Taken};
use crate::trace::{TraceEvent, Tracer};

/// Bytes of stack kept for native functions. What script calls may use is the rest.
const STACK_RESERVE: usize = STACK_BYTES / 4;
/// The longest a script may compute before others get their turn.
const TIME_SLICE: Duration = Duration::from_millis(1);
/// Operations between two looks at the clock, as a power of two: some tens of µs.
const CLOCK_EVERY: u64 = 256;

/// The host of one load thread.
#[derive(Debug)]
pub(crate) struct ScriptHost {
    random: RefCell<Rng>,
    /// Operations of all scripts of the thread. The engine's own count starts over in closures that native functions
    /// call, so that a script could stay below any number for ever.
    operations: Cell<u64>,
    rows: Arc<RowStore>,
    /// Data sets this thread has used, so that it takes the lock once for each.
    known_rows: RefCell<FxHashMap<Box<str>, Arc<RowSet>>>,
}

impl ScriptHost {
    pub(crate) fn new(rows: Arc<RowStore>) -> Self {
        Self {
            random: RefCell::new(Rng::new()),
            operations: Cell::new(0),
            rows,
            known_rows: RefCell::default(),
        }
    }

    /// Looks at a data set, which must not suspend the fiber.
    fn with_rows<T>(&self, data: &str, len: usize, look: impl FnOnce(&Arc<RowSet>) -> T) -> T {
        if let Some(set) = self.known_rows.borrow().get(data) {
            return look(set);
        }
        let set = self.rows.set(data, len);
        self.known_rows.borrow_mut().insert(data.into(), Arc::clone(&set));
        look(&set)
    }
}

/// Suspends the fiber until something has happened; what was measured so far is counted before.
fn wait(call: Call) -> Result<Answer, Interrupt> {
    fiber::with_user(|user| user.commit());
    suspend(call)
}

/// Tells the tracer something, if there is one; under load there is none.
fn traced<T>(tell: impl FnOnce(&Tracer) -> T) -> Option<T> {
    fiber::with_user(|user| user.shared.http.tracer().cloned())
        .flatten()
        .map(|tracer| tell(&tracer))
}

fn suspend(call: Call) -> Result<Answer, Interrupt> {
    match fiber::suspend(call) {
        // Outside of a fiber nothing can wait; the language refuses such calls before they come here.
        None | Some(Answer::Stop) => Err(Interrupt::Stopped),
        Some(answer) => Ok(answer),
    }
}

impl Host for ScriptHost {
    fn send(&self, request: RequestSpec) -> Result<Response, Interrupt> {
        match wait(Call::Send(request))? {
            Answer::Response(response) => Ok(*response),
            _ => Err(Interrupt::Stopped),
        }
    }

    fn batch(&self, requests: Vec<RequestSpec>, limits: BatchLimits) -> Result<Vec<Response>, Interrupt> {
        match wait(Call::Batch(requests, limits))? {
            Answer::Responses(responses) => Ok(responses),
            _ => Err(Interrupt::Stopped),
        }
    }

    fn sleep(&self, time: Duration) -> Result<(), Interrupt> {
        let slept = traced(|tracer| tracer.sleeps(time)).unwrap_or(time);
        wait(Call::Sleep(slept)).map(drop)
    }

    #[inline]
    fn progress(&self) -> Result<(), Interrupt> {
        if fiber::stack_left() < STACK_RESERVE {
            return Err(Interrupt::StackExhausted);
        }
        let operations = self.operations.get().wrapping_add(1);
        self.operations.set(operations);
        if !operations.is_multiple_of(CLOCK_EVERY) {
            return Ok(());
        }
        let look = fiber::with_user(|user| {
            (
                user.stop.level(),
                Instant::now().saturating_duration_since(user.slice_began.get()),
            )
        });
        match look {
            Some((StopLevel::Kill, _)) => Err(Interrupt::Stopped),
            // How long a script computes must not decide until when it can judge a response: nothing is counted yet.
            Some((_, computed)) if computed > TIME_SLICE => suspend(Call::Yield).map(drop),
            _ => Ok(()),
        }
    }

    fn me(&self) -> Option<Me> {
        fiber::with_user(|user| user.me()).flatten()
    }

    fn check(&self, name: &ImmutableString, passed: bool) {
        traced(|tracer| tracer.event(&TraceEvent::Check(name, passed)));
        fiber::with_user(|user| user.shared.recorder.check(name, passed));
    }

    fn measure(&self, metric: &Metric, measurement: Measurement) -> Result<(), MetricKind> {
        fiber::with_user(|user| user.shared.recorder.measure(metric, measurement)).unwrap_or(Ok(()))
    }

    fn fail(&self, sample: SampleRef, message: &str) -> Result<(), VerdictError> {
        fiber::with_user(|user| user.fail(sample, message)).unwrap_or(Err(VerdictError::TooLate))?;
        traced(|tracer| tracer.fails(sample, message));
        Ok(())
    }

    fn pass(&self, sample: SampleRef) -> Result<(), VerdictError> {
        fiber::with_user(|user| user.pass(sample)).unwrap_or(Err(VerdictError::TooLate))?;
        traced(|tracer| tracer.passes(sample));
        Ok(())
    }

    fn begin_group(&self, name: &ImmutableString) {
        traced(|tracer| tracer.event(&TraceEvent::GroupBegins(name)));
        fiber::with_user(|user| user.begin_group(name));
    }

    fn end_group(&self, end: GroupEnd) {
        traced(|tracer| tracer.event(&TraceEvent::GroupEnds(end)));
        fiber::with_user(|user| user.end_group(end));
    }

    fn log(&self, level: LogLevel, message: &str) {
        traced(|tracer| tracer.event(&TraceEvent::Log(level, message)));
        let (user, class) = fiber::with_user(|user| (user.id, user.class.name.clone()))
            .unwrap_or_else(|| (0, ImmutableString::new()));
        match level {
            LogLevel::Debug => tracing::debug!(target: "script", user, class = %class, "{message}"),
            LogLevel::Info => tracing::info!(target: "script", user, class = %class, "{message}"),
            LogLevel::Warning => tracing::warn!(target: "script", user, class = %class, "{message}"),
            LogLevel::Error => tracing::error!(target: "script", user, class = %class, "{message}"),
        }
    }

    fn next_row(&self, data: &str, len: usize) -> usize {
        self.with_rows(data, len, |set| self.rows.next(set, len))
    }

    fn unique_row(&self, data: &str, len: usize) -> Result<Option<usize>, Interrupt> {
        if len == 0 {
            return Ok(None);
        }
        let (taken, set) = self.with_rows(data, len, |set| (self.rows.take(set), Arc::clone(set)));
        match taken {
            Taken::Row(row) => Ok(Some(row)),
            Taken::NoMore => Ok(None),
            Taken::Later => match wait(Call::Row(Arc::clone(&self.rows), set))? {
                Answer::Row(row) => Ok(row),
                _ => Err(Interrupt::Stopped),
            },
        }
    }

    fn cookies(&self, call: CookieCall) -> Result<CookieReply, Interrupt> {
        // Nothing is waited for, so verdicts on the last response stay possible.
        match suspend(Call::Cookies(call))? {
            Answer::Cookies(reply) => Ok(reply),
            _ => Err(Interrupt::Stopped),
        }
    }

    fn random(&self) -> u64 {
        self.random.borrow_mut().u64(..)
    }

    fn now_us(&self) -> i64 {
        wall_us()
    }

    fn absolute_url(&self, url: &str) -> String {
        fiber::with_user(|user| absolute_url(user.class.base.as_ref(), url)).unwrap_or_else(|| url.to_owned())
    }
}

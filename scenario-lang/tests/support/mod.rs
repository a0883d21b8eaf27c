//! A host that answers from a list, remembers what it was asked, and never waits.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use katydid_scenario_lang::*;

#[derive(Debug, Default)]
pub(crate) struct FakeHost {
    pub(crate) requests: RefCell<Vec<RequestSpec>>,
    pub(crate) answers: RefCell<VecDeque<Response>>,
    /// Everything else in the order it happened.
    pub(crate) events: RefCell<Vec<String>>,
    pub(crate) next_row: Cell<usize>,
    pub(crate) random: Cell<u64>,
    /// Operations of all calls.
    pub(crate) operations: Cell<u64>,
    /// Interrupt after so many of them.
    pub(crate) most_operations: Cell<Option<(u64, Interrupt)>>,
    pub(crate) too_late: Cell<bool>,
    /// Whether no user runs.
    pub(crate) in_hook: Cell<bool>,
    /// What to do instead of sleeping.
    pub(crate) sleep_result: Cell<Option<Interrupt>>,
}

impl FakeHost {
    pub(crate) fn event(&self, text: impl Into<String>) {
        self.events.borrow_mut().push(text.into());
    }

    pub(crate) fn answer(&self, response: Response) -> &Self {
        self.answers.borrow_mut().push_back(response);
        self
    }
}

pub(crate) fn response(status: u16, body: &str) -> Response {
    Response {
        status,
        headers: LeanHeaders::default(),
        trailers: LeanHeaders::default(),
        body: ResponseBody {
            bytes: Bytes::copy_from_slice(body.as_bytes()),
            received: body.len() as u64,
            incomplete: None,
            sha256: None,
        },
        url: None,
        error: (status == 0).then(|| "connection refused".into()),
        timings: Timings {
            wait_us: 1500,
            total_us: 2500,
            ..Timings::default()
        },
        trace_id: None,
        sample: SampleRef {
            serial: 1,
            request: 2,
            tags: TagSet::default(),
            response_us: 2500,
            failed: status == 0 || status >= 400,
        },
    }
}

impl Host for FakeHost {
    fn send(&self, request: RequestSpec) -> Result<Response, Interrupt> {
        self.requests.borrow_mut().push(request);
        Ok(self
            .answers
            .borrow_mut()
            .pop_front()
            .unwrap_or_else(|| response(200, "")))
    }

    fn batch(&self, requests: Vec<RequestSpec>, limits: BatchLimits) -> Result<Vec<Response>, Interrupt> {
        self.event(format!("batch {} {}", limits.parallel, limits.per_host));
        requests.into_iter().map(|request| self.send(request)).collect()
    }

    fn sleep(&self, time: Duration) -> Result<(), Interrupt> {
        self.event(format!("sleep {time:?}"));
        self.sleep_result.get().map_or(Ok(()), Err)
    }

    fn progress(&self) -> Result<(), Interrupt> {
        let operations = self.operations.get() + 1;
        self.operations.set(operations);
        match self.most_operations.get() {
            Some((most, interrupt)) if operations > most => Err(interrupt),
            _ => Ok(()),
        }
    }

    fn me(&self) -> Option<Me> {
        (!self.in_hook.get()).then(|| Me {
            id: 7,
            class: "Shopper".into(),
            worker: "w1".into(),
            iteration: 3,
        })
    }

    fn check(&self, name: &ImmutableString, passed: bool) {
        self.event(format!("check {name} {passed}"));
    }

    fn measure(&self, metric: &Metric, measurement: Measurement) -> Result<(), MetricKind> {
        self.event(format!("{} {} {measurement:?}", metric.kind, metric.name));
        Ok(())
    }

    fn fail(&self, sample: SampleRef, message: &str) -> Result<(), VerdictError> {
        self.event(format!("fail {} {message}", sample.serial));
        if self.too_late.get() {
            Err(VerdictError::TooLate)
        } else {
            Ok(())
        }
    }

    fn pass(&self, sample: SampleRef) -> Result<(), VerdictError> {
        self.event(format!("pass {}", sample.serial));
        if self.too_late.get() {
            Err(VerdictError::TooLate)
        } else {
            Ok(())
        }
    }

    fn begin_group(&self, name: &ImmutableString) {
        self.event(format!("begin {name}"));
    }

    fn end_group(&self, end: GroupEnd) {
        self.event(format!("end {end:?}"));
    }

    fn log(&self, level: LogLevel, message: &str) {
        self.event(format!("{level:?} {message}"));
    }

    fn next_row(&self, data: &str, len: usize) -> usize {
        self.event(format!("next {data}"));
        let row = self.next_row.get();
        self.next_row.set(row + 1);
        row % len
    }

    fn unique_row(&self, data: &str, len: usize) -> Result<Option<usize>, Interrupt> {
        self.event(format!("unique {data}"));
        let row = self.next_row.get();
        self.next_row.set(row + 1);
        Ok((row < len).then_some(row))
    }

    fn cookies(&self, call: CookieCall) -> Result<CookieReply, Interrupt> {
        self.event(format!("{call:?}"));
        Ok(match call {
            CookieCall::List { url } if url.contains("bad") => Err(format!("`{url}` is not a URL")),
            CookieCall::List { .. } => Ok(vec![("a".into(), "1".into()), ("b c".into(), "2".into())]),
            _ => Ok(Vec::new()),
        })
    }

    fn random(&self) -> u64 {
        let mixed = self
            .random
            .get()
            .wrapping_add(0x9e37_79b9_7f4a_7c15)
            .wrapping_mul(0xbf58_476d_1ce4_e5b9);
        self.random.set(mixed ^ (mixed >> 29));
        mixed
    }

    fn now_us(&self) -> i64 {
        1_700_000_000_123_456
    }
}

pub(crate) fn program_in(folder: &std::path::Path, text: &str, settings: LoadSettings) -> Program {
    let file = SourceFile {
        name: "shop.rhai".into(),
        text: text.into(),
        folder: folder.into(),
    };
    Program::new(vec![file], settings)
}

pub(crate) fn program(text: &str) -> Program {
    program_in(std::path::Path::new("."), text, LoadSettings::default())
}

/// The report about a text that is wrong.
pub(crate) fn report(text: &str) -> String {
    match program(text).check() {
        Ok(_) => "nothing is wrong".into(),
        Err(diagnostics) => diagnostics.to_string(),
    }
}

/// A scenario whose one task is this body, and its host.
pub(crate) struct OneTask {
    pub(crate) host: Rc<FakeHost>,
    pub(crate) scenario: Scenario,
    pub(crate) state: UserState,
}

impl OneTask {
    pub(crate) fn new(body: &str) -> Self {
        Self::of(&format!("user(\"A\").task(\"t\", || {{ {body} }});"))
    }

    pub(crate) fn of(text: &str) -> Self {
        Self::load(&program(text))
    }

    pub(crate) fn load(program: &Program) -> Self {
        let host = Rc::new(FakeHost::default());
        let scenario = match program.load(host.clone()) {
            Ok(scenario) => scenario,
            Err(diagnostics) => panic!("{diagnostics}"),
        };
        Self {
            host,
            scenario,
            state: UserState::default(),
        }
    }

    pub(crate) fn call(&mut self, name: &str) -> CallEnd {
        let class = &self.scenario.declarations().classes[0];
        let task = class.tasks.iter().find(|task| task.name == name).unwrap();
        let steps = task.steps.clone();
        let mut end = CallEnd::Completed;
        for step in steps {
            end = self.scenario.call(step, &mut self.state);
            if !matches!(end, CallEnd::Completed) {
                break;
            }
        }
        end
    }

    pub(crate) fn run(&mut self) -> CallEnd {
        self.call("t")
    }

    /// Runs the task, which must complete, and takes what it logged.
    pub(crate) fn logged(&mut self) -> Vec<String> {
        match self.run() {
            CallEnd::Completed => self.host.events.take(),
            other => panic!("{other:?}"),
        }
    }

    /// Runs the task, which must fail.
    pub(crate) fn failed(&mut self) -> ScriptError {
        match self.run() {
            CallEnd::Failed(error) => error,
            other => panic!("{other:?}"),
        }
    }
}

/// What a task with this body logs, without the levels.
pub(crate) fn log_of(body: &str) -> Vec<String> {
    let lines = OneTask::new(body).logged();
    lines
        .into_iter()
        .map(|line| line.trim_start_matches("Info ").to_owned())
        .collect()
}

/// How a task with this body fails.
pub(crate) fn error_of(body: &str) -> String {
    OneTask::new(body).failed().message
}

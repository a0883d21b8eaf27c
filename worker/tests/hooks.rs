//! Test hooks as whoever runs a test sees them: a value, or a reason; never for ever.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_types,
    reason = "a test that cannot go on has failed; real processes take real time"
)]

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use katydid_scenario_lang::{LoadSettings, Program, SourceFile};
use katydid_worker::{
    Hook, HookError, HookRunner, HookSettings, TraceEvent, TraceOutcome, TraceRunner, TraceSettings,
    TraceSink,
};

fn settings(hooks: &str) -> HookSettings {
    let file = SourceFile {
        name: "test.rhai".to_owned(),
        text: format!("{hooks}\nuser(\"A\").task(\"t\", || {{}});"),
        folder: std::env::temp_dir(),
    };
    HookSettings::new(Program::new(vec![file], LoadSettings::default()))
}

fn run(hooks: &str, hook: Hook, setup: Option<&str>) -> Result<Option<String>, HookError> {
    HookRunner::run(settings(hooks), hook, setup)
}

#[test]
fn a_hook_may_wait_and_its_value_goes_to_the_next() {
    let hooks = r#"
        on_test_start(|| { sleep(0.05); check("not counted", true); group("g", || { #{ id: 7 } }) });
        on_test_stop(|made| if made.id + setup.id != 14 { throw "not what was made" });"#;
    let setup = run(hooks, Hook::TestStart, None).unwrap();
    assert_eq!(setup.as_deref(), Some("{\"id\":7}"));
    assert_eq!(run(hooks, Hook::TestStop, setup.as_deref()).unwrap(), None);
    assert_eq!(run("", Hook::TestStart, None).unwrap(), None);
}

#[test]
fn failed_requests_are_no_errors_of_a_hook() {
    let refused = "on_test_start(|| http.get(\"http://127.0.0.1:1/\").status);";
    assert_eq!(run(refused, Hook::TestStart, None).unwrap().as_deref(), Some("0"));
}

#[test]
fn what_a_hook_throws_is_its_error_with_place_and_stack() {
    let error = run(
        "fn f() { throw \"no\"; }\non_test_stop(|| f());",
        Hook::TestStop,
        None,
    )
    .unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("on_test_stop failed: no\n  at test.rhai:1:10 in f\n"),
        "{text}"
    );
    let error = run("on_test_start(|| me.id);", Hook::TestStart, None).unwrap_err();
    assert!(matches!(error, HookError::Start { .. }), "{error}");
    let error = run("on_test_start(|| stop_test(\"closed\"));", Hook::TestStart, None).unwrap_err();
    assert_eq!(error.to_string(), "on_test_start ended the test: closed");
}

#[test]
fn a_hook_that_never_ends_is_ended() {
    for hooks in [
        "on_test_start(|| { loop { } });",
        "on_test_start(|| sleep(3600));",
    ] {
        let began = Instant::now();
        let settings = HookSettings {
            time_limit: Duration::from_millis(300),
            ..settings(hooks)
        };
        let error = HookRunner::run(settings, Hook::TestStart, None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "on_test_start was not done within 0.3 s and has been ended"
        );
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}

/// Remembers how functions ended.
#[derive(Debug, Clone, Default)]
struct Ends(Rc<RefCell<Vec<String>>>);

impl TraceSink for Ends {
    fn event(&self, event: &TraceEvent<'_>) {
        let mut ends = self.0.borrow_mut();
        match event {
            TraceEvent::Begins(place) => ends.push(format!("{place} begins")),
            TraceEvent::Ended(place, how) => ends.push(format!("{place}: {how}")),
            _ => {}
        }
    }
}

#[test]
fn a_traced_hook_has_the_same_limit() {
    let began = Instant::now();
    let hooks = "on_test_start(|| { loop { sleep(0.01); } });\non_test_stop(|| 1);";
    let settings = TraceSettings {
        program: settings(hooks).program,
        iterations: 1,
        task: None,
        skip_sleeps: false,
        hook_time_limit: Duration::from_millis(300),
    };
    let ends = Ends::default();
    let outcome = TraceRunner::run(&settings, Box::new(ends.clone())).unwrap();
    assert_eq!(
        outcome,
        TraceOutcome {
            failures: 0,
            exceptions: 1
        }
    );
    assert_eq!(
        *ends.0.borrow(),
        [
            "on_test_start begins",
            "on_test_start: it was not done within 300ms and has been ended"
        ],
        "no user starts, and there is nothing to clear up"
    );
    assert!(began.elapsed() < Duration::from_secs(20));
}

//! Fibers by themselves: what suspends comes back, what panics is contained, what is dropped is unwound.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use katydid_scenario_lang::{CallEnd, LoadSettings, Program, SourceFile, UserState};

use super::super::class::Class;
use super::super::context::{ThreadShared, UserContext};
use super::super::script_host::ScriptHost;
use super::super::stacks::StackPool;
use super::{Answer, Call, Fiber, Step, stack_left, suspend, with_user};
use crate::clock::RunClock;
use crate::http::{HttpSettings, HttpThread, tls_config};
use crate::recorder::Recorder;

fn user(id: u64) -> Rc<UserContext> {
    let file = SourceFile {
        name: "test.rhai".to_owned(),
        text: r#"user("A", #{}).task("t", || {});"#.to_owned(),
        folder: std::env::temp_dir(),
    };
    let program = Program::new(vec![file], LoadSettings::default());
    let scenario = program.load(Rc::new(ScriptHost::new(Arc::default()))).unwrap();
    let class = Class::new(&scenario.declarations().classes[0]).unwrap();
    let shared = Rc::new(ThreadShared {
        scenario,
        recorder: Recorder::new(RunClock::reading(Duration::ZERO)),
        http: HttpThread::new(HttpSettings::new(false, true), tls_config().unwrap()),
        stacks: StackPool::new(8),
        turnstile: Rc::default(),
        random: fastrand::Rng::with_seed(1).into(),
        worker_name: "local".into(),
    });
    UserContext::new(id, class, shared)
}

fn fiber(user: &Rc<UserContext>, function: impl FnOnce() + 'static) -> Fiber {
    let loan = user.shared.stacks.try_lend().unwrap();
    Fiber::new(loan, Rc::clone(user), move || {
        function();
        (CallEnd::Completed, UserState::default())
    })
    .unwrap()
}

#[tokio::test]
async fn two_fibers_take_turns_and_each_finds_its_own_user() {
    let (first, second) = (user(1), user(2));
    let make = |user: &Rc<UserContext>| {
        fiber(user, || {
            for _ in 0..3 {
                let before = with_user(|user| user.id).unwrap();
                assert!(matches!(suspend(Call::Yield), Some(Answer::Done)));
                assert_eq!(with_user(|user| user.id).unwrap(), before);
            }
        })
    };
    let mut fibers = [make(&first), make(&second)];
    for _ in 0..3 {
        for fiber in &mut fibers {
            assert!(matches!(fiber.resume(Answer::Done), Step::Waits(Call::Yield)));
            assert!(with_user(|user| user.id).is_none(), "nobody runs between turns");
        }
    }
    for fiber in &mut fibers {
        assert!(matches!(
            fiber.resume(Answer::Done),
            Step::Ended(CallEnd::Completed, _)
        ));
    }
}

#[tokio::test]
async fn outside_of_a_fiber_nothing_waits() {
    assert!(suspend(Call::Yield).is_none());
    assert_eq!(stack_left(), usize::MAX);
}

#[tokio::test]
async fn a_panic_is_contained_and_its_stack_reused() {
    let user = user(1);
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let mut broken = fiber(&user, || panic!("on purpose"));
    let step = broken.resume(Answer::Done);
    std::panic::set_hook(hook);
    assert!(matches!(step, Step::Panicked));
    assert!(with_user(|user| user.id).is_none());
    drop(broken);
    let mut next = fiber(&user, || assert!(stack_left() > 100_000));
    assert!(matches!(next.resume(Answer::Done), Step::Ended(..)));
}

#[tokio::test]
async fn dropping_a_waiting_fiber_drops_what_is_on_its_stack() {
    struct Bell(Rc<Cell<bool>>);
    impl Drop for Bell {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }
    let (user, rung) = (user(1), Rc::new(Cell::new(false)));
    let bell = Bell(Rc::clone(&rung));
    let mut waiting = fiber(&user, move || {
        let _bell = bell;
        suspend(Call::Yield);
    });
    assert!(matches!(waiting.resume(Answer::Done), Step::Waits(_)));
    drop(waiting);
    assert!(rung.get());
    assert!(with_user(|user| user.id).is_none());
}

//! The course of a trace: the first hook, one user of each class after the other, the last hook.
//!
//! In: [`TraceSettings`]. Out: a [`TraceOutcome`]. Everything happens on the calling thread.

use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use katydid_protocol::format;
use katydid_scenario_lang::host::Host;
use katydid_scenario_lang::{CallEnd, ClassDecl, Declarations, FunctionId, Program, ScriptError};
use tokio::runtime::{Builder, LocalOptions};
use tokio::time::Instant;

use super::event::{TraceEvent, TraceSink};
use super::grants::grant;
use super::tracer::Tracer;
use crate::error::WorkerError;
use crate::hook::{Hook, HookEnd, call_hook};
use crate::http::tls_config;
use crate::rows::RowStore;
use crate::user::class::{Class, Task};
use crate::user::context::{HOOK_ID, ThreadShared, UserContext};
use crate::user::script_host::ScriptHost;
use crate::user::session::{Outcome, Session, defect};

/// What to trace.
#[derive(Debug, Clone)]
pub struct TraceSettings {
    /// The scenario, with the classes that were chosen.
    pub program: Program,
    /// Iterations of each user.
    pub iterations: u64,
    /// The only task to run; classes without it are left out. `None` for all, picked by weight.
    pub task: Option<String>,
    /// Whether `sleep()` takes no time.
    pub skip_sleeps: bool,
    /// How long a test hook may take.
    pub hook_time_limit: Duration,
}

/// What went wrong in a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceOutcome {
    /// Requests of users that count as failed.
    pub failures: u64,
    /// Functions that threw, hooks included.
    pub exceptions: u64,
}

/// Runs traces.
#[derive(Debug)]
pub struct TraceRunner;

/// How it goes on after a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    GoOn,
    /// It threw.
    Failed,
    EndUser,
    EndTest,
}

/// What all functions of a trace share.
struct Course {
    shared: Rc<ThreadShared>,
    tracer: Rc<Tracer>,
}

impl TraceRunner {
    /// Runs a trace and waits for its end; blocks the calling thread.
    ///
    /// # Errors
    ///
    /// [`WorkerError`] when it could not begin; what goes wrong later is in the outcome.
    pub fn run(settings: &TraceSettings, sink: Box<dyn TraceSink>) -> Result<TraceOutcome, WorkerError> {
        Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default())
            .map_err(|source| WorkerError::Thread { thread: 0, source })?
            .block_on(perform(settings, sink))
    }
}

async fn perform(settings: &TraceSettings, sink: Box<dyn TraceSink>) -> Result<TraceOutcome, WorkerError> {
    let tls = tls_config().map_err(|error| WorkerError::Tls(error.to_string()))?;
    let rows: Arc<RowStore> = Arc::default();
    let host: Rc<dyn Host> = Rc::new(ScriptHost::new(Arc::clone(&rows)));
    let scenario = settings.program.load(host).map_err(WorkerError::Scenario)?;
    let declared = scenario.declarations().clone();
    let tracer = Rc::new(Tracer::new(sink, settings.skip_sleeps));
    let course = Course {
        shared: Rc::new(ThreadShared::traced(scenario, tls, Rc::clone(&tracer))),
        tracer: Rc::clone(&tracer),
    };
    let traced = pin!(course.run(settings, &declared));
    let never = pin!(grant(&rows));
    tokio::select! {
        traced = traced => traced?,
        never = never => match never {},
    }
    Ok(TraceOutcome {
        failures: tracer.failures(),
        exceptions: tracer.exceptions(),
    })
}

impl Course {
    async fn run(&self, settings: &TraceSettings, declared: &Declarations) -> Result<(), WorkerError> {
        // As in a run, nobody starts when the first hook fails, and the second has nothing to clear up.
        let limit = settings.hook_time_limit;
        if self.hook(Hook::TestStart, declared, limit).await? != Flow::GoOn {
            return Ok(());
        }
        for (id, class) in (HOOK_ID + 1..).zip(&declared.classes) {
            let Some(class) = chosen(class, settings.task.as_deref()) else {
                continue;
            };
            if self.user(id, &class, settings.iterations).await? == Flow::EndTest {
                break;
            }
        }
        self.hook(Hook::TestStop, declared, limit).await?;
        Ok(())
    }

    async fn hook(&self, hook: Hook, declared: &Declarations, limit: Duration) -> Result<Flow, WorkerError> {
        let Some(function) = hook.declared(declared).cloned() else {
            return Ok(Flow::GoOn);
        };
        let place = hook.to_string();
        let class = Class::of_hook(&place, function.host.clone())?;
        self.tracer.turn(false);
        let user = UserContext::new(HOOK_ID, class, Rc::clone(&self.shared));
        let mut session = Session::new(Rc::clone(&user));
        self.tracer.event(&TraceEvent::Begins(&place));
        let began = Instant::now();
        let HookEnd {
            outcome,
            returned,
            in_time,
        } = call_hook(&mut session, &user, function, limit).await;
        session.close();
        let flow = match outcome {
            // What it threw or returned all the same says more than that it was late.
            Some(outcome) if in_time || !matches!(outcome, Outcome::Ended(CallEnd::Interrupted)) => {
                self.concluded(&place, began, outcome)
            }
            _ => {
                self.tracer.exception();
                let how = format!(
                    "it was not done within {} and has been ended",
                    format::duration(limit)
                );
                self.tracer.event(&TraceEvent::Ended(&place, &how));
                Flow::Failed
            }
        };
        if hook == Hook::TestStart && flow == Flow::GoOn {
            self.shared
                .scenario
                .set_setup(returned.as_deref())
                .map_err(WorkerError::Setup)?;
        }
        Ok(flow)
    }

    async fn user(&self, id: u64, declared: &ClassDecl, iterations: u64) -> Result<Flow, WorkerError> {
        let class = Class::new(declared)?;
        class.prepare_link(&self.shared.http)?;
        self.tracer.turn(true);
        self.tracer.event(&TraceEvent::User(&declared.name));
        let user = UserContext::new(id, Rc::clone(&class), Rc::clone(&self.shared));
        let mut session = Session::new(Rc::clone(&user));
        let mut flow = match class.on_start {
            Some(function) => self.call(&user, &mut session, function, "on_start").await,
            None => Flow::GoOn,
        };
        if flow == Flow::Failed {
            // Under load it would be replaced; it has done nothing that `on_stop` could clear up.
            session.close();
            return Ok(flow);
        }
        for _ in 0..iterations {
            if matches!(flow, Flow::EndUser | Flow::EndTest) {
                break;
            }
            let drawn = class.draw(&mut self.shared.random.borrow_mut());
            let Some(task) = drawn.and_then(|index| class.task(index)) else {
                break;
            };
            flow = self.task(&user, &mut session, task).await;
            user.iteration.set(user.iteration.get() + 1);
        }
        if let Some(function) = class.on_stop {
            // Whatever it says, the user has ended.
            self.call(&user, &mut session, function, "on_stop").await;
        }
        session.close();
        Ok(flow)
    }

    async fn task(&self, user: &Rc<UserContext>, session: &mut Session, task: &Task) -> Flow {
        let count = task.steps.len();
        for (index, step) in task.steps.iter().enumerate() {
            let place = if count == 1 {
                task.name.clone()
            } else {
                format!("{} (step {} of {count})", task.name, index + 1)
            };
            let flow = self.call(user, session, *step, &place).await;
            if flow != Flow::GoOn {
                return flow;
            }
        }
        Flow::GoOn
    }

    async fn call(
        &self,
        user: &Rc<UserContext>,
        session: &mut Session,
        function: FunctionId,
        place: &str,
    ) -> Flow {
        let place = format!("{}.{place}", user.class.name);
        self.tracer.event(&TraceEvent::Begins(&place));
        let began = Instant::now();
        let outcome = session
            .run(move |scenario, state| scenario.call(function, state))
            .await;
        user.abandon_groups();
        self.concluded(&place, began, outcome)
    }

    fn concluded(&self, place: &str, began: Instant, outcome: Outcome) -> Flow {
        let ended = |how: &str| self.tracer.event(&TraceEvent::Ended(place, how));
        match outcome {
            Outcome::Ended(CallEnd::Completed) => {
                self.tracer.event(&TraceEvent::Returned(place, began.elapsed()));
                Flow::GoOn
            }
            Outcome::Ended(CallEnd::Failed(error)) => self.threw(place, &error),
            Outcome::Panicked => self.threw(place, &defect()),
            Outcome::Ended(CallEnd::StopUser) => {
                ended("the user ends");
                Flow::EndUser
            }
            Outcome::Ended(CallEnd::StopTest(reason)) => {
                ended(&format!("the test ends: {reason}"));
                Flow::EndTest
            }
            Outcome::Ended(CallEnd::Interrupted) | Outcome::NoStack => {
                self.tracer.exception();
                ended("interrupted");
                Flow::EndTest
            }
        }
    }

    fn threw(&self, place: &str, error: &ScriptError) -> Flow {
        self.tracer.exception();
        self.tracer.event(&TraceEvent::Threw(place, error));
        Flow::Failed
    }
}

/// The class with the tasks that are wanted; `None` when it has none of them.
fn chosen(class: &ClassDecl, task: Option<&str>) -> Option<ClassDecl> {
    let mut class = class.clone();
    if let Some(task) = task {
        class.tasks.retain(|own| own.name == task);
        for own in &mut class.tasks {
            // Who asks for a task by name wants it, however rare it is under load.
            own.weight = 1.0;
        }
    }
    (!class.tasks.is_empty()).then_some(class)
}

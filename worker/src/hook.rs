//! Test hooks: what a scenario does once per run, before all users and after them.
//!
//! In: a program and which of its hooks to run. Out: what the hook returned, or why it failed. A hook runs on a thread
//! of its own, as a user of its own would: with an event loop, connections and cookies, and a time limit. What it
//! requests is nobody's load, so it is not measured.

use std::cell::RefCell;
use std::fmt;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use katydid_scenario_lang::host::Host;
use katydid_scenario_lang::{CallEnd, Declarations, HookDecl, Program, ScriptError};
use tokio::runtime::{Builder, LocalOptions};
use tokio::time::timeout;

use crate::error::WorkerError;
use crate::http::tls_config;
use crate::user::class::Class;
use crate::user::context::{HOOK_ID, ThreadShared, UserContext};
use crate::user::script_host::ScriptHost;
use crate::user::sending::KILL_GRACE;
use crate::user::session::{Outcome, Session};
use crate::user::stop::StopLevel;

/// How long a hook may take when nothing else is said.
pub const HOOK_TIME_LIMIT: Duration = Duration::from_secs(60);
/// Time after the kill within which a hook must have ended.
const LAST_RESORT: Duration = Duration::from_secs(1);

/// A moment of a run at which a scenario may act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    /// `on_test_start`: before the first user; what it returns is the run's `setup`.
    TestStart,
    /// `on_test_stop`: after the last user.
    TestStop,
}

/// What a hook needs.
#[derive(Debug, Clone)]
pub struct HookSettings {
    /// The scenario.
    pub program: Program,
    /// How long the hook may take.
    pub time_limit: Duration,
}

/// Why a hook failed.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// It could not even begin.
    #[error("{hook} could not run: {why}")]
    Start {
        /// The hook.
        hook: Hook,
        /// Why.
        #[source]
        why: WorkerError,
    },
    /// The script threw, or did something impossible.
    #[error("{hook} failed: {error}")]
    Script {
        /// The hook.
        hook: Hook,
        /// What, and where.
        error: ScriptError,
    },
    /// The script asked for an end.
    #[error("{hook} {said}")]
    Ended {
        /// The hook.
        hook: Hook,
        /// How.
        said: String,
    },
    /// It took too long.
    #[error("{hook} was not done within {} s and has been ended", limit.as_secs_f64())]
    TimeLimit {
        /// The hook.
        hook: Hook,
        /// The limit.
        limit: Duration,
    },
    /// A defect of ours.
    #[error("Katydid failed while it ran {hook}; please report it")]
    Panicked {
        /// The hook.
        hook: Hook,
    },
}

/// Runs hooks.
#[derive(Debug)]
pub struct HookRunner;

impl Hook {
    /// What the scenario declares for it.
    #[must_use]
    pub fn declared(self, declarations: &Declarations) -> Option<&HookDecl> {
        match self {
            Self::TestStart => declarations.on_test_start.as_ref(),
            Self::TestStop => declarations.on_test_stop.as_ref(),
        }
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TestStart => "on_test_start",
            Self::TestStop => "on_test_stop",
        })
    }
}

impl HookSettings {
    /// The usual settings.
    #[must_use]
    pub fn new(program: Program) -> Self {
        Self {
            program,
            time_limit: HOOK_TIME_LIMIT,
        }
    }
}

impl HookRunner {
    /// Runs a hook and waits for its end; blocks the calling thread. `setup` is what `on_test_start` returned. Gives what
    /// `on_test_start` returned, as JSON; `None` for `()`, for the other hook, and when the scenario has no such hook.
    ///
    /// # Errors
    ///
    /// [`HookError`]; failed requests are none.
    pub fn run(settings: HookSettings, hook: Hook, setup: Option<&str>) -> Result<Option<String>, HookError> {
        let setup: Option<Arc<str>> = setup.map(Arc::from);
        let thread = std::thread::Builder::new()
            .name("katydid-hook".to_owned())
            .spawn(move || alone(&settings, hook, setup.as_deref()));
        let thread = thread.map_err(|source| refused(hook, source))?;
        thread.join().unwrap_or(Err(HookError::Panicked { hook }))
    }
}

fn refused(hook: Hook, source: std::io::Error) -> HookError {
    let why = WorkerError::Thread { thread: 0, source };
    HookError::Start { hook, why }
}

fn alone(settings: &HookSettings, hook: Hook, setup: Option<&str>) -> Result<Option<String>, HookError> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())
        .map_err(|source| refused(hook, source))?;
    runtime.block_on(perform(settings, hook, setup))
}

/// How a hook ended.
pub(crate) struct HookEnd {
    /// `None` when nothing could end it.
    pub(crate) outcome: Option<Outcome>,
    /// What it returned, as JSON.
    pub(crate) returned: Option<String>,
    /// Whether it ended by itself.
    pub(crate) in_time: bool,
}

/// Runs a hook to its end, which comes by force when its time is over. `user` is the session's.
pub(crate) async fn call_hook(
    session: &mut Session,
    user: &UserContext,
    hook: HookDecl,
    limit: Duration,
) -> HookEnd {
    let returned: Rc<RefCell<Option<String>>> = Rc::default();
    let place = Rc::clone(&returned);
    let mut running = pin!(session.run(move |scenario, _| match scenario.call_hook(&hook) {
        Ok(json) => {
            *place.borrow_mut() = json;
            CallEnd::Completed
        }
        Err(end) => end,
    }));
    let (outcome, in_time) = match timeout(limit, running.as_mut()).await {
        Ok(outcome) => (Some(outcome), true),
        Err(_) => {
            user.stop.raise(StopLevel::Kill);
            (timeout(KILL_GRACE + LAST_RESORT, running).await.ok(), false)
        }
    };
    HookEnd {
        outcome,
        returned: returned.take(),
        in_time,
    }
}

async fn perform(
    settings: &HookSettings,
    hook: Hook,
    setup: Option<&str>,
) -> Result<Option<String>, HookError> {
    let start = |why: WorkerError| HookError::Start { hook, why };
    let tls = tls_config().map_err(|error| start(WorkerError::Tls(error.to_string())))?;
    let host: Rc<dyn Host> = Rc::new(ScriptHost::new(Arc::default()));
    let scenario = settings
        .program
        .load(host)
        .map_err(|errors| start(WorkerError::Scenario(errors)))?;
    let Some(declared) = hook.declared(scenario.declarations()).cloned() else {
        return Ok(None);
    };
    scenario
        .set_setup(setup)
        .map_err(|why| start(WorkerError::Setup(why)))?;
    let class = Class::of_hook(&hook.to_string(), declared.host.clone()).map_err(start)?;
    let shared = ThreadShared::new(scenario, tls, 1, "");
    let user = UserContext::new(HOOK_ID, class, Rc::new(shared));
    let mut session = Session::new(Rc::clone(&user));
    let HookEnd {
        outcome,
        returned,
        in_time,
    } = call_hook(&mut session, &user, declared, settings.time_limit).await;
    session.close();
    let ended = |said: &str| HookError::Ended {
        hook,
        said: said.to_owned(),
    };
    match outcome {
        Some(Outcome::Ended(CallEnd::Completed)) => Ok(returned),
        Some(Outcome::Ended(CallEnd::Failed(error))) => Err(HookError::Script { hook, error }),
        Some(Outcome::Ended(CallEnd::StopUser)) => Err(ended("called stop_user(), and it runs for no user")),
        Some(Outcome::Ended(CallEnd::StopTest(reason))) => Err(ended(&format!("ended the test: {reason}"))),
        Some(Outcome::Panicked) => Err(HookError::Panicked { hook }),
        Some(Outcome::Ended(CallEnd::Interrupted) | Outcome::NoStack) | None if !in_time => {
            Err(HookError::TimeLimit {
                hook,
                limit: settings.time_limit,
            })
        }
        Some(Outcome::Ended(CallEnd::Interrupted) | Outcome::NoStack) | None => Err(ended("was interrupted")),
    }
}

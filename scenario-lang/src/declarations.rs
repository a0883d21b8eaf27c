//! What a scenario declares: user classes, tasks, wait times, the plan; plain values, nothing of the script engine.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::body_use::BodyUse;
use crate::connection_settings::ConnectionSettings;
use crate::diagnostic::Diagnostic;
use crate::host::Auth;
use crate::scenario::FunctionId;
use crate::threshold::{MetricNames, ThresholdDecl};
use crate::transport::HttpTransport;

/// Everything a scenario declares, after the selection.
#[derive(Debug, Clone)]
pub struct Declarations {
    /// The user classes in order of declaration, files in the order given.
    pub classes: Vec<ClassDecl>,
    /// The host of the command line, else the first one a file declares.
    pub host: Option<String>,
    /// The load the files ask for.
    pub plan: PlanDecl,
    /// When iterations start, if not whenever a user is done with the last one.
    pub arrivals: Option<ArrivalsDecl>,
    /// The parameters the files ask for, in order of first use.
    pub parameters: Vec<ParamDecl>,
    /// What runs once before all users, and gives them their `setup`.
    pub on_test_start: Option<HookDecl>,
    /// What runs once after all users.
    pub on_test_stop: Option<HookDecl>,
    /// What a run passes or fails by, each rule once, in order.
    pub thresholds: Vec<ThresholdDecl>,
    /// The metrics scripts measure by themselves, as far as their text tells.
    pub metrics: MetricNames,
    /// The environment variables `env()` has read while declaring or names in functions; never those that `secret()`
    /// reads. See [`LoadSettings::declared_environment`](crate::LoadSettings::declared_environment).
    pub environment: BTreeMap<String, String>,
    /// Whether any code reads response bodies; when not, hosts need not keep them.
    pub reads_bodies: bool,
    /// Whether any code reads response headers; when not, hosts need not keep them.
    pub reads_headers: bool,
    /// What probably is not as meant.
    pub warnings: Vec<Diagnostic>,
}

/// The load a scenario asks for by `plan(...)`; flags of the command line win.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlanDecl {
    /// How many users; at least 1.
    pub users: Option<u32>,
    /// Users started per second; above 0 and finite.
    pub spawn_rate: Option<f64>,
    /// How long the run lasts; above 0.
    pub run_time: Option<Duration>,
}

/// The open load model a scenario asks for by `arrivals(...)`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ArrivalsDecl {
    /// One after the other; at least one. Only the last may be without an end.
    pub stages: Vec<ArrivalStageDecl>,
    /// How many users there may be; at least 1.
    pub max_users: Option<u32>,
    /// Whether arrivals for which no user is free are dropped; otherwise they wait.
    pub drops_late: bool,
}

/// A stage of [`ArrivalsDecl`].
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ArrivalStageDecl {
    /// How long; above 0. `None` until the end of the run.
    pub duration: Option<Duration>,
    /// Arrivals per second at its beginning; finite, from 0.
    pub rate: f64,
    /// The same at its end; equal to `rate` in a stage without an end.
    pub to: f64,
    /// Whether they are spread at random; otherwise evenly.
    pub poisson: bool,
}

/// A parameter a scenario asks for by `param(...)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamDecl {
    /// Its name.
    pub name: String,
    /// Its default as text; `None` when a value is required.
    pub default: Option<String>,
}

/// A function that runs once per run, for no user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookDecl {
    /// The function.
    pub function: FunctionId,
    /// Whether what it returns is what users see as `setup`; otherwise nobody looks at it.
    pub gives_setup: bool,
    /// Whether it takes what `on_test_start` returned as its parameter.
    pub takes_setup: bool,
    /// Where its relative URLs lead: the command line's, else its file's host.
    pub host: Option<String>,
}

/// A kind of user.
#[derive(Debug, Clone)]
pub struct ClassDecl {
    /// Its name, unique over all files.
    pub name: String,
    /// Its share of the users among classes without a fixed count; finite, not negative.
    pub weight: f64,
    /// How many users of it to run before the rest is shared; 0 for none.
    pub fixed_count: u32,
    /// The pause between two tasks.
    pub wait: WaitTime,
    /// Where relative URLs lead: the command line's, else the class's, else the file's host.
    pub host: Option<String>,
    /// Its tags; its tasks have them too.
    pub tags: Vec<String>,
    /// Its tasks; at least one.
    pub tasks: Vec<TaskDecl>,
    /// What a user runs first.
    pub on_start: Option<FunctionId>,
    /// What a user runs last.
    pub on_stop: Option<FunctionId>,
    /// What all its requests have in common.
    pub http: HttpDefaults,
}

/// Something users do again and again.
#[derive(Debug, Clone)]
pub struct TaskDecl {
    /// Its name, unique in its class.
    pub name: String,
    /// How often it is picked among its class's tasks; finite, not negative.
    pub weight: f64,
    /// Its own tags, without those of the class.
    pub tags: Vec<String>,
    /// What its requests are counted by, keys and values; wins over what the class says. Both together are at most
    /// [`MAX_TAGS`](crate::MAX_TAGS).
    pub request_tags: Vec<(String, String)>,
    /// One function for a task, all in order for a sequence.
    pub steps: Vec<FunctionId>,
    /// Whether it was declared by `.sequence(...)`.
    pub is_sequence: bool,
}

/// The pause between two tasks of a user.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WaitTime {
    /// Always the same.
    Constant(Duration),
    /// Uniformly distributed from the first to the second, which is not smaller.
    Between(Duration, Duration),
    /// As long as it takes for tasks to start in this rhythm; above 0.
    Pacing(Duration),
    /// Exponentially distributed with this mean rate, above 0 and finite.
    Poisson {
        /// Tasks per second and user, were they to take no time.
        per_sec: f64,
    },
}

/// What all requests of a user class have in common.
#[derive(Debug, Clone, Default)]
pub struct HttpDefaults {
    /// Headers; those of a request win.
    pub headers: http::HeaderMap,
    /// Limit for a whole exchange.
    pub timeout: Option<Duration>,
    /// How many redirects to follow, 0 for none.
    pub redirects: Option<u32>,
    /// Credentials to send.
    pub auth: Option<Auth>,
    /// What becomes of the cookies that responses set.
    pub cookies: CookiePolicy,
    /// What becomes of the bodies of responses.
    pub response_body: BodyUse,
    /// Whether ids in the names of requests that have none of their own are placeholders.
    pub group_ids: bool,
    /// What requests are counted by besides their names, keys and values; at most [`MAX_TAGS`](crate::MAX_TAGS).
    pub tags: Vec<(String, String)>,
    /// How they connect, where that is not the usual way.
    pub connection: Option<Arc<ConnectionSettings>>,
    /// What carries them.
    pub transport: HttpTransport,
    /// The share of them that tracing systems shall keep, 0 to 1, when they say who they are; `None` when they do not.
    pub trace_context: Option<f64>,
}

impl HttpDefaults {
    /// Whether both transports can do what is asked for.
    pub(crate) fn is_for_any_transport(&self) -> bool {
        self.connection.is_none()
            && self.cookies == CookiePolicy::Keep
            && !matches!(self.auth, Some(Auth::Digest(..) | Auth::Aws(_)))
    }
}

/// What becomes of the cookies that responses set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CookiePolicy {
    /// They are kept for the user's life, as a browser does.
    #[default]
    Keep,
    /// They are forgotten when an iteration begins.
    PerIteration,
    /// They are not kept at all; a script can still set some.
    Ignore,
}

/// How many redirects `redirects: true` follows, and hosts should follow when nothing is said.
pub const DEFAULT_REDIRECTS: u32 = 30;

impl Default for WaitTime {
    /// No pause, as in Locust.
    fn default() -> Self {
        Self::Constant(Duration::ZERO)
    }
}

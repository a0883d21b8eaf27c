//! The picture of a run that others look at: read-only, complete, cheap to share.
//!
//! In: the aggregate, once a second and at the end. Out: what terminal, files, page and API show. Nobody changes it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::plan::LoadPlan;
use crate::threshold::ThresholdEntry;

use super::{
    ArrivalCounts, CheckCounts, ConnectionCounts, CounterSum, ErrorCounts, ErrorKey, ExceptionKey,
    LossCounts, MetricEntry, MetricValue, Nodes, RequestStats, Timeline,
};

/// The percentiles of every table, as Locust has them.
pub const PERCENTILES_REPORTED: [(f64, &str); 11] = [
    (0.50, "50%"),
    (0.66, "66%"),
    (0.75, "75%"),
    (0.80, "80%"),
    (0.90, "90%"),
    (0.95, "95%"),
    (0.98, "98%"),
    (0.99, "99%"),
    (0.999, "99.9%"),
    (0.9999, "99.99%"),
    (1.0, "100%"),
];

/// What a run is about; fixed from its start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunInfo {
    /// The run's id.
    pub id: String,
    /// Scenario files as given on the command line.
    pub scenarios: Vec<String>,
    /// The host all users were pointed at, if one was given for all.
    pub host: Option<String>,
    /// The user classes that take part.
    pub classes: Vec<ClassInfo>,
    /// Wall-clock time of the run's start.
    pub started_at: SystemTime,
    /// Katydid's version.
    pub version: String,
    /// The load as it was asked for at the start.
    #[serde(default)]
    pub plan: Option<LoadPlan>,
    /// Values of the scenario's parameters that were given, by name; what must not be told is not told.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// The machine that directs the run: its operating system; may be empty.
    #[serde(default)]
    pub system: String,
}

/// A user class as shown to people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassInfo {
    /// Its name.
    pub name: String,
    /// See [`crate::plan::UserClass::weight`].
    pub weight: f64,
    /// See [`crate::plan::UserClass::fixed_count`].
    pub fixed_count: u32,
    /// The host its users talk to, if known before they run.
    pub host: Option<String>,
    /// Whether its users keep to a plan, so that they can be late.
    #[serde(default)]
    pub is_paced: bool,
    /// Its tasks.
    pub tasks: Vec<TaskInfo>,
}

/// A task as shown to people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskInfo {
    /// Its name.
    pub name: String,
    /// Its weight among the class's tasks.
    pub weight: f64,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// Nothing runs.
    Ready,
    /// Users are being started or stopped on the way to a new total.
    Spawning,
    /// All users run.
    Running,
    /// Users are finishing.
    Stopping,
    /// The run is over; the numbers are final.
    Stopped,
    /// The run is over, and not as it should be: see [`Snapshot::failure`]. The numbers are final.
    Failed,
}

impl RunState {
    /// Every state there is, in the order a run may go through them.
    pub const ALL: [Self; 6] = [
        Self::Ready,
        Self::Spawning,
        Self::Running,
        Self::Stopping,
        Self::Stopped,
        Self::Failed,
    ];

    /// The state in the word people see.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Spawning => "spawning",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing more will happen.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Stopped | Self::Failed)
    }
}

/// Why a run could not do what was asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunFailure {
    /// Workers that were expected never came, or all were lost.
    WorkersMissing,
    /// A worker could not run the scenario.
    Scenario,
    /// The only worker, or the last one, broke down.
    WorkerBroke,
    /// It was told to end by the system before it was over.
    CutShort,
}

/// What a worker is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WorkerState {
    /// It fetches and compiles the scenario.
    Preparing,
    /// It could begin.
    Ready,
    /// It runs users.
    Running,
    /// Its users are finishing.
    Stopping,
    /// Nothing has been heard of it for some seconds.
    Missing,
    /// It takes part no more.
    Stopped,
}

impl WorkerState {
    /// The state in the word people see.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Missing => "missing",
            Self::Stopped => "stopped",
        }
    }
}

/// A worker as shown to people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkerEntry {
    /// Its name, unique in the fleet.
    pub name: String,
    /// What it is doing.
    pub state: WorkerState,
    /// Load threads.
    pub threads: u32,
    /// Cores it may use; 0 when that is not known.
    pub cores: u32,
    /// Users running.
    pub users: u32,
    /// Users per class, in the order of `info.classes`; empty before it ran any.
    pub users_by_class: Vec<u32>,
    /// CPU as a share of the cores it may use, 0 to 1.
    pub cpu: f64,
    /// Resident memory in bytes.
    pub memory_bytes: u64,
    /// How late its event loops were at most, in µs, lately.
    pub lag_us: u64,
    /// Seconds in which it was saturated, so that response times are partly its own.
    pub saturated: u64,
    /// Whether it is saturated now.
    #[serde(default)]
    pub is_saturated: bool,
}

/// Something that happened to a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunMark {
    /// When, in seconds since the run's start.
    pub second: u32,
    /// What kind of thing.
    pub kind: MarkKind,
    /// In words.
    pub text: String,
}

/// What can happen to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarkKind {
    /// All users run for the first time.
    Steady,
    /// Other numbers of users were asked for.
    Edit,
    /// The statistics were zeroed.
    Reset,
    /// A worker was lost, or left.
    WorkerLost,
    /// The run was told to end.
    Stop,
    /// A threshold failed for the first time.
    Threshold,
}

/// The run at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// What the run is about.
    pub info: Arc<RunInfo>,
    /// Where it stands.
    pub state: RunState,
    /// The run's clock.
    pub elapsed: Duration,
    /// The run's clock at the last reset of the statistics; rates count from here.
    pub counted_from: Duration,
    /// Users running now.
    pub users: u32,
    /// Users the plan wants in the end.
    pub target_users: u32,
    /// Users per class now, in the order of `info.classes`.
    pub users_by_class: Vec<u32>,
    /// Every request, ordered by name, then method.
    pub requests: Vec<RequestEntry>,
    /// All requests together.
    pub total: RequestEntry,
    /// Groups, ordered by name.
    pub groups: Vec<RequestEntry>,
    /// Requests by tag, ordered by name (`key:value`); a request counts for each of its tags.
    pub tags: Vec<RequestEntry>,
    /// Checks, ordered by name.
    pub checks: Vec<CheckEntry>,
    /// Custom metrics, ordered by name.
    pub metrics: Vec<MetricEntry>,
    /// Thresholds, in the order they were declared.
    pub thresholds: Vec<ThresholdEntry>,
    /// Failures, ordered by request, then message.
    pub errors: Vec<ErrorEntry>,
    /// Exceptions of scripts, most frequent first.
    pub exceptions: Vec<ExceptionEntry>,
    /// Iterations that ended.
    pub iterations: u64,
    /// What became of arrivals; `None` when none were planned.
    pub arrivals: Option<ArrivalCounts>,
    /// How the requests were connected.
    pub connections: ConnectionCounts,
    /// One point per second of the run, all requests together.
    pub timeline: Timeline,
    /// What could not be kept apart or on time.
    pub losses: LossCounts,
    /// The workers, in the order they joined; those that left are still there.
    pub workers: Vec<WorkerEntry>,
    /// Seconds of the run in which a worker was saturated, ascending; the response times of these are partly its own.
    pub saturated_seconds: Vec<u32>,
    /// What happened, in order.
    pub marks: Vec<RunMark>,
    /// What people should know before they trust the numbers.
    pub warnings: Vec<String>,
    /// Why the run ended or is ending, once it is.
    pub stop_reason: Option<String>,
    /// Why the run could not do what was asked, if it could not.
    pub failure: Option<RunFailure>,
}

/// A request and its rates of the moment.
#[derive(Debug, Clone)]
pub struct RequestEntry {
    /// The whole run.
    pub stats: Arc<RequestStats>,
    /// Requests per second over the last ten full seconds (fewer at the start).
    pub current_rps: f64,
    /// Failures per second over the same time.
    pub current_failures_per_sec: f64,
    /// Its seconds; not kept for groups and tags, and for all requests together elsewhere: see [`Snapshot::timeline`].
    pub timeline: Timeline,
}

/// A check and its counts.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckEntry {
    /// Its name.
    pub name: Arc<str>,
    /// Its counts.
    pub counts: CheckCounts,
}

/// A failure and its counts.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorEntry {
    /// Which request, and why.
    pub key: ErrorKey,
    /// How often and when.
    pub counts: ErrorCounts,
}

/// An exception and its counts.
#[derive(Debug, Clone, PartialEq)]
pub struct ExceptionEntry {
    /// What and where.
    pub key: ExceptionKey,
    /// How often and when.
    pub counts: ErrorCounts,
    /// On which workers.
    pub nodes: Nodes,
}

impl Snapshot {
    /// How long requests have been counted: from the start (or the last reset) to the last request's end.
    ///
    /// This is what whole-run rates divide by, so that a slow stop does not water them down.
    #[must_use]
    pub fn counted_for(&self) -> Duration {
        Duration::from_micros(self.total.stats.last_us).saturating_sub(self.counted_from)
    }

    /// Requests per second over [`Self::counted_for`].
    #[must_use]
    pub fn rps(&self, stats: &RequestStats) -> f64 {
        per_second(stats.requests, self.counted_for())
    }

    /// Failures per second over [`Self::counted_for`].
    #[must_use]
    pub fn failures_per_sec(&self, stats: &RequestStats) -> f64 {
        per_second(stats.failures, self.counted_for())
    }

    /// Every custom metric with its name, in the names' order.
    pub fn metric_values(&self) -> impl Iterator<Item = (&str, MetricValue<'_>)> {
        let entries = self.metrics.iter();
        entries.flat_map(|entry| entry.sums.values().map(|value| (&*entry.name, value)))
    }

    /// A counter's sum per second, from the start (or the last reset) to the last request's end or the last addition.
    #[must_use]
    pub fn metric_per_sec(&self, counter: &CounterSum) -> f64 {
        let until = Duration::from_micros(self.total.stats.last_us.max(counter.last_us));
        ratio(counter.sum.to_f64(), until.saturating_sub(self.counted_from))
    }

    /// The most users that ran at a time.
    #[must_use]
    pub fn peak_users(&self) -> u32 {
        let seconds = self.timeline.iter().map(|point| point.users);
        seconds.max().unwrap_or(0).max(self.users)
    }

    /// The wall-clock time at a moment of the run's clock.
    #[must_use]
    pub fn wall_time(&self, at_us: u64) -> SystemTime {
        self.info.started_at + Duration::from_micros(at_us)
    }
}

fn per_second(count: u64, time: Duration) -> f64 {
    ratio(count as f64, time)
}

fn ratio(amount: f64, time: Duration) -> f64 {
    if time.is_zero() {
        0.0
    } else {
        amount / time.as_secs_f64()
    }
}

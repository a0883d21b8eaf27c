//! What is on: the test as pages and APIs see it, from before its first run to after its last, and what they may ask.
//!
//! In: whoever conducts runs fills a [`Picture`] whenever something changes. Out: pages show it; what people type comes
//! back as a [`StartRequest`], and what is wrong with it as a [`Refusal`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::plan::{ArrivalPlan, LoadPlan};
use crate::stats::{ClassInfo, RunState, Snapshot};

/// Everything there is to show.
#[derive(Debug, Clone)]
pub struct Picture {
    /// Of the run under way, or else of the last one; before the first, of nothing.
    pub snapshot: Arc<Snapshot>,
    /// The id of the run that was asked for or is under way, or else of the last one; empty before the first.
    pub run: String,
    /// Whether a run was asked for and has not begun: the scenario's `on_test_start` is under way, or workers prepare.
    pub is_starting: bool,
    /// The scenario that runs, or would.
    pub scenario: Arc<Scenario>,
    /// What the next run gets unless somebody says otherwise.
    pub preset: Arc<StartRequest>,
    /// Whether workers are processes of their own.
    pub is_distributed: bool,
    /// Workers connected.
    pub workers: u32,
    /// How long a run that was asked for waits for its workers; `None` is for ever.
    pub max_wait: Option<Duration>,
    /// Why the last run that was asked for did not begin; empty when it did.
    pub notice: String,
}

impl Picture {
    /// Where the test stands: a run that was asked for counts as one that starts its users.
    #[must_use]
    pub fn state(&self) -> RunState {
        if self.is_starting {
            RunState::Spawning
        } else {
            self.snapshot.state
        }
    }

    /// How long the run under way lasts, else the next one; `None` until somebody stops it.
    #[must_use]
    pub fn run_time(&self) -> Option<Duration> {
        let of_run = self.snapshot.info.plan.as_ref().filter(|_| self.is_live());
        of_run.map_or_else(|| self.preset.run_time.flatten(), LoadPlan::length)
    }

    /// Whether load is applied, or about to be.
    #[must_use]
    pub fn is_live(&self) -> bool {
        !self.state().is_over() && self.state() != RunState::Ready
    }

    /// Where the load of the next run goes unless somebody says otherwise, if that is one host.
    #[must_use]
    pub fn preset_host(&self) -> Option<&str> {
        match &self.preset.host {
            Some(Some(host)) => Some(host),
            _ => common_host(&self.scenario.classes),
        }
    }
}

/// The host of all these classes, if it is the same.
#[must_use]
pub fn common_host(classes: &[ClassInfo]) -> Option<&str> {
    let first = classes.first()?.host.as_deref()?;
    let is_first = |class: &ClassInfo| class.host.as_deref() == Some(first);
    classes.iter().all(is_first).then_some(first)
}

/// A scenario as people see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Its files: name and text.
    pub files: Vec<(String, String)>,
    /// All its user classes, chosen or not, with the hosts the scenario itself gives them.
    pub classes: Vec<ClassInfo>,
    /// What `param()` asks for, in order.
    pub parameters: Vec<ParameterInfo>,
    /// When iterations start, if not whenever a user is done with the last one.
    pub arrivals: Option<ArrivalPlan>,
}

/// A parameter of a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterInfo {
    /// Its name.
    pub name: String,
    /// What it is when nobody says; `None` must be given.
    pub default: Option<String>,
}

/// A run that is asked for. What is `None` stays as it was.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StartRequest {
    /// Users at the peak; with arrivals, users there may be at most.
    pub users: Option<u32>,
    /// Users started per second; finite and above 0.
    pub spawn_rate: Option<f64>,
    /// Where the load goes: an absolute URL; `Some(None)` is where the scenario says.
    pub host: Option<Option<String>>,
    /// How long; `Some(None)` is until somebody stops it.
    pub run_time: Option<Option<Duration>>,
    /// Grace for running iterations at the end.
    pub stop_timeout: Option<Duration>,
    /// The user classes that take part.
    pub classes: Option<Vec<String>>,
    /// The scenario's parameters that are given.
    pub parameters: BTreeMap<String, String>,
}

/// Other numbers of users for the run under way.
#[derive(Debug, Clone, PartialEq)]
pub struct EditRequest {
    /// Users from now on.
    pub users: u32,
    /// Users started or stopped per second; finite and above 0.
    pub spawn_rate: f64,
}

/// The run that something was granted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// Its id.
    pub id: String,
    /// Where its load goes, if that is one host.
    pub host: Option<String>,
    /// Whether it was started by this; otherwise it was under way and has been changed.
    pub is_new: bool,
}

/// Why something that was asked for does not happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What stands in its way.
    pub obstacle: Obstacle,
    /// Which part of the request is wrong, if one is.
    pub field: Option<StartField>,
    /// What is wrong, and what to do.
    pub message: String,
}

/// What stands in the way of something that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The request itself: it will never be met.
    Request,
    /// What goes on: at another moment it may be met.
    Moment,
    /// Nobody answers, or the process is about to end.
    End,
}

impl Refusal {
    /// The request as a whole cannot be met.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            obstacle: Obstacle::Request,
            field: None,
            message: message.into(),
        }
    }

    /// The request cannot be met now.
    #[must_use]
    pub fn for_now(message: impl Into<String>) -> Self {
        Self {
            obstacle: Obstacle::Moment,
            ..Self::new(message)
        }
    }

    /// Nobody will meet it any more.
    #[must_use]
    pub fn at_the_end(message: impl Into<String>) -> Self {
        Self {
            obstacle: Obstacle::End,
            ..Self::new(message)
        }
    }

    /// A part of it is wrong.
    #[must_use]
    pub fn of(field: StartField, message: impl Into<String>) -> Self {
        Self {
            field: Some(field),
            ..Self::new(message)
        }
    }
}

/// A part of a [`StartRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartField {
    /// See [`StartRequest::users`].
    Users,
    /// See [`StartRequest::spawn_rate`].
    SpawnRate,
    /// See [`StartRequest::host`].
    Host,
    /// See [`StartRequest::run_time`].
    RunTime,
    /// See [`StartRequest::stop_timeout`].
    StopTimeout,
    /// See [`StartRequest::classes`].
    Classes,
    /// A parameter by its name.
    Parameter(String),
}

/// Something wrong in a scenario's source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceProblem {
    /// The file.
    pub file: String,
    /// Line, from 1; 0 when it has no place.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
    /// What.
    pub message: String,
    /// What to do; may be empty.
    pub help: String,
    /// The line in question with a mark below; may be empty.
    pub excerpt: String,
}

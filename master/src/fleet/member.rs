//! One worker as the master knows it.

use std::time::Duration;

use katydid_protocol::fleet::{Heartbeat, Hello};
use katydid_protocol::progress::Progress;
use katydid_protocol::report::WorkerStatus;
use katydid_protocol::stats::{WorkerEntry, WorkerState};
use serde::{Deserialize, Serialize};

/// A worker's number in this fleet; never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct WorkerId(pub(crate) u32);

/// What a worker is doing for the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Presence {
    /// It fetches and compiles the scenario.
    Preparing,
    /// It could begin.
    Ready,
    /// It runs users.
    Active,
    /// It wants to leave; others are taking over.
    Draining,
    /// It was told to end its users and has not confirmed it yet.
    Stopping,
    /// It has said nothing for too long; it may come back.
    Missing,
    /// It has confirmed its end, or cannot take part.
    Gone,
}

/// A worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) id: WorkerId,
    /// Unique in the fleet.
    pub(crate) name: String,
    /// Its process.
    pub(crate) instance: String,
    pub(crate) threads: u32,
    #[serde(default)]
    pub(crate) cores: u32,
    pub(crate) presence: Presence,
    /// Whether it has said that its users have ended.
    pub(crate) ended: bool,
    /// What it was told to run, and how far it is with that.
    pub(crate) progress: Progress,
    /// What it says it runs.
    pub(crate) status: WorkerStatus,
    /// The master's clock at its last sign of life.
    #[serde(skip)]
    pub(crate) heard: Duration,
    /// Whether a connection is open.
    #[serde(skip)]
    pub(crate) connected: bool,
    /// Whether its last connection ended when it had just been heard of, as it does when a process dies.
    #[serde(default)]
    pub(crate) hung_up: bool,
    /// What it was doing when it fell silent, until it is heard of again.
    #[serde(default)]
    pub(crate) lost_as: Option<Presence>,
    #[serde(skip)]
    pub(crate) heartbeat: Heartbeat,
    /// Heartbeats that said it was saturated.
    pub(crate) saturated: u64,
    /// When its draining began.
    pub(crate) draining_since: Duration,
}

impl Member {
    pub(crate) fn new(id: WorkerId, name: String, hello: &Hello, now: Duration) -> Self {
        Self {
            id,
            name,
            instance: hello.instance.clone(),
            threads: hello.threads.max(1),
            cores: hello.cores,
            presence: Presence::Preparing,
            ended: false,
            progress: Progress::default(),
            status: WorkerStatus::default(),
            heard: now,
            connected: true,
            hung_up: false,
            lost_as: None,
            heartbeat: Heartbeat::default(),
            saturated: 0,
            draining_since: Duration::ZERO,
        }
    }

    /// Whether it takes part in the run in any way.
    pub(crate) fn takes_part(&self) -> bool {
        matches!(
            self.presence,
            Presence::Active | Presence::Draining | Presence::Stopping
        )
    }

    /// Whether it may be heard of again.
    pub(crate) fn may_return(&self) -> bool {
        self.presence != Presence::Gone || self.lost_as.is_some()
    }

    /// How much of the load it gets, relative to others.
    pub(crate) fn capacity(&self) -> f64 {
        if self.presence == Presence::Active {
            f64::from(self.threads)
        } else {
            0.0
        }
    }

    /// Whether it says that it has done everything it was told.
    pub(crate) fn is_settled(&self) -> bool {
        let told = self.progress.share().map_or(0, |share| share.epoch);
        self.status.settled && self.status.epoch == told
    }

    /// Users it runs, as far as is known.
    pub(crate) fn users(&self) -> u32 {
        self.status.total_users()
    }

    /// What people see of it.
    pub(crate) fn entry(&self) -> WorkerEntry {
        WorkerEntry {
            name: self.name.clone(),
            state: match self.presence {
                Presence::Preparing => WorkerState::Preparing,
                Presence::Ready => WorkerState::Ready,
                Presence::Active => WorkerState::Running,
                Presence::Draining | Presence::Stopping => WorkerState::Stopping,
                Presence::Missing => WorkerState::Missing,
                Presence::Gone => WorkerState::Stopped,
            },
            threads: self.threads,
            cores: self.cores,
            users: self.users(),
            users_by_class: self.status.users.clone(),
            cpu: self.heartbeat.cpu,
            memory_bytes: self.heartbeat.memory_bytes,
            lag_us: self.heartbeat.lag_us,
            saturated: self.saturated,
            is_saturated: self.presence == Presence::Active && self.heartbeat.is_saturated(),
        }
    }
}

//! The tab of workers.
//!
//! In: the fleet, those that left included. Out: the fragment `GET {base}/ui/workers`.

use askama::Template;
use katydid_protocol::stats::WorkerState;

use super::{Empty, Level, Metric};

/// `GET {base}/ui/workers`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "workers.html")]
pub struct Workers {
    /// The fleet in numbers: workers, threads, users.
    pub metrics: Vec<Metric>,
    /// The workers, in the order they joined.
    pub rows: Vec<WorkerRow>,
    /// What to say when there are none.
    pub empty: Empty,
}

/// A worker.
#[derive(Debug, Clone)]
pub struct WorkerRow {
    /// Its name.
    pub name: String,
    /// What it is doing.
    pub state: WorkerState,
    /// How that is to be taken: [`Level::Bad`] marks the whole row as lost.
    pub level: Level,
    /// Users running.
    pub users: String,
    /// Users by class: `Shopper 30, Admin 2`; may be empty.
    pub users_by_class: String,
    /// CPU in use, formatted.
    pub cpu: String,
    /// CPU in use, 0 to 100, for a meter.
    pub cpu_value: f64,
    /// How late its event loops were.
    pub lag: String,
    /// How that is to be taken.
    pub lag_level: Level,
    /// Memory.
    pub memory: String,
    /// Load threads, and the cores they may use: `4 of 8`.
    pub threads: String,
    /// Seconds in which it was saturated; `0` is shown as nothing.
    pub saturated: String,
}

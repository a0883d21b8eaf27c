//! What it takes to be part of a fleet, and how that may end.

use std::num::NonZeroUsize;
use std::time::Duration;

use katydid_protocol::fleet::LogLine;
use katydid_protocol::vitals::WorkerVitals;
use tokio::sync::{mpsc, watch};

use super::connect::Address;

/// What a worker needs to be part of a fleet.
#[derive(Debug)]
pub struct FleetWorkerSettings {
    /// Where the master is.
    pub address: Address,
    /// The worker's name; the master makes it unique.
    pub name: String,
    /// Load threads; `None` for one per core the process may use.
    pub threads: Option<NonZeroUsize>,
    /// Connections it can hold.
    pub open_files: u64,
    /// Turns true when the worker shall leave.
    pub drain: watch::Receiver<bool>,
    /// How long leaving may take.
    pub drain_timeout: Duration,
    /// Lines of this process's log for the master.
    pub log: Option<mpsc::Receiver<LogLine>>,
    /// Who watches this process.
    pub vitals: Option<watch::Sender<WorkerVitals>>,
}

/// Why a worker's life in the fleet is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// It wanted to leave and everything it measured is safe.
    Drained,
    /// The master ended, and with it the fleet.
    MasterEnded,
}

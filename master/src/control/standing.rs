//! Where the run stands, as control tells it to those who draw the picture.

use katydid_protocol::stats::{RunFailure, RunMark, RunState, WorkerEntry};
use katydid_protocol::threshold::ThresholdEntry;

/// What control contributes to a snapshot.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Standing {
    /// The state.
    pub(crate) state: RunState,
    /// Users running now, in the order of the run's classes.
    pub(crate) users_by_class: Vec<u32>,
    /// Users wanted in the end.
    pub(crate) target_users: u32,
    /// The workers.
    pub(crate) workers: Vec<WorkerEntry>,
    /// What happened, in order.
    pub(crate) marks: Vec<RunMark>,
    /// What the run is judged by, and where that stands.
    pub(crate) thresholds: Vec<ThresholdEntry>,
    /// What people should know before they trust the numbers.
    pub(crate) warnings: Vec<String>,
    /// Why the run ends, once it does.
    pub(crate) stop_reason: Option<String>,
    /// Why it could not do what was asked, if it could not.
    pub(crate) failure: Option<RunFailure>,
    /// Whether iterations start for arrivals.
    pub(crate) has_arrivals: bool,
}

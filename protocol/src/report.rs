//! What a worker tells the run: measurements' way up, and the state of its users.
//!
//! In: what load threads recorded. Out: reports the run applies in order; a delta is counted once, by its sequence.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::fleet::Rows;
use crate::stats::Delta;

/// One message from a worker.
#[derive(Debug, Clone, PartialEq)]
pub enum WorkerReport {
    /// What was measured since the last delta.
    Delta {
        /// Rises by one with each delta of a worker; a sequence seen before is not counted again.
        sequence: u64,
        /// The measurements.
        delta: Box<Delta>,
    },
    /// How many users run; sent once a second and whenever a share has been reached.
    Status(WorkerStatus),
    /// A script asked for the end of the run.
    StopRequested {
        /// What the script said.
        reason: String,
    },
    /// Users ask for rows of a data set that may be used once.
    RowsWanted {
        /// The data set, as scripts name it.
        data: Arc<str>,
        /// How many rows it has.
        len: u64,
        /// How many are wanted.
        count: u32,
    },
    /// Rows this worker got and has not used; it is leaving.
    RowsReturned {
        /// The data set.
        data: Arc<str>,
        /// The rows.
        rows: Vec<Rows>,
    },
    /// Something people should know that is no error of the script or the target.
    Warning(String),
    /// All users have ended and every delta has been sent; nothing follows.
    Stopped,
    /// The worker cannot go on.
    Failed(String),
}

/// The users of a worker at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerStatus {
    /// The last epoch of a share applied.
    pub epoch: u64,
    /// Running users per class, in the order of the run's classes.
    pub users: Vec<u32>,
    /// Whether every change the last share asked for has been made.
    pub settled: bool,
    /// Users that ended by themselves (`stop_user()`, used-up data) and are not replaced, per class.
    pub retired: Vec<u32>,
}

impl WorkerStatus {
    /// Running users over all classes.
    #[must_use]
    pub fn total_users(&self) -> u32 {
        self.users.iter().sum()
    }
}

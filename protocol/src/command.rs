//! What people may ask of a run: the terminal's keys, the page's buttons, a signal.
//!
//! In: a person's wish. Out: the run's control decides what becomes of it.

use serde::{Deserialize, Serialize};

/// One wish.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum RunCommand {
    /// Go to this many users at this rate.
    SetUsers {
        /// Users to run.
        users: u32,
        /// Users started or stopped per second; finite and above 0.
        spawn_rate: f64,
    },
    /// Change the number of users by this many (not below 0), as the keys w/W/s/S do.
    AddUsers {
        /// How many more, or fewer when negative.
        change: i64,
        /// Users started or stopped per second; finite and above 0.
        spawn_rate: f64,
    },
    /// Zero the statistics.
    ResetStats,
    /// End the run, letting running iterations finish.
    Stop {
        /// Why, for the report.
        reason: String,
    },
    /// The same before the run is over, for nobody's good: it counts as failed.
    CutShort {
        /// Why, for the report.
        reason: String,
    },
    /// Let go of the run without ending it, so that another master goes on with it from the journal; without a journal
    /// that could be gone on from it is cut short.
    HandOver {
        /// Why, for the log and the report.
        reason: String,
    },
}

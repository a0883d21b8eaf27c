//! The flag for what a run passes or fails by.

use clap::{ArgAction, Args};

/// What a run must keep.
#[derive(Debug, Args)]
#[command(next_help_heading = "Test")]
pub(crate) struct ThresholdArgs {
    /// Fail with exit code 4 unless this holds, such as 'response_time: p99 < 800ms'; repeatable, adds to the scenario's
    #[arg(long, value_name = "RULE", action = ArgAction::Append)]
    pub(crate) threshold: Vec<String>,
}

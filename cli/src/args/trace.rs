//! The flags of `katydid check` that run a few users and show what they do.

use clap::{ArgAction, Args};

/// What to trace.
#[derive(Debug, Args)]
#[command(next_help_heading = "Trace")]
pub(crate) struct TraceArgs {
    /// Run one user of each class for N iterations and print everything they do [default N: 1]
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "1")]
    pub(crate) trace: Option<String>,
    /// With --trace: only users of this class; repeatable
    #[arg(long, value_name = "NAME", action = ArgAction::Append)]
    pub(crate) class: Vec<String>,
    /// With --trace: only this task, however rarely it is picked
    #[arg(long, value_name = "NAME")]
    pub(crate) task: Option<String>,
    /// With --trace: skip sleep() too; waits between tasks are always skipped
    #[arg(long)]
    pub(crate) no_sleep: bool,
}

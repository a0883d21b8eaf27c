//! The flag that says what a signal of the system means.

use clap::Args;

/// What a signal of the system means.
#[derive(Debug, Args)]
#[command(next_help_heading = "Fleet")]
pub(crate) struct SigtermArgs {
    /// What becomes of the run when this master is told to end by SIGTERM: stop, or with --journal hand-over, to the next
    /// master on it [default: stop]
    #[arg(long, value_name = "WHAT")]
    pub(crate) on_sigterm: Option<String>,
}

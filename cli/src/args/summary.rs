//! The flag for those who only see how this process ended.

use std::path::PathBuf;

use clap::Args;

/// What is said last.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct SummaryArgs {
    /// Write how it ended as one line of JSON into FILE, such as /dev/termination-log
    #[arg(long, value_name = "FILE")]
    pub(crate) summary_file: Option<PathBuf>,
}

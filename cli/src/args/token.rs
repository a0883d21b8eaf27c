//! The flags about what master and workers share.

use std::path::PathBuf;

use clap::Args;

/// What master and workers share.
#[derive(Debug, Args)]
#[command(next_help_heading = "Fleet")]
pub(crate) struct TokenArgs {
    /// What master and workers must share unless the master listens on loopback only
    #[arg(long, value_name = "TOKEN")]
    pub(crate) token: Option<String>,
    /// Read the token from FILE, and again when it changes
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// How long workers may still come with the token before, when the master's file has changed [default: 5m]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) token_grace: Option<String>,
}

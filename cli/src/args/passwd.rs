//! The flags of `katydid passwd`.

use std::path::PathBuf;

use clap::Args;

/// The flags of `katydid passwd`.
#[derive(Debug, Args)]
pub(crate) struct PasswdArgs {
    /// The file; made when there is none
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Whose password it is; asked for on the terminal, or read from a pipe
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// operator (everything) or viewer (look and download) [default: operator]
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<String>,
    /// Make an API token of this name instead of a password, and print it
    #[arg(long)]
    pub(crate) token: bool,
    /// Take the user, or with --token the token, out
    #[arg(long, conflicts_with = "role")]
    pub(crate) remove: bool,
}

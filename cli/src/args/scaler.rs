//! The flags of a master that tells KEDA how many workers are needed.

use clap::Args;

/// Where to tell it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Fleet")]
pub(crate) struct ScalerArgs {
    /// Port at which KEDA may ask how many users are wanted, 0 for any free one [default: none]
    #[arg(long, value_name = "PORT", allow_hyphen_values = true)]
    pub(crate) scaler_bind_port: Option<String>,
    /// Address of that port; whoever reaches it sees how many users are wanted [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) scaler_bind_host: Option<String>,
}

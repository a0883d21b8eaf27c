//! The flags of what programs see that watch this process.

use clap::Args;

/// The port for programs that watch.
#[derive(Debug, Args)]
#[command(next_help_heading = "Metrics")]
pub(crate) struct MetricsArgs {
    /// Serve /metrics, /healthz and /readyz without a login on this port, 0 for any free one [default: none]
    #[arg(long, value_name = "PORT", allow_hyphen_values = true)]
    pub(crate) metrics_port: Option<String>,
    /// Its address; who reaches it sees numbers and names, and can change nothing [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) metrics_host: Option<String>,
}

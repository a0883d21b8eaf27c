//! The flag that sends metrics to a collector of OpenTelemetry.

use clap::Args;

/// Where they go.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OtlpArgs {
    /// Push metrics to a collector of OpenTelemetry there, by OTLP over HTTP [default: OTEL_EXPORTER_OTLP_ENDPOINT]
    #[arg(long, value_name = "URL")]
    pub(crate) otlp_endpoint: Option<String>,
}

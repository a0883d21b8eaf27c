//! The flags that send metrics to a collector of OpenTelemetry.

use clap::Args;

/// Where they go.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OtlpArgs {
    /// Push metrics to a collector of OpenTelemetry there, by OTLP over HTTP [default: OTEL_EXPORTER_OTLP_ENDPOINT]
    #[arg(long, value_name = "URL")]
    pub(crate) otlp_endpoint: Option<String>,
    /// gzip or none: how the messages are compressed [default: OTEL_EXPORTER_OTLP_COMPRESSION, or none]
    #[arg(long, value_name = "HOW")]
    pub(crate) otlp_compression: Option<String>,
}

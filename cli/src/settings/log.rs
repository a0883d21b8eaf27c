//! Where the log goes, in which form, and how much of it.
//!
//! In: the logging flags of any command. Out: [`LogSettings`].

use std::path::PathBuf;

use tracing::level_filters::LevelFilter;

use super::Reader;
use crate::args::LogArgs;

/// How to log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogSettings {
    /// The least important lines shown.
    pub(crate) level: LevelFilter,
    /// Appended to; `None` is stderr.
    pub(crate) file: Option<PathBuf>,
    /// For people or for machines.
    pub(crate) format: LogFormat,
}

/// The form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Locust's: `[time] host/LEVEL/where: message`.
    Text,
    /// One JSON object.
    Json,
}

impl LogSettings {
    pub(super) fn read(args: &LogArgs, reader: &mut Reader<'_>) -> Self {
        Self {
            level: reader
                .value("loglevel", args.loglevel.as_ref(), level)
                .unwrap_or(LevelFilter::INFO),
            file: reader.path("logfile", args.logfile.as_ref()),
            format: reader
                .value("log_format", args.log_format.as_ref(), format)
                .unwrap_or(LogFormat::Text),
        }
    }
}

fn level(text: &str) -> Result<LevelFilter, String> {
    match text.to_lowercase().as_str() {
        "trace" => Ok(LevelFilter::TRACE),
        "debug" => Ok(LevelFilter::DEBUG),
        "info" => Ok(LevelFilter::INFO),
        "warning" | "warn" => Ok(LevelFilter::WARN),
        // Locust's highest; nothing here is above an error.
        "error" | "critical" => Ok(LevelFilter::ERROR),
        "off" => Ok(LevelFilter::OFF),
        _ => Err(format!(
            "`{text}` is not a level: use DEBUG, INFO, WARNING, ERROR or OFF"
        )),
    }
}

fn format(text: &str) -> Result<LogFormat, String> {
    match text.to_lowercase().as_str() {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(format!("`{text}` is not a log format: use text or json")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_locusts_in_any_case() {
        assert_eq!(level("Warning"), Ok(LevelFilter::WARN));
        assert_eq!(level("CRITICAL"), Ok(LevelFilter::ERROR));
        assert!(level("loud").is_err());
        assert_eq!(format("JSON"), Ok(LogFormat::Json));
        assert!(format("xml").is_err());
    }
}

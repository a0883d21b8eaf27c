//! Lines of workers' logs in the master's.

use katydid_protocol::fleet::LogLine;

/// Writes a line under the worker's name.
pub(crate) fn write(worker: &str, line: &LogLine) {
    let LogLine {
        level,
        target,
        text,
        omitted,
    } = line;
    if *omitted > 0 {
        tracing::warn!("{worker}: {omitted} lines of its log were left out, there were too many");
    }
    match level.as_str() {
        "ERROR" => tracing::error!(target: "worker", "{worker}: {target}: {text}"),
        "WARN" => tracing::warn!(target: "worker", "{worker}: {target}: {text}"),
        "DEBUG" | "TRACE" => tracing::debug!(target: "worker", "{worker}: {target}: {text}"),
        _ => tracing::info!(target: "worker", "{worker}: {target}: {text}"),
    }
}

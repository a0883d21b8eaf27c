//! The run as text for a terminal: Locust's tables in Locust's layout, so that eyes and scripts find what they know.
//!
//! In: a snapshot and the width of the name column (Locust's rule: columns of the terminal less 80, at most 80; 80
//! without a terminal). Out: lines, each ended by a line feed. Response times below 100 ms keep three digits; names
//! that hold control characters are escaped, and names are cut past 200 characters.

mod arrivals;
mod checks;
mod columns;
mod connections;
mod faults;
mod groups;
mod metrics;
mod percentiles;
mod stats_table;
mod tags;
mod thresholds;
mod warnings;

use katydid_protocol::format;
use katydid_protocol::stats::Snapshot;

pub(in crate::report) use columns::printable;
pub(in crate::report) use warnings::losses;

pub use arrivals::arrivals_line;
pub use checks::checks_table;
pub use connections::connections_line;
pub use faults::{error_report, exceptions_report};
pub use groups::groups_table;
pub use metrics::metrics_table;
pub use percentiles::{percentiles_table, service_percentiles_table, succeeded_percentiles_table};
pub use stats_table::{Rates, stats_table};
pub use tags::tags_table;
pub use thresholds::thresholds_table;
pub use warnings::warnings_text;

/// Everything there is to say at the end of a run, in Locust's order: statistics, percentiles, errors; then
/// exceptions, thresholds, checks, custom metrics, groups, tags, arrivals, connections, warnings, and why the run ended. Parts with nothing to tell are left out.
#[must_use]
pub fn final_report(snapshot: &Snapshot, name_width: usize) -> String {
    let parts = [
        Some(stats_table(snapshot, name_width, Rates::Total)),
        Some(percentiles_table(snapshot, name_width)),
        succeeded_percentiles_table(snapshot, name_width),
        service_percentiles_table(snapshot, name_width),
        error_report(snapshot, name_width),
        exceptions_report(snapshot, name_width),
        thresholds_table(snapshot, name_width),
        checks_table(snapshot, name_width),
        metrics_table(snapshot, name_width),
        groups_table(snapshot, name_width),
        tags_table(snapshot, name_width),
        arrivals_line(snapshot),
        connections_line(snapshot),
        warnings_text(snapshot),
        ending(snapshot),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

fn ending(snapshot: &Snapshot) -> Option<String> {
    let reason = printable(snapshot.stop_reason.as_deref()?);
    Some(format!(
        "Run ended after {}: {reason}\n",
        format::duration(snapshot.elapsed)
    ))
}

#[cfg(test)]
#[path = "text/tests.rs"]
mod tests;

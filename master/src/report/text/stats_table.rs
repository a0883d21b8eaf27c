//! Locust's main table: one row per request, and the row that adds them up.

use katydid_protocol::format;
use katydid_protocol::stats::{RequestEntry, Snapshot};

use super::columns::{TYPE_WIDTH, failures, left, separator, summary, type_and_name};

/// Which rates the last two columns show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rates {
    /// Of the last ten seconds: while a run goes on.
    Current,
    /// Of the whole run.
    Total,
}

/// Requests, failures, times in ms and rates per second of every request.
#[must_use]
pub fn stats_table(snapshot: &Snapshot, name_width: usize, rates: Rates) -> String {
    // Locust's compact columns leave four more to the name than the eight of the type take from it.
    let name_width = (name_width + 4).saturating_sub(TYPE_WIDTH);
    let head = format!(
        "{} {} {:>7} {:>12} |{:>7} {:>7} {:>7}{:>7} | {:>7} {:>11}\n",
        left("Type", TYPE_WIDTH),
        left("Name", name_width),
        "# reqs",
        "# fails",
        "Avg",
        "Min",
        "Max",
        "Med",
        "req/s",
        "failures/s"
    );
    let line = separator(&[TYPE_WIDTH, name_width, 7, 13, 7, 7, 7, 7, 8, 11]) + "\n";
    let row = |entry: &RequestEntry| row(snapshot, entry, name_width, rates);
    let rows: String = snapshot.requests.iter().map(row).collect();
    format!("{head}{line}{rows}{line}{}", row(&snapshot.total))
}

fn row(snapshot: &Snapshot, entry: &RequestEntry, name_width: usize, rates: Rates) -> String {
    let stats = &entry.stats;
    let [average, min, max, median] = summary(&stats.response);
    let (rps, failures_per_sec) = match rates {
        Rates::Current => (entry.current_rps, entry.current_failures_per_sec),
        Rates::Total => (snapshot.rps(stats), snapshot.failures_per_sec(stats)),
    };
    format!(
        "{} {:>7} {:>12} |{average:>7} {min:>7} {max:>7}{median:>7} | {:>7} {:>11}\n",
        type_and_name(&stats.key, name_width),
        stats.requests,
        failures(stats.failures, stats.failure_ratio()),
        format::rate(rps),
        format::rate(failures_per_sec),
    )
}

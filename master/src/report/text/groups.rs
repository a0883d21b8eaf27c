//! The groups of scripts: transactions of several requests, with times of their own.

use katydid_protocol::format;
use katydid_protocol::stats::{RequestEntry, Snapshot};

use super::columns::{failures, left, name, separator, summary};

/// Runs, failures and times in ms of every group; `None` when scripts have none.
#[must_use]
pub fn groups_table(snapshot: &Snapshot, name_width: usize) -> Option<String> {
    table(["Groups", "Group", "# runs"], &snapshot.groups, name_width)
}

/// A table of rows that have a name and no method, under a title; its first two columns are called as said. `None` for no
/// rows.
pub(super) fn table(
    [title, what, count]: [&str; 3],
    entries: &[RequestEntry],
    name_width: usize,
) -> Option<String> {
    let width = name_width.max(what.len());
    let head = format!(
        "{} {:>7} {:>12} |{:>7} {:>7} {:>7}{:>7} {:>7} {:>7}\n",
        left(what, width),
        count,
        "# fails",
        "Avg",
        "Min",
        "Max",
        "Med",
        "95%",
        "99%"
    );
    let line = separator(&[width, 7, 13, 7, 7, 7, 7, 7, 7]) + "\n";
    let rows = entries.iter().map(|entry| {
        let stats = &entry.stats;
        let [average, min, max, median] = summary(&stats.response);
        let [p95, p99] = [0.95, 0.99].map(|quantile| {
            stats
                .response
                .quantile_us(quantile)
                .map_or_else(|| "0".to_owned(), |time_us| format::ms(time_us as f64))
        });
        format!(
            "{} {:>7} {:>12} |{average:>7} {min:>7} {max:>7}{median:>7} {p95:>7} {p99:>7}\n",
            left(&name(&stats.key.name), width),
            stats.requests,
            failures(stats.failures, stats.failure_ratio()),
        )
    });
    (!entries.is_empty()).then(|| format!("{title}\n{head}{line}{}{line}", rows.collect::<String>()))
}

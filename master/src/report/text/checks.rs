//! The checks of scripts: how often each held.

use katydid_protocol::format;
use katydid_protocol::stats::Snapshot;

use super::columns::{left, name, separator};

/// Passes and failures of every check; `None` when scripts check nothing.
#[must_use]
pub fn checks_table(snapshot: &Snapshot, name_width: usize) -> Option<String> {
    let width = name_width.max("Check".len());
    let head = format!(
        "{} {:>10} {:>10} |{:>8}\n",
        left("Check", width),
        "# passes",
        "# fails",
        "passed"
    );
    let line = separator(&[width, 10, 11, 8]) + "\n";
    let rows = snapshot.checks.iter().map(|check| {
        let counts = check.counts;
        let all = counts.passes + counts.failures;
        let share = if all == 0 {
            0.0
        } else {
            counts.passes as f64 / all as f64
        };
        let (passes, failures, share) = (counts.passes, counts.failures, format::percent(share));
        format!(
            "{} {passes:>10} {failures:>10} |{share:>8}\n",
            left(&name(&check.name), width)
        )
    });
    (!snapshot.checks.is_empty()).then(|| format!("Checks\n{head}{line}{}{line}", rows.collect::<String>()))
}

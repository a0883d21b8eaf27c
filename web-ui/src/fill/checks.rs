//! The tab of checks.

use katydid_protocol::format;
use katydid_protocol::stage::Picture;
use katydid_protocol::stats::Snapshot;

use crate::view::checks::{CheckRow, Checks};
use crate::view::{Empty, Level};

/// Fills it.
pub(crate) fn checks(picture: &Picture) -> Checks {
    Checks {
        thresholds: Vec::new(),
        checks: rows(&picture.snapshot),
        empty: Empty::new(
            "No checks so far",
            "A scenario checks what it gets with check(\"name\", condition).",
        ),
    }
}

/// The rows.
pub(crate) fn rows(snapshot: &Snapshot) -> Vec<CheckRow> {
    let rows = snapshot.checks.iter().map(|check| {
        let (passes, failures) = (check.counts.passes, check.counts.failures);
        let all = passes + failures;
        let rate = if all == 0 { 1.0 } else { passes as f64 / all as f64 };
        CheckRow {
            name: check.name.to_string(),
            passes: format::count(passes),
            failures: format::count(failures),
            rate: format::percent(rate),
            rate_value: rate * 100.0,
            level: if failures > 0 { Level::Bad } else { Level::Good },
        }
    });
    rows.collect()
}

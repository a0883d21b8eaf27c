//! The tab of failures.

use std::cmp::Reverse;

use katydid_protocol::format;
use katydid_protocol::stage::Picture;
use katydid_protocol::stats::{ErrorEntry, Snapshot};

use super::time;
use crate::view::Empty;
use crate::view::failures::{FailureRow, Failures};

/// Fills it.
pub(crate) fn failures(picture: &Picture) -> Failures {
    Failures {
        rows: rows(&picture.snapshot, |_| true),
        empty: Empty::new("No failures", "Every request so far has succeeded."),
    }
}

/// The rows that are `wanted`, most frequent first.
pub(crate) fn rows(snapshot: &Snapshot, wanted: impl Fn(&ErrorEntry) -> bool) -> Vec<FailureRow> {
    let all: u64 = snapshot.errors.iter().map(|entry| entry.counts.occurrences).sum();
    let mut errors: Vec<&ErrorEntry> = snapshot.errors.iter().filter(|entry| wanted(entry)).collect();
    errors.sort_by_key(|entry| Reverse(entry.counts.occurrences));
    let row = |entry: &ErrorEntry| FailureRow {
        count: format::count(entry.counts.occurrences),
        share: format::percent(entry.counts.occurrences as f64 / all.max(1) as f64),
        method: entry.key.request.method.to_string(),
        name: entry.key.request.name.to_string(),
        message: entry.key.message.to_string(),
        first_seen: time::seconds(snapshot.wall_time(entry.counts.first_us)),
        last_seen: time::seconds(snapshot.wall_time(entry.counts.last_us)),
    };
    errors.into_iter().map(row).collect()
}

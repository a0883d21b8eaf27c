//! The tab of exceptions.

use katydid_protocol::format;
use katydid_protocol::stage::Picture;
use katydid_protocol::stats::Snapshot;

use super::time;
use crate::view::Empty;
use crate::view::exceptions::{ExceptionRow, Exceptions};

/// Fills it.
pub(crate) fn exceptions(picture: &Picture) -> Exceptions {
    Exceptions {
        rows: rows(&picture.snapshot),
        empty: Empty::new(
            "No exceptions",
            "What a scenario's script throws is counted here; the iteration ends, the user goes on.",
        ),
    }
}

/// The rows.
pub(crate) fn rows(snapshot: &Snapshot) -> Vec<ExceptionRow> {
    // Where there is but one worker, its name says nothing.
    let is_fleet = snapshot.workers.len() > 1;
    let rows = snapshot.exceptions.iter().map(|entry| ExceptionRow {
        count: format::count(entry.counts.occurrences),
        message: entry.key.message.to_string(),
        traceback: entry.key.traceback.to_string(),
        workers: if is_fleet {
            entry.nodes.to_string()
        } else {
            String::new()
        },
        last_seen: time::seconds(snapshot.wall_time(entry.counts.last_us)),
    });
    rows.collect()
}

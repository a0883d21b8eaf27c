//! The table of requests: sorted, filtered, formatted.

use std::cmp::Ordering;

use katydid_protocol::format;
use katydid_protocol::stage::Picture;
use katydid_protocol::stats::{RequestEntry, RequestStats, Snapshot};

use crate::view::Empty;
use crate::view::statistics::{Cell, Column, Row, Statistics};

/// Rows shown at most; a filter finds the others.
const SHOWN: usize = 1_000;

/// Fills it.
pub(crate) fn statistics(
    picture: &Picture,
    base: &str,
    sort: &str,
    descending: bool,
    filter: &str,
) -> Statistics {
    let snapshot = &picture.snapshot;
    let sort = Column::from_key(sort);
    let wanted = |entries: &[RequestEntry]| {
        let needle = filter.trim().to_lowercase();
        let mut entries: Vec<&RequestEntry> = entries
            .iter()
            .filter(|entry| needle.is_empty() || contains(&entry.stats, &needle))
            .collect();
        if let Some(column) = sort {
            entries.sort_by(|a, b| {
                let order = compare(snapshot, a, b, column);
                if descending { order.reverse() } else { order }
            });
        }
        let shown = entries.into_iter().take(SHOWN);
        shown.map(|entry| row(snapshot, entry)).collect::<Vec<_>>()
    };
    let rows = wanted(&snapshot.requests);
    let empty = if snapshot.requests.is_empty() {
        Empty::new(
            "No requests yet",
            "They appear as soon as the first user has made one.",
        )
    } else {
        Empty::new("Nothing matches", "No request contains what is in the filter.")
    };
    Statistics {
        base: base.to_owned(),
        sort,
        descending,
        filter: filter.to_owned(),
        rows,
        all_rows: format::count(snapshot.requests.len() as u64),
        total: row(snapshot, &snapshot.total),
        is_over: snapshot.state.is_over(),
        groups: wanted(&snapshot.groups),
        tags: wanted(&snapshot.tags),
        arrivals: snapshot
            .arrivals
            .as_ref()
            .map(format::arrivals)
            .unwrap_or_default(),
        connections: format::connections(&snapshot.connections).unwrap_or_default(),
        empty,
    }
}

/// A row of the table.
pub(crate) fn row(snapshot: &Snapshot, entry: &RequestEntry) -> Row {
    let stats = &*entry.stats;
    let (rps, failures_per_sec) = rates(snapshot, entry);
    let cell = |column: &Column| match column {
        Column::Requests => Cell::plain(format::count(stats.requests)),
        Column::Failures => Cell::judged(format::count(stats.failures), stats.failures > 0),
        Column::FailureShare => Cell::judged(format::percent(stats.failure_ratio()), stats.failures > 0),
        Column::AverageSize => Cell::plain(format::bytes(stats.average_bytes_in().round() as u64)),
        Column::Rps => Cell::plain(format::rate(rps)),
        Column::FailuresPerSec => Cell::judged(format::rate(failures_per_sec), failures_per_sec > 0.0),
        column => Cell::plain(number(snapshot, entry, *column).map_or_else(|| "-".to_owned(), format::ms)),
    };
    Row {
        method: stats.key.method.to_string(),
        name: stats.key.name.to_string(),
        cells: Column::NUMBERS.iter().map(cell).collect(),
    }
}

/// Requests and failures per second: those of the moment, and of the whole run once that is over, as the last seconds of
/// a run are those in which its users leave.
pub(crate) fn rates(snapshot: &Snapshot, entry: &RequestEntry) -> (f64, f64) {
    if snapshot.state.is_over() {
        (
            snapshot.rps(&entry.stats),
            snapshot.failures_per_sec(&entry.stats),
        )
    } else {
        (entry.current_rps, entry.current_failures_per_sec)
    }
}

/// The number of a column, times in µs; `None` without requests.
fn number(snapshot: &Snapshot, entry: &RequestEntry, column: Column) -> Option<f64> {
    let stats = &*entry.stats;
    let times = &stats.response;
    let quantile = |quantile| times.quantile_us(quantile).map(|us| us as f64);
    match column {
        Column::Method | Column::Name => None,
        Column::Requests => Some(stats.requests as f64),
        Column::Failures => Some(stats.failures as f64),
        Column::FailureShare => Some(stats.failure_ratio()),
        Column::Median => quantile(0.5),
        Column::P90 => quantile(0.9),
        Column::P95 => quantile(0.95),
        Column::P99 => quantile(0.99),
        Column::Average => times.average_us(),
        Column::Min => times.min_us().map(|us| us as f64),
        Column::Max => times.max_us().map(|us| us as f64),
        Column::AverageSize => Some(stats.average_bytes_in()),
        Column::Rps => Some(rates(snapshot, entry).0),
        Column::FailuresPerSec => Some(rates(snapshot, entry).1),
    }
}

fn compare(snapshot: &Snapshot, a: &RequestEntry, b: &RequestEntry, column: Column) -> Ordering {
    match column {
        Column::Method => a.stats.key.method.cmp(&b.stats.key.method),
        Column::Name => a.stats.key.name.cmp(&b.stats.key.name),
        column => number(snapshot, a, column)
            .unwrap_or(-1.0)
            .total_cmp(&number(snapshot, b, column).unwrap_or(-1.0)),
    }
}

fn contains(stats: &RequestStats, needle: &str) -> bool {
    stats.key.name.to_lowercase().contains(needle) || stats.key.method.to_lowercase().contains(needle)
}

#[cfg(test)]
mod tests {
    use katydid_protocol::stats::RunState;

    use super::super::sample;
    use super::*;

    fn rps(snapshot: &Snapshot, entry: &RequestEntry) -> String {
        let at = Column::NUMBERS.iter().position(|column| *column == Column::Rps);
        row(snapshot, entry).cells[at.unwrap()].text.clone()
    }

    #[test]
    fn rates_are_those_of_the_moment_until_the_run_is_over() {
        // 100 requests a second for ten seconds, and none when it ended.
        let mut snapshot = sample::snapshot(10, &["/"]);
        assert_eq!(rps(&snapshot, &snapshot.requests[0]), "12.50");
        assert_eq!(rps(&snapshot, &snapshot.total), "12.50");
        snapshot.state = RunState::Stopped;
        assert_eq!(rps(&snapshot, &snapshot.requests[0]), "100.00");
        assert_eq!(rps(&snapshot, &snapshot.total), "100.00");
    }
}

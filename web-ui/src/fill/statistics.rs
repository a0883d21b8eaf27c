//! The table of requests: sorted, filtered, formatted.

use std::cmp::Ordering;

use katydid_protocol::format;
use katydid_protocol::stage::Picture;
use katydid_protocol::stats::{RequestEntry, RequestStats};

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
                let order = compare(a, b, column);
                if descending { order.reverse() } else { order }
            });
        }
        entries.into_iter().take(SHOWN).map(row).collect::<Vec<_>>()
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
        total: row(&snapshot.total),
        groups: wanted(&snapshot.groups),
        empty,
    }
}

/// A row of the table.
pub(crate) fn row(entry: &RequestEntry) -> Row {
    let stats = &*entry.stats;
    let cell = |column: &Column| match column {
        Column::Requests => Cell::plain(format::count(stats.requests)),
        Column::Failures => Cell::judged(format::count(stats.failures), stats.failures > 0),
        Column::FailureShare => Cell::judged(format::percent(stats.failure_ratio()), stats.failures > 0),
        Column::AverageSize => Cell::plain(format::bytes(stats.average_bytes_in().round() as u64)),
        Column::Rps => Cell::plain(format::rate(entry.current_rps)),
        Column::FailuresPerSec => Cell::judged(
            format::rate(entry.current_failures_per_sec),
            entry.current_failures_per_sec > 0.0,
        ),
        column => Cell::plain(number(entry, *column).map_or_else(|| "-".to_owned(), format::ms)),
    };
    Row {
        method: stats.key.method.to_string(),
        name: stats.key.name.to_string(),
        cells: Column::NUMBERS.iter().map(cell).collect(),
    }
}

/// The number of a column, times in µs; `None` without requests.
fn number(entry: &RequestEntry, column: Column) -> Option<f64> {
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
        Column::Rps => Some(entry.current_rps),
        Column::FailuresPerSec => Some(entry.current_failures_per_sec),
    }
}

fn compare(a: &RequestEntry, b: &RequestEntry, column: Column) -> Ordering {
    match column {
        Column::Method => a.stats.key.method.cmp(&b.stats.key.method),
        Column::Name => a.stats.key.name.cmp(&b.stats.key.name),
        column => number(a, column)
            .unwrap_or(-1.0)
            .total_cmp(&number(b, column).unwrap_or(-1.0)),
    }
}

fn contains(stats: &RequestStats, needle: &str) -> bool {
    stats.key.name.to_lowercase().contains(needle) || stats.key.method.to_lowercase().contains(needle)
}

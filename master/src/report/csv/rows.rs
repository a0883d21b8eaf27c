//! The rows of the files: Locust's columns, in Locust's order.

use katydid_protocol::stats::{PERCENTILES_REPORTED, RequestEntry, RequestStats, Snapshot, Times};

use crate::clock::utc_seconds;

/// One row.
pub(super) type Row = Vec<String>;

/// Columns of the statistics.
pub(super) const STATS_HEAD: [&str; 22] = [
    "Type",
    "Name",
    "Request Count",
    "Failure Count",
    "Median Response Time",
    "Average Response Time",
    "Min Response Time",
    "Max Response Time",
    "Average Content Size",
    "Requests/s",
    "Failures/s",
    "50%",
    "66%",
    "75%",
    "80%",
    "90%",
    "95%",
    "98%",
    "99%",
    "99.9%",
    "99.99%",
    "100%",
];

/// Columns of the history.
pub(super) const HISTORY_HEAD: [&str; 24] = [
    "Timestamp",
    "User Count",
    "Type",
    "Name",
    "Requests/s",
    "Failures/s",
    "50%",
    "66%",
    "75%",
    "80%",
    "90%",
    "95%",
    "98%",
    "99%",
    "99.9%",
    "99.99%",
    "100%",
    "Total Request Count",
    "Total Failure Count",
    "Total Median Response Time",
    "Total Average Response Time",
    "Total Min Response Time",
    "Total Max Response Time",
    "Total Average Content Size",
];

/// Columns of the failures.
pub(super) const FAILURES_HEAD: [&str; 6] = [
    "Method",
    "Name",
    "Error",
    "Occurrences",
    "First Seen",
    "Last Seen",
];

/// Columns of the exceptions.
pub(super) const EXCEPTIONS_HEAD: [&str; 4] = ["Count", "Message", "Traceback", "Nodes"];

/// Head and rows as text.
pub(super) fn table(head: &[&str], rows: impl IntoIterator<Item = Row>) -> Vec<u8> {
    lines(std::iter::once(head.iter().map(|cell| (*cell).to_owned()).collect()).chain(rows))
}

/// Rows as text.
pub(super) fn lines(rows: impl IntoIterator<Item = Row>) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    for row in rows {
        // Writing to memory does not fail; what a row of text might otherwise meet is a writer's error.
        let _ = writer.write_record(&row);
    }
    writer.into_inner().unwrap_or_default()
}

/// Every request, then all together.
pub(super) fn stats(snapshot: &Snapshot) -> Vec<Row> {
    entries(snapshot)
        .map(|entry| {
            let stats = &*entry.stats;
            let mut row = vec![
                stats.key.method.to_string(),
                stats.key.name.to_string(),
                stats.requests.to_string(),
                stats.failures.to_string(),
            ];
            row.extend(summary(stats));
            row.extend([
                snapshot.rps(stats).to_string(),
                snapshot.failures_per_sec(stats).to_string(),
            ]);
            row.extend(percentiles(&stats.response));
            row
        })
        .collect()
}

/// The rows of one moment of the history.
pub(super) fn history(snapshot: &Snapshot, timestamp: u64, full: bool) -> Vec<Row> {
    entries(snapshot)
        .skip(if full { 0 } else { snapshot.requests.len() })
        .map(|entry| {
            let stats = &*entry.stats;
            let mut row = vec![
                timestamp.to_string(),
                snapshot.users.to_string(),
                stats.key.method.to_string(),
                stats.key.name.to_string(),
                entry.current_rps.to_string(),
                entry.current_failures_per_sec.to_string(),
            ];
            row.extend(percentiles(&stats.response));
            row.extend([stats.requests.to_string(), stats.failures.to_string()]);
            row.extend(summary(stats));
            row
        })
        .collect()
}

/// Failed requests by request and message.
pub(super) fn failures(snapshot: &Snapshot) -> Vec<Row> {
    let seen = |at_us| utc_seconds(snapshot.wall_time(at_us));
    let rows = snapshot.errors.iter().map(|error| {
        vec![
            error.key.request.method.to_string(),
            error.key.request.name.to_string(),
            error.key.message.to_string(),
            error.counts.occurrences.to_string(),
            seen(error.counts.first_us),
            seen(error.counts.last_us),
        ]
    });
    rows.collect()
}

/// Exceptions of scripts.
pub(super) fn exceptions(snapshot: &Snapshot) -> Vec<Row> {
    let rows = snapshot.exceptions.iter().map(|exception| {
        vec![
            exception.counts.occurrences.to_string(),
            exception.key.message.to_string(),
            exception.key.traceback.to_string(),
            exception.nodes.to_string(),
        ]
    });
    rows.collect()
}

fn entries(snapshot: &Snapshot) -> impl Iterator<Item = &RequestEntry> {
    snapshot.requests.iter().chain([&snapshot.total])
}

/// Median, average, minimum and maximum in ms, and the mean size of bodies; 0 without requests, as Locust has it.
fn summary(stats: &RequestStats) -> [String; 5] {
    let times = &stats.response;
    [
        ms(times.quantile_us(0.5).unwrap_or(0) as f64),
        ms(times.average_us().unwrap_or(0.0)),
        ms(times.min_us().unwrap_or(0) as f64),
        ms(times.max_us().unwrap_or(0) as f64),
        stats.average_bytes_in().to_string(),
    ]
}

fn percentiles(times: &Times) -> impl Iterator<Item = String> {
    PERCENTILES_REPORTED.iter().map(|(quantile, _)| {
        times
            .quantile_us(*quantile)
            .map_or_else(|| "N/A".to_owned(), |us| ms(us as f64))
    })
}

/// Not rounded, as numbers for programs: the shortest text that reads back the same.
fn ms(time_us: f64) -> String {
    (time_us / 1_000.0).to_string()
}

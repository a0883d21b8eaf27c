//! The custom metrics of scripts.

use katydid_protocol::stats::{MetricCells, Snapshot};

use super::columns::{left, name, separator};

/// The columns after the name: heads and widths.
const COLUMNS: [(&str, usize); 9] = [
    ("# values", 10),
    ("Value", 16),
    ("/s", 10),
    ("Min", 10),
    ("Max", 10),
    ("50%", 10),
    ("95%", 10),
    ("99%", 10),
    ("Kind", 8),
];

/// Every custom metric: a counter's sum, a gauge's last value, a rate's share and a trend's average are its value.
/// `None` when scripts have none.
#[must_use]
pub fn metrics_table(snapshot: &Snapshot, name_width: usize) -> Option<String> {
    let rows = MetricCells::rows(snapshot);
    if rows.is_empty() {
        return None;
    }
    let width = name_width.max("Metric".len());
    let line_of = |first: &str, cells: [&str; COLUMNS.len()]| {
        let cells = cells
            .iter()
            .zip(COLUMNS)
            .map(|(cell, (_, width))| format!(" {cell:>width$}"));
        format!("{}{}\n", left(first, width), cells.collect::<String>())
    };
    let head = line_of("Metric", COLUMNS.map(|(head, _)| head));
    let widths: Vec<usize> = std::iter::once(width)
        .chain(COLUMNS.map(|(_, width)| width))
        .collect();
    let line = separator(&widths) + "\n";
    let rows = rows.iter().map(|row| {
        let cells = [
            row.count.as_str(),
            &row.value,
            &row.per_sec,
            &row.min,
            &row.max,
            &row.median,
            &row.p95,
            &row.p99,
            row.kind,
        ];
        line_of(&name(&row.name), cells)
    });
    Some(format!(
        "Custom metrics\n{head}{line}{}{line}",
        rows.collect::<String>()
    ))
}

//! Locust's percentiles table, and its two sisters: of the requests that succeeded, and of service times.

use std::borrow::Cow;

use katydid_protocol::format;
use katydid_protocol::stats::{PERCENTILES_REPORTED, RequestStats, Snapshot, Times};

use super::columns::{TYPE_WIDTH, left, separator, type_and_name};

/// Response times of all requests, in ms; requests without samples are left out.
#[must_use]
pub fn percentiles_table(snapshot: &Snapshot, name_width: usize) -> String {
    table(
        "Response time percentiles (approximated)",
        snapshot,
        name_width,
        |stats| Some(Cow::Borrowed(&stats.response)),
    )
}

/// Response times of the requests that succeeded, of those names that had failures too; `None` when nothing failed,
/// or nothing succeeded.
#[must_use]
pub fn succeeded_percentiles_table(snapshot: &Snapshot, name_width: usize) -> Option<String> {
    let total = &snapshot.total.stats;
    (total.failures > 0 && total.failures < total.requests).then(|| {
        table(
            "Response time percentiles of requests that succeeded",
            snapshot,
            name_width,
            |stats| (stats.failures > 0).then(|| Cow::Owned(stats.succeeded())),
        )
    })
}

/// Service times, counted from the moment a request was sent rather than from the moment it was due; `None` when they
/// are the same for all requests.
#[must_use]
pub fn service_percentiles_table(snapshot: &Snapshot, name_width: usize) -> Option<String> {
    snapshot.total.stats.service.is_some().then(|| {
        table(
            "Service time percentiles (from when requests were sent, not due)",
            snapshot,
            name_width,
            |stats| stats.service.as_ref().map(Cow::Borrowed),
        )
    })
}

fn table(
    title: &str,
    snapshot: &Snapshot,
    name_width: usize,
    times: impl Fn(&RequestStats) -> Option<Cow<'_, Times>>,
) -> String {
    let labels = PERCENTILES_REPORTED.map(|(_, label)| label.to_owned());
    let head = cells(&labels, "# reqs");
    let head = format!(
        "{} {} {head}\n",
        left("Type", TYPE_WIDTH),
        left("Name", name_width)
    );
    let mut widths = vec![TYPE_WIDTH, name_width, 8];
    widths.extend([6; PERCENTILES_REPORTED.len()]);
    let line = separator(&widths) + "\n";
    let row = |stats: &RequestStats| {
        let times = times(stats).filter(|times| !times.is_empty())?;
        let values = PERCENTILES_REPORTED.map(|(quantile, _)| {
            times
                .quantile_us(quantile)
                .map_or_else(String::new, |us| format::ms(us as f64))
        });
        let cells = cells(&values, &times.count().to_string());
        Some(format!("{} {cells}\n", type_and_name(&stats.key, name_width)))
    };
    let rows: String = snapshot
        .requests
        .iter()
        .filter_map(|entry| row(&entry.stats))
        .collect();
    let total = row(&snapshot.total.stats).unwrap_or_default();
    format!("{title}\n{head}{line}{rows}{line}{total}")
}

/// The number cells of a row: the first percentile a little wider, as in Locust.
fn cells(values: &[String], count: &str) -> String {
    let values: Vec<_> = values
        .iter()
        .enumerate()
        .map(|(index, value)| format!("{value:>width$}", width = if index == 0 { 8 } else { 6 }))
        .collect();
    format!("{} {count:>6}", values.join(" "))
}

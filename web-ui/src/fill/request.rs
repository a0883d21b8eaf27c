//! One request in detail.

use katydid_protocol::format;
use katydid_protocol::stage::Picture;
use katydid_protocol::stats::{PERCENTILES_REPORTED, PHASE_NAMES, RequestEntry, RequestStats, Snapshot};

use super::{failures, statistics};
use crate::view::request::{Percentile, Phase, RequestDetail, Status};
use crate::view::{Level, Metric};

/// Fills it; `None` when there is no such request. Without a method and a name: all together.
pub(crate) fn request(picture: &Picture, base: &str, method: &str, name: &str) -> Option<RequestDetail> {
    let snapshot = &picture.snapshot;
    let is_it = |entry: &&RequestEntry| &*entry.stats.key.method == method && &*entry.stats.key.name == name;
    let total = std::iter::once(&snapshot.total).filter(|_| method.is_empty() && name.is_empty());
    let entry = snapshot
        .requests
        .iter()
        .filter(is_it)
        .chain(snapshot.groups.iter().filter(is_it))
        .chain(snapshot.tags.iter().filter(is_it))
        .chain(total)
        .next()?;
    let stats = &*entry.stats;
    Some(RequestDetail {
        base: base.to_owned(),
        method: stats.key.method.to_string(),
        name: stats.key.name.to_string(),
        metrics: metrics(snapshot, entry),
        has_series: !entry.timeline.is_empty(),
        percentiles: percentiles(stats),
        has_service: stats.service.is_some(),
        phases: phases(stats),
        statuses: statuses(stats),
        failures: failures::rows(snapshot, |error| {
            &*error.key.request.method == method && &*error.key.request.name == name
        }),
    })
}

fn metrics(snapshot: &Snapshot, entry: &RequestEntry) -> Vec<Metric> {
    let stats = &*entry.stats;
    let metric = |label: &str, value: String, bad: bool| Metric {
        label: label.to_owned(),
        value,
        level: if bad { Level::Bad } else { Level::Plain },
    };
    vec![
        metric("Requests", format::count(stats.requests), false),
        metric("Failures", format::count(stats.failures), stats.failures > 0),
        metric(
            "Failed",
            format::percent(stats.failure_ratio()),
            stats.failures > 0,
        ),
        metric(
            "Requests/s",
            format::rate(statistics::rates(snapshot, entry).0),
            false,
        ),
        metric(
            "Average",
            stats
                .response
                .average_us()
                .map_or_else(|| "-".to_owned(), |us| format!("{} ms", format::ms(us))),
            false,
        ),
        metric(
            "Average size",
            format::bytes(stats.average_bytes_in().round() as u64),
            false,
        ),
    ]
}

fn percentiles(stats: &RequestStats) -> Vec<Percentile> {
    let ms = |us: Option<u64>| us.map_or_else(|| "-".to_owned(), |us| format::ms(us as f64));
    PERCENTILES_REPORTED
        .iter()
        .map(|(quantile, label)| Percentile {
            label: (*label).to_owned(),
            response: ms(stats.response.quantile_us(*quantile)),
            service: stats
                .service
                .as_ref()
                .map(|times| ms(times.quantile_us(*quantile)))
                .unwrap_or_default(),
        })
        .collect()
}

fn phases(stats: &RequestStats) -> Vec<Phase> {
    let phases = &stats.phases;
    let all: u64 = phases.sum_us.iter().sum();
    (0..PHASE_NAMES.len())
        .filter(|&phase| phases.count[phase] > 0)
        .map(|phase| Phase {
            name: PHASE_NAMES[phase].to_owned(),
            count: format::count(phases.count[phase]),
            average: format::ms(phases.sum_us[phase] as f64 / phases.count[phase].max(1) as f64),
            max: format::ms(f64::from(phases.max_us[phase])),
            share: percent(phases.sum_us[phase], all),
        })
        .collect()
}

fn statuses(stats: &RequestStats) -> Vec<Status> {
    let status = |(code, count): (&u16, &u64)| Status {
        code: if *code == 0 {
            "none".to_owned()
        } else {
            code.to_string()
        },
        count: format::count(*count),
        share_text: format::percent(*count as f64 / stats.requests.max(1) as f64),
        share: percent(*count, stats.requests),
        level: match code {
            200..400 => Level::Good,
            400..500 => Level::Warn,
            _ => Level::Bad,
        },
    };
    stats.statuses.iter().map(status).collect()
}

fn percent(part: u64, whole: u64) -> u8 {
    let percent = u128::from(part) * 100 / u128::from(whole.max(1));
    u8::try_from(percent.min(100)).unwrap_or(100)
}

//! What charts are drawn from.

use katydid_protocol::stats::{MarkKind as RunMarkKind, RequestEntry, Snapshot, Timeline, TimelinePoint};

use super::time;
use crate::view::series::{Mark, MarkKind, Series};

/// The seconds from `from` on of a request, by method and name, or of all together.
pub(crate) fn series(snapshot: &Snapshot, request: Option<(&str, &str)>, from: u32) -> Series {
    let mut series = Series {
        run: snapshot.info.id.clone(),
        started: time::unix(snapshot.info.started_at),
        ..Series::default()
    };
    if let Some(timeline) = timeline(snapshot, request) {
        for point in timeline.since(from) {
            add(&mut series, point);
        }
    }
    if request.is_some() {
        // Nobody counts the users of a single request: those of the whole run stand beside it.
        let users = |second: &u32| {
            snapshot
                .timeline
                .since(*second)
                .next()
                .map(|point| f64::from(point.users))
        };
        series.users = series.second.iter().map(users).collect();
    }
    let saturated = snapshot
        .saturated_seconds
        .iter()
        .filter(|second| **second >= from)
        .map(|second| Mark {
            second: *second,
            kind: MarkKind::Saturated,
            text: "A worker was saturated: response times are partly its own".to_owned(),
        });
    let happened = snapshot
        .marks
        .iter()
        .filter(|mark| mark.second >= from)
        .map(|mark| Mark {
            second: mark.second,
            kind: match mark.kind {
                RunMarkKind::Steady => MarkKind::Run,
                RunMarkKind::Edit => MarkKind::Edit,
                RunMarkKind::Reset => MarkKind::Reset,
                RunMarkKind::WorkerLost => MarkKind::WorkerLost,
                RunMarkKind::Stop => MarkKind::Stop,
            },
            text: mark.text.clone(),
        });
    series.marks = saturated.chain(happened).collect();
    series.marks.sort_by_key(|mark| mark.second);
    series
}

fn timeline<'a>(snapshot: &'a Snapshot, request: Option<(&str, &str)>) -> Option<&'a Timeline> {
    let Some((method, name)) = request else {
        return Some(&snapshot.timeline);
    };
    let is_it = |entry: &&RequestEntry| &*entry.stats.key.method == method && &*entry.stats.key.name == name;
    snapshot.requests.iter().find(is_it).map(|entry| &entry.timeline)
}

fn add(series: &mut Series, point: &TimelinePoint) {
    let span = f64::from(point.span.max(1));
    let times = &point.times;
    let ms = |us: u64| (times.count > 0).then_some(us as f64 / 1_000.0);
    series.second.push(point.second);
    series.users.push(Some(f64::from(point.users)));
    series.requests.push(Some(point.requests as f64 / span));
    series.failures.push(Some(point.failures as f64 / span));
    series.p50.push(ms(times.p50_us));
    series.p90.push(ms(times.p90_us));
    series.p95.push(ms(times.p95_us));
    series.p99.push(ms(times.p99_us));
    series.average.push(times.average_us().map(|us| us / 1_000.0));
}

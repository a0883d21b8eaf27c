//! What charts are drawn from.

use katydid_protocol::stats::{Snapshot, TimelinePoint};

use super::time;
use crate::view::series::{Mark, MarkKind, Series};

/// The seconds from `from` on of a request, or of all together when `name` is `None`.
pub(crate) fn series(snapshot: &Snapshot, name: Option<&str>, from: u32) -> Series {
    let mut series = Series {
        run: snapshot.info.id.clone(),
        started: time::unix(snapshot.info.started_at),
        ..Series::default()
    };
    // A request's own seconds are not kept apart yet.
    if name.is_none() {
        let first = snapshot.timeline.partition_point(|point| point.second < from);
        for point in &snapshot.timeline[first..] {
            add(&mut series, point);
        }
    }
    series.marks = snapshot
        .saturated_seconds
        .iter()
        .filter(|second| **second >= from)
        .map(|second| Mark {
            second: *second,
            kind: MarkKind::Saturated,
            text: "A worker was saturated: response times are partly its own".to_owned(),
        })
        .collect();
    series
}

fn add(series: &mut Series, point: &TimelinePoint) {
    let span = f64::from(point.span.max(1));
    let any = point.requests > 0;
    let ms = |us: f64| any.then_some(us / 1_000.0);
    series.second.push(point.second);
    series.users.push(Some(f64::from(point.users)));
    series.requests.push(Some(point.requests as f64 / span));
    series.failures.push(Some(point.failures as f64 / span));
    series.p50.push(ms(point.p50_us as f64));
    series.p95.push(ms(point.p95_us as f64));
    series.p99.push(ms(point.p99_us as f64));
    series.average.push(ms(point.average_us));
}

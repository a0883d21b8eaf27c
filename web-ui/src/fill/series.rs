//! What charts are drawn from.

use katydid_protocol::stats::{
    MarkKind as RunMarkKind, RequestEntry, RunMark, Snapshot, Timeline, TimelinePoint,
};

use super::time;
use crate::view::series::{Mark, MarkKind, Series};

/// Bands of saturated seconds at most: with more, those close to each other become one.
const BANDS: usize = 300;
/// Saturated seconds no further apart than this are one band, as they are drawn.
const GAP: u32 = 2;

/// The seconds from `from` on of a request, by method and name, or of all together.
pub(crate) fn series(snapshot: &Snapshot, request: Option<(&str, &str)>, from: u32) -> Series {
    let points = timeline(snapshot, request).map(|timeline| timeline.since(from));
    let points = points.into_iter().flatten();
    // Nobody counts the users of a single request, nor which arrivals led to it: users of the whole run stand beside it.
    let mut series = columns(snapshot, points, request.is_none() && snapshot.arrivals.is_some());
    if request.is_some() {
        let users = |second: &u32| {
            snapshot
                .timeline
                .since(*second)
                .next()
                .map(|point| f64::from(point.users))
        };
        series.users = series.second.iter().map(users).collect();
    }
    let first = snapshot
        .saturated_seconds
        .partition_point(|second| *second < from);
    series.marks = bands(&snapshot.saturated_seconds[first..]);
    let happened = snapshot.marks.iter().filter(|mark| mark.second >= from);
    series.marks.extend(happened.map(mark));
    series.marks.sort_by_key(|mark| mark.second);
    series
}

/// These points of all requests together, without marks.
pub(super) fn of_points<'a>(snapshot: &Snapshot, points: impl Iterator<Item = &'a TimelinePoint>) -> Series {
    columns(snapshot, points, snapshot.arrivals.is_some())
}

fn columns<'a>(
    snapshot: &Snapshot,
    points: impl Iterator<Item = &'a TimelinePoint>,
    with_arrivals: bool,
) -> Series {
    let mut series = Series {
        run: snapshot.info.id.clone(),
        started: time::unix(snapshot.info.started_at),
        ..Series::default()
    };
    let may_be_late = may_be_late(snapshot);
    for point in points {
        add(&mut series, point, may_be_late);
        if with_arrivals {
            add_arrivals(&mut series, point);
        }
    }
    series
}

/// Saturated seconds, ascending, as bands.
pub(super) fn bands(seconds: &[u32]) -> Vec<Mark> {
    let mut bands = joined(seconds, GAP);
    let mut gap = GAP;
    while bands.len() > BANDS {
        gap *= 2;
        bands = joined(seconds, gap);
    }
    let band = |(first, last): (u32, u32)| Mark {
        second: first,
        until: (last > first).then_some(last),
        kind: MarkKind::Saturated,
        text: "A worker was saturated: response times are partly its own".to_owned(),
    };
    bands.into_iter().map(band).collect()
}

/// First and last seconds of stretches without a gap longer than `gap`.
fn joined(seconds: &[u32], gap: u32) -> Vec<(u32, u32)> {
    let mut found: Vec<(u32, u32)> = Vec::new();
    for second in seconds {
        match found.last_mut() {
            Some((_, last)) if second.saturating_sub(*last) <= gap => *last = *second,
            _ => found.push((*second, *second)),
        }
    }
    found
}

/// Something that happened.
pub(super) fn mark(mark: &RunMark) -> Mark {
    Mark {
        second: mark.second,
        until: None,
        kind: match mark.kind {
            RunMarkKind::Steady => MarkKind::Steady,
            RunMarkKind::Edit => MarkKind::Edit,
            RunMarkKind::Reset => MarkKind::Reset,
            RunMarkKind::WorkerLost => MarkKind::WorkerLost,
            RunMarkKind::Stop => MarkKind::Stop,
            RunMarkKind::Threshold => MarkKind::Threshold,
        },
        text: mark.text.clone(),
    }
}

fn timeline<'a>(snapshot: &'a Snapshot, request: Option<(&str, &str)>) -> Option<&'a Timeline> {
    let Some((method, name)) = request else {
        return Some(&snapshot.timeline);
    };
    let is_it = |entry: &&RequestEntry| &*entry.stats.key.method == method && &*entry.stats.key.name == name;
    snapshot.requests.iter().find(is_it).map(|entry| &entry.timeline)
}

/// Whether there is lateness to be seen: somebody keeps to a plan, or was late.
fn may_be_late(snapshot: &Snapshot) -> bool {
    snapshot.info.classes.iter().any(|class| class.is_paced)
        || snapshot.total.stats.service.is_some()
        || snapshot.arrivals.is_some()
}

fn add(series: &mut Series, point: &TimelinePoint, may_be_late: bool) {
    let span = f64::from(point.span.max(1));
    let times = &point.times;
    let rate = |count: u64| Some(short(count as f64 / span));
    let ms = |us: u64| (times.count > 0).then_some(us as f64 / 1_000.0);
    series.second.push(point.second);
    series.users.push(Some(f64::from(point.users)));
    series.requests.push(rate(point.requests));
    series.failures.push(rate(point.failures));
    series.late.extend(may_be_late.then(|| rate(point.late)));
    series.p50.push(ms(times.p50_us));
    series.p90.push(ms(times.p90_us));
    series.p95.push(ms(times.p95_us));
    series.p99.push(ms(times.p99_us));
    series
        .average
        .push(times.average_us().map(|us| short(us / 1_000.0)));
}

fn add_arrivals(series: &mut Series, point: &TimelinePoint) {
    let span = f64::from(point.span.max(1));
    let rate = |count: u32| Some(short(f64::from(count) / span));
    series.planned.push(rate(point.arrivals.planned));
    series.started_per_sec.push(rate(point.arrivals.started));
    series.dropped.push(rate(point.arrivals.dropped));
}

/// A thousandth is less than any chart shows; more digits would only be sent.
fn short(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn spans(seconds: &[u32]) -> Vec<(u32, Option<u32>)> {
        bands(seconds)
            .iter()
            .map(|band| (band.second, band.until))
            .collect()
    }

    #[test]
    fn lateness_is_told_where_somebody_can_be_late() {
        let mut snapshot = sample::snapshot(3, &[]);
        assert!(series(&snapshot, None, 0).late.is_empty());
        let mut stats = (*snapshot.total.stats).clone();
        stats.service = Some(stats.response.clone());
        snapshot.total.stats = stats.into();
        snapshot.timeline.get_mut(1).unwrap().late = 7;
        assert_eq!(series(&snapshot, None, 0).late, [Some(0.0), Some(7.0), Some(0.0)]);
    }

    #[test]
    fn saturated_seconds_close_to_each_other_are_one_band() {
        assert_eq!(spans(&[]), []);
        assert_eq!(
            spans(&[3, 4, 6, 9, 20, 21]),
            [(3, Some(6)), (9, None), (20, Some(21))]
        );
    }

    #[test]
    fn however_many_there_are_the_bands_are_few_and_hold_all_of_them() {
        let seconds: Vec<u32> = (0..86_400).step_by(5).collect();
        let bands = spans(&seconds);
        assert!(bands.len() <= BANDS, "{}", bands.len());
        for second in seconds {
            let holds =
                |(first, last): &(u32, Option<u32>)| (*first..=last.unwrap_or(*first)).contains(&second);
            assert!(bands.iter().any(holds), "{second}");
        }
    }
}

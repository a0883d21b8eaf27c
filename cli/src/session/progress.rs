//! The line that shows how a run is doing, on a terminal.
//!
//! In: a snapshot. Out: one line, the most important first, since narrow terminals cut it.

use std::time::Duration;

use katydid_protocol::format;
use katydid_protocol::stats::{RunState, Snapshot};

/// The line.
pub(super) fn line(snapshot: &Snapshot, run_time: Option<Duration>, has_keys: bool) -> String {
    let total = &snapshot.total;
    let mut parts = vec![
        clock(snapshot.elapsed, run_time),
        users(snapshot),
        format!("{} requests", format::count(total.stats.requests)),
        format!("{} req/s", format::rate(total.current_rps)),
        format!("{} failed", failed(snapshot)),
    ];
    // The last second that is over; the current one has hardly begun.
    if let Some(point) = snapshot.timeline.iter().rev().find(|point| point.requests > 0) {
        let ms = |time_us: u64| format::ms(time_us as f64);
        parts.push(format!(
            "p50 {} p95 {} ms",
            ms(point.times.p50_us),
            ms(point.times.p95_us)
        ));
    }
    if !snapshot.exceptions.is_empty() {
        let thrown = snapshot
            .exceptions
            .iter()
            .map(|entry| entry.counts.occurrences)
            .sum();
        parts.push(format!("{} exceptions", format::count(thrown)));
    }
    if has_keys {
        parts.push("w/W s/S: users".to_owned());
    }
    parts.join(" | ")
}

/// `0:23`, or `0:23 of 1m00s`.
fn clock(elapsed: Duration, run_time: Option<Duration>) -> String {
    let elapsed = format::duration(Duration::from_secs(elapsed.as_secs()));
    run_time.map_or_else(
        || elapsed.clone(),
        |limit| format!("{elapsed} of {}", format::duration(limit)),
    )
}

fn users(snapshot: &Snapshot) -> String {
    let users = format::count(u64::from(snapshot.users));
    match snapshot.state {
        RunState::Ready | RunState::Spawning => {
            format!(
                "{users} of {} users",
                format::count(u64::from(snapshot.target_users))
            )
        }
        RunState::Running => format!("{users} users"),
        RunState::Stopping | RunState::Stopped | RunState::Failed => format!("stopping, {users} users left"),
    }
}

fn failed(snapshot: &Snapshot) -> String {
    match snapshot.total.stats.failures {
        0 => "0".to_owned(),
        failures => {
            format!(
                "{} ({})",
                format::count(failures),
                format::percent(snapshot.total.stats.failure_ratio())
            )
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;
    use std::time::SystemTime;

    use katydid_protocol::stats::{
        ConnectionCounts, LossCounts, PointTimes, RequestEntry, RequestStats, RunInfo, Timeline,
        TimelinePoint,
    };

    use super::*;

    /// A snapshot of a run that is 23 seconds old.
    pub(crate) fn snapshot(state: RunState) -> Snapshot {
        let mut total = RequestStats::total();
        total.requests = 1_234;
        total.failures = 12;
        let point = TimelinePoint {
            second: 22,
            requests: 50,
            times: PointTimes {
                p50_us: 1_510,
                p95_us: 48_900,
                ..Default::default()
            },
            ..Default::default()
        };
        Snapshot {
            info: Arc::new(RunInfo {
                id: "x".to_owned(),
                scenarios: vec![],
                host: None,
                classes: vec![],
                started_at: SystemTime::UNIX_EPOCH,
                version: String::new(),
                plan: None,
                parameters: std::collections::BTreeMap::new(),
                system: String::new(),
            }),
            state,
            elapsed: Duration::from_millis(23_400),
            counted_from: Duration::ZERO,
            users: 7,
            target_users: 12,
            users_by_class: vec![],
            requests: vec![],
            total: RequestEntry {
                stats: Arc::new(total),
                current_rps: 45.6,
                current_failures_per_sec: 0.0,
                timeline: Timeline::default(),
            },
            groups: vec![],
            tags: vec![],
            checks: vec![],
            metrics: vec![],
            thresholds: vec![],
            errors: vec![],
            exceptions: vec![],
            iterations: 0,
            arrivals: None,
            connections: ConnectionCounts::default(),
            timeline: Timeline::from_iter([
                point,
                TimelinePoint {
                    second: 23,
                    ..Default::default()
                },
            ]),
            losses: LossCounts::default(),
            workers: vec![],
            saturated_seconds: vec![],
            marks: vec![],
            warnings: vec![],
            stop_reason: None,
            failure: None,
        }
    }

    #[test]
    fn the_line_says_what_matters_first() {
        assert_eq!(
            line(&snapshot(RunState::Spawning), Some(Duration::from_secs(60)), true),
            "23s of 1m00s | 7 of 12 users | 1,234 requests | 45.60 req/s | 12 (0.97%) failed | p50 1.51 p95 48.9 ms \
             | w/W s/S: users"
        );
        assert!(line(&snapshot(RunState::Running), None, false).starts_with("23s | 7 users | "));
        assert!(line(&snapshot(RunState::Stopping), None, false).contains("stopping, 7 users left"));
    }
}

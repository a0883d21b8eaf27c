//! What stands above everything: state, numbers of the moment, what must be seen.

use katydid_protocol::format;
use katydid_protocol::stage::Picture;
use katydid_protocol::stats::{RunState, Snapshot, WorkerState};

use super::statistics;
use crate::view::header::{Badges, Controls, Header};
use crate::view::{Banner, Level, Metric, spark};

/// Seconds in the small line beside the rate.
const SPARK: usize = 30;
/// Banners of plain warnings at most; all are in the log and the report.
const BANNERS: usize = 4;

/// Fills it; `severe` is how many warnings and errors the log has.
pub(crate) fn header(picture: &Picture, base: &str, severe: u64) -> Header {
    let snapshot = &picture.snapshot;
    let state = picture.state();
    let total = &snapshot.total;
    let is_over = state.is_over();
    let (rate, _) = statistics::rates(snapshot, total);
    let lately = snapshot
        .timeline
        .skip(snapshot.timeline.len().saturating_sub(SPARK));
    let rates: Vec<f64> = lately
        .map(|point| point.requests as f64 / f64::from(point.span.max(1)))
        .collect();
    let run_time = picture.run_time();
    let passed = run_time.map(|limit| {
        let share = snapshot.elapsed.as_secs_f64() / limit.as_secs_f64().max(0.001) * 100.0;
        share.clamp(0.0, 100.0) as u8
    });
    Header {
        base: base.to_owned(),
        run: snapshot.info.id.clone(),
        state,
        state_reason: reason(picture),
        host: snapshot
            .info
            .host
            .clone()
            .or_else(|| picture.preset_host().map(str::to_owned)),
        users: format::count(u64::from(snapshot.users)),
        target_users: (snapshot.target_users != snapshot.users && !is_over)
            .then(|| format::count(u64::from(snapshot.target_users))),
        rps: format::rate(rate),
        rps_spark: spark(&rates),
        failure_share: format::percent(total.stats.failure_ratio()),
        failure_level: if total.stats.failures > 0 {
            Level::Bad
        } else {
            Level::Plain
        },
        workers: picture.workers,
        fleet: picture.is_distributed.then(|| match picture.workers {
            1 => "1 worker is connected".to_owned(),
            workers => format!("{} workers are connected", format::count(u64::from(workers))),
        }),
        more: more(picture),
        elapsed: format::clock(snapshot.elapsed.as_secs()),
        run_time: run_time.map(format::duration),
        progress: passed.filter(|_| !is_over && state != RunState::Ready),
        banners: banners(picture),
        controls: match state {
            RunState::Ready => Controls::None,
            RunState::Spawning | RunState::Running => Controls::Running { fixed_plan: None },
            RunState::Stopping => Controls::Stopping,
            RunState::Stopped | RunState::Failed => Controls::Over,
        },
        badges: badges(snapshot, severe),
    }
}

fn reason(picture: &Picture) -> String {
    if picture.is_starting {
        return match picture.workers {
            0 => match picture.max_wait {
                Some(limit) => format!("waiting for workers, up to {}", format::duration(limit)),
                None => "waiting for workers".to_owned(),
            },
            _ => "workers prepare".to_owned(),
        };
    }
    picture.snapshot.stop_reason.clone().unwrap_or_default()
}

fn more(picture: &Picture) -> Vec<Metric> {
    let snapshot = &picture.snapshot;
    let median = snapshot.total.stats.response.quantile_us(0.95);
    let mut more = vec![Metric {
        label: "95%".to_owned(),
        value: median.map_or_else(|| "-".to_owned(), |us| format!("{} ms", format::ms(us as f64))),
        level: Level::Plain,
    }];
    if picture.is_distributed {
        more.push(Metric {
            label: "Workers".to_owned(),
            value: format::count(u64::from(picture.workers)),
            level: if picture.workers == 0 {
                Level::Bad
            } else {
                Level::Plain
            },
        });
    }
    more
}

/// What must be seen: what went wrong first.
fn banners(picture: &Picture) -> Vec<Banner> {
    let snapshot = &picture.snapshot;
    let mut banners = Vec::new();
    let banner = |level, title: &str, text: String| Banner {
        level,
        title: title.to_owned(),
        text,
        detail: String::new(),
    };
    if !picture.notice.is_empty() {
        let text = picture.notice.clone();
        banners.push(banner(Level::Bad, "The test was not started", text));
    }
    if snapshot.state == RunState::Failed {
        let why = snapshot.stop_reason.clone().unwrap_or_default();
        banners.push(banner(Level::Bad, "The run failed", why));
    }
    let lost: Vec<&str> = snapshot
        .workers
        .iter()
        .filter(|worker| worker.state == WorkerState::Missing)
        .map(|worker| worker.name.as_str())
        .collect();
    if !lost.is_empty() {
        let text = format!(
            "Nothing is heard of {}. What was measured there since the last report is missing from these numbers.",
            lost.join(", ")
        );
        banners.push(banner(Level::Bad, "Workers are lost", text));
    }
    let saturated = snapshot.saturated_seconds.len();
    if saturated > 0 {
        banners.push(saturation(snapshot));
    }
    let told = |warning: &&String| {
        // Those have a banner of their own.
        !(warning.contains(" was saturated ") && saturated > 0)
    };
    let warnings: Vec<&String> = snapshot.warnings.iter().filter(told).collect();
    for warning in warnings.iter().take(BANNERS) {
        let text = (*warning).clone();
        banners.push(banner(Level::Warn, "Before you trust these numbers", text));
    }
    if warnings.len() > BANNERS {
        let text = format!("{} more are in the report and the log.", warnings.len() - BANNERS);
        banners.push(banner(Level::Warn, "Further warnings", text));
    }
    banners
}

/// The words change with the workers concerned, not with every second.
fn saturation(snapshot: &Snapshot) -> Banner {
    let saturated = snapshot.workers.iter().filter(|worker| worker.saturated > 0);
    let names: Vec<&str> = saturated.map(|worker| worker.name.as_str()).collect();
    let who = match names.as_slice() {
        [] => "A worker".to_owned(),
        [name] => format!("Worker {name}"),
        [first, second] => format!("Workers {first} and {second}"),
        [first, second, more @ ..] => format!("Workers {first}, {second} and {} more", more.len()),
    };
    let seconds = match snapshot.saturated_seconds.len() {
        1 => "1 second so far".to_owned(),
        seconds => format!("{} seconds so far", format::count(seconds as u64)),
    };
    Banner {
        level: Level::Warn,
        title: "The load generator is saturated".to_owned(),
        text: format!(
            "{who} had no time to measure well: response times of such seconds are partly the load generator's own. Use \
             more workers or cores, or fewer users."
        ),
        detail: seconds,
    }
}

fn badges(snapshot: &Snapshot, severe: u64) -> Badges {
    let count = |number: u64| {
        if number == 0 {
            String::new()
        } else {
            format::count(number)
        }
    };
    let broken = snapshot.failed_thresholds().count();
    let failing = snapshot
        .checks
        .iter()
        .filter(|check| check.counts.failures > 0)
        .count();
    let ill = snapshot
        .workers
        .iter()
        .filter(|worker| worker.state == WorkerState::Missing || worker.saturated > 0)
        .count();
    Badges {
        failures: count(snapshot.errors.len() as u64),
        exceptions: count(snapshot.exceptions.len() as u64),
        checks: count((failing + broken) as u64),
        workers: count(ill as u64),
        logs: count(severe),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_saturated_second_more_is_not_read_out() {
        let mut snapshot = sample::snapshot(10, &[]);
        snapshot.saturated_seconds = vec![3];
        let first = saturation(&snapshot);
        snapshot.saturated_seconds.push(4);
        let second = saturation(&snapshot);
        assert_eq!(first.text, second.text);
        assert_eq!(
            (first.detail.as_str(), second.detail.as_str()),
            ("1 second so far", "2 seconds so far")
        );
    }
}

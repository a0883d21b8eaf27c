//! What stands above everything: state, numbers of the moment, what must be seen.

use katydid_protocol::format;
use katydid_protocol::stage::Picture;
use katydid_protocol::stats::{RunState, Snapshot, WorkerState};

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
    let rate = if is_over {
        snapshot.rps(&total.stats)
    } else {
        total.current_rps
    };
    let lately = snapshot
        .timeline
        .skip(snapshot.timeline.len().saturating_sub(SPARK));
    let rates: Vec<f64> = lately
        .map(|point| point.requests as f64 / f64::from(point.span.max(1)))
        .collect();
    let run_time = picture.preset.run_time.flatten();
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
        more: more(picture),
        elapsed: clock(snapshot.elapsed.as_secs()),
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
            0 => "waiting for workers".to_owned(),
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
    let mut add = |level, title: &str, text: String| {
        banners.push(Banner {
            level,
            title: title.to_owned(),
            text,
        });
    };
    if !picture.notice.is_empty() {
        add(Level::Bad, "The test was not started", picture.notice.clone());
    }
    if snapshot.state == RunState::Failed {
        let why = snapshot.stop_reason.clone().unwrap_or_default();
        add(Level::Bad, "The run failed", why);
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
        add(Level::Bad, "Workers are lost", text);
    }
    let saturated = snapshot.saturated_seconds.len();
    if saturated > 0 {
        let text = format!(
            "In {saturated} seconds of this run a worker had no time to measure well: response times of these are partly \
             its own. Use more workers or cores, or fewer users."
        );
        add(Level::Warn, "The load generator is saturated", text);
    }
    let told = |warning: &&String| {
        // Those have a banner of their own.
        !(warning.contains(" was saturated ") && saturated > 0)
    };
    let warnings: Vec<&String> = snapshot.warnings.iter().filter(told).collect();
    for warning in warnings.iter().take(BANNERS) {
        add(Level::Warn, "Before you trust these numbers", (*warning).clone());
    }
    if warnings.len() > BANNERS {
        let text = format!("{} more are in the report and the log.", warnings.len() - BANNERS);
        add(Level::Warn, "Further warnings", text);
    }
    banners
}

fn badges(snapshot: &Snapshot, severe: u64) -> Badges {
    let count = |number: u64| {
        if number == 0 {
            String::new()
        } else {
            format::count(number)
        }
    };
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
        checks: count(failing as u64),
        workers: count(ill as u64),
        logs: count(severe),
    }
}

/// `1:02:03`, `02:03`.
fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes:02}:{seconds:02}")
    }
}

//! `GET /stats/requests`: the numbers of the moment in Locust's shape.
//!
//! In: a picture. Out: JSON, times in ms (smallest and greatest rounded), rates per second.

use std::time::SystemTime;

use katydid_protocol::stage::Picture;
use katydid_protocol::stats::{RequestEntry, RunState, Snapshot};
use serde_json::{Value, json};

/// Rows Locust shows at most, of requests and of errors.
const ROWS: usize = 500;

/// The answer.
pub(super) fn requests(picture: &Picture) -> Value {
    let snapshot = &*picture.snapshot;
    let total = &snapshot.total;
    let mut stats: Vec<Value> = snapshot
        .requests
        .iter()
        .take(ROWS)
        .map(|entry| row(snapshot, entry))
        .collect();
    stats.push(row(snapshot, total));
    let errors: Vec<Value> = snapshot
        .errors
        .iter()
        .take(ROWS)
        .map(|entry| {
            json!({
                "method": &*entry.key.request.method,
                "name": &*entry.key.request.name,
                "error": &*entry.key.message,
                "occurrences": entry.counts.occurrences,
                "first_seen": unix(snapshot.wall_time(entry.counts.first_us)),
                "last_seen": unix(snapshot.wall_time(entry.counts.last_us)),
            })
        })
        .collect();
    let last = snapshot.timeline.last().filter(|_| picture.is_live());
    let moment = |us: fn(&katydid_protocol::stats::TimelinePoint) -> u64| {
        last.filter(|point| point.requests > 0)
            .map(|point| us(point) as f64 / 1_000.0)
    };
    let mut answer = json!({
        "state": state(picture.state()),
        "user_count": snapshot.users,
        "total_rps": snapshot.rps(&total.stats),
        "total_fail_per_sec": snapshot.failures_per_sec(&total.stats),
        "current_rps": total.current_rps,
        "current_fail_per_sec": total.current_failures_per_sec,
        "fail_ratio": total.stats.failure_ratio(),
        "total_avg_response_time": total.stats.response.average_us().unwrap_or_default() / 1_000.0,
        "current_response_time_percentiles": {
            "response_time_percentile_0.5": moment(|point| point.times.p50_us),
            "response_time_percentile_0.95": moment(|point| point.times.p95_us),
        },
        "stats": stats,
        "errors": errors,
    });
    if picture.is_distributed {
        answer["worker_count"] = picture.workers.into();
        answer["workers"] = workers(snapshot);
    }
    answer
}

/// The state in one of Locust's words: it has none for a run that failed.
fn state(state: RunState) -> &'static str {
    match state {
        RunState::Failed => RunState::Stopped.as_str(),
        state => state.as_str(),
    }
}

fn row(snapshot: &Snapshot, entry: &RequestEntry) -> Value {
    let stats = &*entry.stats;
    let ms = |us: Option<f64>| us.unwrap_or_default() / 1_000.0;
    let percentile = |quantile| ms(stats.response.quantile_us(quantile).map(|us| us as f64));
    json!({
        "method": &*stats.key.method,
        "name": &*stats.key.name,
        "safe_name": &*stats.key.name,
        "num_requests": stats.requests,
        "num_failures": stats.failures,
        "min_response_time": ms(stats.response.min_us().map(|us| us as f64)).round() as u64,
        "max_response_time": ms(stats.response.max_us().map(|us| us as f64)).round() as u64,
        "avg_response_time": ms(stats.response.average_us()),
        "median_response_time": percentile(0.5),
        "response_time_percentile_0.95": percentile(0.95),
        "response_time_percentile_0.99": percentile(0.99),
        "current_rps": entry.current_rps,
        "current_fail_per_sec": entry.current_failures_per_sec,
        "total_rps": snapshot.rps(stats),
        "total_fail_per_sec": snapshot.failures_per_sec(stats),
        "avg_content_length": stats.average_bytes_in(),
    })
}

fn workers(snapshot: &Snapshot) -> Value {
    snapshot
        .workers
        .iter()
        .map(|worker| {
            json!({
                "id": worker.name,
                "state": worker.state.as_str(),
                "user_count": worker.users,
                "cpu_usage": worker.cpu * 100.0,
                "memory_usage": worker.memory_bytes,
            })
        })
        .collect()
}

fn unix(at: SystemTime) -> f64 {
    at.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_locusts() {
        use RunState::{Failed, Ready, Running, Spawning, Stopped, Stopping};

        let words = [Ready, Spawning, Running, Stopping, Stopped, Failed].map(state);
        assert_eq!(
            words,
            ["ready", "spawning", "running", "stopping", "stopped", "stopped"]
        );
    }
}

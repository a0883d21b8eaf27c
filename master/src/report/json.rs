//! The whole result of a run as one JSON document, for programs.
//!
//! In: a snapshot, usually the final one. Out: an object whose fields are listed at [`render`]; fields may be added
//! under the same `schema_version`, never change their meaning. Numbers are finite; what is not known is `null`.

mod arrivals;
mod measure;
mod metric;
mod run;
mod threshold;

use katydid_protocol::stats::{ArrivalCounts, ConnectionCounts, RunMark, Snapshot};
use serde::Serialize;

use measure::{CheckJson, ErrorJson, ExceptionJson, MeasureJson, RequestJson, TagJson};
use metric::MetricJson;
use run::{LossesJson, PointJson, RunJson, UsersJson, VerdictJson, WorkerJson};
use threshold::ThresholdJson;

/// The version of the document's fields.
const SCHEMA_VERSION: u32 = 1;

/// Renders the result, indented, with a line feed at its end.
///
/// | field | what it holds |
/// | --- | --- |
/// | `schema_version` | 1 |
/// | `run` | `id`, `version`, `scenarios`, `host`, `plan` (`users`, `spawn_rate`, `run_time_s`, `stop_timeout_s`, `arrivals` (`stages` of `duration_s`, `rate`, `to`, `distribution`; and `on_late`): as asked for at the start), `parameters` (those given), `system` (the master's operating system), `state`, `stop_reason`, `failure` (`workers_missing`, `scenario`, `worker_broke`, `cut_short`), `started_at` and `ended_at` (UTC), `elapsed_s`, `counted_from_s` (the last reset), `counted_s` (what rates divide by), `iterations` |
/// | `users` | `target`, `running`, `peak`, and per class `name`, `weight`, `fixed_count`, `host`, `running`, `tasks` |
/// | `arrivals` | `planned`, `started`, `late` (of those started), `dropped`; `null` when iterations start whenever a user is done |
/// | `connections` | `opened`, `reused` (requests on a connection opened for another), `tls_handshakes`, `http2` (of those opened) |
/// | `totals` | all requests together: a *measure* |
/// | `requests` | per `method` and `name`, ordered by name: a measure each |
/// | `groups` | per `name`: a measure each, of whole groups |
/// | `tags` | per `name` (`key:value`), `key` and `value`: a measure each; a request counts for each of its tags |
/// | `checks` | `name`, `passes`, `failures` |
/// | `metrics` | per `name` and `kind` (`counter`, `gauge`, `rate`, `trend`, `time`): `count` (values given); counters `sum`, `per_sec`; gauges `last`, `min`, `max`; rates `hits`, `ratio` (0 to 1); trends, and times in ms, `sum`, `min`, `max`, `avg`, `p50` to `p100` |
/// | `thresholds` | `rule`, `state` (`passing`, `failing`, `no_data`, `pending`), `failed` (whether the run fails by it), `value` (`null` without data) and `bound` in `unit` (`ms`, `share` from 0 to 1, `per_s`, or none), `since_s` (the second since which it is in this state), `first_failed` (`second` and `value` the first time it did not hold, else `null`), `abort`, `optional`, `note` |
/// | `errors` | `method`, `name`, `error`, `occurrences`, `first_seen`, `last_seen` (UTC) |
/// | `exceptions` | `message`, `traceback`, `occurrences`, `first_seen`, `last_seen`; most frequent first |
/// | `timeline` | per second of the run: `second`, `span_s`, `users`, `requests`, `failures`, `late` (which their users started late), `arrivals` (`planned`, `started`, `late`, `dropped`; left out where there were none), `average_ms`, `p50_ms`, `p90_ms`, `p95_ms`, `p99_ms` |
/// | `workers` | per worker that ever took part: `name`, `state`, `threads`, `cores`, `users`, `users_by_class`, `cpu`, `memory_bytes`, `lag_us`, `saturated_s` |
/// | `saturated_seconds` | seconds of the run in which a worker was saturated: their response times are partly its own |
/// | `marks` | what happened: `second`, `kind` (`steady`, `edit`, `reset`, `worker_lost`, `stop`, `threshold`), `text` |
/// | `losses` | what could not be kept apart or on time, in numbers |
/// | `warnings` | what people should know before they trust the numbers, in sentences; losses among them |
/// | `verdict_inputs` | `failed_requests`, `exceptions`, `failed_checks`, `failed_thresholds`, `warnings`: what an exit code is made of |
///
/// A measure: `requests`, `failures`, `failure_ratio` (0 to 1), `rps`, `failures_per_sec`, `current_rps`,
/// `current_failures_per_sec`, `bytes_in`, `bytes_out`, `statuses` (by status; `0` is "no response"),
/// `response_time_ms`, `succeeded_response_time_ms`, `service_time_ms` (`null` when it is the response time),
/// `phases_ms` (per phase `avg` and `max` over the `count` exchanges it took part in). Times: `count`, `min`, `max`,
/// `avg`, `p50` to `p100`; `null` when there are none.
#[must_use]
pub fn render(snapshot: &Snapshot) -> String {
    let warnings = snapshot
        .warnings
        .iter()
        .cloned()
        .chain(super::text::losses(snapshot))
        .collect::<Vec<_>>();
    let document = Document {
        schema_version: SCHEMA_VERSION,
        run: RunJson::of(snapshot),
        users: UsersJson::of(snapshot),
        arrivals: snapshot.arrivals,
        connections: snapshot.connections,
        totals: MeasureJson::of(snapshot, &snapshot.total),
        requests: snapshot
            .requests
            .iter()
            .map(|entry| RequestJson::of(snapshot, entry))
            .collect(),
        groups: snapshot
            .groups
            .iter()
            .map(|entry| RequestJson::of_group(snapshot, entry))
            .collect(),
        tags: snapshot
            .tags
            .iter()
            .map(|entry| TagJson::of(snapshot, entry))
            .collect(),
        checks: snapshot.checks.iter().map(CheckJson::of).collect(),
        metrics: MetricJson::all(snapshot),
        thresholds: ThresholdJson::all(snapshot),
        errors: snapshot
            .errors
            .iter()
            .map(|entry| ErrorJson::of(snapshot, entry))
            .collect(),
        exceptions: snapshot
            .exceptions
            .iter()
            .map(|entry| ExceptionJson::of(snapshot, entry))
            .collect(),
        timeline: snapshot.timeline.iter().map(PointJson::of).collect(),
        workers: snapshot.workers.iter().map(WorkerJson::of).collect(),
        saturated_seconds: &snapshot.saturated_seconds,
        marks: &snapshot.marks,
        losses: LossesJson::of(snapshot),
        verdict_inputs: VerdictJson::of(snapshot, warnings.len()),
        warnings,
    };
    // Plain fields and maps with text keys: there is nothing in it that JSON could not say.
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    run: RunJson<'a>,
    users: UsersJson<'a>,
    arrivals: Option<ArrivalCounts>,
    connections: ConnectionCounts,
    totals: MeasureJson,
    requests: Vec<RequestJson<'a>>,
    groups: Vec<RequestJson<'a>>,
    tags: Vec<TagJson<'a>>,
    checks: Vec<CheckJson<'a>>,
    metrics: Vec<MetricJson<'a>>,
    thresholds: Vec<ThresholdJson<'a>>,
    errors: Vec<ErrorJson<'a>>,
    exceptions: Vec<ExceptionJson<'a>>,
    timeline: Vec<PointJson>,
    workers: Vec<WorkerJson<'a>>,
    saturated_seconds: &'a [u32],
    marks: &'a [RunMark],
    losses: LossesJson<'a>,
    warnings: Vec<String>,
    verdict_inputs: VerdictJson,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use serde_json::Value;

    use super::*;
    use crate::aggregate::{RunStats, sample};

    fn parsed(snapshot: &Snapshot) -> Value {
        serde_json::from_str(&render(snapshot)).unwrap()
    }

    /// Every `null` in the document, by path.
    fn nulls(path: &str, value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Null => found.push(path.to_owned()),
            Value::Array(items) => items
                .iter()
                .for_each(|item| nulls(&format!("{path}[]"), item, found)),
            Value::Object(fields) => {
                fields
                    .iter()
                    .for_each(|(name, field)| nulls(&format!("{path}.{name}"), field, found));
            }
            _ => {}
        }
    }

    #[test]
    fn the_result_of_a_run() {
        insta::assert_snapshot!(render(&sample::snapshot()));
    }

    #[test]
    fn a_run_without_requests_has_no_times_and_no_impossible_numbers() {
        let snapshot =
            RunStats::new().snapshot(&Arc::new(sample::info()), Duration::ZERO, sample::standing());
        let mut found = Vec::new();
        nulls("", &parsed(&snapshot), &mut found);
        assert_eq!(
            found,
            [
                ".arrivals",
                ".run.failure",
                ".run.plan.arrivals",
                ".run.stop_reason",
                ".totals.response_time_ms",
                ".totals.service_time_ms",
                ".totals.succeeded_response_time_ms",
                ".users.by_class[].host"
            ]
        );
    }

    #[test]
    fn the_parts_add_up_to_the_totals() {
        let result = parsed(&sample::snapshot());
        let sum = |rows: &Value, field: &str| -> u64 {
            rows.as_array()
                .unwrap()
                .iter()
                .map(|row| row[field].as_u64().unwrap())
                .sum()
        };
        for field in ["requests", "failures"] {
            assert_eq!(result["totals"][field], sum(&result["requests"], field));
            assert_eq!(result["totals"][field], sum(&result["timeline"], field));
        }
        assert_eq!(
            result["verdict_inputs"]["failed_requests"],
            result["totals"]["failures"]
        );
        assert_eq!(result["verdict_inputs"]["exceptions"], 3);
    }
}

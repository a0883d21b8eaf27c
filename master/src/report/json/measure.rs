//! What the document says about requests, groups, tags, checks, errors and exceptions.

use std::collections::BTreeMap;

use katydid_protocol::stats::{
    CheckEntry, ErrorEntry, ExceptionEntry, PERCENTILES_REPORTED, PHASE_NAMES, Phases, RequestEntry,
    Snapshot, Times, split_tag,
};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::clock::utc_millis;

#[derive(serde::Serialize)]
pub(super) struct RequestJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    name: &'a str,
    #[serde(flatten)]
    measure: MeasureJson,
}

#[derive(serde::Serialize)]
pub(super) struct TagJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    name: &'a str,
    #[serde(flatten)]
    measure: MeasureJson,
}

#[derive(serde::Serialize)]
pub(super) struct MeasureJson {
    requests: u64,
    failures: u64,
    failure_ratio: f64,
    rps: f64,
    failures_per_sec: f64,
    current_rps: f64,
    current_failures_per_sec: f64,
    bytes_in: u64,
    bytes_out: u64,
    statuses: BTreeMap<u16, u64>,
    response_time_ms: Option<TimesJson>,
    succeeded_response_time_ms: Option<TimesJson>,
    service_time_ms: Option<TimesJson>,
    phases_ms: PhasesJson,
}

#[derive(serde::Serialize)]
pub(super) struct CheckJson<'a> {
    name: &'a str,
    passes: u64,
    failures: u64,
}

#[derive(serde::Serialize)]
pub(super) struct ErrorJson<'a> {
    method: &'a str,
    name: &'a str,
    error: &'a str,
    occurrences: u64,
    first_seen: String,
    last_seen: String,
}

#[derive(serde::Serialize)]
pub(super) struct ExceptionJson<'a> {
    message: &'a str,
    traceback: &'a str,
    occurrences: u64,
    first_seen: String,
    last_seen: String,
    workers: Vec<&'a str>,
}

/// Times with at least one value, in ms.
struct TimesJson {
    count: u64,
    min: f64,
    max: f64,
    average: f64,
    percentiles: [f64; PERCENTILES_REPORTED.len()],
}

struct PhasesJson(Phases);

#[derive(serde::Serialize)]
struct PhaseJson {
    avg: f64,
    max: f64,
    count: u64,
}

impl<'a> RequestJson<'a> {
    pub(super) fn of(snapshot: &Snapshot, entry: &'a RequestEntry) -> Self {
        let key = &entry.stats.key;
        Self {
            method: Some(&key.method),
            name: &key.name,
            measure: MeasureJson::of(snapshot, entry),
        }
    }

    /// A group has no method.
    pub(super) fn of_group(snapshot: &Snapshot, entry: &'a RequestEntry) -> Self {
        Self {
            method: None,
            ..Self::of(snapshot, entry)
        }
    }
}

impl<'a> TagJson<'a> {
    /// The common name of many tags is no key and no value.
    pub(super) fn of(snapshot: &Snapshot, entry: &'a RequestEntry) -> Self {
        let name = &*entry.stats.key.name;
        let (key, value) = split_tag(name).unzip();
        Self {
            key,
            value,
            name,
            measure: MeasureJson::of(snapshot, entry),
        }
    }
}

impl MeasureJson {
    pub(super) fn of(snapshot: &Snapshot, entry: &RequestEntry) -> Self {
        let stats = &*entry.stats;
        Self {
            requests: stats.requests,
            failures: stats.failures,
            failure_ratio: stats.failure_ratio(),
            rps: snapshot.rps(stats),
            failures_per_sec: snapshot.failures_per_sec(stats),
            current_rps: entry.current_rps,
            current_failures_per_sec: entry.current_failures_per_sec,
            bytes_in: stats.bytes_in,
            bytes_out: stats.bytes_out,
            statuses: stats.statuses.clone(),
            response_time_ms: TimesJson::of(&stats.response),
            succeeded_response_time_ms: TimesJson::of(&stats.succeeded()),
            service_time_ms: stats.service.as_ref().and_then(TimesJson::of),
            phases_ms: PhasesJson(stats.phases.clone()),
        }
    }
}

impl<'a> CheckJson<'a> {
    pub(super) fn of(check: &'a CheckEntry) -> Self {
        Self {
            name: &check.name,
            passes: check.counts.passes,
            failures: check.counts.failures,
        }
    }
}

impl<'a> ErrorJson<'a> {
    pub(super) fn of(snapshot: &Snapshot, entry: &'a ErrorEntry) -> Self {
        Self {
            method: &entry.key.request.method,
            name: &entry.key.request.name,
            error: &entry.key.message,
            occurrences: entry.counts.occurrences,
            first_seen: utc_millis(snapshot.wall_time(entry.counts.first_us)),
            last_seen: utc_millis(snapshot.wall_time(entry.counts.last_us)),
        }
    }
}

impl<'a> ExceptionJson<'a> {
    pub(super) fn of(snapshot: &Snapshot, entry: &'a ExceptionEntry) -> Self {
        Self {
            message: &entry.key.message,
            traceback: &entry.key.traceback,
            occurrences: entry.counts.occurrences,
            first_seen: utc_millis(snapshot.wall_time(entry.counts.first_us)),
            last_seen: utc_millis(snapshot.wall_time(entry.counts.last_us)),
            workers: entry.nodes.names().map(|name| &**name).collect(),
        }
    }
}

impl TimesJson {
    fn of(times: &Times) -> Option<Self> {
        let quantile = |quantile| {
            times
                .quantile_us(quantile)
                .map_or(0.0, |time_us| ms(time_us as f64))
        };
        Some(Self {
            count: times.count(),
            min: ms(times.min_us()? as f64),
            max: ms(times.max_us()? as f64),
            average: ms(times.average_us()?),
            percentiles: PERCENTILES_REPORTED.map(|(share, _)| quantile(share)),
        })
    }
}

impl Serialize for TimesJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("count", &self.count)?;
        map.serialize_entry("min", &self.min)?;
        map.serialize_entry("max", &self.max)?;
        map.serialize_entry("avg", &self.average)?;
        for ((_, label), value) in PERCENTILES_REPORTED.iter().zip(&self.percentiles) {
            map.serialize_entry(&format!("p{}", label.trim_end_matches('%')), value)?;
        }
        map.end()
    }
}

impl Serialize for PhasesJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(PHASE_NAMES.iter().enumerate().map(|(index, name)| {
            let count = self.0.count[index];
            let avg = if count == 0 {
                0.0
            } else {
                ms(self.0.sum_us[index] as f64 / count as f64)
            };
            (
                name,
                PhaseJson {
                    avg,
                    max: ms(f64::from(self.0.max_us[index])),
                    count,
                },
            )
        }))
    }
}

/// µs in ms.
pub(super) fn ms(time_us: f64) -> f64 {
    time_us / 1_000.0
}

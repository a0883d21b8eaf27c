//! Requests and their statistics.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use katydid_protocol::stats::RequestEntry;
use serde::Serialize;
use utoipa::ToSchema;

use super::run::{ResponseTime, response_time};
use crate::web::Web;

/// All requests of a run.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Requests {
    /// Each request, by name, then method.
    requests: Vec<RequestStatistics>,
    /// All together.
    total: RequestStatistics,
    /// Groups of requests that belong together.
    groups: Vec<RequestStatistics>,
    /// Requests by tag: `name` is `key:value`, or `(other)` for those of too many tags; each counts for all of its tags.
    tags: Vec<RequestStatistics>,
}

/// A request over the whole run.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RequestStatistics {
    method: String,
    name: String,
    /// Requests that ended.
    requests: u64,
    /// Those among them that failed.
    failures: u64,
    /// Share that failed, 0 to 1.
    failure_ratio: f64,
    /// Requests per second over the last ten seconds.
    rps: f64,
    /// Failures per second over the last ten seconds.
    failures_per_s: f64,
    response_time: ResponseTime,
    /// Bytes of response bodies as received.
    bytes_in: u64,
    /// Bytes of requests as sent.
    bytes_out: u64,
    /// Requests by status code; 0 stands for no response.
    statuses: BTreeMap<String, u64>,
}

/// Statistics of all requests.
#[utoipa::path(get, path = "/requests", tag = "results", responses((status = 200, body = Requests)))]
pub(super) async fn list(State(web): State<Web>) -> Json<Requests> {
    let picture = web.picture();
    let snapshot = &picture.snapshot;
    Json(Requests {
        requests: snapshot.requests.iter().map(statistics).collect(),
        total: statistics(&snapshot.total),
        groups: snapshot.groups.iter().map(statistics).collect(),
        tags: snapshot.tags.iter().map(statistics).collect(),
    })
}

fn statistics(entry: &RequestEntry) -> RequestStatistics {
    let stats = &entry.stats;
    RequestStatistics {
        method: stats.key.method.to_string(),
        name: stats.key.name.to_string(),
        requests: stats.requests,
        failures: stats.failures,
        failure_ratio: stats.failure_ratio(),
        rps: entry.current_rps,
        failures_per_s: entry.current_failures_per_sec,
        response_time: response_time(&stats.response),
        bytes_in: stats.bytes_in,
        bytes_out: stats.bytes_out,
        statuses: stats
            .statuses
            .iter()
            .map(|(status, count)| (status.to_string(), *count))
            .collect(),
    }
}

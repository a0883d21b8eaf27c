//! Workers.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::Web;

/// A worker at one moment.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Worker {
    name: String,
    /// `preparing`, `ready`, `running`, `stopping`, `missing` or `stopped`.
    state: &'static str,
    /// Load threads.
    threads: u32,
    /// Users running.
    users: u32,
    /// CPU as a share of the cores it may use, 0 to 1.
    cpu: f64,
    /// Resident memory in bytes.
    memory_bytes: u64,
    /// How late its event loops were at most, lately, in ms.
    lag_ms: f64,
    /// Seconds in which it was saturated: response times of these are partly its own.
    saturated_seconds: u64,
}

/// The workers, in the order they joined; those that left are still there.
#[utoipa::path(get, path = "/workers", tag = "results", responses((status = 200, body = Vec<Worker>)))]
pub(super) async fn list(State(web): State<Web>) -> Json<Vec<Worker>> {
    let picture = web.picture();
    let workers = picture.snapshot.workers.iter().map(|worker| Worker {
        name: worker.name.clone(),
        state: worker.state.as_str(),
        threads: worker.threads,
        users: worker.users,
        cpu: worker.cpu,
        memory_bytes: worker.memory_bytes,
        lag_ms: worker.lag_us as f64 / 1_000.0,
        saturated_seconds: worker.saturated,
    });
    Json(workers.collect())
}

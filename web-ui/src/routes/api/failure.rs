//! What went wrong in a run: failures, exceptions, checks that did not hold.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::Web;

/// Requests that failed for the same reason.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Failure {
    method: String,
    name: String,
    /// Why.
    message: String,
    /// How often.
    occurrences: u64,
    /// When first and last, in seconds since the run's start.
    first_s: f64,
    /// See `first_s`.
    last_s: f64,
}

/// Something scripts threw.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Exception {
    message: String,
    /// Where.
    traceback: String,
    /// How often.
    occurrences: u64,
    /// When first and last, in seconds since the run's start.
    first_s: f64,
    /// See `first_s`.
    last_s: f64,
    /// The names of the workers it occurred on, ascending; of very many the first.
    workers: Vec<String>,
}

/// A check and how often it held.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Check {
    name: String,
    passes: u64,
    failures: u64,
}

/// Failures, by request, then message.
#[utoipa::path(get, path = "/failures", tag = "results", responses((status = 200, body = Vec<Failure>)))]
pub(super) async fn list(State(web): State<Web>) -> Json<Vec<Failure>> {
    let picture = web.picture();
    let failures = picture.snapshot.errors.iter().map(|error| Failure {
        method: error.key.request.method.to_string(),
        name: error.key.request.name.to_string(),
        message: error.key.message.to_string(),
        occurrences: error.counts.occurrences,
        first_s: seconds(error.counts.first_us),
        last_s: seconds(error.counts.last_us),
    });
    Json(failures.collect())
}

/// Exceptions, most frequent first.
#[utoipa::path(get, path = "/exceptions", tag = "results", responses((status = 200, body = Vec<Exception>)))]
pub(super) async fn exceptions(State(web): State<Web>) -> Json<Vec<Exception>> {
    let picture = web.picture();
    let exceptions = picture.snapshot.exceptions.iter().map(|exception| Exception {
        message: exception.key.message.to_string(),
        traceback: exception.key.traceback.to_string(),
        occurrences: exception.counts.occurrences,
        first_s: seconds(exception.counts.first_us),
        last_s: seconds(exception.counts.last_us),
        workers: exception.nodes.names().map(|name| name.to_string()).collect(),
    });
    Json(exceptions.collect())
}

/// Checks, by name.
#[utoipa::path(get, path = "/checks", tag = "results", responses((status = 200, body = Vec<Check>)))]
pub(super) async fn checks(State(web): State<Web>) -> Json<Vec<Check>> {
    let picture = web.picture();
    let checks = picture.snapshot.checks.iter().map(|check| Check {
        name: check.name.to_string(),
        passes: check.counts.passes,
        failures: check.counts.failures,
    });
    Json(checks.collect())
}

fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

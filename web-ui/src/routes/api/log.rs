//! The last lines of the log.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::fill::time;
use crate::web::Web;

/// A line of the log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LogLine {
    /// When, RFC 3339.
    at: String,
    /// `DEBUG`, `INFO`, `WARN` or `ERROR`.
    level: String,
    /// The worker that said it; empty for this process.
    source: String,
    text: String,
}

/// The last lines of the log, of this process and of its workers.
#[utoipa::path(get, path = "/logs", tag = "results", responses((status = 200, body = Vec<LogLine>)))]
pub(super) async fn list(State(web): State<Web>) -> Json<Vec<LogLine>> {
    let (lines, _) = web.logs().read();
    let lines = lines.into_iter().map(|line| LogLine {
        at: time::rfc3339(line.at),
        level: line.level.as_str().to_owned(),
        source: line.source,
        text: line.text,
    });
    Json(lines.collect())
}

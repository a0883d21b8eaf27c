//! For those who watch processes: whether this one lives, and whether a test could be started.

use axum::extract::State;
use axum::http::StatusCode;

use crate::web::Web;

/// `GET /healthz`: this process answers.
pub(super) async fn alive() -> &'static str {
    "ok"
}

/// `GET /readyz`: a test runs, or could; 503 while no worker is connected.
pub(super) async fn ready(State(web): State<Web>) -> (StatusCode, &'static str) {
    if web.picture().workers == 0 {
        (StatusCode::SERVICE_UNAVAILABLE, "no worker is connected")
    } else {
        (StatusCode::OK, "ok")
    }
}

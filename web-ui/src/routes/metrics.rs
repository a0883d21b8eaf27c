//! `GET /metrics`: the run for Prometheus, behind the page's login if there is one.

use axum::extract::State;
use axum::response::Response;

use crate::scrape::RunView;
use crate::status::run_metrics;
use crate::web::Web;

/// The run under way, or else the last one.
pub(super) async fn metrics(State(web): State<Web>) -> Response {
    run_metrics(Some(RunView::of_picture(&web.picture()))).await
}

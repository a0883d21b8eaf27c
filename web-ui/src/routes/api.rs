//! `/api/v1`: the same as the page, for programs; described by an OpenAPI document of its own.
//!
//! In: JSON. Out: JSON, or a problem (RFC 9457) that says what is wrong with which field. Each file here is one noun:
//! what it looks like, and what can be asked of it.

mod arrivals;
mod body;
mod connections;
mod document;
mod events;
mod failure;
mod log;
mod metric;
mod plan;
mod problem;
mod request;
mod run;
mod scenario;
mod threshold;
mod timeline;
mod worker;

use axum::Router;
use axum::routing::{get, post};

use crate::web::Web;

/// All of it, to be nested below `/api/v1`.
pub(super) fn router() -> Router<Web> {
    Router::new()
        .route("/openapi.json", get(document::document))
        .route("/run", get(run::show).post(run::start).patch(run::edit))
        .route("/run/stop", post(run::stop))
        .route("/run/reset", post(run::reset))
        .route("/requests", get(request::list))
        .route("/failures", get(failure::list))
        .route("/exceptions", get(failure::exceptions))
        .route("/checks", get(failure::checks))
        .route("/metrics", get(metric::list))
        .route("/thresholds", get(threshold::list))
        .route("/timeline", get(timeline::show))
        .route("/workers", get(worker::list))
        .route("/plan", get(plan::show))
        .route("/scenario", get(scenario::show).put(scenario::save))
        .route("/scenario/check", post(scenario::check))
        .route("/logs", get(log::list))
        .route("/events", get(events::events))
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::wrong_method)
}

//! Which URL is answered by whom.
//!
//! In: a [`Web`]. Out: a router. What every answer has in common is added here: security headers, and refusal of what
//! other sites' pages make a browser send and of whom nobody knows.

pub(crate) mod events;

mod api;
mod door;
mod downloads;
mod foreign;
mod forms;
mod fragments;
mod full_history;
mod guard;
mod health;
mod locust;
mod login;
mod metrics;
mod pages;
mod squeezed;
pub(crate) mod start_fields;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post};
use tower_http::compression::CompressionLayer;

use crate::web::Web;

/// Longest body of a request.
const BODY_BYTES: usize = 2 * 1024 * 1024;

/// All routes, below the prefix if there is one.
pub(crate) fn router(web: &Web) -> Router {
    let routes = Router::new()
        .route("/", get(pages::app))
        .route("/scenario", get(pages::scenario))
        .route("/assets/{file}", get(pages::asset))
        .route("/ui/events", get(events::events))
        .route("/ui/series", get(fragments::series))
        .route("/ui/request", get(fragments::request))
        .route("/ui/new", get(forms::new))
        .route("/ui/edit", get(forms::edit).post(forms::apply_edit))
        .route("/ui/start", post(forms::start))
        .route("/ui/stop", post(forms::stop))
        .route("/ui/reset", post(forms::reset))
        .route("/ui/scenario/check", post(forms::check))
        .route("/ui/scenario/save", post(forms::save))
        .route("/ui/{tab}", get(fragments::tab))
        .route("/login", get(login::form).post(login::log_in))
        .route("/logout", post(login::log_out))
        .route("/swarm", post(locust::swarm))
        .route("/stop", get(locust::stop_by_get).post(locust::stop))
        .route("/stats/reset", get(locust::reset_by_get).post(locust::reset))
        .route("/stats/requests", get(locust::requests))
        .route("/stats/requests/csv", get(downloads::requests_csv))
        .route("/stats/requests_full_history/csv", get(full_history::csv))
        .route("/stats/failures/csv", get(downloads::failures_csv))
        .route("/stats/report", get(downloads::report))
        .route("/exceptions", get(locust::exceptions))
        .route("/exceptions/csv", get(downloads::exceptions_csv))
        .route("/tasks", get(locust::tasks))
        .route("/logs", get(locust::logs))
        .route("/worker-count", get(locust::worker_count))
        .route("/result.json", get(downloads::json))
        .route("/result.xml", get(downloads::junit))
        .nest("/api/v1", api::router())
        .route("/metrics", get(metrics::metrics))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .fallback(pages::not_found)
        .method_not_allowed_fallback(pages::wrong_method);
    let routes = match web.base() {
        "" => routes,
        base => Router::new()
            .route(&format!("{base}/"), get(pages::app))
            .nest(base, routes)
            .fallback(pages::not_found),
    };
    routes
        .layer(CompressionLayer::new().gzip(true))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(middleware::from_fn_with_state(web.clone(), guard::guard))
        .with_state(web.clone())
}

//! The target's own pages: `/__stats`, `POST /__stats/reset`, `/__spawns`, `/metrics`. Requests for them are not counted.
//!
//! In: the counts. Out: JSON, and what Prometheus reads.

use http::{Method, Request, StatusCode};
use hyper::body::Incoming;

use super::{App, method_not_allowed};
use crate::answer::{self, Answer};
use crate::metrics;

/// Answers one of these paths.
pub(super) fn respond(app: &App, request: &Request<Incoming>) -> Answer {
    match request.uri().path() {
        "/__stats" => answer::json(StatusCode::OK, &app.statistics.read()),
        "/__spawns" => answer::json(StatusCode::OK, &app.statistics.spawns()),
        "/metrics" => match metrics::document(app.ledger.shards()) {
            Ok(document) => answer::typed(StatusCode::OK, metrics::MEDIA_TYPE, document.into()),
            Err(error) => answer::text(
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("cannot write this for Prometheus: {error}\n"),
            ),
        },
        "/__stats/reset" if request.method() == Method::POST => {
            app.statistics.reset();
            answer::empty(StatusCode::NO_CONTENT)
        }
        "/__stats/reset" => method_not_allowed("POST"),
        _ => answer::text(
            StatusCode::NOT_FOUND,
            "the target's own pages are /__stats, /__spawns and /metrics\n",
        ),
    }
}

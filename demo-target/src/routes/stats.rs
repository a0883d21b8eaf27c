//! The target's own pages: `/__stats`, `POST /__stats/reset`, `/__spawns`. Requests for them are not counted.
//!
//! In: the counts. Out: JSON.

use http::{Method, Request, StatusCode};
use hyper::body::Incoming;

use super::{App, method_not_allowed};
use crate::answer::{self, Answer};

/// Answers a path that starts with `/__`.
pub(super) fn respond(app: &App, request: &Request<Incoming>) -> Answer {
    match request.uri().path() {
        "/__stats" => answer::json(StatusCode::OK, &app.statistics.read()),
        "/__spawns" => answer::json(StatusCode::OK, &app.statistics.spawns()),
        "/__stats/reset" if request.method() == Method::POST => {
            app.statistics.reset();
            answer::empty(StatusCode::NO_CONTENT)
        }
        "/__stats/reset" => method_not_allowed("POST"),
        _ => answer::text(
            StatusCode::NOT_FOUND,
            "the target's own pages are /__stats and /__spawns\n",
        ),
    }
}

//! What holds for every request and every answer.
//!
//! In: requests. Out: refusals of what other sites' pages made a browser send, of whom nobody knows, and of changes by
//! those who may only look; and headers that keep pages to themselves.

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::{door, foreign};
use crate::web::Web;

/// Refuses, or passes on and completes the answer.
pub(super) async fn guard(State(web): State<Web>, request: Request, next: Next) -> Response {
    let mut response = match checked(&web, request) {
        Ok(request) => next.run(request).await,
        Err(refusal) => *refusal,
    };
    let headers = response.headers_mut();
    headers
        .entry(CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(crate::CONTENT_SECURITY_POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The request as handlers get it.
fn checked(web: &Web, request: Request) -> Result<Request, Box<Response>> {
    let settings = web.settings();
    if foreign::is_foreign(request.method(), request.headers()) {
        return Err(forbidden("another site's page asked for this: refused\n"));
    }
    if let Some(hosts) = &settings.hosts
        && !foreign::is_known_host(request.headers(), hosts)
    {
        return Err(forbidden(
            "this page is for this machine, and the name it was called by could be anybody's: call it localhost, or \
             start Katydid with --web-allowed-host NAME\n",
        ));
    }
    match &settings.access {
        Some(access) => door::enter(access, web.base(), request),
        None => Ok(request),
    }
}

fn forbidden(why: &'static str) -> Box<Response> {
    Box::new((StatusCode::FORBIDDEN, why).into_response())
}

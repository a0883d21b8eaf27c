//! What holds for every request and every answer.
//!
//! In: requests. Out: refusals of what another site's page made a browser send, and headers that keep pages to
//! themselves. A browser says where a request comes from (`Sec-Fetch-Site`, `Origin`); tools say nothing and may do
//! what whoever runs them may.

use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Refuses, or passes on and completes the answer.
pub(super) async fn guard(request: Request, next: Next) -> Response {
    let mut response = if is_foreign(request.method(), request.headers()) {
        (
            StatusCode::FORBIDDEN,
            "another site's page asked for this: refused\n",
        )
            .into_response()
    } else {
        next.run(request).await
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

/// Whether a page of another site wants to change something here.
fn is_foreign(method: &Method, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    // Stopping and resetting answer to GET too, so reading is no excuse for them; a link followed by a person is
    // `navigate` and goes to pages.
    let site = text("sec-fetch-site");
    if method.is_safe() {
        return site == Some("cross-site") && text("sec-fetch-mode") != Some("navigate");
    }
    if site.is_some_and(|site| site != "same-origin" && site != "none") {
        return true;
    }
    let origin = text(ORIGIN.as_str());
    let host = text(HOST.as_str());
    match (origin, host) {
        (Some(origin), Some(host)) => origin
            .split_once("://")
            .is_none_or(|(_, from)| !from.eq_ignore_ascii_case(host)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foreign(method: &Method, headers: &[(&'static str, &'static str)]) -> bool {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect();
        is_foreign(method, &headers)
    }

    #[test]
    fn other_sites_change_nothing() {
        let host = ("host", "localhost:8089");
        for headers in [
            [host, ("origin", "http://evil.example")],
            [host, ("origin", "null")],
            [host, ("sec-fetch-site", "cross-site")],
            [host, ("sec-fetch-site", "same-site")],
        ] {
            assert!(foreign(&Method::POST, &headers), "{headers:?}");
        }
        assert!(foreign(&Method::GET, &[host, ("sec-fetch-site", "cross-site")]));
    }

    #[test]
    fn the_page_itself_tools_and_links_do() {
        let host = ("host", "localhost:8089");
        for headers in [
            vec![host],
            vec![host, ("origin", "http://localhost:8089")],
            vec![host, ("sec-fetch-site", "same-origin")],
            vec![("host", "load.example"), ("origin", "https://load.example")],
        ] {
            assert!(!foreign(&Method::POST, &headers), "{headers:?}");
        }
        let link = [
            host,
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
        ];
        assert!(!foreign(&Method::GET, &link));
    }
}

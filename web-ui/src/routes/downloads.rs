//! Results as files.
//!
//! In: the picture. Out: CSV, JSON and the report, under names that say what they are.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use katydid_protocol::stage::Picture;
use serde::Deserialize;

use crate::fill;
use crate::web::Web;

/// The report may run its own scripts and nothing else; it is one file.
const REPORT_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// How the report is wanted.
#[derive(Debug, Deserialize)]
pub(super) struct ReportQuery {
    download: Option<String>,
}

/// `GET /stats/requests/csv`.
pub(super) async fn requests_csv(State(web): State<Web>) -> Response {
    let picture = web.picture();
    csv(
        &picture,
        "requests",
        (web.settings().renderers.requests_csv)(&picture.snapshot),
    )
}

/// `GET /stats/failures/csv`.
pub(super) async fn failures_csv(State(web): State<Web>) -> Response {
    let picture = web.picture();
    csv(
        &picture,
        "failures",
        (web.settings().renderers.failures_csv)(&picture.snapshot),
    )
}

/// `GET /exceptions/csv`.
pub(super) async fn exceptions_csv(State(web): State<Web>) -> Response {
    let picture = web.picture();
    csv(
        &picture,
        "exceptions",
        (web.settings().renderers.exceptions_csv)(&picture.snapshot),
    )
}

/// `GET /result.json`.
pub(super) async fn json(State(web): State<Web>) -> Response {
    let picture = web.picture();
    let text = (web.settings().renderers.json)(&picture.snapshot);
    file(&picture, "result", "json", "application/json", text.into_bytes())
}

/// `GET /result.xml`.
pub(super) async fn junit(State(web): State<Web>) -> Response {
    let picture = web.picture();
    match (web.settings().renderers.junit)(&picture.snapshot) {
        Some(xml) => file(&picture, "junit", "xml", "application/xml", xml.into_bytes()),
        None => {
            tracing::error!("JUnit XML could not be written");
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                "JUnit XML could not be written\n",
            )
                .into_response()
        }
    }
}

/// `GET /stats/report`.
pub(super) async fn report(State(web): State<Web>, Query(query): Query<ReportQuery>) -> Response {
    let picture = web.picture();
    let rendered = fill::report::report(&picture.snapshot).render();
    let html = match rendered {
        Ok(html) => html,
        Err(error) => {
            tracing::error!("the report could not be rendered: {error}");
            return (
                StatusCode::INTERNAL_SERVER_ERROR,
                "the report could not be rendered\n",
            )
                .into_response();
        }
    };
    let mut response = if query.download.is_some() {
        file(
            &picture,
            "report",
            "html",
            "text/html; charset=utf-8",
            html.into_bytes(),
        )
    } else {
        axum::response::Html(html).into_response()
    };
    response
        .headers_mut()
        .insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(REPORT_POLICY));
    response
}

/// A table as a download.
pub(super) fn csv(picture: &Picture, what: &str, rows: impl IntoResponse) -> Response {
    file(picture, what, "csv", "text/csv; charset=utf-8", rows)
}

fn file(
    picture: &Picture,
    what: &str,
    ending: &str,
    kind: &'static str,
    content: impl IntoResponse,
) -> Response {
    let disposition = format!("attachment;filename={}", file_name(picture, what, ending));
    let mut response = content.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    response
}

/// `Locust_2026-01-31-12h30_shop.rhai_http---host_requests.csv`, as Locust's downloads are called, but only with
/// characters every file system takes.
fn file_name(picture: &Picture, what: &str, ending: &str) -> String {
    let info = &picture.snapshot.info;
    let started = fill::time::file_stamp(info.started_at);
    let scenarios = picture
        .scenario
        .files
        .iter()
        .map(|(name, _)| name.rsplit(['/', '\\']).next().unwrap_or(name));
    let scenario = scenarios.collect::<Vec<_>>().join("-");
    let host = info
        .host
        .as_deref()
        .map(|host| format!("_{host}"))
        .unwrap_or_default();
    let kept: String = format!("{scenario}{host}")
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() || "._-".contains(letter) {
                letter
            } else {
                '-'
            }
        })
        .take(120)
        .collect();
    format!("Locust_{started}_{kept}_{what}.{ending}")
}

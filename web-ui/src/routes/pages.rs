//! Whole pages, and the files they need.
//!
//! In: requests of browsers. Out: HTML, or an embedded file.

use askama::Template;
use axum::extract::{OriginalUri, Path, Query, State};
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;

use super::door::Who;
use super::fragments;
use crate::view::app::{App, Content, Tab};
use crate::view::error::ErrorPage;
use crate::view::scenario::{Diagnostics, Scenario};
use crate::view::{Page, Shell};
use crate::web::Web;
use crate::{assets, fill};

/// What a page's URL may say.
#[derive(Debug, Deserialize)]
pub(super) struct AppQuery {
    tab: Option<String>,
}

/// Which file of the scenario is wanted.
#[derive(Debug, Deserialize)]
pub(super) struct ScenarioQuery {
    file: Option<String>,
}

/// A rendered view, or the reason why it could not be rendered.
pub(super) fn page<T: Template>(view: &T) -> Response {
    match view.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => {
            tracing::error!("a page could not be rendered: {error}");
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                "the page could not be rendered\n",
            )
                .into_response()
        }
    }
}

pub(super) fn shell(web: &Web, page: Page, who: &Who) -> Shell {
    Shell {
        base: web.base().to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        user: who.0.as_ref().map(|visitor| visitor.name.to_string()),
        only_looks: !who.may_operate(),
        page,
    }
}

/// `GET /`.
pub(super) async fn app(State(web): State<Web>, who: Who, Query(query): Query<AppQuery>) -> Response {
    let picture = web.picture();
    let header = fill::header::header(&picture, web.base(), web.logs().severe());
    let content = if picture.state() == katydid_protocol::stats::RunState::Ready {
        let mut form = fill::start_form::start_form(&picture, web.settings(), false);
        if !who.may_operate() {
            form.blocked = Some("You may look. To start a test takes an operator.".to_owned());
        }
        Content::Start(Box::new(form))
    } else {
        let active = query.tab.as_deref().and_then(Tab::from_key).unwrap_or_default();
        Content::Tabs {
            active,
            body: fragments::body(&web, &picture, active, &fragments::TabQuery::default()),
            distributed: picture.is_distributed,
        }
    };
    page(&App {
        shell: shell(&web, Page::Test, &who),
        header,
        content,
    })
}

/// `GET /scenario`.
pub(super) async fn scenario(
    State(web): State<Web>,
    who: Who,
    Query(query): Query<ScenarioQuery>,
) -> Response {
    let picture = web.picture();
    let scenario = &picture.scenario;
    let wanted = |(name, _): &&(String, String)| query.file.as_ref().is_none_or(|wanted| wanted == name);
    let shown = scenario.files.iter().find(wanted).or(scenario.files.first());
    let (file, source) = shown.cloned().unwrap_or_default();
    let names = scenario.files.iter().map(|(name, _)| name.clone());
    let read_only = if !who.may_operate() {
        Some("You may look at it; to change it takes an operator.".to_owned())
    } else if !web.settings().allow_edit {
        Some(
            "Others than this machine can reach this page. Start Katydid with --allow-edit to let them change what it \
             runs."
                .to_owned(),
        )
    } else if scenario.files.len() > 1 {
        Some(
            "This test is made of several files. Edit them where they are and start Katydid again."
                .to_owned(),
        )
    } else {
        None
    };
    page(&Scenario {
        shell: shell(&web, Page::Scenario, &who),
        files: names.filter(|_| scenario.files.len() > 1).collect(),
        file,
        source,
        read_only,
        diagnostics: Diagnostics::default(),
    })
}

/// `GET /assets/{file}`: for ever the same under this name.
pub(super) async fn asset(State(web): State<Web>, Path(file): Path<String>, headers: HeaderMap) -> Response {
    let Some(asset) = assets::by_hashed_name(&file) else {
        return error(&web, StatusCode::NOT_FOUND, "There is no such file.");
    };
    let takes_gzip = headers
        .get(ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|encodings| encodings.contains("gzip"));
    let kept = [
        (CONTENT_TYPE, HeaderValue::from_static(asset.content_type)),
        (
            CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=31536000, immutable"),
        ),
        (VARY, HeaderValue::from_static("accept-encoding")),
    ];
    if takes_gzip {
        let packed = [(CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
        (kept, packed, asset.gzip).into_response()
    } else {
        (kept, asset.bytes).into_response()
    }
}

/// Nothing is here.
pub(super) async fn not_found(State(web): State<Web>, OriginalUri(uri): OriginalUri) -> Response {
    let base = web.base();
    let message = if !base.is_empty() && !uri.path().starts_with(base) {
        format!("Everything is below {base}/ here.")
    } else {
        format!("There is nothing at {}.", uri.path())
    };
    error(&web, StatusCode::NOT_FOUND, &message)
}

/// Something is here, but not for this method.
pub(super) async fn wrong_method(State(web): State<Web>) -> Response {
    error(
        &web,
        StatusCode::METHOD_NOT_ALLOWED,
        "This address does not take this method.",
    )
}

/// The page that says what went wrong.
pub(super) fn error(web: &Web, status: StatusCode, message: &str) -> Response {
    let view = ErrorPage {
        shell: shell(web, Page::Other, &Who::default()),
        status: status.as_u16(),
        title: status.canonical_reason().unwrap_or("Error").to_owned(),
        message: message.to_owned(),
    };
    (status, page(&view)).into_response()
}

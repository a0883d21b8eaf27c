//! Parts of the page that are fetched again and again: the body of the open tab, a request's details, what charts show.
//!
//! In: the picture and what the viewer wants of it. Out: HTML fragments and JSON.

use askama::Template;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use katydid_protocol::stage::Picture;
use serde::Deserialize;

use super::pages;
use crate::fill;
use crate::view::app::Tab;
use crate::view::series::Series;
use crate::web::Web;

/// What a tab may be asked for; each tab takes its own part.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TabQuery {
    pub(super) sort: String,
    pub(super) dir: String,
    pub(super) filter: String,
    pub(super) level: String,
    pub(super) source: String,
    pub(super) method: Option<String>,
    pub(super) name: Option<String>,
}

/// Which request, and from when on.
#[derive(Debug, Deserialize)]
pub(super) struct RequestQuery {
    method: Option<String>,
    name: Option<String>,
    from: Option<u32>,
}

/// `GET /ui/<tab>`.
pub(super) async fn tab(
    State(web): State<Web>,
    Path(tab): Path<String>,
    Query(query): Query<TabQuery>,
) -> Response {
    match Tab::from_key(&tab) {
        Some(tab) => Html(body(&web, &web.picture(), tab, &query)).into_response(),
        None => pages::error(&web, StatusCode::NOT_FOUND, "There is no such tab."),
    }
}

/// The body of a tab.
pub(super) fn body(web: &Web, picture: &Picture, tab: Tab, query: &TabQuery) -> String {
    let base = web.base();
    match tab {
        Tab::Statistics => render(&fill::statistics::statistics(
            picture,
            base,
            &query.sort,
            query.dir == "desc",
            &query.filter,
        )),
        Tab::Charts => render(&fill::charts::charts(
            picture,
            base,
            query.method.as_deref(),
            query.name.as_deref(),
        )),
        Tab::Failures => render(&fill::failures::failures(picture)),
        Tab::Exceptions => render(&fill::exceptions::exceptions(picture)),
        Tab::Checks => render(&fill::checks::checks(picture)),
        Tab::Workers => render(&fill::workers::workers(picture)),
        Tab::Ratio => render(&fill::ratio::ratio(picture)),
        Tab::Logs => render(&fill::logs::logs(web.logs(), &query.level, &query.source)),
        Tab::Download => {
            let has_history = web.settings().full_history.is_some();
            render(&fill::download::downloads(picture, base, has_history))
        }
    }
}

fn render<T: Template>(view: &T) -> String {
    view.render().unwrap_or_else(|error| {
        tracing::error!("a part of the page could not be rendered: {error}");
        "This could not be shown.".to_owned()
    })
}

/// `GET /ui/request`.
pub(super) async fn request(State(web): State<Web>, Query(query): Query<RequestQuery>) -> Response {
    let picture = web.picture();
    let (method, name) = (query.method.unwrap_or_default(), query.name.unwrap_or_default());
    match fill::request::request(&picture, web.base(), &method, &name) {
        Some(view) => pages::page(&view),
        None => pages::error(
            &web,
            StatusCode::NOT_FOUND,
            "There is no such request in this run.",
        ),
    }
}

/// `GET /ui/series`.
pub(super) async fn series(State(web): State<Web>, Query(query): Query<RequestQuery>) -> Json<Series> {
    let revision = web.revision();
    let picture = web.picture();
    // Without a name: all requests together.
    let name = query.name.filter(|name| !name.is_empty());
    let request = name
        .as_deref()
        .map(|name| (query.method.as_deref().unwrap_or_default(), name));
    Json(Series {
        revision,
        ..fill::series::series(&picture.snapshot, request, query.from.unwrap_or(0))
    })
}

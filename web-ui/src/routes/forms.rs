//! What people do on the page: start, edit, stop, reset, change the scenario.
//!
//! In: forms. Out: wishes; and what the page shows next, or the form with what is wrong beside each field (422).

use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use katydid_protocol::command::RunCommand;
use katydid_protocol::stage::{EditRequest, Refusal, SourceProblem, StartField};
use serde::Deserialize;

use super::pages;
use super::start_fields::Fields;
use crate::fill;
use crate::view::scenario::{Diagnostics, Problem};
use crate::web::{BUSY, Web};
use crate::wish::Unsaved;

/// Where the form stands.
#[derive(Debug, Deserialize)]
pub(super) struct FormQuery {
    page: Option<String>,
}

/// `GET /ui/new`: the form for another run.
pub(super) async fn new(State(web): State<Web>, Query(query): Query<FormQuery>) -> Response {
    let in_dialog = query.page.is_none();
    pages::page(&fill::start_form::start_form(
        &web.picture(),
        web.settings(),
        in_dialog,
    ))
}

/// `POST /ui/start`.
pub(super) async fn start(State(web): State<Web>, headers: HeaderMap, fields: Fields) -> Response {
    let picker = web.settings().class_picker;
    let (request, mut refusals) = fields.request(picker, &web.picture().scenario.parameters);
    // A tool that says nothing of classes means those of before; on the page nothing is checked.
    if picker && request.classes.is_none() {
        refusals.push(Refusal::of(
            StartField::Classes,
            "Choose at least one user class.",
        ));
    }
    if refusals.is_empty()
        && let Err(refusal) = web.start(request).await
    {
        refusals.push(refusal);
    }
    if refusals.is_empty() {
        return go_to_page(&web, &headers);
    }
    let form = fill::start_form::refused(&web.picture(), web.settings(), &fields, &refusals);
    (StatusCode::UNPROCESSABLE_ENTITY, pages::page(&form)).into_response()
}

/// `GET /ui/edit`.
pub(super) async fn edit(State(web): State<Web>) -> Response {
    pages::page(&fill::start_form::edit_form(&web.picture(), web.base()))
}

/// `POST /ui/edit`.
pub(super) async fn apply_edit(State(web): State<Web>, headers: HeaderMap, fields: Fields) -> Response {
    let (request, mut refusals) = fields.request(false, &[]);
    match (request.users, request.spawn_rate) {
        _ if !refusals.is_empty() => {}
        (Some(users), Some(spawn_rate)) => match web.edit(EditRequest { users, spawn_rate }).await {
            Ok(_) => return done(&web, &headers),
            Err(refusal) => refusals.push(refusal),
        },
        _ => refusals.push(Refusal::new("Users and ramp up are both needed.")),
    }
    let form = fill::start_form::refused_edit(&web.picture(), web.base(), &fields, &refusals);
    (StatusCode::UNPROCESSABLE_ENTITY, pages::page(&form)).into_response()
}

/// `POST /ui/stop`.
pub(super) async fn stop(State(web): State<Web>, headers: HeaderMap) -> Response {
    // The page shows how users finish; it need not wait for that.
    let stopping = web.clone();
    tokio::spawn(async move { stopping.stop().await });
    done(&web, &headers)
}

/// `POST /ui/reset`.
pub(super) async fn reset(State(web): State<Web>, headers: HeaderMap) -> Response {
    web.command(RunCommand::ResetStats).await;
    done(&web, &headers)
}

/// `POST /ui/scenario/check`.
pub(super) async fn check(State(web): State<Web>, fields: Fields) -> Response {
    scenario(&web, &fields, false).await
}

/// `POST /ui/scenario/save`.
pub(super) async fn save(State(web): State<Web>, fields: Fields) -> Response {
    scenario(&web, &fields, true).await
}

/// To check a text is to run it as far as its declarations go: it is for those who may edit, as saving is.
async fn scenario(web: &Web, fields: &Fields, save: bool) -> Response {
    if !web.settings().allow_edit {
        let why = "The scenario may not be edited from here.";
        return pages::error(web, StatusCode::FORBIDDEN, why);
    }
    let source = fields.one("source").unwrap_or_default().replace("\r\n", "\n");
    let result = if save {
        web.save(source).await
    } else {
        let checked = web.check(source).await;
        checked.map(|checked| checked.map_err(Unsaved::Wrong))
    };
    let problems = match result {
        Some(Ok(summary)) => {
            return pages::page(&Diagnostics {
                success: summary,
                problems: Vec::new(),
            });
        }
        Some(Err(Unsaved::Wrong(problems))) => problems.into_iter().map(problem).collect(),
        Some(Err(Unsaved::Refused(refusal))) => vec![Problem {
            message: refusal.message,
            ..Problem::default()
        }],
        None => return pages::error(web, StatusCode::SERVICE_UNAVAILABLE, BUSY),
    };
    pages::page(&Diagnostics {
        success: String::new(),
        problems,
    })
}

fn problem(problem: SourceProblem) -> Problem {
    Problem {
        line: problem.line,
        column: problem.column,
        message: problem.message,
        help: problem.help,
        excerpt: problem.excerpt,
    }
}

/// Done: scripts stay where they are, browsers without scripts go to the page.
fn done(web: &Web, headers: &HeaderMap) -> Response {
    if headers.contains_key("hx-request") {
        StatusCode::NO_CONTENT.into_response()
    } else {
        Redirect::to(&format!("{}/", web.base())).into_response()
    }
}

/// Done, and there is another page to be seen.
fn go_to_page(web: &Web, headers: &HeaderMap) -> Response {
    let mut response = done(web, headers);
    if let Ok(page) = HeaderValue::from_str(&format!("{}/", web.base())) {
        response.headers_mut().insert("hx-redirect", page);
    }
    response
}

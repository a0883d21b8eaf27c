//! What went wrong, for programs and for the people who write them: a problem document (RFC 9457).

use axum::Json;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use katydid_protocol::stage::{Obstacle, Refusal, SourceProblem, StartField};
use serde::Serialize;
use utoipa::ToSchema;

use super::scenario::ScenarioProblem;
use crate::web::BUSY;

/// Why a request was not done.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// The HTTP status.
    #[schema(example = 422)]
    status: u16,
    /// The status in words.
    title: String,
    /// What is wrong, and what to do.
    detail: String,
    /// What is wrong with each field, when that can be told apart.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// What is wrong in a scenario, when it is about one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<ScenarioProblem>,
}

/// What is wrong with a field.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// Its name.
    field: String,
    /// What is wrong, and what to do.
    message: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status: status.as_u16(),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            detail: detail.into(),
            errors: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// The process is about to end.
    pub(super) fn busy() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, BUSY)
    }

    /// A scenario's text is wrong.
    pub(super) fn in_scenario(found: Vec<SourceProblem>) -> Self {
        let first = found.first().map_or("", |problem| problem.message.as_str());
        let detail = match found.len() {
            0 | 1 => format!("this cannot be the scenario: {first}"),
            count => format!("this cannot be the scenario, for {count} reasons; the first is: {first}"),
        };
        Self {
            problems: found.into_iter().map(ScenarioProblem::from).collect(),
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
        }
    }

    /// What is asked for cannot be had.
    pub(super) fn refused(refusals: &[Refusal]) -> Self {
        let errors = refusals.iter().filter_map(|refusal| {
            Some(FieldError {
                field: name(refusal.field.as_ref()?),
                message: refusal.message.clone(),
            })
        });
        let details: Vec<&str> = refusals.iter().map(|refusal| refusal.message.as_str()).collect();
        let status = match refusals.first().map(|refusal| refusal.obstacle) {
            Some(Obstacle::Moment) => StatusCode::CONFLICT,
            Some(Obstacle::End) => StatusCode::SERVICE_UNAVAILABLE,
            Some(Obstacle::Request) | None => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self {
            errors: errors.collect(),
            ..Self::new(status, details.join("; "))
        }
    }
}

/// The field as [`super::run::StartRun`] calls it.
fn name(field: &StartField) -> String {
    match field {
        StartField::Users => "users".to_owned(),
        StartField::SpawnRate => "spawn_rate".to_owned(),
        StartField::Host => "host".to_owned(),
        StartField::RunTime => "run_time".to_owned(),
        StartField::StopTimeout => "stop_timeout".to_owned(),
        StartField::Classes => "user_classes".to_owned(),
        StartField::Parameter(name) => format!("parameters.{name}"),
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}

/// Nothing is here.
pub(super) async fn not_found(uri: Uri) -> Problem {
    let detail = format!(
        "there is nothing at {}; see openapi.json for what there is",
        uri.path()
    );
    Problem::new(StatusCode::NOT_FOUND, detail)
}

/// Something is here, but not for this method.
pub(super) async fn wrong_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "this address does not take this method; see openapi.json for those it takes",
    )
}

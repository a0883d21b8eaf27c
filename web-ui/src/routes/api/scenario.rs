//! The scenario: shown, checked, changed for the next run.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use katydid_protocol::stage::SourceProblem;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Body;
use super::problem::Problem;
use crate::web::Web;

/// The scenario.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ScenarioText {
    files: Vec<ScenarioFile>,
    /// All its user classes.
    user_classes: Vec<UserClass>,
    /// What `param()` asks for.
    parameters: Vec<Parameter>,
    /// Whether it may be changed here.
    editable: bool,
}

/// A file of the scenario.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ScenarioFile {
    name: String,
    source: String,
}

/// A user class.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UserClass {
    name: String,
    /// Its share of the users among classes without a fixed count.
    weight: f64,
    /// Users there are of it always; 0 when its weight decides.
    fixed_count: u32,
    tasks: Vec<String>,
}

/// A parameter of the scenario.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Parameter {
    name: String,
    /// What it is when nobody says; absent when it must be given.
    default: Option<String>,
}

/// A text that could be the scenario.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ScenarioSource {
    source: String,
}

/// What was found in a text.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ScenarioVerdict {
    /// Whether it could be run.
    valid: bool,
    /// What it declares, in words; empty when it is not valid.
    summary: String,
    /// What is wrong with it.
    problems: Vec<ScenarioProblem>,
}

/// Something wrong in a text.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ScenarioProblem {
    /// From 1; 0 when it has no place.
    line: u32,
    /// From 1.
    column: u32,
    message: String,
    /// What to do; may be empty.
    help: String,
    /// The line in question with a mark below; may be empty.
    excerpt: String,
}

/// The scenario that runs, or would.
#[utoipa::path(get, path = "/scenario", tag = "scenario", responses((status = 200, body = ScenarioText)))]
pub(super) async fn show(State(web): State<Web>) -> Json<ScenarioText> {
    let picture = web.picture();
    let scenario = &picture.scenario;
    let files = scenario.files.iter().map(|(name, source)| ScenarioFile {
        name: name.clone(),
        source: source.clone(),
    });
    let classes = scenario.classes.iter().map(|class| UserClass {
        name: class.name.clone(),
        weight: class.weight,
        fixed_count: class.fixed_count,
        tasks: class.tasks.iter().map(|task| task.name.clone()).collect(),
    });
    let parameters = scenario.parameters.iter().map(|parameter| Parameter {
        name: parameter.name.clone(),
        default: parameter.default.clone(),
    });
    Json(ScenarioText {
        editable: web.settings().allow_edit && scenario.files.len() == 1,
        files: files.collect(),
        user_classes: classes.collect(),
        parameters: parameters.collect(),
    })
}

/// Whether a text could be the scenario; changes nothing.
#[utoipa::path(
    post, path = "/scenario/check", tag = "scenario", request_body = ScenarioSource,
    responses(
        (status = 200, body = ScenarioVerdict),
        (status = 400, description = "No JSON.", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "No JSON.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "No text.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Katydid is about to end.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn check(
    State(web): State<Web>,
    Body(text): Body<ScenarioSource>,
) -> Result<Json<ScenarioVerdict>, Problem> {
    verdict(&web, text, false).await.map(Json)
}

/// Takes a text as the scenario of the next run; the file on disk stays as it is.
#[utoipa::path(
    put, path = "/scenario", tag = "scenario", request_body = ScenarioSource,
    responses(
        (status = 200, description = "Taken, or what is wrong with it.", body = ScenarioVerdict),
        (status = 400, description = "No JSON.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "It may not be changed here.", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "No JSON.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "No text.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Katydid is about to end.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn save(
    State(web): State<Web>,
    Body(text): Body<ScenarioSource>,
) -> Result<Json<ScenarioVerdict>, Problem> {
    if !web.settings().allow_edit {
        let why = "the scenario may not be edited from here: start Katydid with --allow-edit";
        return Err(Problem::new(StatusCode::FORBIDDEN, why));
    }
    verdict(&web, text, true).await.map(Json)
}

async fn verdict(web: &Web, text: ScenarioSource, save: bool) -> Result<ScenarioVerdict, Problem> {
    match web.scenario(text.source, save).await {
        Some(Ok(summary)) => Ok(ScenarioVerdict {
            valid: true,
            summary,
            problems: Vec::new(),
        }),
        Some(Err(problems)) => Ok(ScenarioVerdict {
            valid: false,
            summary: String::new(),
            problems: problems.into_iter().map(problem).collect(),
        }),
        None => Err(Problem::busy()),
    }
}

fn problem(problem: SourceProblem) -> ScenarioProblem {
    ScenarioProblem {
        line: problem.line,
        column: problem.column,
        message: problem.message,
        help: problem.help,
        excerpt: problem.excerpt,
    }
}

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
use crate::wish::Unsaved;

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
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ScenarioProblem {
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
        (status = 403, description = "It may not be edited here.", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "No JSON.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "No text.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Katydid is about to end.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn check(
    State(web): State<Web>,
    Body(text): Body<ScenarioSource>,
) -> Result<Json<ScenarioVerdict>, Problem> {
    may_edit(&web)?;
    let checked = web.check(text.source).await.ok_or_else(Problem::busy)?;
    Ok(Json(match checked {
        Ok(summary) => ScenarioVerdict::fine(summary),
        Err(found) => ScenarioVerdict {
            valid: false,
            summary: String::new(),
            problems: found.into_iter().map(ScenarioProblem::from).collect(),
        },
    }))
}

/// Takes a text as the scenario of the next run; the file on disk stays as it is.
#[utoipa::path(
    put, path = "/scenario", tag = "scenario", request_body = ScenarioSource,
    responses(
        (status = 200, description = "Taken.", body = ScenarioVerdict),
        (status = 400, description = "No JSON.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "It may not be changed here.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "A run is under way.", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "No JSON.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "No text, or one that cannot be the scenario: `problems` says why.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Katydid is about to end.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn save(
    State(web): State<Web>,
    Body(text): Body<ScenarioSource>,
) -> Result<Json<ScenarioVerdict>, Problem> {
    may_edit(&web)?;
    match web.save(text.source).await {
        Some(Ok(summary)) => Ok(Json(ScenarioVerdict::fine(summary))),
        Some(Err(Unsaved::Wrong(found))) => Err(Problem::in_scenario(found)),
        Some(Err(Unsaved::Refused(refusal))) => Err(Problem::refused(&[refusal])),
        None => Err(Problem::busy()),
    }
}

/// To check a text is to run it as far as its declarations go: it is for those who may edit, as saving is.
fn may_edit(web: &Web) -> Result<(), Problem> {
    if web.settings().allow_edit {
        return Ok(());
    }
    let why = "the scenario may not be edited from here: start Katydid with --allow-edit";
    Err(Problem::new(StatusCode::FORBIDDEN, why))
}

impl ScenarioVerdict {
    fn fine(summary: String) -> Self {
        Self {
            valid: true,
            summary,
            problems: Vec::new(),
        }
    }
}

impl From<SourceProblem> for ScenarioProblem {
    fn from(problem: SourceProblem) -> Self {
        Self {
            line: problem.line,
            column: problem.column,
            message: problem.message,
            help: problem.help,
            excerpt: problem.excerpt,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_cannot_be_the_scenario_is_a_problem_with_all_that_is_wrong() {
        let wrong = |line, message: &str| SourceProblem {
            file: "a.rhai".to_owned(),
            line,
            column: 1,
            message: message.to_owned(),
            help: String::new(),
            excerpt: String::new(),
        };
        let problem = Problem::in_scenario(vec![wrong(3, "no `gte`"), wrong(5, "no task")]);
        let problem = serde_json::to_value(problem).unwrap();
        assert_eq!(
            (&problem["status"], &problem["problems"][1]["line"]),
            (&422.into(), &5.into())
        );
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains("2 reasons") && detail.contains("no `gte`"),
            "{detail}"
        );
        let other = serde_json::to_value(Problem::busy()).unwrap();
        assert!(
            other.get("problems").is_none(),
            "only where it is about a scenario"
        );
    }
}

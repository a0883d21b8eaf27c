//! Locust's endpoints, with Locust's shapes: what exporters and scripts written for it ask.
//!
//! In: requests as Locust's page and its clients send them. Out: the same JSON; `POST` where something changes, and `GET`
//! too for whoever is on this machine, as older Locusts answered.

mod stats;

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use katydid_protocol::command::RunCommand;
use katydid_protocol::stage::{Picture, Refusal, StartField, common_host};
use serde_json::{Value, json};

use super::start_fields::Fields;
use crate::log_book::BookLine;
use crate::peer::Peer;
use crate::web::Web;

/// `POST /swarm`: starts a run, or gives the one under way other numbers of users. Always 200, `success` says.
pub(super) async fn swarm(State(web): State<Web>, fields: Fields) -> Json<Value> {
    let picker = web.settings().class_picker;
    let before = web.picture();
    let (mut request, refusals) = fields.request(picker, &before.scenario.parameters);
    // Locust's run times belong to one run: who says none means none.
    request.run_time.get_or_insert(None);
    // Its page sends the host always, and an empty one leaves it as it was.
    request.host = request.host.filter(Option::is_some);
    let mut host = match &request.host {
        // During a run only its own is one.
        Some(given) if !before.is_live() => given.clone(),
        _ => common_host(&before.snapshot.info.classes)
            .filter(|_| before.is_live())
            .map(str::to_owned),
    }
    .or_else(|| before.preset_host().map(str::to_owned));
    let run_time = request.run_time.flatten();
    let mut classes = request.classes.clone();
    let result = if fields.one("user_count").is_none() || fields.one("spawn_rate").is_none() {
        let why = "Missing user_count or spawn_rate from /swarm request";
        Err(Refusal::new(why))
    } else if let Some(refusal) = refusals.into_iter().next() {
        Err(refusal)
    } else {
        web.swarm(request).await
    };
    let is_edit = result.as_ref().is_ok_and(|granted| !granted.is_new);
    let (success, message) = match result {
        Ok(granted) => {
            host = granted.host;
            (true, "Swarming started".to_owned())
        }
        Err(refusal) => (false, said(&refusal)),
    };
    let mut answer = json!({ "success": success, "message": message, "host": host });
    // What belongs to a run from its start is not changed with its numbers of users.
    if let Some(run_time) = run_time.filter(|_| !is_edit) {
        answer["run_time"] = run_time.as_secs().into();
    }
    if picker {
        let mut classes = classes
            .take_if(|_| !is_edit)
            .unwrap_or_else(|| taking_part(&web.picture()));
        classes.sort_unstable();
        answer["user_classes"] = classes.into();
    }
    Json(answer)
}

/// A refusal in one line.
fn said(refusal: &Refusal) -> String {
    let field = match &refusal.field {
        Some(StartField::Users) => "user_count: ",
        Some(StartField::SpawnRate) => "spawn_rate: ",
        Some(StartField::Host) => "host: ",
        Some(StartField::StopTimeout) => "stop_timeout: ",
        Some(StartField::Classes) => "user_classes: ",
        Some(StartField::Parameter(name)) => return format!("{name}: {}", refusal.message),
        // Locust's own words say it.
        Some(StartField::RunTime) | None => "",
    };
    format!("{field}{}", refusal.message)
}

fn taking_part(picture: &Picture) -> Vec<String> {
    match &picture.preset.classes {
        Some(classes) => classes.clone(),
        None => picture
            .scenario
            .classes
            .iter()
            .map(|class| class.name.clone())
            .collect(),
    }
}

/// `POST /stop`: answers when the users have ended.
pub(super) async fn stop(State(web): State<Web>) -> Json<Value> {
    web.stop().await;
    Json(json!({ "success": true, "message": "Test stopped" }))
}

/// `GET /stop`, for old tools on this machine.
pub(super) async fn stop_by_get(
    web: State<Web>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    headers: HeaderMap,
) -> Response {
    if is_old_tool(peer, &headers) {
        stop(web).await.into_response()
    } else {
        refused_get()
    }
}

/// `POST /stats/reset`.
pub(super) async fn reset(State(web): State<Web>) -> &'static str {
    web.command(RunCommand::ResetStats).await;
    "ok"
}

/// `GET /stats/reset`, for old tools on this machine.
pub(super) async fn reset_by_get(
    web: State<Web>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    headers: HeaderMap,
) -> Response {
    if is_old_tool(peer, &headers) {
        reset(web).await.into_response()
    } else {
        refused_get()
    }
}

/// On this machine, and no browser that follows somebody's link.
fn is_old_tool(Peer(peer): Peer, headers: &HeaderMap) -> bool {
    let site = headers
        .get("sec-fetch-site")
        .and_then(|value| value.to_str().ok());
    let forwarded = headers.contains_key("x-forwarded-for");
    peer.ip().is_loopback() && !forwarded && matches!(site, None | Some("same-origin"))
}

fn refused_get() -> Response {
    let why = "this changes the test: use POST\n";
    (StatusCode::METHOD_NOT_ALLOWED, [("allow", "POST")], why).into_response()
}

/// `GET /stats/requests`.
pub(super) async fn requests(State(web): State<Web>) -> Json<Value> {
    Json(stats::requests(&web.picture()))
}

/// `GET /exceptions`.
pub(super) async fn exceptions(State(web): State<Web>) -> Json<Value> {
    let picture = web.picture();
    let exceptions: Vec<Value> = picture
        .snapshot
        .exceptions
        .iter()
        .map(|entry| {
            json!({
                "count": entry.counts.occurrences,
                "msg": &*entry.key.message,
                "traceback": &*entry.key.traceback,
                "nodes": entry.nodes.to_string(),
            })
        })
        .collect();
    Json(json!({ "exceptions": exceptions }))
}

/// `GET /tasks`.
pub(super) async fn tasks(State(web): State<Web>) -> Response {
    let picture = web.picture();
    let snapshot = &picture.snapshot;
    let text = (web.settings().renderers.ratio_json)(&snapshot.info.classes, &snapshot.users_by_class);
    ([("content-type", "application/json")], text).into_response()
}

/// `GET /logs`.
pub(super) async fn logs(State(web): State<Web>) -> Json<Value> {
    let (lines, _) = web.logs().read();
    let text = |line: &BookLine| format!("{} {}", line.level.as_str(), line.text);
    let mut master = Vec::new();
    let mut workers = serde_json::Map::new();
    for line in &lines {
        if line.source.is_empty() {
            master.push(Value::from(text(line)));
        } else if let Value::Array(own) = workers
            .entry(line.source.clone())
            .or_insert_with(|| Value::Array(Vec::new()))
        {
            own.push(text(line).into());
        }
    }
    Json(json!({ "master": master, "workers": workers }))
}

/// `GET /worker-count`: 0 when there is no fleet.
pub(super) async fn worker_count(State(web): State<Web>) -> Json<Value> {
    let picture = web.picture();
    let count = if picture.is_distributed {
        picture.workers
    } else {
        0
    };
    Json(json!({ "worker_count": count }))
}

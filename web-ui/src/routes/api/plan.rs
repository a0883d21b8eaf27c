//! What the next run gets unless somebody says otherwise.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use katydid_protocol::format::duration;
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::Web;

/// The preset of the next run.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Plan {
    /// Users at the peak.
    users: Option<u32>,
    /// Users started per second.
    spawn_rate: Option<f64>,
    /// Where the load goes; absent where the scenario says.
    host: Option<String>,
    /// How long; absent until it is stopped.
    run_time: Option<String>,
    /// Grace for running iterations at the end.
    stop_timeout: Option<String>,
    /// The user classes that take part; absent for all.
    user_classes: Option<Vec<String>>,
    /// Values given to the scenario's parameters. Secrets are no parameters.
    parameters: BTreeMap<String, String>,
}

/// What the next run gets unless somebody says otherwise.
#[utoipa::path(get, path = "/plan", tag = "run", responses((status = 200, body = Plan)))]
pub(super) async fn show(State(web): State<Web>) -> Json<Plan> {
    let picture = web.picture();
    let preset = &picture.preset;
    Json(Plan {
        users: preset.users,
        spawn_rate: preset.spawn_rate,
        host: preset.host.clone().flatten(),
        run_time: preset.run_time.flatten().map(duration),
        stop_timeout: preset.stop_timeout.map(duration),
        user_classes: preset.classes.clone(),
        parameters: preset.parameters.clone(),
    })
}

//! The run: under way, or else the last one.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use katydid_protocol::command::RunCommand;
use katydid_protocol::format::parse_duration;
use katydid_protocol::plan::MAX_USERS;
use katydid_protocol::stage::{EditRequest, Picture, Refusal, StartField, StartRequest};
use katydid_protocol::stats::Times;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

use super::arrivals::Arrivals;
use super::body::Body;
use super::connections::Connections;
use super::problem::Problem;
use crate::fill::time;
use crate::web::Web;

/// A run at one moment.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Run {
    /// Its id; empty before the first run.
    id: String,
    state: Standing,
    /// Why it ended, or is ending.
    reason: Option<String>,
    /// Why the last run that was asked for did not begin.
    notice: Option<String>,
    /// When it began, RFC 3339; absent before the first run.
    started_at: Option<String>,
    /// Seconds since then.
    elapsed_s: f64,
    /// Where the load goes, if that is one host.
    host: Option<String>,
    /// Users running now.
    users: u32,
    /// Users there will be.
    target_users: u32,
    /// Iterations that ended.
    iterations: u64,
    /// What became of arrivals; absent when iterations start whenever a user is done with the last one.
    arrivals: Option<Arrivals>,
    connections: Connections,
    /// Requests that ended.
    requests: u64,
    /// Those among them that failed.
    failures: u64,
    /// Share of the requests that failed, 0 to 1.
    failure_ratio: f64,
    /// Requests per second over the last ten seconds.
    rps: f64,
    /// Failures per second over the last ten seconds.
    failures_per_s: f64,
    response_time: ResponseTime,
    /// Workers connected.
    workers: u32,
    /// Seconds in which a worker was saturated: response times of these are partly its own.
    saturated_seconds: u64,
    /// What to know before one trusts the numbers.
    warnings: Vec<String>,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = RunState)]
pub(super) enum Standing {
    /// Nothing runs.
    Ready,
    /// Users are being started or stopped.
    Spawning,
    /// All users run.
    Running,
    /// Users are finishing.
    Stopping,
    /// Over; the numbers are final.
    Stopped,
    /// Over, and not as it should be; the numbers are final.
    Failed,
}

/// Response times in ms; absent without requests.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ResponseTime {
    average_ms: Option<f64>,
    min_ms: Option<f64>,
    max_ms: Option<f64>,
    p50_ms: Option<f64>,
    p90_ms: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
    p999_ms: Option<f64>,
}

/// A run that is asked for. What is left out is as it was last, or as the command line says.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct StartRun {
    /// Users at the peak.
    #[schema(minimum = 1, maximum = 1_000_000)]
    users: Option<u64>,
    /// Users started per second.
    #[schema(exclusive_minimum = 0.0)]
    spawn_rate: Option<f64>,
    /// Where the load goes: an absolute URL; empty is where the scenario says.
    #[schema(example = "http://shop.example:8000")]
    host: Option<String>,
    /// How long, such as `90`, `20s`, `1h30m`; empty runs until it is stopped.
    #[schema(example = "10m")]
    run_time: Option<String>,
    /// How long running iterations may go on at the end.
    #[schema(example = "10s")]
    stop_timeout: Option<String>,
    /// The user classes that take part.
    user_classes: Option<Vec<String>>,
    /// Values of the scenario's parameters.
    parameters: BTreeMap<String, String>,
}

/// Other numbers of users for the run under way.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EditRun {
    /// Users from now on.
    #[schema(minimum = 1, maximum = 1_000_000)]
    users: u64,
    /// Users started or stopped per second.
    #[schema(exclusive_minimum = 0.0)]
    spawn_rate: f64,
}

/// The run under way, or else the last one.
#[utoipa::path(get, path = "/run", tag = "run", responses((status = 200, body = Run)))]
pub(super) async fn show(State(web): State<Web>) -> Json<Run> {
    Json(run(&web.picture()))
}

/// Starts a run.
#[utoipa::path(
    post, path = "/run", tag = "run", request_body = StartRun,
    responses(
        (status = 201, description = "It begins.", body = Run),
        (status = 400, description = "No JSON.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "A run is under way, or one is ending.", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "No JSON.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "It cannot be run.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Katydid is about to end.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn start(
    State(web): State<Web>,
    Body(asked): Body<StartRun>,
) -> Result<(StatusCode, Json<Run>), Problem> {
    let request = asked.request().map_err(|refusals| Problem::refused(&refusals))?;
    let granted = web
        .start(request)
        .await
        .map_err(|refusal| Problem::refused(&[refusal]))?;
    let begun = Run {
        id: granted.id,
        ..run(&web.picture())
    };
    Ok((StatusCode::CREATED, Json(begun)))
}

/// Gives the run under way other numbers of users.
#[utoipa::path(
    patch, path = "/run", tag = "run", request_body = EditRun,
    responses(
        (status = 202, description = "It will be so.", body = Run),
        (status = 400, description = "No JSON.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "No run is under way, or it is ending.", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "No JSON.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "No such numbers.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Katydid is about to end.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn edit(
    State(web): State<Web>,
    Body(asked): Body<EditRun>,
) -> Result<(StatusCode, Json<Run>), Problem> {
    let EditRun { users, spawn_rate } = asked;
    let numbers = users_of(users).and_then(|users| Ok((users, rate_of(spawn_rate)?)));
    let (users, spawn_rate) = numbers.map_err(|refusal| Problem::refused(&[refusal]))?;
    web.edit(EditRequest { users, spawn_rate })
        .await
        .map_err(|refusal| Problem::refused(&[refusal]))?;
    Ok((StatusCode::ACCEPTED, Json(run(&web.picture()))))
}

/// Ends the run and waits for its users; the answer holds the final numbers.
#[utoipa::path(post, path = "/run/stop", tag = "run", responses((status = 200, body = Run)))]
pub(super) async fn stop(State(web): State<Web>) -> Json<Run> {
    web.stop().await;
    Json(run(&web.picture()))
}

/// Zeroes the statistics; the run goes on.
#[utoipa::path(post, path = "/run/reset", tag = "run", responses((status = 204, description = "Done.")))]
pub(super) async fn reset(State(web): State<Web>) -> StatusCode {
    web.command(RunCommand::ResetStats).await;
    StatusCode::NO_CONTENT
}

/// The run as programs see it.
pub(super) fn run(picture: &Picture) -> Run {
    use katydid_protocol::stats::RunState;

    let snapshot = &picture.snapshot;
    let total = &snapshot.total;
    let has_begun = snapshot.state != RunState::Ready;
    Run {
        id: picture.run.clone(),
        state: match picture.state() {
            RunState::Ready => Standing::Ready,
            RunState::Spawning => Standing::Spawning,
            RunState::Running => Standing::Running,
            RunState::Stopping => Standing::Stopping,
            RunState::Stopped => Standing::Stopped,
            RunState::Failed => Standing::Failed,
        },
        reason: snapshot.stop_reason.clone(),
        notice: Some(picture.notice.clone()).filter(|notice| !notice.is_empty()),
        started_at: has_begun.then(|| time::rfc3339(snapshot.info.started_at)),
        elapsed_s: snapshot.elapsed.as_secs_f64(),
        host: snapshot
            .info
            .host
            .clone()
            .or_else(|| picture.preset_host().map(str::to_owned)),
        users: snapshot.users,
        target_users: snapshot.target_users,
        iterations: snapshot.iterations,
        arrivals: snapshot.arrivals.map(Into::into),
        connections: snapshot.connections.into(),
        requests: total.stats.requests,
        failures: total.stats.failures,
        failure_ratio: total.stats.failure_ratio(),
        rps: total.current_rps,
        failures_per_s: total.current_failures_per_sec,
        response_time: response_time(&total.stats.response),
        workers: picture.workers,
        saturated_seconds: snapshot.saturated_seconds.len() as u64,
        warnings: snapshot.warnings.clone(),
    }
}

/// Times as programs see them.
pub(super) fn response_time(times: &Times) -> ResponseTime {
    let ms = |us: f64| us / 1_000.0;
    let quantile = |quantile| times.quantile_us(quantile).map(|us| ms(us as f64));
    ResponseTime {
        average_ms: times.average_us().map(ms),
        min_ms: times.min_us().map(|us| ms(us as f64)),
        max_ms: times.max_us().map(|us| ms(us as f64)),
        p50_ms: quantile(0.5),
        p90_ms: quantile(0.9),
        p95_ms: quantile(0.95),
        p99_ms: quantile(0.99),
        p999_ms: quantile(0.999),
    }
}

impl StartRun {
    /// All that is wrong with it, if anything is.
    fn request(self) -> Result<StartRequest, Vec<Refusal>> {
        let mut refusals = Vec::new();
        let mut note = |refusal: Refusal| refusals.push(refusal);
        let users = self
            .users
            .and_then(|users| users_of(users).map_err(&mut note).ok());
        let spawn_rate = self
            .spawn_rate
            .and_then(|rate| rate_of(rate).map_err(&mut note).ok());
        let run_time = self.run_time.and_then(|text| match text.trim() {
            "" => Some(None),
            text => match parse_duration(text) {
                Ok(time) if !time.is_zero() => Some(Some(time)),
                Ok(_) => {
                    note(Refusal::of(
                        StartField::RunTime,
                        "a run takes longer than nothing",
                    ));
                    None
                }
                Err(why) => {
                    note(Refusal::of(StartField::RunTime, why));
                    None
                }
            },
        });
        let stop_timeout = self.stop_timeout.and_then(|text| {
            parse_duration(&text)
                .map_err(|why| note(Refusal::of(StartField::StopTimeout, why)))
                .ok()
        });
        let classes = self.user_classes;
        if classes.as_ref().is_some_and(Vec::is_empty) {
            note(Refusal::of(
                StartField::Classes,
                "at least one user class must take part",
            ));
        }
        if !refusals.is_empty() {
            return Err(refusals);
        }
        Ok(StartRequest {
            users,
            spawn_rate,
            host: self
                .host
                .map(|host| Some(host).filter(|host| !host.trim().is_empty())),
            run_time,
            stop_timeout,
            classes,
            parameters: self.parameters,
        })
    }
}

fn users_of(users: u64) -> Result<u32, Refusal> {
    match u32::try_from(users) {
        Ok(users) if (1..=MAX_USERS).contains(&users) => Ok(users),
        _ => {
            let most = katydid_protocol::format::count(u64::from(MAX_USERS));
            Err(Refusal::of(
                StartField::Users,
                format!("a run has 1 to {most} users"),
            ))
        }
    }
}

fn rate_of(rate: f64) -> Result<f64, Refusal> {
    if rate.is_finite() && rate > 0.0 {
        Ok(rate)
    } else {
        Err(Refusal::of(StartField::SpawnRate, "a spawn rate is above 0"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(json: &str) -> Result<StartRequest, Vec<Refusal>> {
        serde_json::from_str::<StartRun>(json).unwrap().request()
    }

    #[test]
    fn what_is_left_out_stays_as_it_was() {
        assert_eq!(request("{}"), Ok(StartRequest::default()));
        let asked =
            request(r#"{"users": 3, "run_time": "", "host": "", "parameters": {"color": "red"}}"#).unwrap();
        assert_eq!(
            (asked.users, asked.run_time, asked.host),
            (Some(3), Some(None), Some(None))
        );
        assert_eq!(asked.parameters["color"], "red");
    }

    #[test]
    fn what_stands_in_the_way_is_told_by_the_status() {
        let status =
            |refusal: Refusal| serde_json::to_value(Problem::refused(&[refusal])).unwrap()["status"].clone();
        assert_eq!(status(Refusal::new("no")), 422);
        assert_eq!(status(Refusal::for_now("later")), 409);
        assert_eq!(status(Refusal::at_the_end("never")), 503);
    }

    #[test]
    fn everything_wrong_is_said_beside_its_field() {
        let json =
            r#"{"users": 0, "spawn_rate": 0, "run_time": "0s", "stop_timeout": "soon", "user_classes": []}"#;
        let refusals = request(json).unwrap_err();
        let problem = serde_json::to_value(Problem::refused(&refusals)).unwrap();
        let fields: Vec<&str> = problem["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| error["field"].as_str().unwrap())
            .collect();
        assert_eq!(
            fields,
            ["users", "spawn_rate", "run_time", "stop_timeout", "user_classes"]
        );
        assert_eq!(problem["status"], 422);
        assert!(
            serde_json::from_str::<StartRun>(r#"{"user": 3}"#).is_err(),
            "a slip is no wish"
        );
    }
}

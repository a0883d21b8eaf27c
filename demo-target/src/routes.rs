//! What the target does with a request: count it, find its route, answer.
//!
//! In: a request on a serving thread. Out: an [`Answer`], always; what the target cannot make sense of is answered with
//! a status and a sentence. The match on the path is written by hand: this is also a target for benchmarks.

mod accounts;
mod echo;
mod paced;
mod payload;
mod request_body;
mod shapes;
mod stats;

use std::sync::Arc;

use http::{HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;

use crate::answer::{self, Answer, Refusal};
use crate::clock::Clock;
use crate::counter::Counter;
use crate::flaky::Flaky;
use crate::ledger::{Ledger, Shard};
use crate::memory::Larder;
use crate::sessions::Sessions;
use crate::spawns::Spawns;
use crate::statistics::StatisticsReader;
use crate::timer::PreciseTimer;

/// What all routes share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) clock: Clock,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) spawns: Arc<Spawns>,
    pub(crate) statistics: StatisticsReader,
    pub(crate) counter: Counter,
    pub(crate) sessions: Sessions,
    pub(crate) flaky: Flaky,
    pub(crate) larder: Arc<Larder>,
    pub(crate) timer: PreciseTimer,
}

/// A path cut at its first two slashes.
#[derive(Debug, Clone, Copy)]
struct Route<'a> {
    first: &'a str,
    rest: Option<&'a str>,
}

/// Counts and answers one request.
pub(crate) async fn respond(app: Arc<App>, shard: Arc<Shard>, request: Request<Incoming>) -> Answer {
    let is_head = request.method() == Method::HEAD;
    let path = request.uri().path();
    let answer = if path.starts_with("/__") || path == "/metrics" {
        stats::respond(&app, &request)
    } else {
        let route = Route::of(path);
        // Each of these has a number of its own; counted apart they would fill the ledger.
        let counted_path = if route.first == "spawn" && route.rest.is_some() {
            "/spawn/:n"
        } else {
            path
        };
        let (began_us, method, pattern) = (app.clock.now_us(), request.method().clone(), route.pattern());
        let entry = app.ledger.received(&shard, request.method(), counted_path);
        let answer = route_request(&app, &shard, request)
            .await
            .unwrap_or_else(Answer::from);
        let status = answer.status().as_u16();
        Ledger::answered(&shard, entry, status);
        let took_us = app.clock.now_us().saturating_sub(began_us);
        shard.served.note(&method, pattern, status, took_us);
        answer::counted(answer, &shard)
    };
    if is_head {
        answer::without_body(answer)
    } else {
        answer
    }
}

async fn route_request(app: &Arc<App>, shard: &Shard, request: Request<Incoming>) -> Result<Answer, Refusal> {
    let (head, body) = request.into_parts();
    let route = Route::of(head.uri.path());
    match (route.first, route.rest) {
        ("login", None) => return accounts::login(app, shard, &head, body).await,
        ("echo", None) => return echo::echo(shard, head, body).await,
        _ => {}
    }
    request_body::discard(body, shard).await?;
    Ok(match (route.first, route.rest) {
        ("", None) => payload::hello(),
        ("json", None) => payload::json(),
        ("gzip", None) => payload::gzip(),
        ("bytes", Some(rest)) => payload::bytes(rest)?,
        ("delay", Some(rest)) => paced::delay(app, rest).await?,
        ("hungry", None) => paced::hungry(app).await,
        ("count", Some(id)) => shapes::count(app, id).await?,
        ("status", Some(rest)) => shapes::status(rest)?,
        ("redirect", Some(rest)) => shapes::redirect(rest)?,
        ("flaky", None) => shapes::flaky(app),
        ("spawn", Some(rest)) => shapes::spawn(app, rest)?,
        ("account", None) => accounts::account(app, &head),
        _ => answer::text(
            StatusCode::NOT_FOUND,
            "there is nothing here; see / for what there is\n",
        ),
    })
}

impl<'a> Route<'a> {
    fn of(path: &'a str) -> Self {
        let path = path.strip_prefix('/').unwrap_or(path);
        match path.split_once('/') {
            Some((first, rest)) => Self {
                first,
                rest: Some(rest),
            },
            None => Self {
                first: path,
                rest: None,
            },
        }
    }
}

impl Route<'_> {
    /// The route as one name for all its paths.
    fn pattern(self) -> &'static str {
        match (self.first, self.rest) {
            ("", None) => "/",
            ("json", None) => "/json",
            ("gzip", None) => "/gzip",
            ("bytes", Some(_)) => "/bytes/:n",
            ("delay", Some(_)) => "/delay/:ms",
            ("hungry", None) => "/hungry",
            ("count", Some(_)) => "/count/:id",
            ("status", Some(_)) => "/status/:code",
            ("redirect", Some(_)) => "/redirect/:n",
            ("flaky", None) => "/flaky",
            ("spawn", Some(_)) => "/spawn/:n",
            ("login", None) => "/login",
            ("account", None) => "/account",
            ("echo", None) => "/echo",
            _ => "(other)",
        }
    }
}

/// Reads a number from a path, or says which numbers would do.
fn number(text: &str, what: &str, least: u64, most: u64) -> Result<u64, Refusal> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|number| digits && (least..=most).contains(number))
        .ok_or_else(|| Refusal::bad_request(format!("`{text}` is not {what} from {least} to {most}\n")))
}

/// Refuses a method, naming the one that would do.
fn method_not_allowed(allowed: &'static str) -> Answer {
    let mut answer = answer::text(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("only {allowed} works here\n"),
    );
    answer
        .headers_mut()
        .insert(http::header::ALLOW, HeaderValue::from_static(allowed));
    answer
}

//! Routes that differ in how they answer: `/count/:id`, `/status/:code`, `/redirect/:n`, `/flaky`, `/spawn/:n`.
//!
//! In: what follows the first part of the path. Out: an answer at once; after its Redis has answered, if one counts.

use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use super::{App, number};
use crate::answer::{self, Answer, Refusal};

const MAX_REDIRECTS: u64 = 1_000;

#[derive(Serialize)]
struct Count<'a> {
    id: &'a str,
    visits: u64,
    /// Present when the id shares its counter because there are too many ids.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    shared: bool,
}

/// `/count/:id`: how often this id has been visited.
pub(super) async fn count(app: &App, id: &str) -> Result<Answer, Refusal> {
    if id.is_empty() {
        return Err(Refusal::bad_request("an id is missing: /count/7\n"));
    }
    let visit = app.counter.visit(id).await?;
    let count = Count {
        id,
        visits: visit.visits,
        shared: visit.shared,
    };
    Ok(answer::json(StatusCode::OK, &count))
}

/// `/status/:code`: answers with that status.
pub(super) fn status(rest: &str) -> Result<Answer, Refusal> {
    let code = number(rest, "a status", 200, 599)?;
    match u16::try_from(code)
        .ok()
        .and_then(|code| StatusCode::from_u16(code).ok())
    {
        Some(status @ (StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED)) => {
            Ok(answer::empty(status))
        }
        Some(status) => Ok(answer::text(status, format!("status {code}\n"))),
        None => Err(Refusal::bad_request(format!("`{rest}` is not a status\n"))),
    }
}

/// `/redirect/:n`: leads to `/` in `n` steps.
pub(super) fn redirect(rest: &str) -> Result<Answer, Refusal> {
    let steps = number(rest, "a number of steps", 0, MAX_REDIRECTS)?;
    if steps == 0 {
        return Ok(super::payload::hello());
    }
    let location = if steps == 1 {
        "/".to_owned()
    } else {
        format!("/redirect/{}", steps - 1)
    };
    let mut answer = answer::text(StatusCode::FOUND, format!("see {location}\n"));
    if let Ok(location) = HeaderValue::try_from(location) {
        answer.headers_mut().insert(LOCATION, location);
    }
    Ok(answer)
}

/// `/flaky`: fails in the stated share of cases.
pub(super) fn flaky(app: &App) -> Answer {
    if app.flaky.fails() {
        answer::text(
            StatusCode::INTERNAL_SERVER_ERROR,
            "this one failed, as some do here\n",
        )
    } else {
        answer::text(StatusCode::OK, "ok\n")
    }
}

/// `/spawn/:n`: notes when user `n` arrived.
pub(super) fn spawn(app: &App, rest: &str) -> Result<Answer, Refusal> {
    let at_us = app.clock.now_us();
    app.spawns
        .note(number(rest, "a user's number", 0, u64::MAX)?, at_us);
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

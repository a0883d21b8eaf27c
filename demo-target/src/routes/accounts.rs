//! Routes with a memory of who is there: `POST /login`, `/account`.
//!
//! In: a name and a password, as JSON or as a form; later the cookie or the token. Out: a session, then the account.
//! Any name with any password will do.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::json;

use super::{App, method_not_allowed, request_body};
use crate::answer::{self, Answer, Refusal};
use crate::ledger::Shard;

const COOKIE_NAME: &str = "session";

#[derive(Deserialize)]
struct Credentials {
    name: String,
    password: String,
}

/// `POST /login`: opens a session and sets its cookie.
pub(super) async fn login(app: &App, shard: &Shard, head: &Parts, body: Incoming) -> Result<Answer, Refusal> {
    if head.method != Method::POST {
        return Ok(method_not_allowed("POST"));
    }
    let body = request_body::collect(body, shard).await?;
    let credentials = read_credentials(&head.headers, &body)?;
    if credentials.name.is_empty() || credentials.password.is_empty() {
        let what = "name and password must not be empty\n".to_owned();
        return Err(Refusal {
            status: StatusCode::UNAUTHORIZED,
            what,
        });
    }
    if credentials.name.len() > 256 {
        return Err(Refusal::bad_request("a name has at most 256 bytes\n"));
    }
    let token = app.sessions.open(&credentials.name);
    let cookie = HeaderValue::try_from(format!("{COOKIE_NAME}={token}; Path=/; HttpOnly; SameSite=Lax"));
    let mut answer = answer::json(
        StatusCode::OK,
        &json!({ "token": token, "name": credentials.name }),
    );
    if let Ok(cookie) = cookie {
        answer.headers_mut().insert(SET_COOKIE, cookie);
    }
    Ok(answer)
}

/// `/account`: who is logged in, by cookie or by `authorization: Bearer TOKEN`.
pub(super) fn account(app: &App, head: &Parts) -> Answer {
    let name = tokens(&head.headers).find_map(|token| app.sessions.name_of(token));
    match name {
        Some(name) => answer::json(StatusCode::OK, &json!({ "name": &*name })),
        None => answer::json(
            StatusCode::UNAUTHORIZED,
            &json!({ "error": "log in first: POST /login" }),
        ),
    }
}

fn read_credentials(headers: &HeaderMap, body: &Bytes) -> Result<Credentials, Refusal> {
    let media_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let is_form = media_type.starts_with("application/x-www-form-urlencoded");
    let read = if is_form {
        serde_urlencoded::from_bytes(body).map_err(|error| error.to_string())
    } else {
        serde_json::from_slice(body).map_err(|error| error.to_string())
    };
    read.map_err(|error| {
        Refusal::bad_request(format!(
            "send name and password as JSON or as a form; these are neither: {error}\n"
        ))
    })
}

fn tokens(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let cookies = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().strip_prefix(COOKIE_NAME)?.strip_prefix('='));
    let bearer = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    cookies.chain(bearer)
}

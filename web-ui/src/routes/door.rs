//! Who a request comes from, and whether they may do that.
//!
//! In: requests, with a session's cookie or an API token. Out: the same with the [`Visitor`] they come from; or the way
//! to the login for people, 401 for programs, 403 for those who may only look.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Request};
use axum::http::header::{ACCEPT, AUTHORIZATION, COOKIE, LOCATION, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use cookie::Cookie;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::access::{Access, Visitor};

/// Below the prefix: what everybody may have.
const OPEN: [&str; 4] = ["/login", "/logout", "/healthz", "/readyz"];
const OPEN_FOLDER: &str = "/assets/";
/// What changes the test although it answers to `GET`.
const CHANGING_GETS: [&str; 2] = ["/stop", "/stats/reset"];
/// What is posted and changes nothing.
const HARMLESS_POSTS: [&str; 2] = ["/ui/scenario/check", "/api/v1/scenario/check"];

/// Whom a handler answers: somebody known, or anybody where nobody logs in.
#[derive(Debug, Clone, Default)]
pub(super) struct Who(pub(super) Option<Visitor>);

impl Who {
    /// Whether tests may be run and changed.
    pub(super) fn may_operate(&self) -> bool {
        self.0.as_ref().is_none_or(|visitor| visitor.role.may_operate())
    }
}

/// The secret of the session a request belongs to.
#[derive(Debug, Clone, Default)]
pub(super) struct SessionSecret(pub(super) Option<String>);

/// Lets a request in.
pub(super) fn enter(access: &Access, base: &str, mut request: Request) -> Result<Request, Box<Response>> {
    let path = request.uri().path();
    let path = path.strip_prefix(base).unwrap_or(path).to_owned();
    let secret = session_secret(request.headers(), access.cookie());
    let visitor = match bearer(request.headers()) {
        Some(token) => access.of_token(token),
        None => secret.as_deref().and_then(|secret| access.of_session(secret)),
    };
    let is_open = OPEN.contains(&path.as_str()) || path.starts_with(OPEN_FOLDER);
    match &visitor {
        _ if is_open => {}
        None => return Err(Box::new(unknown(base, &path, &request))),
        Some(visitor) if changes(request.method(), &path) && !visitor.role.may_operate() => {
            let why = format!("{} may look, but not change anything here\n", visitor.name);
            return Err(Box::new((StatusCode::FORBIDDEN, why).into_response()));
        }
        Some(_) => {}
    }
    request.extensions_mut().insert(Who(visitor));
    request.extensions_mut().insert(SessionSecret(secret));
    Ok(request)
}

fn changes(method: &Method, path: &str) -> bool {
    if method.is_safe() {
        CHANGING_GETS.contains(&path)
    } else {
        !HARMLESS_POSTS.contains(&path)
    }
}

/// What somebody is told whom nobody knows: people are sent to the login and come back afterwards.
fn unknown(base: &str, path: &str, request: &Request) -> Response {
    let headers = request.headers();
    let is_part_of_page = headers.contains_key("hx-request");
    let wants_page = request.method() == Method::GET
        && !path.starts_with("/api/")
        && headers
            .get(ACCEPT)
            .and_then(|accept| accept.to_str().ok())
            .is_some_and(|accept| accept.contains("text/html"));
    if wants_page && !is_part_of_page {
        let here = request.uri().path_and_query().map_or("/", |here| here.as_str());
        let next = utf8_percent_encode(here, NON_ALPHANUMERIC);
        return (
            StatusCode::SEE_OTHER,
            [(LOCATION, format!("{base}/login?next={next}"))],
        )
            .into_response();
    }
    let why = "log in first, or send an API token: Authorization: Bearer TOKEN\n";
    let mut response = (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")], why).into_response();
    if is_part_of_page && let Ok(login) = HeaderValue::from_str(&format!("{base}/login")) {
        response.headers_mut().insert("hx-redirect", login);
    }
    response
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn session_secret(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut cookies = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(Cookie::split_parse)
        .flatten();
    let own = cookies.find(|cookie| cookie.name() == name)?;
    Some(own.value().to_owned())
}

impl<S: Sync> FromRequestParts<S> for Who {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_default())
    }
}

impl<S: Sync> FromRequestParts<S> for SessionSecret {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;
    use crate::access::{Accounts, Role};

    fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> Request {
        let start = Request::builder().method(method).uri(path);
        let request = headers
            .iter()
            .fold(start, |request, (name, value)| request.header(*name, *value));
        request.body(Body::empty()).unwrap()
    }

    fn status(access: &Access, method: &str, path: &str, headers: &[(&str, &str)]) -> u16 {
        enter(access, "/load", request(method, path, headers))
            .map_or_else(|refusal| refusal.status().as_u16(), |_| 200)
    }

    #[test]
    fn everybody_gets_what_they_may() {
        let mut accounts = Accounts::default();
        let viewer = format!("Bearer {}", accounts.set_token("watch", Role::Viewer).unwrap());
        let operator = format!("Bearer {}", accounts.set_token("ci", Role::Operator).unwrap());
        let access = Access::new(accounts, 1);
        let (viewer, operator) = ([("authorization", &*viewer)], [("authorization", &*operator)]);
        let wrong = [("authorization", "Bearer guess")];
        // (method, path, nobody, a wrong token, viewer, operator)
        for (method, path, nobody, guess, viewed, operated) in [
            ("GET", "/load/", 401, 401, 200, 200),
            ("GET", "/load/stats/requests", 401, 401, 200, 200),
            ("POST", "/load/swarm", 401, 401, 403, 200),
            ("GET", "/load/stop", 401, 401, 403, 200),
            ("GET", "/load/stats/reset", 401, 401, 403, 200),
            ("POST", "/load/ui/scenario/check", 401, 401, 200, 200),
            ("POST", "/load/ui/scenario/save", 401, 401, 403, 200),
            ("PATCH", "/load/api/v1/run", 401, 401, 403, 200),
            ("GET", "/load/login", 200, 200, 200, 200),
            ("GET", "/load/assets/app.js", 200, 200, 200, 200),
            ("GET", "/load/healthz", 200, 200, 200, 200),
        ] {
            assert_eq!(status(&access, method, path, &[]), nobody, "{method} {path}");
            assert_eq!(status(&access, method, path, &wrong), guess, "{method} {path}");
            assert_eq!(status(&access, method, path, &viewer), viewed, "{method} {path}");
            assert_eq!(
                status(&access, method, path, &operator),
                operated,
                "{method} {path}"
            );
        }
    }

    #[test]
    fn people_are_sent_to_the_login_and_come_back() {
        let access = Access::new(Accounts::default(), 1);
        let html = [("accept", "text/html,*/*")];
        let refusal = enter(&access, "/load", request("GET", "/load/?tab=logs", &html)).unwrap_err();
        assert_eq!(refusal.status(), 303);
        assert_eq!(
            refusal.headers()["location"],
            "/load/login?next=%2Fload%2F%3Ftab%3Dlogs"
        );
        let part = [("accept", "text/html"), ("hx-request", "true")];
        let refusal = enter(&access, "/load", request("GET", "/load/ui/logs", &part)).unwrap_err();
        assert_eq!(
            (refusal.status().as_u16(), &refusal.headers()["hx-redirect"]),
            (401, &HeaderValue::from_static("/load/login"))
        );
    }
}

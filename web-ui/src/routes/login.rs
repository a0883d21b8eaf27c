//! Logging in and out.
//!
//! In: a name and a password from the form. Out: a session's cookie and the way to where one wanted to go; or the form
//! with what went wrong.

use std::net::IpAddr;

use axum::Form;
use axum::extract::{ConnectInfo, Query, State};
use axum::http::header::{LOCATION, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use cookie::{Cookie, SameSite};
use serde::Deserialize;

use super::door::{SessionSecret, Who};
use super::pages;
use crate::access::{Access, Denied};
use crate::peer::Peer;
use crate::view::Page;
use crate::view::login::Login;
use crate::web::Web;

/// What the login's URL says.
#[derive(Debug, Deserialize)]
pub(super) struct LoginQuery {
    next: Option<String>,
    /// There when somebody has just logged out.
    out: Option<String>,
}

/// What is filled in.
#[derive(Deserialize)]
pub(super) struct LoginForm {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

/// `GET /login`.
pub(super) async fn form(State(web): State<Web>, who: Who, Query(query): Query<LoginQuery>) -> Response {
    if web.settings().access.is_none() || who.0.is_some() {
        return Redirect::to(&format!("{}/", web.base())).into_response();
    }
    pages::page(&Login {
        shell: pages::shell(&web, Page::Other, &Who::default()),
        info: query.out.map(|_| "You are logged out.".to_owned()),
        next: query.next.unwrap_or_default(),
        ..Login::default()
    })
}

/// `POST /login`.
pub(super) async fn log_in(
    State(web): State<Web>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    headers: HeaderMap,
    Form(form): Form<LoginForm>,
) -> Response {
    let Some(access) = &web.settings().access else {
        return Redirect::to(&format!("{}/", web.base())).into_response();
    };
    let from = origin(peer.ip(), &headers);
    let denied = match access.log_in(&form.username, form.password, from).await {
        Ok(secret) => {
            tracing::info!("{} logged in from {from}", form.username);
            return let_in(&web, access, secret.into_text(), &form.next, &headers);
        }
        Err(denied) => denied,
    };
    tracing::warn!(
        "A login as `{}` from {from} was refused",
        shortened(&form.username)
    );
    refuse(&web, denied, form.username, form.next)
}

/// `POST /logout`.
pub(super) async fn log_out(State(web): State<Web>, session: SessionSecret) -> Response {
    let mut response = Redirect::to(&format!("{}/login?out=1", web.base())).into_response();
    if let (Some(access), Some(secret)) = (&web.settings().access, session.0) {
        access.log_out(&secret);
        let mut gone = Cookie::build((access.cookie(), ""))
            .path(cookie_path(web.base()))
            .build();
        gone.make_removal();
        set_cookie(&mut response, &gone);
    }
    response
}

fn let_in(web: &Web, access: &Access, secret: String, next: &str, headers: &HeaderMap) -> Response {
    let base = web.base();
    let target = if is_own(next, base) {
        next.to_owned()
    } else {
        format!("{base}/")
    };
    let mut response = (StatusCode::SEE_OTHER, [(LOCATION, target)]).into_response();
    // Lax, so that a link to the page from elsewhere finds whoever follows it logged in; changes need more (`foreign`).
    let cookie = Cookie::build((access.cookie(), secret))
        .path(cookie_path(base))
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(web.settings().is_tls || came_by_https(headers))
        .build();
    set_cookie(&mut response, &cookie);
    response
}

fn refuse(web: &Web, denied: Denied, username: String, next: String) -> Response {
    let (status, error) = match denied {
        Denied::Wrong => (
            StatusCode::UNAUTHORIZED,
            "That user name and password do not belong together.".to_owned(),
        ),
        Denied::TooMany(wait) => {
            let seconds = wait.as_secs().max(1);
            let unit = if seconds == 1 { "second" } else { "seconds" };
            (
                StatusCode::TOO_MANY_REQUESTS,
                format!("Too many attempts. Try again in {seconds} {unit}."),
            )
        }
        Denied::Busy => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Too many people log in at this moment. Try again.".to_owned(),
        ),
    };
    let view = Login {
        shell: pages::shell(web, Page::Other, &Who::default()),
        error: Some(error),
        username,
        next,
        ..Login::default()
    };
    let mut response = (status, pages::page(&view)).into_response();
    if let Denied::TooMany(wait) = denied {
        response
            .headers_mut()
            .insert(RETRY_AFTER, wait.as_secs().max(1).into());
    }
    response
}

fn set_cookie(response: &mut Response, cookie: &Cookie<'_>) {
    if let Ok(value) = HeaderValue::from_str(&cookie.to_string()) {
        response.headers_mut().append(SET_COOKIE, value);
    }
}

fn cookie_path(base: &str) -> String {
    if base.is_empty() {
        "/".to_owned()
    } else {
        base.to_owned()
    }
}

/// Whether `next` is a place on this page, and no other site's however it is read.
fn is_own(next: &str, base: &str) -> bool {
    let below = next.strip_prefix(base).is_some_and(|rest| rest.starts_with('/'));
    below
        && !next.starts_with("//")
        && next
            .chars()
            .all(|letter| letter.is_ascii_graphic() && letter != '\\')
}

/// Where an attempt came from. A proxy on this machine says for whom it asks, at the end of its list.
fn origin(peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let said = headers
        .get_all("x-forwarded-for")
        .iter()
        .next_back()
        .and_then(|list| list.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
    match said {
        Some(said) if peer.is_loopback() => said,
        _ => peer,
    }
}

fn came_by_https(headers: &HeaderMap) -> bool {
    headers
        .get("x-forwarded-proto")
        .is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"))
}

/// What may stand in a log of a name anybody may have made up.
fn shortened(name: &str) -> String {
    let clean = name.chars().filter(|letter| !letter.is_control());
    clean.take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere() {
        for (next, base) in [
            ("/", ""),
            ("/?tab=logs", ""),
            ("/load/", "/load"),
            ("/load/scenario", "/load"),
        ] {
            assert!(is_own(next, base), "{next}");
        }
        for (next, base) in [
            ("", ""),
            ("//evil.example", ""),
            ("/\\evil.example", ""),
            ("https://evil.example/", ""),
            ("/elsewhere", "/load"),
            ("/loadelsewhere", "/load"),
            ("/\tevil", ""),
        ] {
            assert!(!is_own(next, base), "{next}");
        }
    }

    #[test]
    fn only_a_proxy_on_this_machine_is_believed() {
        let headers = HeaderMap::from_iter([(
            "x-forwarded-for".parse().unwrap(),
            HeaderValue::from_static("1.2.3.4, 10.0.0.7"),
        )]);
        let (here, there) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([10, 0, 0, 1]));
        assert_eq!(origin(here, &headers), IpAddr::from([10, 0, 0, 7]));
        assert_eq!(origin(there, &headers), there);
        assert_eq!(origin(here, &HeaderMap::new()), here);
    }
}

//! `http.cookies`, `http.set_cookie` and `http.clear_cookies`: the cookies of the user whose script is running.
//!
//! In: what a script wants of them. Out: what the host knows of them, as a map, or that it is done. As with requests,
//! each exists as a function and as a method of the value `http`.

use std::fmt::Write;
use std::rc::Rc;

use rhai::{Dynamic, Map};

use super::http::both_spellings;
use super::option_values::{Problem, options, text, truth};
use super::{Answer, Args, Registrar, World, argument, failure, interrupted};
use crate::convert::{describe, scalar};
use crate::duration::duration;
use crate::host::CookieCall;

/// A function, its name as a method, its least and most arguments.
type Entry = (&'static str, &'static str, usize, usize, Work);
type Work = fn(&[Dynamic]) -> Result<CookieCall, String>;

const FUNCTIONS: &[Entry] = &[
    ("http_cookies", "cookies", 0, 1, list),
    ("http_set_cookie", "set_cookie", 2, 3, set),
    ("http_clear_cookies", "clear_cookies", 0, 1, clear),
];

/// What a cookie can have besides its name and value.
pub(crate) const OPTIONS: &[&str] = &["url", "domain", "path", "max_age", "secure", "http_only"];

pub(super) fn register(registrar: &mut Registrar<'_>) {
    for (function, method, least, most, work) in FUNCTIONS {
        for count in *least..=*most {
            let world = registrar.world.clone();
            both_spellings(registrar, function, method, count, move |args, skip| {
                perform(&world, method, *work, args, skip)
            });
        }
    }
}

fn perform(world: &Rc<World>, name: &str, work: Work, args: Args<'_, '_>, skip: usize) -> Answer {
    let given: Vec<Dynamic> = (skip..args.len()).map(|place| argument(args, place)).collect();
    let wrong = |why: String| failure(format!("http.{name}: {why}"));
    let call = work(&given).map_err(wrong)?;
    let is_list = matches!(call, CookieCall::List { .. });
    let found = world.host.cookies(call).map_err(interrupted)?.map_err(wrong)?;
    if !is_list {
        return Ok(Dynamic::UNIT);
    }
    let cookies = found.into_iter().map(|(name, value)| (name.into(), value.into()));
    Ok(Dynamic::from_map(cookies.collect::<Map>()))
}

fn list(given: &[Dynamic]) -> Result<CookieCall, String> {
    let url = given.first().map(url).transpose()?.unwrap_or_default();
    Ok(CookieCall::List { url })
}

fn clear(given: &[Dynamic]) -> Result<CookieCall, String> {
    let url = given.first().map(url).transpose()?;
    Ok(CookieCall::Clear { url })
}

fn set(given: &[Dynamic]) -> Result<CookieCall, String> {
    let [name, value, more @ ..] = given else {
        return Err("it takes a name and a value".to_owned());
    };
    let name = scalar(name).ok_or_else(|| format!("the name is a text, not {}", describe(name)))?;
    // A value may be a credential: it is not shown.
    let value = scalar(value).ok_or("the value is a text, a number or a truth value")?;
    if !is_token(&name) {
        return Err(format!("`{name}` cannot be the name of a cookie"));
    }
    if !is_value(&value) {
        return Err(
            "the value has characters a cookie cannot have (control characters, spaces at its ends or `;`)"
                .to_owned(),
        );
    }
    let mut cookie = format!("{name}={value}");
    let mut url = String::new();
    let more = match more.first() {
        Some(more) if !more.is_unit() => {
            options("a cookie", more.clone()).map_err(|problem| problem.line())?
        }
        _ => Map::new(),
    };
    let mut has_path = false;
    for (key, value) in more {
        if value.is_unit() {
            continue;
        }
        let wrong = |why: String| Problem::option(&key, why).line();
        match key.as_str() {
            "url" => url = self::url(&value).map_err(wrong)?,
            "domain" => attribute(&mut cookie, "Domain", &value).map_err(wrong)?,
            "path" => {
                has_path = true;
                attribute(&mut cookie, "Path", &value).map_err(wrong)?;
            }
            "max_age" => {
                let age = duration(&value).map_err(wrong)?;
                let _fits = write!(cookie, "; Max-Age={}", age.as_secs());
            }
            "secure" => flag(&mut cookie, "Secure", &value).map_err(wrong)?,
            "http_only" => flag(&mut cookie, "HttpOnly", &value).map_err(wrong)?,
            _ => return Err(Problem::unknown("a cookie", &key, OPTIONS).line()),
        }
    }
    if !has_path {
        // Set by hand it is meant for all of the site, not for the folder of some URL.
        cookie.push_str("; Path=/");
    }
    Ok(CookieCall::Set { url, cookie })
}

fn url(value: &Dynamic) -> Result<String, String> {
    text(value).map(|url| url.to_string())
}

fn attribute(cookie: &mut String, name: &str, value: &Dynamic) -> Result<(), String> {
    let value = text(value)?;
    if !is_value(&value) {
        return Err(format!("`{value}` has characters that cannot be there"));
    }
    let _fits = write!(cookie, "; {name}={value}");
    Ok(())
}

fn flag(cookie: &mut String, name: &str, value: &Dynamic) -> Result<(), String> {
    if truth(value)? {
        let _fits = write!(cookie, "; {name}");
    }
    Ok(())
}

/// A token of RFC 9110, 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// What comes through a `set-cookie` header as it is.
fn is_value(text: &str) -> bool {
    text.trim() == text && !text.chars().any(|char| char.is_control() || char == ';')
}

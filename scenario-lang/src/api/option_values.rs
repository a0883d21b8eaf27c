//! Values of options, checked one by one: each function takes what a script wrote and says what is wrong with it.
//!
//! Shared by the options of requests, of user classes and of the plan.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use rhai::{Dynamic, Map};

use crate::body_use::BodyUse;
use crate::convert::{describe, kind, number, scalar};
use crate::declarations::{CookiePolicy, DEFAULT_REDIRECTS};
use crate::duration;
use crate::host::{Auth, AwsKeys, StatusSet};
use crate::suggestion::closest;

/// What is wrong with an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// What is wrong.
    pub(crate) message: String,
    /// The option it is about, to point at.
    pub(crate) key: Option<String>,
    /// A guess at what was meant.
    pub(crate) guess: Option<String>,
}

impl Problem {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            key: None,
            guess: None,
        }
    }

    /// Wrong value of an option.
    pub(crate) fn option(key: &str, message: impl std::fmt::Display) -> Self {
        Self {
            message: format!("option `{key}`: {message}"),
            key: Some(key.to_owned()),
            guess: None,
        }
    }

    /// An option that does not exist.
    pub(crate) fn unknown(what: &str, key: &str, known: &[&str]) -> Self {
        let guess = closest(key, known.iter().copied());
        Self {
            message: format!("{what} has no option `{key}`"),
            key: Some(key.to_owned()),
            guess: Some(guess.map_or_else(
                || format!("the options are {}", known.join(", ")),
                |guess| format!("did you mean `{guess}`?"),
            )),
        }
    }

    /// All of it in one line.
    pub(crate) fn line(&self) -> String {
        self.guess.as_ref().map_or_else(
            || self.message.clone(),
            |guess| format!("{}; {guess}", self.message),
        )
    }
}

/// A map of options.
pub(crate) fn options(what: &str, value: Dynamic) -> Result<Map, Problem> {
    let found = kind(&value);
    value.try_cast::<Map>().ok_or_else(|| {
        Problem::new(format!(
            "the options of {what} are a map `#{{ ... }}`, not {found}"
        ))
    })
}

/// Whether something is wanted.
pub(crate) fn truth(value: &Dynamic) -> Result<bool, String> {
    value
        .as_bool()
        .map_err(|_| format!("it is true or false, not {}", describe(value)))
}

/// A finite number that is not negative.
pub(crate) fn weight(value: &Dynamic) -> Result<f64, String> {
    match number(value) {
        Some(weight) if weight.is_finite() && weight >= 0.0 => Ok(weight),
        Some(weight) => Err(format!("a weight is a finite number from 0, not {weight}")),
        None => Err(format!("a weight is a number, not {}", describe(value))),
    }
}

/// A finite number above 0.
pub(crate) fn rate(value: &Dynamic) -> Result<f64, String> {
    match number(value) {
        Some(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        _ => Err(format!(
            "a rate is a finite number above 0, not {}",
            describe(value)
        )),
    }
}

/// A number of users.
pub(crate) fn users(value: &Dynamic, least: u32) -> Result<u32, String> {
    let users = value
        .as_int()
        .ok()
        .and_then(|users| u32::try_from(users).ok())
        .filter(|users| *users >= least);
    users.ok_or_else(|| {
        format!(
            "a number of users is a whole number from {least}, not {}",
            describe(value)
        )
    })
}

/// A text that is not empty.
pub(crate) fn text(value: &Dynamic) -> Result<rhai::ImmutableString, String> {
    match value.as_immutable_string_ref() {
        Ok(text) if text.is_empty() => Err("it must not be empty".to_owned()),
        Ok(text) => Ok(text.clone()),
        Err(_) => Err(format!("it is a text, not {}", describe(value))),
    }
}

/// An array of texts, or one text.
pub(crate) fn texts(value: &Dynamic) -> Result<Vec<String>, String> {
    if value.is_string() {
        return text(value).map(|text| vec![text.to_string()]);
    }
    let Ok(items) = value.as_array_ref() else {
        return Err(format!("it is an array of texts, not {}", describe(value)));
    };
    items
        .iter()
        .map(|item| text(item).map(|text| text.to_string()))
        .collect()
}

/// An absolute `http` or `https` URL.
pub(crate) fn host(value: &Dynamic) -> Result<String, String> {
    let host = text(value).map_err(|error| format!("a host is a URL: {error}"))?;
    check_host(&host)?;
    Ok(host.to_string())
}

/// Whether it is an absolute `http` or `https` URL.
pub(crate) fn check_host(host: &str) -> Result<(), String> {
    let example = "write it like `http://localhost:8000`";
    let url = url::Url::parse(host).map_err(|_| format!("`{host}` is not a URL; {example}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(format!("`{host}` is not a URL of a web server; {example}"));
    }
    Ok(())
}

/// A limit in time above 0.
pub(crate) fn timeout(value: &Dynamic) -> Result<Duration, String> {
    let time = duration::duration(value)?;
    if time.is_zero() {
        Err("a timeout must be above 0".to_owned())
    } else {
        Ok(time)
    }
}

/// How many redirects to follow: a number, or whether to follow any.
pub(crate) fn redirects(value: &Dynamic) -> Result<u32, String> {
    if let Ok(follow) = value.as_bool() {
        return Ok(if follow { DEFAULT_REDIRECTS } else { 0 });
    }
    let count = value
        .as_int()
        .ok()
        .and_then(|count| u32::try_from(count).ok())
        .filter(|count| *count <= 100);
    count.ok_or_else(|| {
        format!(
            "it is a whole number from 0 to 100, or true or false, not {}",
            describe(value)
        )
    })
}

/// Headers: a map of names to values, or arrays of values.
pub(crate) fn headers(value: &Dynamic) -> Result<HeaderMap, String> {
    let map = value
        .as_map_ref()
        .map_err(|_| format!("it is a map of names to values, not {}", describe(value)))?;
    let mut headers = HeaderMap::with_capacity(map.len());
    for (name, value) in map.iter() {
        let header = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("`{name}` is not a name of a header"))?;
        for value in one_or_many(value) {
            let text =
                scalar(&value).ok_or_else(|| format!("`{name}` is a text, not {}", describe(&value)))?;
            let value = HeaderValue::from_str(&text)
                .or_else(|_| HeaderValue::from_bytes(text.as_bytes()))
                .map_err(|_| format!("the value of `{name}` has characters that no header can have"))?;
            headers.append(header.clone(), value);
        }
    }
    Ok(headers)
}

/// Names and values, for queries and forms; arrays give a name several values, `()` none.
pub(crate) fn pairs(value: &Dynamic) -> Result<Vec<(String, String)>, String> {
    let map = value
        .as_map_ref()
        .map_err(|_| format!("it is a map of names to values, not {}", describe(value)))?;
    let mut pairs = Vec::with_capacity(map.len());
    for (name, value) in map.iter() {
        for value in one_or_many(value).iter().filter(|value| !value.is_unit()) {
            let text = scalar(value)
                .ok_or_else(|| format!("`{name}` is a text or a number, not {}", describe(value)))?;
            pairs.push((name.to_string(), text));
        }
    }
    Ok(pairs)
}

fn one_or_many(value: &Dynamic) -> Vec<Dynamic> {
    value
        .as_array_ref()
        .map_or_else(|_| vec![value.clone()], |items| items.to_vec())
}

/// Statuses: a number, a text such as `2xx`, `404` or `200-204`, or an array of those.
pub(crate) fn statuses(value: &Dynamic) -> Result<StatusSet, String> {
    let mut set = StatusSet::default();
    for item in one_or_many(value) {
        let range = match item.as_int() {
            Ok(status) => u16::try_from(status).ok().map(|status| (status, status)),
            Err(_) => item
                .as_immutable_string_ref()
                .ok()
                .and_then(|text| status_range(&text)),
        };
        let range = range.filter(|(low, high)| (100..=999).contains(low) && (low..=&999).contains(&high));
        set.ranges.push(range.ok_or_else(|| {
            format!(
                "it is a status such as 404, \"2xx\" or \"200-204\", or an array of those, not {}",
                describe(&item)
            )
        })?);
    }
    if set.ranges.is_empty() {
        return Err("it needs at least one status".to_owned());
    }
    Ok(set)
}

fn status_range(text: &str) -> Option<(u16, u16)> {
    let text = text.trim();
    if let Some(class) = text.strip_suffix("xx").or_else(|| text.strip_suffix("XX")) {
        let class: u16 = class.parse().ok().filter(|class| *class < 10)?;
        return Some((class * 100, class * 100 + 99));
    }
    if let Some((low, high)) = text.split_once('-') {
        return Some((low.trim().parse().ok()?, high.trim().parse().ok()?));
    }
    let status = text.parse().ok()?;
    Some((status, status))
}

/// Credentials.
pub(crate) fn auth(value: &Dynamic) -> Result<Auth, String> {
    const FORMS: &str = "#{ user: ..., password: ... }, #{ basic: [user, password] }, #{ digest: [user, password] }, \
                         #{ bearer: token } or #{ aws: #{ ... } }";
    // Nothing of the value is shown: it holds credentials.
    let wrong = || format!("it is one of {FORMS}, not {}", kind(value));
    let map = value.as_map_ref().map_err(|_| wrong())?;
    let get = |key: &str| map.get(key).and_then(scalar);
    if let (2, Some(user), Some(password)) = (map.len(), get("user"), get("password")) {
        return Ok(Auth::Basic(user, password));
    }
    let Some((scheme, given)) = map.iter().next().filter(|_| map.len() == 1) else {
        return Err(format!("it is one of {FORMS}"));
    };
    let pair = || {
        let items = given.as_array_ref().ok()?.to_vec();
        match items.as_slice() {
            [user, password] => Some((scalar(user)?, scalar(password)?)),
            _ => None,
        }
    };
    let auth = match scheme.as_str() {
        "bearer" => scalar(given).map(Auth::Bearer),
        "basic" => pair().map(|(user, password)| Auth::Basic(user, password)),
        "digest" => pair().map(|(user, password)| Auth::Digest(user, password)),
        "aws" => return aws_keys(given).map(|keys| Auth::Aws(Box::new(keys))),
        _ => None,
    };
    auth.ok_or_else(|| format!("it is one of {FORMS}, with texts"))
}

fn aws_keys(value: &Dynamic) -> Result<AwsKeys, String> {
    const KEYS: [&str; 5] = ["access_key", "secret_key", "session_token", "region", "service"];
    let map = value
        .as_map_ref()
        .map_err(|found| format!("`aws` is a map #{{ {} }}, not {found}", KEYS.join(", ")))?;
    if let Some(unknown) = map.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(Problem::unknown("`aws`", unknown, &KEYS).line());
    }
    let get = |key: &str| map.get(key).and_then(scalar);
    let need = |key: &str| get(key).ok_or_else(|| format!("`aws` needs `{key}`, a text"));
    Ok(AwsKeys {
        access_key: need("access_key")?,
        secret_key: need("secret_key")?,
        session_token: get("session_token"),
        region: need("region")?,
        service: need("service")?,
    })
}

/// What becomes of the body of a response.
pub(crate) fn body_use(value: &Dynamic) -> Result<BodyUse, String> {
    let word = value.as_immutable_string_ref().ok();
    word.and_then(|word| BodyUse::of(&word)).ok_or_else(|| {
        format!(
            "it is \"keep\" (for whoever reads it), \"discard\" or \"sha256\" (hash it, then discard it), not {}",
            describe(value)
        )
    })
}

/// What becomes of cookies.
pub(crate) fn cookies(value: &Dynamic) -> Result<CookiePolicy, String> {
    if let Ok(kept) = value.as_bool() {
        return Ok(if kept {
            CookiePolicy::Keep
        } else {
            CookiePolicy::Ignore
        });
    }
    match value.as_immutable_string_ref() {
        Ok(text) if text.as_str() == "iteration" => Ok(CookiePolicy::PerIteration),
        _ => Err(format!(
            "it is true (kept), false (ignored) or \"iteration\" (forgotten when one begins), not {}",
            describe(value)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_read_in_every_form() {
        let set = |text: &str| statuses(&Dynamic::from(rhai::ImmutableString::from(text)));
        assert_eq!(set("2xx").unwrap().ranges, [(200, 299)]);
        assert_eq!(set("200-204").unwrap().ranges, [(200, 204)]);
        assert_eq!(set("404").unwrap().ranges, [(404, 404)]);
        assert_eq!(statuses(&Dynamic::from_int(404)).unwrap().ranges, [(404, 404)]);
        for wrong in ["", "xx", "99", "300-200", "2x", "1000", "-", "axx"] {
            assert!(set(wrong).is_err(), "{wrong}");
        }
        assert!(statuses(&Dynamic::from_array(vec![])).is_err());
    }

    #[test]
    fn credentials_never_show_in_errors() {
        let map: Map = [("token".into(), Dynamic::from("hunter2"))].into_iter().collect();
        assert!(!auth(&Dynamic::from_map(map)).unwrap_err().contains("hunter2"));
    }

    #[test]
    fn hosts_are_urls_of_web_servers() {
        assert!(check_host("http://localhost:8000").is_ok());
        for wrong in ["localhost:8000", "localhost", "ftp://x", "http://", "/x", ""] {
            assert!(check_host(wrong).is_err(), "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn ranges_never_panic(text in "[0-9xX -]{0,12}") {
            let _ = status_range(&text);
        }
    }
}

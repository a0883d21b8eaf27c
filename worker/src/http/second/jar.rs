//! A user's cookies where reqwest keeps them.
//!
//! In and out: what reqwest's own jar does, within the bound that holds for all memory of a user.

use std::fmt;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderValue;
use reqwest::cookie::{CookieStore, Jar};
use rustc_hash::{FxBuildHasher, FxHashSet};
use url::Url;

use super::gauge::Gauge;

/// Cookies a user can ever get; those beyond are ignored. Expired ones do not make room.
const MAX_COOKIES: usize = 1000;

/// reqwest's jar, with a bound.
pub(super) struct BoundedJar {
    jar: Jar,
    /// Which cookies there have been, by a hash of what tells them apart.
    known: Mutex<FxHashSet<u64>>,
    gauge: Arc<Gauge>,
}

impl BoundedJar {
    /// An empty jar, which tells `gauge` what it hands out.
    pub(super) fn new(gauge: Arc<Gauge>) -> Self {
        Self {
            jar: Jar::default(),
            known: Mutex::default(),
            gauge,
        }
    }

    fn admits(&self, cookie: &HeaderValue, url: &Url) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let id = FxBuildHasher.hash_one((url.host_str(), identity(cookie.as_bytes())));
        if known.contains(&id) {
            return true;
        }
        known.len() < MAX_COOKIES && known.insert(id)
    }
}

/// What tells one cookie of a host from another: its name, path and domain.
fn identity(cookie: &[u8]) -> Vec<&[u8]> {
    let mut parts = cookie.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let name = parts
        .next()
        .and_then(|pair| pair.split(|byte| *byte == b'=').next());
    let tells = |part: &&[u8]| {
        let word = part.split(|byte| *byte == b'=').next().unwrap_or_default();
        word.eq_ignore_ascii_case(b"path") || word.eq_ignore_ascii_case(b"domain")
    };
    name.into_iter().chain(parts.filter(tells)).collect()
}

impl CookieStore for BoundedJar {
    fn set_cookies(&self, cookies: &mut dyn Iterator<Item = &HeaderValue>, url: &Url) {
        self.jar
            .set_cookies(&mut cookies.filter(|cookie| self.admits(cookie, url)), url);
    }

    fn cookies(&self, url: &Url) -> Option<HeaderValue> {
        let cookies = self.jar.cookies(url)?;
        self.gauge.cookies(cookies.len());
        Some(cookies)
    }
}

impl fmt::Debug for BoundedJar {
    /// Cookies are credentials; never shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedJar").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jar_is_bounded() {
        let jar = BoundedJar::new(Arc::default());
        let url = Url::parse("http://h/").unwrap();
        let set = |text: String| {
            let value = HeaderValue::from_str(&text).unwrap();
            jar.set_cookies(&mut [value].iter(), &url);
        };
        for number in 0..2 * MAX_COOKIES {
            set(format!("c{number}=1; Path=/"));
        }
        set("c0=renewed; Path=/".to_owned());
        let header = jar.cookies(&url).unwrap();
        let text = header.to_str().unwrap();
        assert_eq!(text.split("; ").count(), MAX_COOKIES);
        assert!(text.contains("c0=renewed"));
        assert!(!format!("{jar:?}").contains("renewed"));
    }
}

//! A user's cookies.
//!
//! In: `set-cookie` headers. Out: the `cookie` header. Most users never get one, so a jar exists only from the first.

use std::fmt;

use cookie_store::{Cookie, CookieStore, RawCookie};
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};
use url::Url;

/// Cookies a user can hold; a server that keeps inventing names must not fill the memory.
const MAX_COOKIES: usize = 1000;

/// A user's cookies.
#[derive(Default)]
pub(super) struct CookieJar {
    store: CookieStore,
}

// === impl CookieJar ===

impl CookieJar {
    /// Stores what a response to a request for `url` sets. Cookies that make no sense are ignored, as browsers do.
    pub(super) fn store(&mut self, url: &Url, headers: &HeaderMap) {
        for value in headers.get_all(SET_COOKIE) {
            let _ignored = self.set(url, &String::from_utf8_lossy(value.as_bytes()));
        }
    }

    /// Stores what a `set-cookie` header of a response to a request for `url` says.
    ///
    /// # Errors
    ///
    /// Why a browser would not, for people. The value is not shown.
    pub(super) fn set(&mut self, url: &Url, text: &str) -> Result<(), String> {
        let raw =
            RawCookie::parse(text.to_owned()).map_err(|error| format!("this cannot be a cookie: {error}"))?;
        let refused = |error: cookie_store::CookieError| {
            format!(
                "{} cannot set the cookie `{}`: {error}",
                url.host_str().unwrap_or_default(),
                raw.name()
            )
        };
        let cookie = Cookie::try_from_raw_cookie(&raw, url)
            .map_err(refused)?
            .into_owned();
        if self.is_full() {
            self.drop_expired();
            // One that is known may change and end: a session that is renewed goes on.
            if self.is_full() && !self.holds(&cookie) {
                return Err(format!("a user can hold {MAX_COOKIES} cookies, and has them"));
            }
        }
        self.store.insert(cookie, url).map(drop).map_err(refused)
    }

    /// The cookies that would be sent to `url`.
    pub(super) fn list(&self, url: &Url) -> Vec<(String, String)> {
        let found = self.store.get_request_values(url);
        found
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// Forgets the cookies that would be sent to `url`.
    pub(super) fn clear(&mut self, url: &Url) {
        let gone: Vec<_> = self.store.matches(url).into_iter().filter_map(key).collect();
        self.remove(gone);
    }

    fn is_full(&self) -> bool {
        self.store.iter_any().take(MAX_COOKIES).count() == MAX_COOKIES
    }

    fn holds(&self, cookie: &Cookie<'_>) -> bool {
        self.store.iter_any().any(|other| {
            other.name() == cookie.name() && other.domain == cookie.domain && other.path == cookie.path
        })
    }

    fn drop_expired(&mut self) {
        let expired = self.store.iter_any().filter(|cookie| cookie.is_expired());
        let expired = expired.filter_map(key).collect();
        self.remove(expired);
    }

    fn remove(&mut self, cookies: Vec<Key>) {
        for (domain, path, name) in cookies {
            self.store.remove(&domain, &path, &name);
        }
    }

    /// The cookies to send with a request to `url`, after those a script names itself, which win.
    pub(super) fn header(&self, url: &Url, own: Option<&HeaderValue>) -> Option<HeaderValue> {
        let mut text = own.map(HeaderValue::as_bytes).unwrap_or_default().to_vec();
        let own_names: Vec<Vec<u8>> = text
            .split(|byte| *byte == b';')
            .filter_map(|pair| pair.split(|byte| *byte == b'=').next())
            .map(|name| name.trim_ascii().to_vec())
            .collect();
        for (name, value) in self.store.get_request_values(url) {
            if own_names.iter().any(|own| own == name.as_bytes()) {
                continue;
            }
            if !text.is_empty() {
                text.extend_from_slice(b"; ");
            }
            text.extend_from_slice(name.as_bytes());
            text.push(b'=');
            text.extend_from_slice(value.as_bytes());
        }
        if text.is_empty() {
            None
        } else {
            HeaderValue::from_bytes(&text).ok()
        }
    }
}

/// A cookie's domain, path and name.
type Key = (String, String, String);

fn key(cookie: &Cookie<'_>) -> Option<Key> {
    let domain = cookie.domain.as_cow()?.into_owned();
    Some((domain, cookie.path.as_ref().to_owned(), cookie.name().to_owned()))
}

impl fmt::Debug for CookieJar {
    /// Cookies are credentials; never shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CookieJar").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn set(jar: &mut CookieJar, from: &str, cookie: &str) {
        let mut headers = HeaderMap::new();
        headers.append(SET_COOKIE, HeaderValue::from_str(cookie).unwrap());
        jar.store(&url(from), &headers);
    }

    fn sent(jar: &CookieJar, to: &str, own: Option<&str>) -> Option<String> {
        let own = own.map(|text| HeaderValue::from_str(text).unwrap());
        let value = jar.header(&url(to), own.as_ref())?;
        let mut pairs: Vec<_> = value.to_str().unwrap().split("; ").collect();
        pairs.sort_unstable();
        Some(pairs.join("; "))
    }

    #[test]
    fn cookies_go_where_they_belong() {
        let mut jar = CookieJar::default();
        assert_eq!(sent(&jar, "http://h/", None), None);
        set(&mut jar, "http://h/", "a=1; Path=/");
        set(&mut jar, "http://h/", "b=2; Path=/deep; HttpOnly");
        set(&mut jar, "http://h/", "s=3; Secure");
        set(&mut jar, "http://h/", "other=4; Domain=elsewhere.example");
        assert_eq!(sent(&jar, "http://h/", None).as_deref(), Some("a=1"));
        assert_eq!(sent(&jar, "http://h/deep/x", None).as_deref(), Some("a=1; b=2"));
        assert_eq!(sent(&jar, "http://elsewhere.example/", None), None);
        assert_eq!(
            sent(&jar, "http://h/", Some("a=own; c=9")).as_deref(),
            Some("a=own; c=9")
        );
        set(&mut jar, "http://h/", "a=1; Path=/; Max-Age=0");
        assert_eq!(sent(&jar, "http://h/", None), None);
    }

    #[test]
    fn a_jar_is_bounded() {
        let mut jar = CookieJar::default();
        for number in 0..2 * MAX_COOKIES {
            set(&mut jar, "http://h/", &format!("c{number}=1"));
        }
        assert_eq!(jar.store.iter_any().count(), MAX_COOKIES);
        set(&mut jar, "http://h/", "c0=renewed");
        assert!(sent(&jar, "http://h/", None).unwrap().contains("c0=renewed"));
        set(&mut jar, "http://h/", "c1=1; Max-Age=0");
        set(&mut jar, "http://h/", "late=1");
        assert!(sent(&jar, "http://h/", None).unwrap().contains("late=1"));
        assert!(jar.store.iter_any().count() <= MAX_COOKIES);
    }

    proptest::proptest! {
        /// Whatever servers and scripts invent, a jar holds no more than it may, and what it gives is a header.
        #[test]
        fn nothing_breaks_a_jar(
            texts in proptest::collection::vec("[a-c]{0,2}=?[ -~é\u{0}\r\n]{0,12}(; ?(Path|Domain|Max-Age|Expires|Secure|SameSite)=?[ -~]{0,8}){0,3}", 0..20),
            address in "https?://[a-c]{1,2}(\\.example)?(:[0-9]{1,4})?/[a-z/%]{0,6}",
        ) {
            let mut jar = CookieJar::default();
            let Ok(url) = Url::parse(&address) else {
                return Ok(());
            };
            for text in &texts {
                let _refused = jar.set(&url, text);
            }
            proptest::prop_assert!(jar.store.iter_any().count() <= texts.len());
            let listed = jar.list(&url);
            if let Some(header) = jar.header(&url, None) {
                proptest::prop_assert!(!listed.is_empty());
                proptest::prop_assert!(!header.as_bytes().contains(&b'\n'));
            }
            jar.clear(&url);
            proptest::prop_assert!(jar.list(&url).is_empty());
        }
    }
}

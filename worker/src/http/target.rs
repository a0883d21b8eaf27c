//! From a script's URL to where a request goes and what it is called.
//!
//! In: a URL, absolute or relative to the user's host, and parameters to append. Out: a [`Target`]. A literal of a
//! script is the same allocation every time, so its target is found by address in a small cache; a plain relative path
//! needs no parsing at all. Everything else goes through the `url` crate.

use std::cell::RefCell;
use std::rc::Rc;

use http::HeaderValue;
use katydid_scenario_lang::{HttpDefaults, ImmutableString};
use url::Url;

use super::base::{Base, masked, userinfo};
use super::origin::{Origin, Profile};
use super::thread::HttpThread;

/// Places in the cache; a power of two.
const SLOTS: usize = 1024;
/// Longest URL sent; servers refuse far shorter ones.
const MAX_URL: usize = 64 * 1024;

/// Where a request goes and what it is called. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) profile: Rc<Profile>,
    /// Path and query as sent, of which the request's name is made when it has no other.
    pub(super) path: ImmutableString,
    /// From `http://user:password@host` in an absolute URL.
    pub(super) auth: Option<HeaderValue>,
}

/// Direct-mapped by the address of the URL's text. Each slot keeps what its addresses belong to alive, so an address
/// that matches is the same thing.
#[derive(Debug, Default)]
pub(super) struct TargetCache {
    slots: RefCell<Vec<Option<Slot>>>,
}

#[derive(Debug)]
struct Slot {
    url: ImmutableString,
    base: Option<Rc<Base>>,
    target: Target,
}

/// Who is asking.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asker<'a> {
    pub(super) base: Option<&'a Rc<Base>>,
    /// The profile of `base`'s origin.
    pub(super) base_profile: Option<&'a Rc<Profile>>,
    pub(super) defaults: &'a Rc<HttpDefaults>,
}

// === impl Target ===

impl Target {
    /// Finds out where a URL leads.
    ///
    /// # Errors
    ///
    /// What is wrong with the URL, for people.
    pub(super) fn resolve(
        thread: &HttpThread,
        asker: Asker<'_>,
        url: &ImmutableString,
        query: &[(String, String)],
    ) -> Result<Self, String> {
        if let (Some(base), Some(profile)) = (asker.base, asker.base_profile)
            && base.prefix.is_empty()
            && query.is_empty()
            && is_plain_path(url)
        {
            return Ok(Self {
                profile: Rc::clone(profile),
                path: url.clone(),
                auth: None,
            });
        }
        if !query.is_empty() {
            return Self::parse(thread, asker, url, query);
        }
        if let Some(target) = thread.targets.get(asker, url) {
            return Ok(target);
        }
        let target = Self::parse(thread, asker, url, &[])?;
        thread.targets.put(asker, url, &target);
        Ok(target)
    }

    /// The target of a URL that is already parsed, as redirects are.
    pub(super) fn of_url(
        thread: &HttpThread,
        defaults: &Rc<HttpDefaults>,
        url: &Url,
    ) -> Result<Self, String> {
        Ok(Self {
            profile: thread.profile(url, defaults, None)?,
            path: path_and_query(url),
            auth: userinfo(url)?,
        })
    }

    /// As a URL, for cookies and redirects.
    pub(super) fn url(&self) -> Result<Url, String> {
        let text = format!("{}{}", self.profile.origin.url(), self.path);
        Url::parse(&text).map_err(|error| format!("`{text}` is not a URL: {error}"))
    }

    fn parse(
        thread: &HttpThread,
        asker: Asker<'_>,
        text: &ImmutableString,
        query: &[(String, String)],
    ) -> Result<Self, String> {
        if text.len() > MAX_URL {
            return Err(format!(
                "the URL is {} bytes long; the limit is {MAX_URL}",
                text.len()
            ));
        }
        let mut url = url_of(asker.base, text)?;
        if !query.is_empty() {
            let mut pairs = url.query_pairs_mut();
            for (name, value) in query {
                pairs.append_pair(name, value);
            }
            drop(pairs);
        }
        let auth = userinfo(&url)?;
        let profile = match (asker.base, asker.base_profile) {
            (Some(base), Some(profile)) if base.origin.is_of(&url) => Rc::clone(profile),
            _ => thread.profile(&url, asker.defaults, None)?,
        };
        Ok(Self {
            profile,
            path: path_and_query(&url),
            auth,
        })
    }
}

/// What a script means by a URL: absolute, or relative to its host.
///
/// # Errors
///
/// What is wrong with it, for people.
pub(super) fn url_of(base: Option<&Rc<Base>>, text: &str) -> Result<Url, String> {
    match absolute(text) {
        Some(parsed) => parsed.map_err(|error| format!("`{}` is not a URL: {error}", masked(text))),
        None => relative(base, text),
    }
}

/// A URL as a script wrote it, in full, as it is sent: without credentials and fragment. One that leads nowhere stays as
/// it is.
pub(crate) fn absolute_url(base: Option<&Rc<Base>>, text: &str) -> String {
    let url = match absolute(text) {
        Some(parsed) => parsed.ok(),
        None => relative(base, text).ok(),
    };
    url.and_then(|url| {
        let origin = Origin::of(&url).ok()?;
        Some(format!("{}{}", origin.url(), path_and_query(&url)))
    })
    .unwrap_or_else(|| text.to_owned())
}

/// A URL with a scheme, parsed; `None` for a relative one.
fn absolute(text: &str) -> Option<Result<Url, url::ParseError>> {
    let scheme = text.split_once("://")?.0;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    is_scheme.then(|| Url::parse(text))
}

fn relative(base: Option<&Rc<Base>>, text: &str) -> Result<Url, String> {
    let Some(base) = base else {
        return Err(format!(
            "`{text}` is relative but the user class has no host: pass -H http://..., or set `host` in the scenario"
        ));
    };
    let slash = if text.starts_with(['/', '?', '#']) || text.is_empty() {
        ""
    } else {
        "/"
    };
    let full = format!("{}{}{slash}{text}", base.origin.url(), base.prefix);
    Url::parse(&full).map_err(|error| format!("`{text}` is not a path: {error}"))
}

fn path_and_query(url: &Url) -> ImmutableString {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()).into(),
        None => url.path().into(),
    }
}

/// Whether a text can be sent as a path as it is: nothing to encode, no dots to resolve, no fragment.
fn is_plain_path(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() > MAX_URL || bytes.first() != Some(&b'/') || bytes.get(1) == Some(&b'/') {
        return false;
    }
    let mut previous = b'/';
    let mut in_query = false;
    for byte in bytes {
        match byte {
            b'?' => in_query = true,
            // A segment that starts with a dot may be `.` or `..`: let the url crate look at it.
            b'.' if previous == b'/' && !in_query => return false,
            // `%2e` is a dot too.
            b'%' if previous == b'/' && !in_query => return false,
            _ if !PLAIN[usize::from(*byte)] => return false,
            _ => {}
        }
        previous = *byte;
    }
    true
}

/// Bytes that need no encoding in a path or a query.
static PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let allowed = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&()*+,;=:@%/?";
    let mut index = 0;
    while index < allowed.len() {
        table[allowed[index] as usize] = true;
        index += 1;
    }
    table
};

// === impl TargetCache ===

impl TargetCache {
    fn get(&self, asker: Asker<'_>, url: &ImmutableString) -> Option<Target> {
        let slots = self.slots.borrow();
        let slot = slots.get(index(url))?.as_ref()?;
        let same = slot.url.ptr_eq(url)
            && slot.base.as_ref().map(Rc::as_ptr) == asker.base.map(Rc::as_ptr)
            && Rc::ptr_eq(&slot.target.profile.defaults, asker.defaults);
        same.then(|| slot.target.clone())
    }

    fn put(&self, asker: Asker<'_>, url: &ImmutableString, target: &Target) {
        let mut slots = self.slots.borrow_mut();
        if slots.is_empty() {
            slots.resize_with(SLOTS, || None);
        }
        slots[index(url)] = Some(Slot {
            url: url.clone(),
            base: asker.base.cloned(),
            target: target.clone(),
        });
    }
}

fn index(url: &ImmutableString) -> usize {
    // Allocations are 16 bytes apart at least; the multiplication spreads what is left.
    let address = url.as_str().as_ptr().addr() >> 4;
    (address.wrapping_mul(0x9E37_79B9) >> 12) & (SLOTS - 1)
}

impl Origin {
    /// Whether a profile's origin is this one.
    pub(super) fn same(left: &Rc<Self>, right: &Rc<Self>) -> bool {
        Rc::ptr_eq(left, right) || left == right
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::support::thread;
    use super::*;

    fn resolve(base: Option<&str>, url: &str, query: &[(&str, &str)]) -> Result<String, String> {
        let thread = thread();
        let base = base.map(|text| Base::parse(text).unwrap());
        let defaults = Rc::new(HttpDefaults::default());
        let profile = base
            .as_ref()
            .map(|base| thread.base_profile(base, &defaults).unwrap());
        let asker = Asker {
            base: base.as_ref(),
            base_profile: profile.as_ref(),
            defaults: &defaults,
        };
        let query: Vec<_> = query
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
        let target = Target::resolve(&thread, asker, &url.into(), &query)?;
        Ok(format!("{} {}", target.profile.origin.url(), target.path))
    }

    #[test]
    fn urls_lead_where_people_expect() {
        let h = Some("http://h:81");
        for (base, url, expected) in [
            (h, "/x?y=1", "http://h:81 /x?y=1"),
            (h, "x", "http://h:81 /x"),
            (h, "", "http://h:81 /"),
            (h, "?q", "http://h:81 /?q"),
            (h, "/a b/ü#frag", "http://h:81 /a%20b/%C3%BC"),
            (h, "/a/../b/./c", "http://h:81 /b/c"),
            (h, "/.well-known/x", "http://h:81 /.well-known/x"),
            (h, "/go?to=http://other/", "http://h:81 /go?to=http://other/"),
            (h, "//x/y", "http://h:81 //x/y"),
            (h, "https://Other/z?q=%20", "https://other /z?q=%20"),
            (h, "http://h:81", "http://h:81 /"),
            (Some("http://h/api/"), "/x", "http://h /api/x"),
            (Some("http://h/api"), "x", "http://h /api/x"),
            (None, "http://u:p@[::1]:9/z", "http://[::1]:9 /z"),
        ] {
            assert_eq!(resolve(base, url, &[]).unwrap(), expected, "{url}");
        }
        assert_eq!(
            resolve(h, "/s?a=1", &[("q", "x y&z"), ("é", "")]).unwrap(),
            "http://h:81 /s?a=1&q=x+y%26z&%C3%A9="
        );
    }

    #[test]
    fn bad_urls_are_explained() {
        assert!(
            resolve(None, "/x", &[])
                .unwrap_err()
                .starts_with("`/x` is relative but the user class has no host")
        );
        assert!(
            resolve(None, "ftp://h/x", &[])
                .unwrap_err()
                .contains("`ftp:` is not supported")
        );
        assert!(
            resolve(None, "http://h:99999/", &[])
                .unwrap_err()
                .contains("is not a URL")
        );
        assert!(
            resolve(Some("http://h"), &"/x".repeat(MAX_URL), &[])
                .unwrap_err()
                .contains("the limit is")
        );
    }

    #[test]
    fn literals_keep_their_identity() {
        let thread = thread();
        let base = Base::parse("http://h/prefix").unwrap();
        let defaults = Rc::new(HttpDefaults::default());
        let profile = thread.base_profile(&base, &defaults).unwrap();
        let asker = Asker {
            base: Some(&base),
            base_profile: Some(&profile),
            defaults: &defaults,
        };
        let literal: ImmutableString = "/x".into();
        let first = Target::resolve(&thread, asker, &literal, &[]).unwrap();
        let second = Target::resolve(&thread, asker, &literal.clone(), &[]).unwrap();
        assert!(first.path.ptr_eq(&second.path));
        let other = Base::parse("http://other/prefix").unwrap();
        let other_profile = thread.base_profile(&other, &defaults).unwrap();
        let elsewhere = Asker {
            base: Some(&other),
            base_profile: Some(&other_profile),
            defaults: &defaults,
        };
        let third = Target::resolve(&thread, elsewhere, &literal, &[]).unwrap();
        assert_eq!(third.profile.origin.authority, "other");
    }

    proptest::proptest! {
        #[test]
        fn plain_paths_are_what_the_url_crate_would_send(path in "/[a-zA-Z0-9_.~%2e/?&=-]{0,30}") {
            if is_plain_path(&path) {
                let url = Url::parse(&format!("http://h{path}")).unwrap();
                proptest::prop_assert_eq!(path_and_query(&url), path);
            }
        }

        #[test]
        fn no_url_panics(path in ".{0,40}") {
            let _ = resolve(Some("http://h/p"), &path, &[]);
            let _ = resolve(None, &path, &[("a", "b")]);
        }
    }
}

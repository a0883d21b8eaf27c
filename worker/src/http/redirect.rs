//! Where a redirect leads and what is sent there.
//!
//! In: the request and its answer. Out: the next request, or nothing when the answer is final. As browsers do it:
//! 303 turns everything into a GET without a body, 301 and 302 turn POST into GET, 307 and 308 repeat the request;
//! credentials stay with the origin they were given for.

use std::rc::Rc;

use http::Method;
use http::header::{self, HeaderName};

use super::base::masked;
use super::fault::Fault;
use super::message::Message;
use super::response::Answer;
use super::target::Target;
use super::thread::HttpThread;

/// Headers that describe a body, which go when it does.
const ABOUT_BODY: [HeaderName; 5] = [
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LOCATION,
    header::CONTENT_RANGE,
];
/// Headers meant for one origin.
pub(super) const PRIVATE: [HeaderName; 7] = [
    header::AUTHORIZATION,
    header::COOKIE,
    header::PROXY_AUTHORIZATION,
    header::HOST,
    HeaderName::from_static("x-amz-security-token"),
    HeaderName::from_static("x-amz-date"),
    HeaderName::from_static("x-amz-content-sha256"),
];

/// Whether an answer asks to be followed.
pub(super) fn is_redirect(answer: &Answer) -> bool {
    matches!(answer.status, 301 | 302 | 303 | 307 | 308) && answer.location().is_some()
}

/// The request to make instead.
///
/// # Errors
///
/// When the answer points nowhere.
pub(super) fn follow(thread: &HttpThread, mut message: Message, answer: &Answer) -> Result<Message, Fault> {
    let Some(location) = answer.location() else {
        return Err(Fault::Malformed("a redirect without a location"));
    };
    let location = String::from_utf8_lossy(location.as_bytes());
    let nowhere = |error: String| Fault::Request(format!("redirected to `{}`: {error}", masked(&location)));
    let here = message.target.url().map_err(nowhere)?;
    let mut there = here
        .join(location.trim())
        .map_err(|error| nowhere(error.to_string()))?;
    there.set_fragment(None);

    let becomes_get = match answer.status {
        301 | 302 => message.method == Method::POST,
        303 => message.method != Method::GET && message.method != Method::HEAD,
        _ => false,
    };
    if becomes_get {
        message.method = Method::GET;
    }
    // What 303 asks for is to be fetched, whatever was sent before.
    if becomes_get || answer.status == 303 {
        message.body = None;
        for name in ABOUT_BODY {
            message.headers.remove(name);
        }
    }

    let old = &message.target;
    let mut target = Target::of_url(thread, &old.profile.defaults, &there).map_err(nowhere)?;
    if old.profile.origin.is_of(&there) {
        target.profile = Rc::clone(&old.profile);
        target.auth = target.auth.or_else(|| old.auth.clone());
    } else {
        message.is_foreign = true;
        message.auth = None;
        for name in PRIVATE {
            message.headers.remove(name);
        }
    }
    message.target = target;
    if let Some(trace) = &mut message.trace {
        trace.hop();
    }
    Ok(message)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue};
    use katydid_scenario_lang::HttpDefaults;
    use katydid_scenario_lang::host::RequestBody;

    use super::super::base::Base;
    use super::super::tests::support::thread;
    use super::*;

    fn followed(method: &Method, status: u16, location: &str) -> Result<Message, Fault> {
        let thread = thread();
        let base = Base::parse("http://h/").unwrap();
        let defaults = Rc::new(HttpDefaults::default());
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static("secret"));
        headers.insert("cookie", HeaderValue::from_static("own=1"));
        headers.insert("content-type", HeaderValue::from_static("text/x"));
        headers.insert("x-own", HeaderValue::from_static("1"));
        let message = Message {
            method: method.clone(),
            target: Target {
                profile: thread.base_profile(&base, &defaults).unwrap(),
                path: "/a/b?c".into(),
                auth: None,
            },
            headers: headers.into(),
            auth: Some(HeaderValue::from_static("secret")),
            body: Some(RequestBody::new(Bytes::from_static(b"x"), None)),
            is_foreign: false,
            trace: None,
        };
        let mut answer = Answer {
            status,
            ..Answer::default()
        };
        answer
            .headers
            .insert("location", HeaderValue::from_str(location).unwrap());
        assert!(is_redirect(&answer));
        follow(&thread, message, &answer)
    }

    #[test]
    fn methods_change_as_browsers_change_them() {
        let (get, head, post, put) = (Method::GET, Method::HEAD, Method::POST, Method::PUT);
        for (status, before, after) in [
            (301, &get, &get),
            (301, &post, &get),
            (301, &put, &put),
            (302, &head, &head),
            (302, &post, &get),
            (302, &put, &put),
            (303, &post, &get),
            (303, &put, &get),
            (303, &get, &get),
            (303, &head, &head),
            (307, &post, &post),
            (308, &put, &put),
        ] {
            let message = followed(before, status, "/x").unwrap();
            assert_eq!(message.method, *after, "{status} {before}");
            let keeps_body = before == after && status != 303;
            assert_eq!(message.body.is_some(), keeps_body, "{status} {before}");
            assert_eq!(
                message.headers.contains_key("content-type"),
                keeps_body,
                "{status} {before}"
            );
        }
    }

    #[test]
    fn locations_are_resolved() {
        for (location, expected) in [
            ("/x#frag", "http://h/x"),
            ("c", "http://h/a/c"),
            ("../d", "http://h/d"),
            ("?q", "http://h/a/b?q"),
            ("//other/x", "http://other/x"),
            ("https://h/x", "https://h/x"),
            ("http://h:80/x y", "http://h/x%20y"),
        ] {
            let message = followed(&Method::GET, 302, location).unwrap();
            let url = format!("{}{}", message.target.profile.origin.url(), message.target.path);
            assert_eq!(url, expected, "{location}");
            let stays = expected.starts_with("http://h/");
            assert_eq!(!message.is_foreign, stays, "{location}");
            for name in ["authorization", "cookie"] {
                assert_eq!(message.headers.contains_key(name), stays, "{location}");
            }
            assert_eq!(message.auth.is_some(), stays);
            assert!(message.headers.contains_key("x-own"));
        }
        for location in ["http://", "ftp://h/x", "http://me:secret@h:x/"] {
            let text = followed(&Method::GET, 302, location).unwrap_err().text();
            assert!(
                text.starts_with("redirected to") && !text.contains("secret"),
                "{text}"
            );
        }
    }

    proptest::proptest! {
        /// Wherever a server points, the next request leads to an HTTP origin, or there is none.
        #[test]
        fn no_location_breaks_anything(
            status in proptest::sample::select(vec![301u16, 302, 303, 307, 308]),
            location in "([a-z]{0,6}:)?/{0,3}[!-~]{0,20}",
        ) {
            match followed(&Method::POST, status, &location) {
                Ok(next) => {
                    let url = next.target.url().unwrap();
                    proptest::prop_assert!(matches!(url.scheme(), "http" | "https"), "{url}");
                    let home = url.host_str() == Some("h") && url.port_or_known_default() == Some(80);
                    proptest::prop_assert!(home || !next.headers.contains_key("authorization"), "{url}");
                }
                Err(fault) => proptest::prop_assert!(!fault.text().is_empty()),
            }
        }
    }
}

//! A request on its way: the target, the headers a script gave, the body; and how HTTP/1.1 and HTTP/2 spell it.
//!
//! Precedence of headers: the request's own, then the class's, then ours. Cookies are merged, framing is ours alone.

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Uri, Version};
use katydid_scenario_lang::LeanHeaders;
use katydid_scenario_lang::host::RequestBody;

use super::origin::{is_framing, write_header};
use super::pieces::Pieces;
use super::target::Target;
use super::trace_context::{TRACEPARENT, TraceParent};

/// A body up to this size is sent in one write with the head.
const MAX_INLINE_BODY: usize = 16 * 1024;

/// A request to one target. Redirects make another.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) method: Method,
    pub(super) target: Target,
    /// What the script gave; wins over the class's.
    pub(super) headers: LeanHeaders,
    /// Credentials of the request; win over everything.
    pub(super) auth: Option<HeaderValue>,
    pub(super) body: Option<RequestBody>,
    /// Whether a redirect led to another origin, which is not to get the credentials meant for the first.
    pub(super) is_foreign: bool,
    /// Who it is, to tracing systems; `None` when nobody asked for that, or the script says it itself.
    pub(super) trace: Option<TraceParent>,
}

/// A request as HTTP/1.1 writes it.
#[derive(Debug)]
pub(super) struct Wire {
    /// The head, and a small body.
    pub(super) head: Vec<u8>,
    /// A large body, or the first large piece of one.
    pub(super) body: Bytes,
    /// The pieces after that, the next one last.
    pub(super) more: Vec<Bytes>,
    /// Whether the script asked for the connection to be closed.
    pub(super) closes: bool,
    /// Whether the body waits for the server to ask for it (`expect: 100-continue`).
    pub(super) is_held: bool,
}

// === impl Message ===

impl Message {
    /// Writes the request for HTTP/1.1 into `out`, which must be empty.
    pub(super) fn wire(&self, cookies: Option<&HeaderValue>, mut out: Vec<u8>) -> Wire {
        let profile = &self.target.profile;
        out.extend_from_slice(self.method.as_str().as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.target.path.as_bytes());
        out.extend_from_slice(b" HTTP/1.1\r\n");
        let class_names_cookies = cookies.is_some() && profile.defaults.headers.contains_key(header::COOKIE);
        if self.headers.is_empty() && self.own_auth().is_none() && !self.is_foreign && !class_names_cookies {
            out.extend_from_slice(&profile.block);
            if let Some(cookies) = cookies {
                write_header(&mut out, &header::COOKIE, cookies);
            }
        } else {
            self.for_each_header(cookies, |name, value| write_header(&mut out, name, value));
        }
        if let Some(trace) = &self.trace {
            out.extend_from_slice(b"traceparent: ");
            out.extend_from_slice(&trace.text());
            out.extend_from_slice(b"\r\n");
        }
        if let Some(content_type) = self.content_type() {
            out.extend_from_slice(b"content-type: ");
            out.extend_from_slice(content_type.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        if let Some(length) = self.content_length() {
            out.extend_from_slice(b"content-length: ");
            write_number(&mut out, length);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        let mut body = Bytes::new();
        let mut more = Vec::new();
        let is_held = self.expects_continue();
        if let Some(own) = &self.body {
            if own.bytes.len() <= MAX_INLINE_BODY && !is_held {
                out.extend_from_slice(&own.bytes);
            } else {
                body = own.bytes.clone();
            }
            more.extend(own.more.iter().rev().cloned());
        }
        let closes = says_close(&self.headers) || says_close(&profile.defaults.headers);
        Wire {
            head: out,
            body,
            more,
            closes,
            is_held,
        }
    }

    /// The request for HTTP/2.
    ///
    /// # Errors
    ///
    /// When the URL is none HTTP/2 can carry.
    pub(super) fn http2(&self, cookies: Option<&HeaderValue>) -> Result<Request<Pieces>, http::Error> {
        let profile = &self.target.profile;
        let own_host = self
            .headers
            .get(header::HOST)
            .or_else(|| profile.defaults.headers.get(header::HOST));
        let authority = own_host
            .and_then(|host| host.to_str().ok())
            .unwrap_or(&profile.origin.authority);
        let uri = Uri::builder()
            .scheme(profile.origin.scheme.name())
            .authority(authority)
            .path_and_query(self.target.path.as_str())
            .build()?;
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(uri)
            .version(Version::HTTP_2)
            .body(Pieces::of(self.body.as_ref()))?;
        let headers = request.headers_mut();
        self.for_each_header(cookies, |name, value| {
            if !is_hop_by_hop(name) {
                headers.append(name.clone(), value.clone());
            }
        });
        if let Some(value) = self.traceparent() {
            headers.insert(TRACEPARENT, value);
        }
        if let Some(content_type) = self.content_type() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        if let Some(length) = self.content_length() {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        Ok(request)
    }

    /// The `cookie` header the script gave itself, or else its class's.
    pub(super) fn own_cookies(&self) -> Option<&HeaderValue> {
        self.headers
            .get(header::COOKIE)
            .or_else(|| self.target.profile.defaults.headers.get(header::COOKIE))
    }

    /// Whether there is a body that waits until the server asks for it.
    fn expects_continue(&self) -> bool {
        let Some(body) = &self.body else {
            return false;
        };
        let says = |headers: &HeaderMap| {
            let values = headers.get_all(header::EXPECT);
            values
                .iter()
                .any(|value| lists(value.as_bytes(), b"100-continue"))
        };
        let class = &self.target.profile.defaults.headers;
        !body.is_empty()
            && (!self.headers.is_empty() && says(&self.headers)
                || !class.is_empty() && !self.headers.contains_key(header::EXPECT) && says(class))
    }

    fn own_auth(&self) -> Option<&HeaderValue> {
        self.auth.as_ref().or(self.target.auth.as_ref())
    }

    /// What it says to tracing systems, as a header.
    pub(super) fn traceparent(&self) -> Option<HeaderValue> {
        self.trace.as_ref()?.value()
    }

    /// All headers but those that describe the body, and `traceparent`.
    pub(super) fn for_each_header(
        &self,
        cookies: Option<&HeaderValue>,
        mut each: impl FnMut(&HeaderName, &HeaderValue),
    ) {
        let profile = &self.target.profile;
        // The request's own credentials win over its `authorization` header, which wins over the URL's.
        let auth = match &self.auth {
            Some(auth) => Some(auth),
            None if self.headers.contains_key(header::AUTHORIZATION) => None,
            None => self.target.auth.as_ref(),
        };
        let replaces_auth = auth.is_some() || self.is_foreign;
        for (name, value) in &profile.headers {
            let replaced = self.headers.contains_key(name)
                || *name == header::COOKIE && (cookies.is_some() || self.is_foreign)
                || *name == header::AUTHORIZATION && replaces_auth;
            if !replaced {
                each(name, value);
            } else if *name == header::HOST
                && let Some(own) = self.headers.get(name)
            {
                each(name, own);
            }
        }
        for (name, value) in self.headers.iter() {
            let dropped = *name == header::HOST
                || is_framing(name)
                || *name == header::COOKIE && cookies.is_some()
                || *name == header::AUTHORIZATION && self.auth.is_some();
            if !dropped {
                each(name, value);
            }
        }
        if let Some(cookies) = cookies {
            each(&header::COOKIE, cookies);
        }
        if let Some(auth) = auth {
            each(&header::AUTHORIZATION, auth);
        }
    }

    /// The content type the body implies, unless somebody names one.
    pub(super) fn content_type(&self) -> Option<&'static str> {
        let content_type = self.body.as_ref()?.content_type?;
        let named = self.target.profile.has_content_type || self.headers.contains_key(header::CONTENT_TYPE);
        (!named).then_some(content_type)
    }

    /// The length of the body, where it is to be said.
    pub(super) fn content_length(&self) -> Option<usize> {
        match &self.body {
            Some(body) => Some(body.len()),
            // A server may want to know that nothing follows where something usually does.
            None => matches!(self.method, Method::POST | Method::PUT | Method::PATCH).then_some(0),
        }
    }
}

fn write_number(out: &mut Vec<u8>, mut number: usize) {
    let mut digits = [0_u8; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        // The remainder is one digit.
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

/// Whether `connection` lists `close`.
pub(super) fn says_close(headers: &HeaderMap) -> bool {
    !headers.is_empty()
        && headers
            .get_all(header::CONNECTION)
            .iter()
            .any(|value| lists(value.as_bytes(), b"close"))
}

/// Whether a comma-separated list has a word, in any case.
pub(super) fn lists(list: &[u8], word: &[u8]) -> bool {
    list.split(|byte| *byte == b',')
        .any(|item| item.trim_ascii().eq_ignore_ascii_case(word))
}

/// Headers that belong to a connection, which HTTP/2 forbids, and those it spells otherwise.
fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        *name,
        header::HOST | header::CONNECTION | header::TRANSFER_ENCODING | header::UPGRADE | header::TE
    ) || name == "keep-alive"
        || name == "proxy-connection"
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use katydid_scenario_lang::HttpDefaults;
    use katydid_scenario_lang::host::Auth;

    use super::super::base::Base;
    use super::super::origin::credentials;
    use super::super::tests::support::thread;
    use super::*;

    fn message(defaults: HttpDefaults) -> Message {
        let thread = thread();
        let base = Base::parse("http://base:word@h").unwrap();
        Message {
            method: Method::POST,
            target: Target {
                profile: thread.base_profile(&base, &Rc::new(defaults)).unwrap(),
                path: "/x?y".into(),
                auth: None,
            },
            headers: LeanHeaders::default(),
            auth: None,
            body: None,
            is_foreign: false,
            trace: None,
        }
    }

    fn lines(message: &Message, cookies: Option<&str>) -> Vec<String> {
        let cookies = cookies.map(|text| HeaderValue::from_str(text).unwrap());
        let wire = message.wire(cookies.as_ref(), Vec::new());
        String::from_utf8(wire.head)
            .unwrap()
            .split("\r\n")
            .map(ToOwned::to_owned)
            .collect()
    }

    #[test]
    fn the_common_case_is_the_profile_and_little_else() {
        let lines = lines(&message(HttpDefaults::default()), Some("a=1"));
        assert_eq!(lines[0], "POST /x?y HTTP/1.1");
        assert_eq!(lines[1], "host: h");
        assert!(lines[2].starts_with("user-agent: katydid/"));
        assert_eq!(
            lines[3..],
            [
                "accept: */*",
                "accept-encoding: gzip, deflate, br, zstd",
                "authorization: Basic YmFzZTp3b3Jk",
                "cookie: a=1",
                "content-length: 0",
                "",
                ""
            ]
        );
    }

    #[test]
    fn the_request_wins_over_the_class_and_the_class_over_us() {
        let mut defaults = HttpDefaults::default();
        defaults
            .headers
            .insert("x-class", HeaderValue::from_static("class"));
        defaults
            .headers
            .insert("x-both", HeaderValue::from_static("class"));
        defaults
            .headers
            .insert("content-type", HeaderValue::from_static("text/class"));
        let mut message = message(defaults);
        message.headers.insert("x-both", HeaderValue::from_static("own"));
        message.headers.insert("host", HeaderValue::from_static("other"));
        message
            .headers
            .insert("content-length", HeaderValue::from_static("77"));
        message
            .headers
            .insert("cookie", HeaderValue::from_static("own=1"));
        message.auth = credentials(&Auth::Bearer("token".into())).unwrap();
        message.body = Some(RequestBody::new(
            Bytes::from_static(b"{}"),
            Some("application/json"),
        ));
        let lines = lines(&message, Some("own=1; jar=2"));
        assert_eq!(lines[1], "host: other");
        assert_eq!(
            lines[4..],
            [
                "accept-encoding: gzip, deflate, br, zstd",
                "x-class: class",
                "content-type: text/class",
                "x-both: own",
                "cookie: own=1; jar=2",
                "authorization: Bearer token",
                "content-length: 2",
                "",
                "{}"
            ]
        );
    }

    #[test]
    fn strangers_get_no_credentials() {
        let mut message = message(HttpDefaults::default());
        message.is_foreign = true;
        assert!(
            lines(&message, None)
                .iter()
                .all(|line| !line.starts_with("authorization"))
        );
    }

    #[test]
    fn http2_has_an_authority_and_no_connection_headers() {
        let mut message = message(HttpDefaults::default());
        message
            .headers
            .insert("connection", HeaderValue::from_static("close"));
        let request = message.http2(None).unwrap();
        assert_eq!(request.uri(), "http://h/x?y");
        assert!(!request.headers().contains_key("host") && !request.headers().contains_key("connection"));
        assert_eq!(request.headers()["accept"], "*/*");
        assert!(message.wire(None, Vec::new()).closes);
    }

    #[test]
    fn numbers_are_written_in_full() {
        for number in [0, 7, 10, 16_384, usize::MAX] {
            let mut out = Vec::new();
            write_number(&mut out, number);
            assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
        }
    }

    #[test]
    fn large_bodies_are_not_copied() {
        let mut message = message(HttpDefaults::default());
        message.body = Some(RequestBody {
            more: vec![Bytes::from_static(b"second"), Bytes::from_static(b"third")],
            ..RequestBody::new(Bytes::from(vec![b'x'; MAX_INLINE_BODY + 1]), None)
        });
        let wire = message.wire(None, Vec::new());
        assert_eq!(wire.body.len(), MAX_INLINE_BODY + 1);
        assert_eq!(wire.more, ["third", "second"]);
        assert!(wire.head.ends_with(b"content-length: 16396\r\n\r\n"));
    }
}

//! The size of a request that somebody else writes.
//!
//! In: a request as it is handed to reqwest, then the redirects it follows and the cookies it adds. Out: the bytes
//! HTTP/1.1 writes for it. reqwest does not let anybody look at its connections, so this is computed, not counted.

use http::header::{self, HeaderName};
use http::{HeaderMap, Method};
use url::Url;

/// Method, path and version, without their texts: two spaces, `HTTP/1.1`, a line end; and the empty line.
const FRAME: usize = 2 + 8 + 2 + 2;
/// `: ` and a line end.
const HEADER_FRAME: usize = 4;

/// A request, as far as its size is concerned.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    method: Method,
    path: usize,
    /// The `host` header; its value is the URL's authority unless the request has its own.
    host: usize,
    has_own_host: bool,
    /// Headers that go wherever the request is redirected to.
    common: usize,
    /// Headers that stay with their origin.
    private: usize,
    /// The body and the headers that describe it.
    body: usize,
    /// What the jar adds.
    cookies: usize,
}

impl Outgoing {
    /// A request to be sent to `url`.
    pub(super) fn new(method: &Method, url: &Url, headers: &HeaderMap, body: usize) -> Self {
        let mut outgoing = Self {
            method: method.clone(),
            body,
            has_own_host: headers.contains_key(header::HOST),
            ..Self::default()
        };
        outgoing.aim(url);
        for (name, value) in headers {
            let size = header_size(name, value.len());
            match *name {
                header::HOST => outgoing.host = size,
                header::AUTHORIZATION | header::COOKIE | header::PROXY_AUTHORIZATION => {
                    outgoing.private += size;
                }
                header::CONTENT_LENGTH | header::CONTENT_TYPE | header::CONTENT_ENCODING => {
                    outgoing.body += size;
                }
                _ => outgoing.common += size,
            }
        }
        outgoing
    }

    /// It is redirected: what is sent next goes elsewhere, perhaps without a body.
    pub(super) fn redirect(&mut self, status: u16, from: Option<&Url>, to: &Url) {
        let becomes_get = match status {
            301 | 302 => self.method == Method::POST,
            303 => true,
            _ => false,
        };
        if becomes_get {
            if self.method != Method::HEAD {
                self.method = Method::GET;
            }
            self.body = 0;
        }
        if from.is_some_and(|from| from.origin() != to.origin()) {
            self.private = 0;
        }
        self.cookies = 0;
        self.aim(to);
    }

    /// Its method.
    pub(super) const fn method(&self) -> &Method {
        &self.method
    }

    /// The jar's `cookie` header goes with it.
    pub(super) fn add_cookies(&mut self, length: usize) {
        self.cookies = header_size(&header::COOKIE, length);
    }

    /// Bytes of all of it.
    pub(super) fn size(&self) -> u64 {
        let parts = [
            FRAME,
            self.method.as_str().len(),
            self.path,
            self.host,
            self.common,
            self.private,
            self.body,
            self.cookies,
        ];
        parts.iter().map(|part| *part as u64).sum()
    }

    fn aim(&mut self, url: &Url) {
        self.path = url.path().len() + url.query().map_or(0, |query| query.len() + 1);
        if !self.has_own_host {
            let host = url.host_str().map_or(0, str::len);
            let port = url.port().map_or(0, |port| port.to_string().len() + 1);
            self.host = header_size(&header::HOST, host + port);
        }
    }
}

fn header_size(name: &HeaderName, value: usize) -> usize {
    name.as_str().len() + value + HEADER_FRAME
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn it_is_what_http_writes() {
        let url = |text: &str| Url::parse(text).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static("Bearer x"));
        headers.insert("content-length", HeaderValue::from_static("3"));
        headers.insert("x-own", HeaderValue::from_static("1"));
        let mut outgoing = Outgoing::new(&Method::POST, &url("http://h:81/a?b"), &headers, 3);
        outgoing.add_cookies("c=1".len());
        let text = "POST /a?b HTTP/1.1\r\nhost: h:81\r\nauthorization: Bearer x\r\nx-own: 1\r\ncookie: c=1\r\n\
                    content-length: 3\r\n\r\n{ }";
        assert_eq!(outgoing.size(), text.len() as u64);
        outgoing.redirect(307, Some(&url("http://h:81/")), &url("http://h:81/b"));
        let text = "POST /b HTTP/1.1\r\nhost: h:81\r\nauthorization: Bearer x\r\nx-own: 1\r\ncontent-length: 3\r\n\r\n{ }";
        assert_eq!(outgoing.size(), text.len() as u64);
        outgoing.redirect(302, Some(&url("http://h:81/")), &url("http://other/"));
        let text = "GET / HTTP/1.1\r\nhost: other\r\nx-own: 1\r\n\r\n";
        assert_eq!(outgoing.size(), text.len() as u64);
    }
}

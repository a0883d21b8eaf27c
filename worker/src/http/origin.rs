//! Where requests go: an origin (scheme, host, port), and a profile (an origin as users of one class address it).
//!
//! In: parsed URLs and a class's defaults. Out: the header lines every request to that origin carries, written once.

use std::cell::Cell;
use std::net::IpAddr;
use std::rc::Rc;

use http::header::{self, HeaderName, HeaderValue};
use katydid_scenario_lang::HttpDefaults;
use katydid_scenario_lang::host::Auth;
use url::{Host, Url};

use super::connect::Connection;

/// What we can decode, as curl and browsers say it.
const ACCEPT_ENCODING: &str = "gzip, deflate, br, zstd";

/// How to speak to an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

/// A host as it is to be connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HostName {
    /// To be resolved; ASCII, lower case.
    Name(String),
    /// An address, nothing to resolve.
    Address(IpAddr),
}

/// Scheme, host and port: what a connection is for.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) scheme: Scheme,
    pub(super) host: HostName,
    pub(super) port: u16,
    /// `host` or `host:port`, as the `host` header says it.
    pub(super) authority: String,
    /// Whether the last connection to it spoke HTTP/2; unknown before the first.
    speaks_http2: Cell<Option<bool>>,
}

/// An origin as the users of one class address it: the headers all their requests carry.
#[derive(Debug)]
pub(super) struct Profile {
    pub(super) origin: Rc<Origin>,
    /// Identifies the class; kept so that its address stays its own.
    pub(super) defaults: Rc<HttpDefaults>,
    /// Credentials of the base URL.
    pub(super) base_auth: Option<HeaderValue>,
    /// `host` first, in the order they are sent; no two with one name but for repeated class headers.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// The same, as HTTP/1.1 writes them.
    pub(super) block: Vec<u8>,
    /// Whether the class names a content type itself.
    pub(super) has_content_type: bool,
}

// === impl Origin ===

/// What it speaks is no part of what it is, and its authority follows from the rest.
impl PartialEq for Origin {
    fn eq(&self, other: &Self) -> bool {
        self.scheme == other.scheme && self.port == other.port && self.host == other.host
    }
}

impl Origin {
    /// The origin of a URL.
    ///
    /// # Errors
    ///
    /// What is wrong with it, for people.
    pub(super) fn of(url: &Url) -> Result<Self, String> {
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            other => {
                return Err(format!(
                    "`{other}:` is not supported: URLs start with `http://` or `https://`"
                ));
            }
        };
        let (host, shown) = match url.host() {
            Some(Host::Domain(name)) => (HostName::Name(name.to_owned()), name.to_owned()),
            Some(Host::Ipv4(address)) => (HostName::Address(IpAddr::V4(address)), address.to_string()),
            Some(Host::Ipv6(address)) => (HostName::Address(IpAddr::V6(address)), format!("[{address}]")),
            None => return Err("the URL names no host".to_owned()),
        };
        let authority = match url.port() {
            Some(port) => format!("{shown}:{port}"),
            None => shown,
        };
        Ok(Self {
            scheme,
            host,
            port: url.port_or_known_default().unwrap_or(80),
            authority,
            speaks_http2: Cell::new(None),
        })
    }

    /// Notes what a new connection speaks.
    pub(super) fn speaks(&self, connection: &Connection) {
        self.speaks_http2
            .set(Some(matches!(connection, Connection::H2(_))));
    }

    /// Whether it spoke HTTP/2 last.
    pub(super) fn is_http2(&self) -> bool {
        self.speaks_http2.get() == Some(true)
    }

    /// Whether a connection that is being made may turn out to take several requests at once. `by_will` says whether
    /// HTTP/2 is spoken without asking.
    pub(super) fn may_speak_http2(&self, by_will: bool) -> bool {
        self.speaks_http2
            .get()
            .unwrap_or(by_will || self.scheme == Scheme::Https)
    }

    /// Whether a URL has this origin, without building another.
    pub(super) fn is_of(&self, url: &Url) -> bool {
        self.scheme.name() == url.scheme()
            && url.port_or_known_default() == Some(self.port)
            && match (&self.host, url.host()) {
                (HostName::Name(own), Some(Host::Domain(other))) => own == other,
                (HostName::Address(IpAddr::V4(own)), Some(Host::Ipv4(other))) => *own == other,
                (HostName::Address(IpAddr::V6(own)), Some(Host::Ipv6(other))) => *own == other,
                _ => false,
            }
    }

    /// `http://host:port`.
    pub(super) fn url(&self) -> String {
        format!("{}://{}", self.scheme.name(), self.authority)
    }

    /// The host, as people write it.
    pub(super) fn host_text(&self) -> String {
        match &self.host {
            HostName::Name(name) => name.clone(),
            HostName::Address(address) => address.to_string(),
        }
    }
}

impl Scheme {
    /// As in URLs.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

// === impl Profile ===

impl Profile {
    /// Puts together what all requests of a class to an origin have in common. Class headers replace our own.
    ///
    /// # Errors
    ///
    /// When the class's credentials cannot be a header.
    pub(super) fn new(
        origin: Rc<Origin>,
        defaults: Rc<HttpDefaults>,
        base_auth: Option<HeaderValue>,
        user_agent: &HeaderValue,
    ) -> Result<Self, String> {
        let host = HeaderValue::from_str(&origin.authority)
            .map_err(|_| format!("`{}` is not a host", origin.authority))?;
        let ours = [
            (header::HOST, host),
            (header::USER_AGENT, user_agent.clone()),
            (header::ACCEPT, HeaderValue::from_static("*/*")),
            (header::ACCEPT_ENCODING, HeaderValue::from_static(ACCEPT_ENCODING)),
        ];
        let mut headers: Vec<(HeaderName, HeaderValue)> =
            Vec::with_capacity(ours.len() + defaults.headers.len());
        for (name, value) in ours {
            if !defaults.headers.contains_key(&name) {
                headers.push((name, value));
            } else if name == header::HOST {
                // Still first, as servers like it.
                headers.extend(defaults.headers.get(&name).map(|value| (name, value.clone())));
            }
        }
        for (name, value) in &defaults.headers {
            if *name != header::HOST && !is_framing(name) {
                headers.push((name.clone(), value.clone()));
            }
        }
        let auth = match &defaults.auth {
            Some(auth) => credentials(auth)?,
            None => base_auth.clone(),
        };
        if let Some(auth) = auth
            && !defaults.headers.contains_key(header::AUTHORIZATION)
        {
            headers.push((header::AUTHORIZATION, auth));
        }
        let closes = defaults
            .connection
            .as_ref()
            .is_some_and(|settings| !settings.keep_alive);
        if closes && !defaults.headers.contains_key(header::CONNECTION) {
            headers.push((header::CONNECTION, HeaderValue::from_static("close")));
        }
        let mut block = Vec::with_capacity(256);
        for (name, value) in &headers {
            write_header(&mut block, name, value);
        }
        let has_content_type = defaults.headers.contains_key(header::CONTENT_TYPE);
        Ok(Self {
            origin,
            defaults,
            base_auth,
            headers,
            block,
            has_content_type,
        })
    }
}

/// Headers that say where a message ends: ours to write, whatever a script says.
pub(super) fn is_framing(name: &HeaderName) -> bool {
    *name == header::CONTENT_LENGTH || *name == header::TRANSFER_ENCODING
}

/// Writes one header line.
pub(super) fn write_header(out: &mut Vec<u8>, name: &HeaderName, value: &HeaderValue) {
    out.extend_from_slice(name.as_str().as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Credentials as the value of `authorization`; `None` for those that depend on the request.
///
/// # Errors
///
/// When they contain what no header can carry.
pub(super) fn credentials(auth: &Auth) -> Result<Option<HeaderValue>, String> {
    let text = match auth {
        // These differ from request to request: see `proof`.
        Auth::Digest(..) | Auth::Aws(_) => return Ok(None),
        Auth::Basic(user, password) => format!("Basic {}", base64(format!("{user}:{password}").as_bytes())),
        Auth::Bearer(token) => format!("Bearer {token}"),
    };
    secret_header(&text).map(Some)
}

/// A header's value that nothing shows.
///
/// # Errors
///
/// When it is none a header can carry.
pub(super) fn secret_header(text: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| "the credentials contain characters a header cannot carry (a line break?)".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

/// Base64 with padding; a dozen lines, so that a header needs no dependency.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk
            .iter()
            .fold(0_u32, |word, byte| word << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            if place <= chunk.len() {
                let index = (word >> (18 - 6 * place)) & 63;
                text.push(char::from(ALPHABET[index as usize]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(url: &str) -> Origin {
        Origin::of(&Url::parse(url).unwrap()).unwrap()
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let plain = origin("http://Example.COM/x");
        assert_eq!((plain.port, plain.authority.as_str()), (80, "example.com"));
        assert_eq!(origin("https://h:443/").authority, "h");
        assert_eq!(origin("https://h:444/").authority, "h:444");
        let v6 = origin("http://[::1]:8080/");
        assert_eq!(v6.authority, "[::1]:8080");
        assert_eq!(
            v6.host,
            HostName::Address(IpAddr::V6(std::net::Ipv6Addr::LOCALHOST))
        );
        assert!(v6.is_of(&Url::parse("http://[::1]:8080/other").unwrap()));
        assert!(!v6.is_of(&Url::parse("https://[::1]:8080/other").unwrap()));
        assert!(
            Origin::of(&Url::parse("ftp://h/").unwrap())
                .unwrap_err()
                .contains("not supported")
        );
    }

    #[test]
    fn class_headers_replace_ours() {
        let mut defaults = HttpDefaults::default();
        defaults
            .headers
            .insert(header::ACCEPT, HeaderValue::from_static("text/html"));
        defaults
            .headers
            .insert(header::CONTENT_LENGTH, HeaderValue::from_static("9"));
        defaults.auth = Some(Auth::Basic("Aladdin".into(), "open sesame".into()));
        let profile = Profile::new(
            Rc::new(origin("http://h:81/")),
            Rc::new(defaults),
            None,
            &HeaderValue::from_static("katydid/1"),
        )
        .unwrap();
        assert_eq!(
            String::from_utf8(profile.block).unwrap(),
            "host: h:81\r\nuser-agent: katydid/1\r\naccept-encoding: gzip, deflate, br, zstd\r\naccept: text/html\r\n\
             authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"
        );
    }

    #[test]
    fn base64_pads() {
        assert_eq!(base64(b""), "");
        assert_eq!(base64(b"f"), "Zg==");
        assert_eq!(base64(b"fo"), "Zm8=");
        assert_eq!(base64(b"foo"), "Zm9v");
        assert_eq!(base64(&[0xff, 0xfe, 0xfd, 0xfc]), "//79/A==");
    }
}

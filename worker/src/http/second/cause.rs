//! What reqwest's errors mean, in our words.
//!
//! In: an error of reqwest and what is known of the moment. Out: the [`Fault`] the direct transport would report for the
//! same cause, so that failures group whatever carried the request.

use std::error::Error;
use std::io;
use std::time::Duration;

use url::Url;

use super::super::connect::{no_answer, place};
use super::super::fault::{Fault, Stage, http2_text};
use super::super::origin::Origin;
use super::connecting::Unresolved;
use super::gauge::TooManyRedirects;

/// What is known of the moment at which it went wrong.
#[derive(Debug)]
pub(super) struct Moment {
    /// What was being asked, redirects followed.
    pub(super) url: Url,
    /// The proxy that is connected to in place of the URL's host.
    pub(super) proxy: Via,
    pub(super) stage: Stage,
    /// The name being resolved.
    pub(super) resolving: Option<String>,
    /// Limit for connecting.
    pub(super) limit: Duration,
}

/// Whom reqwest connects to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Via {
    /// The server itself.
    Nobody,
    /// A proxy, `host:port`.
    Proxy(String),
    /// A proxy or not, as the system's settings say.
    Perhaps,
}

/// What the library says of a SOCKS proxy it could not connect to; the reason it keeps to itself.
const UNREACHED: &str = "SOCKS error: failed to create underlying connection";

type Cause<'a> = &'a (dyn Error + 'static);

/// What went wrong.
pub(super) fn fault(error: &reqwest::Error, moment: Moment) -> Fault {
    let causes = causes(error);
    if let Some(TooManyRedirects(limit)) = find(&causes) {
        return Fault::TooManyRedirects(*limit);
    }
    if let Some(unresolved) = find::<Unresolved>(&causes) {
        return Fault::Resolve {
            host: unresolved.host.clone(),
            source: copy(&unresolved.source),
        };
    }
    if error.is_connect() {
        return connect_fault(error, &causes, moment);
    }
    if error.is_redirect() || error.is_builder() {
        return Fault::Told(format!(
            "redirected to what is no URL of the web: {}",
            last(&causes, error)
        ));
    }
    if let Some(http) = find::<hyper::Error>(&causes) {
        return http_fault(http, &causes, moment.stage);
    }
    match find::<io::Error>(&causes) {
        Some(source) => io_fault(source, moment.stage),
        None => Fault::Told(last(&causes, error)),
    }
}

fn connect_fault(error: &reqwest::Error, causes: &[Cause<'_>], moment: Moment) -> Fault {
    let origin = Origin::of(&moment.url);
    let (host, server) = origin.map_or_else(
        |_| ("the server".to_owned(), "the server".to_owned()),
        |origin| (origin.host_text(), place(&origin)),
    );
    let to = match moment.proxy {
        Via::Nobody => server,
        Via::Proxy(proxy) => proxy,
        Via::Perhaps => format!("{server} or the proxy before it"),
    };
    if let Some(cause) = find::<rustls::Error>(causes) {
        let source = io::Error::new(io::ErrorKind::InvalidData, cause.clone());
        return Fault::Tls { host, source };
    }
    let source = find::<io::Error>(causes);
    if let Some(source) = source.filter(|source| is_unconnected(source)) {
        return Fault::Connect {
            to,
            source: copy(source),
        };
    }
    if error.is_timeout() {
        return match moment.resolving {
            Some(host) => no_answer(host, moment.limit),
            None => Fault::ConnectTimeout {
                to,
                limit: moment.limit,
            },
        };
    }
    if causes.iter().any(|cause| cause.to_string() == UNREACHED) {
        return Fault::Told(format!("could not connect to {to}"));
    }
    if let Some(words) = causes.iter().find_map(|cause| proxy_words(&cause.to_string())) {
        return Fault::Told(words);
    }
    match (source, find::<hyper::Error>(causes)) {
        (Some(source), _) if moment.url.scheme() == "https" => Fault::Tls {
            host,
            source: copy(source),
        },
        (Some(source), _) => Fault::Connect {
            to,
            source: copy(source),
        },
        (None, Some(http)) => http_fault(http, causes, Stage::Connecting),
        (None, None) => Fault::Told(format!("could not connect to {to}: {}", last(causes, error))),
    }
}

/// Whether there is not even a connection on which something could have gone wrong.
fn is_unconnected(source: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    let is_systems = source.raw_os_error().is_some();
    let is_early = matches!(
        source.kind(),
        Kind::ConnectionRefused | Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::AddrNotAvailable
    );
    is_early || is_systems && !matches!(source.kind(), Kind::ConnectionReset | Kind::BrokenPipe)
}

/// What a proxy did, from the words of the library that speaks to it, which gives no more than words.
fn proxy_words(text: &str) -> Option<String> {
    let (kind, what) = [
        ("tunnel error: ", "the proxy"),
        ("SOCKS error: ", "the SOCKS proxy"),
    ]
    .iter()
    .find_map(|(prefix, who)| Some((*who, text.strip_prefix(prefix)?)))?;
    Some(match what {
        "proxy authorization required" => {
            format!("{kind} wants other credentials (status 407): put `user:password@` into its URL")
        }
        "unsuccessful" => format!("{kind} refused to connect to the server"),
        "unexpected end of file" => {
            format!("{kind} closed the connection before it was connected to the server")
        }
        other => format!("{kind} did not connect to the server: {other}"),
    })
}

fn http_fault(error: &hyper::Error, causes: &[Cause<'_>], stage: Stage) -> Fault {
    if error.is_incomplete_message() {
        return Fault::Closed { stage };
    }
    if error.is_parse_status() {
        return Fault::Malformed("invalid status line");
    }
    if error.is_parse_too_large() {
        return Fault::Malformed("too many headers");
    }
    if error.is_parse() {
        let text = error.to_string();
        return Fault::Malformed(if text.contains("header") {
            "invalid header"
        } else {
            "not HTTP"
        });
    }
    match find::<io::Error>(causes) {
        Some(source) => io_fault(source, stage),
        None => Fault::Told(http2_text(error, stage)),
    }
}

fn io_fault(source: &io::Error, stage: Stage) -> Fault {
    match source.kind() {
        io::ErrorKind::UnexpectedEof => Fault::Closed { stage },
        // The library's word for a body that is not framed as its head says.
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData if source.raw_os_error().is_none() => {
            match inner(source) {
                Some(_) => Fault::Io {
                    source: copy(source),
                    stage,
                },
                None => Fault::Malformed("invalid chunked encoding"),
            }
        }
        _ => Fault::Io {
            source: copy(source),
            stage,
        },
    }
}

/// The causes of an error, the nearest first.
fn causes(error: &reqwest::Error) -> Vec<Cause<'_>> {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause);
        // An I/O error gives its inner error's source where its own is asked for.
        next = match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => cause.source(),
        };
    }
    causes
}

fn find<'a, E: Error + 'static>(causes: &[Cause<'a>]) -> Option<&'a E> {
    causes.iter().rev().find_map(|cause| cause.downcast_ref::<E>())
}

fn last(causes: &[Cause<'_>], error: &reqwest::Error) -> String {
    causes
        .last()
        .map_or_else(|| error.to_string(), ToString::to_string)
}

fn inner(source: &io::Error) -> Option<&rustls::Error> {
    source.get_ref()?.downcast_ref::<rustls::Error>()
}

/// The same error once more, as far as messages are concerned.
fn copy(source: &io::Error) -> io::Error {
    match (source.raw_os_error(), inner(source)) {
        (Some(code), _) => io::Error::from_raw_os_error(code),
        (None, Some(tls)) => io::Error::new(source.kind(), tls.clone()),
        (None, None) => io::Error::new(source.kind(), source.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_proxies_say_is_told() {
        assert_eq!(
            proxy_words("tunnel error: proxy authorization required").unwrap(),
            "the proxy wants other credentials (status 407): put `user:password@` into its URL"
        );
        assert_eq!(
            proxy_words("SOCKS error: credentials not accepted").unwrap(),
            "the SOCKS proxy did not connect to the server: credentials not accepted"
        );
        assert_eq!(proxy_words("connection refused"), None);
    }

    #[test]
    fn copies_say_the_same() {
        let system = io::Error::from_raw_os_error(111);
        assert_eq!(copy(&system).to_string(), system.to_string());
        let tls = io::Error::new(io::ErrorKind::InvalidData, rustls::Error::DecryptError);
        assert!(inner(&copy(&tls)).is_some());
    }
}

//! What can go wrong with an exchange, in words for people.
//!
//! In: errors of sockets, TLS, parsers and timers. Out: one short line each, the same for the same cause (no
//! ephemeral ports, no numbers that vary), so that failures group.

use std::error::Error;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use katydid_protocol::format::duration;
use rustls::CertificateError;

/// How far an attempt had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Stage {
    /// Finding the address, connecting, shaking hands.
    #[default]
    Connecting,
    /// Writing the request.
    Sending,
    /// The request is out, nothing has come back.
    Waiting,
    /// Reading the response.
    Receiving,
}

/// Why there is no response.
#[derive(Debug)]
pub(super) enum Fault {
    /// The request makes no sense; nothing was sent.
    Request(String),
    /// The name has no address.
    Resolve { host: String, source: io::Error },
    /// No connection to an address.
    Connect { to: String, source: io::Error },
    /// Connecting took longer than the connect timeout.
    ConnectTimeout { to: String, limit: Duration },
    /// The TLS handshake failed.
    Tls { host: String, source: io::Error },
    /// The connection broke.
    Io { source: io::Error, stage: Stage },
    /// The server closed the connection in an orderly way, but too early.
    Closed { stage: Stage },
    /// The server sent something that is not HTTP.
    Malformed(&'static str),
    /// HTTP/2 went wrong; `unsent` when the request certainly never left.
    Http2 {
        source: hyper::Error,
        stage: Stage,
        unsent: bool,
    },
    /// The exchange took longer than its timeout.
    TimedOut { limit: Duration, stage: Stage },
    /// More redirects than allowed.
    TooManyRedirects(u32),
    /// Something whoever noticed it has put into words already.
    Told(String),
}

// === impl Fault ===

impl Fault {
    /// The message under which the failure is counted.
    pub(super) fn text(&self) -> Rc<str> {
        match self {
            Self::Request(message) | Self::Told(message) => message.as_str().into(),
            Self::Resolve { host, source } => resolve_text(host, source).into(),
            Self::Connect { to, source } => connect_text(to, source).into(),
            Self::ConnectTimeout { to, limit } => {
                format!("could not connect to {to} within {}", duration(*limit)).into()
            }
            Self::Tls { host, source } => tls_text(host, source).into(),
            Self::Io { source, stage } => io_text(source, *stage).into(),
            Self::Closed { stage } => closed_text(*stage).into(),
            Self::Malformed(what) => format!("malformed response: {what}").into(),
            Self::Http2 { source, stage, .. } => http2_text(source, *stage).into(),
            Self::TimedOut { limit, stage } => format!(
                "no response within {} (timed out while {})",
                duration(*limit),
                doing(*stage)
            )
            .into(),
            Self::TooManyRedirects(limit) => format!("too many redirects ({limit})").into(),
        }
    }
}

/// What was going on in a stage.
pub(super) const fn doing(stage: Stage) -> &'static str {
    match stage {
        Stage::Connecting => "connecting",
        Stage::Sending => "sending the request",
        Stage::Waiting => "waiting for the response",
        Stage::Receiving => "receiving the response",
    }
}

fn resolve_text(host: &str, source: &io::Error) -> String {
    if let Some(text) = exhausted_text(source) {
        return text;
    }
    // The resolver's own errors have no kind, only the C library's words.
    let words = source.to_string();
    let why = if source.kind() == io::ErrorKind::NotFound
        || words.contains("not known")
        || words.contains("No address associated")
    {
        "no such name"
    } else if words.contains("Temporary failure") {
        "the name server does not answer"
    } else {
        return format!("could not resolve `{host}`: {}", plain(source));
    };
    format!("could not resolve `{host}`: {why}")
}

fn connect_text(to: &str, source: &io::Error) -> String {
    if let Some(text) = exhausted_text(source) {
        return text;
    }
    match source.kind() {
        io::ErrorKind::ConnectionRefused => format!("connection refused by {to}"),
        io::ErrorKind::ConnectionReset => format!("connection reset by {to} while connecting"),
        io::ErrorKind::TimedOut => format!("could not connect to {to}: no answer"),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            format!("could not connect to {to}: no route to it")
        }
        _ => format!("could not connect to {to}: {}", plain(source)),
    }
}

/// The causes that lie in this machine, wherever they show up.
fn exhausted_text(source: &io::Error) -> Option<String> {
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    if matches!(source.raw_os_error(), Some(EMFILE | ENFILE)) {
        return Some("too many open files: raise `ulimit -n`".to_owned());
    }
    // One that says itself what is wrong is another: see `link`.
    if source.kind() == io::ErrorKind::AddrNotAvailable && source.raw_os_error().is_some() {
        return Some(
            "no free local port (address not available): keep connections alive or spread the load over more workers"
                .to_owned(),
        );
    }
    None
}

fn io_text(source: &io::Error, stage: Stage) -> String {
    if let Some(error) = inner::<rustls::Error>(source) {
        return rustls_text("", error);
    }
    match source.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
            format!("connection reset while {}", doing(stage))
        }
        io::ErrorKind::UnexpectedEof => closed_text(stage).to_owned(),
        io::ErrorKind::TimedOut => format!("connection lost while {}", doing(stage)),
        _ => format!("{} while {}", plain(source), doing(stage)),
    }
}

const fn closed_text(stage: Stage) -> &'static str {
    match stage {
        Stage::Connecting => "server closed the connection during the handshake",
        Stage::Sending => "server closed the connection while the request was being sent",
        Stage::Waiting => "server closed the connection before responding",
        Stage::Receiving => "server closed the connection in the middle of the response",
    }
}

fn tls_text(host: &str, source: &io::Error) -> String {
    if let Some(error) = inner::<rustls::Error>(source) {
        return rustls_text(host, error);
    }
    match source.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            "TLS: the server closed the connection during the handshake".to_owned()
        }
        _ => format!("TLS: {}", plain(source)),
    }
}

fn rustls_text(host: &str, error: &rustls::Error) -> String {
    let what = match error {
        rustls::Error::InvalidCertificate(cause) => return certificate_text(host, cause),
        rustls::Error::InvalidMessage(_) => {
            "the server does not speak TLS here (is it `http://`?)".to_owned()
        }
        rustls::Error::AlertReceived(alert) => match alert.as_str() {
            Some(name) => format!("the server refused the connection ({})", spaced(name)),
            None => "the server refused the connection".to_owned(),
        },
        rustls::Error::PeerIncompatible(_) => {
            "the server shares no protocol version or cipher with us".to_owned()
        }
        rustls::Error::PeerSentOversizedRecord => "the server does not speak TLS here".to_owned(),
        other => other.to_string(),
    };
    format!("TLS: {what}")
}

fn certificate_text(host: &str, error: &CertificateError) -> String {
    let what = match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the certificate has expired".into()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the certificate is not valid yet".into()
        }
        CertificateError::UnknownIssuer => "the certificate's issuer is unknown (self-signed?)".into(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("the certificate is not valid for `{host}`")
        }
        CertificateError::Revoked => "the certificate has been revoked".into(),
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "the certificate's issuer is unknown (self-signed?)".into()
        }
        CertificateError::BadSignature => "the certificate was not signed by the issuer it names".into(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "the certificate is not one for servers".into()
        }
        other => {
            // Some of these are names only: `BadEncoding`.
            let text = other.to_string();
            let text = if text.contains(' ') { text } else { spaced(&text) };
            format!("the certificate is not acceptable: {text}")
        }
    };
    format!("TLS: {what}")
}

pub(super) fn http2_text(source: &hyper::Error, stage: Stage) -> String {
    let mut cause: Option<&(dyn Error + 'static)> = source.source();
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return io_text(io, stage);
        }
        if error.source().is_none() {
            return format!("HTTP/2: {error}");
        }
        cause = error.source();
    }
    if source.is_canceled() || source.is_closed() {
        return closed_text(stage).to_owned();
    }
    format!("HTTP/2: {source}")
}

fn inner<E: Error + 'static>(source: &io::Error) -> Option<&E> {
    source.get_ref().and_then(|error| error.downcast_ref::<E>())
}

/// An error of the system without its number.
fn plain(source: &io::Error) -> String {
    let text = source.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_lowercase(),
        None => text,
    }
}

/// `HandshakeFailure` → `handshake failure`.
fn spaced(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_for_people_and_group() {
        let refused = Fault::Connect {
            to: "127.0.0.1:8000".into(),
            source: io::Error::from_raw_os_error(111),
        };
        assert_eq!(&*refused.text(), "connection refused by 127.0.0.1:8000");
        let files = Fault::Connect {
            to: "127.0.0.1:8000".into(),
            source: io::Error::from_raw_os_error(24),
        };
        assert_eq!(&*files.text(), "too many open files: raise `ulimit -n`");
        let ports = Fault::Connect {
            to: "127.0.0.1:8000".into(),
            source: io::Error::from_raw_os_error(99),
        };
        assert!(ports.text().starts_with("no free local port"));
        let reset = Fault::Io {
            source: io::Error::from_raw_os_error(104),
            stage: Stage::Receiving,
        };
        assert_eq!(&*reset.text(), "connection reset while receiving the response");
        let odd = Fault::Io {
            source: io::Error::from_raw_os_error(1),
            stage: Stage::Sending,
        };
        assert_eq!(&*odd.text(), "operation not permitted while sending the request");
        let late = Fault::TimedOut {
            limit: Duration::from_secs(60),
            stage: Stage::Waiting,
        };
        assert_eq!(
            &*late.text(),
            "no response within 1m00s (timed out while waiting for the response)"
        );
        assert_eq!(&*Fault::TooManyRedirects(30).text(), "too many redirects (30)");
        assert_eq!(spaced("HandshakeFailure"), "handshake failure");
    }
}

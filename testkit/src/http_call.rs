//! One request to a server under test, as plain as can be.
//!
//! In: a method, a URL, headers, a body. Out: status, headers and body of the answer, whatever the status.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

const PATIENCE: Duration = Duration::from_secs(60);

/// A request to be.
#[derive(Debug, Clone)]
pub struct HttpCall {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    patience: Duration,
    authority: Option<String>,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct HttpAnswer {
    /// Its status.
    pub status: u16,
    /// Its headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Its body as text.
    pub body: String,
}

impl HttpCall {
    /// A request without a body.
    #[must_use]
    pub fn new(method: &str, url: &str) -> Self {
        Self {
            method: method.to_owned(),
            url: url.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            patience: PATIENCE,
            authority: None,
        }
    }

    /// Trusts this authority, PEM, for `https://` URLs.
    #[must_use]
    pub fn trusting(mut self, authority: &str) -> Self {
        self.authority = Some(authority.to_owned());
        self
    }

    /// Waits so long for a connection, and for each part of the answer.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends these bytes, as a form unless a header says otherwise.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends it and reads the answer to its end.
    ///
    /// # Errors
    ///
    /// When there is no answer in time, or it is no HTTP.
    pub fn send(&self) -> Result<HttpAnswer> {
        let (scheme, rest) = self.url.split_once("://").context("no URL")?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let address: SocketAddr = host.parse().with_context(|| format!("{host} is no address"))?;
        let stream = TcpStream::connect_timeout(&address, self.patience).with_context(|| self.url.clone())?;
        stream.set_read_timeout(Some(self.patience))?;
        let mut stream: Box<dyn ReadWrite> = match scheme {
            "https" => Box::new(self.secure(stream, address)?),
            _ => Box::new(stream),
        };
        let mut head = format!("{} /{path} HTTP/1.1\r\nconnection: close\r\n", self.method);
        let has = |name: &str| {
            self.headers
                .iter()
                .any(|(known, _)| known.eq_ignore_ascii_case(name))
        };
        if !has("host") {
            head += &format!("host: {host}\r\n");
        }
        if !self.body.is_empty() && !has("content-type") {
            head += "content-type: application/x-www-form-urlencoded\r\n";
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("content-length: {}\r\n\r\n", self.body.len());
        stream.write_all(head.as_bytes())?;
        // A server that refuses a long body may close before it has read it.
        let _sent = stream.write_all(&self.body);
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        if answer.is_empty() {
            read.with_context(|| self.url.clone())?;
        }
        parse(&answer).with_context(|| format!("{} {}", self.method, self.url))
    }
}

impl HttpCall {
    fn secure(
        &self,
        stream: TcpStream,
        address: SocketAddr,
    ) -> Result<StreamOwned<ClientConnection, TcpStream>> {
        let mut roots = RootCertStore::empty();
        let authority = self.authority.as_deref().unwrap_or_default();
        roots.add(CertificateDer::from_pem_slice(authority.as_bytes())?)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connection = ClientConnection::new(Arc::new(config), address.ip().into())?;
        Ok(StreamOwned::new(connection, stream))
    }
}

trait ReadWrite: Read + Write {}

impl<T: Read + Write> ReadWrite for T {}

impl HttpAnswer {
    /// The body as JSON.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_str(&self.body).with_context(|| self.body.clone())
    }

    /// A header; empty when it is absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

fn parse(answer: &[u8]) -> Result<HttpAnswer> {
    let end = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .context("no answer")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let status = status
        .and_then(|status| status.parse().ok())
        .context("no status")?;
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let body = &answer[end + 4..];
    let chunked = headers
        .get("transfer-encoding")
        .is_some_and(|coding| coding == "chunked");
    let body = if chunked { unchunked(body) } else { body.to_vec() };
    Ok(HttpAnswer {
        status,
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

/// The content of a chunked body, as far as it is complete.
fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    while let Some(end) = body.windows(2).position(|window| window == b"\r\n") {
        let size = std::str::from_utf8(&body[..end]).ok();
        let Some(size) = size.and_then(|size| usize::from_str_radix(size.trim(), 16).ok()) else {
            break;
        };
        let rest = &body[end + 2..];
        if size == 0 || rest.len() < size + 2 {
            break;
        }
        content.extend_from_slice(&rest[..size]);
        body = &rest[size + 2..];
    }
    content
}

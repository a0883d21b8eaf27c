//! One GET, as plain as can be: to read a target's counts from outside.
//!
//! In: an `http://` URL. Out: the body of its answer.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

const PATIENCE: Duration = Duration::from_secs(3);

/// Fetches a URL; its answer must be a 200 that ends with the connection.
///
/// # Errors
///
/// When there is no such answer within three seconds.
pub fn http_get(url: &str) -> Result<String> {
    let rest = url.strip_prefix("http://").context("no http:// URL")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let address = host.parse().with_context(|| format!("{host} is no address"))?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).with_context(|| url.to_owned())?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .with_context(|| url.to_owned())?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
    ensure!(head.starts_with("HTTP/1.1 200"), "{url}: {head}");
    Ok(body.to_owned())
}

//! The little HTTP a bench needs to ask servers for their counters, and free ports to put servers on.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Longest answer read; the list of ten thousand arrivals is far below it.
const MAX_ANSWER: u64 = 64 << 20;
const PATIENCE: Duration = Duration::from_secs(5);

/// A port of the loopback interface nobody listens on at the moment.
///
/// # Errors
/// When the machine has none left.
pub(super) fn free_port() -> Result<u16> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on the loopback interface")?;
    Ok(listener.local_addr()?.port())
}

/// The body of `GET path` from a server on this machine.
///
/// # Errors
/// When nobody answers in time or the status is not 200.
pub(super) fn get(port: u16, path: &str) -> Result<String> {
    let place = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&place, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // HTTP/1.0: the answer ends with the connection, so there is no framing to undo.
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {place}\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        bail!("port {port} answered {path} with no HTTP response");
    };
    let status = head.split_whitespace().nth(1).unwrap_or("nothing");
    if status != "200" {
        bail!("port {port} answered {path} with status {status}");
    }
    Ok(body.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answering(answer: &'static str) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("the test connects");
            let mut head = [0; 1024];
            let _read = stream.read(&mut head).expect("a request");
            stream.write_all(answer.as_bytes()).expect("the test reads");
        });
        port
    }

    #[test]
    fn a_body_is_what_follows_the_head() {
        let port = answering("HTTP/1.1 200 OK\r\nServer: x\r\n\r\nrequests 3\n");
        assert_eq!(get(port, "/").expect("an answer"), "requests 3\n");
    }

    #[test]
    fn other_statuses_are_errors_with_the_path() {
        let port = answering("HTTP/1.1 404 Not Found\r\n\r\n");
        let message = format!("{:#}", get(port, "/gone").expect_err("a 404"));
        assert_eq!(message, format!("port {port} answered /gone with status 404"));
    }
}

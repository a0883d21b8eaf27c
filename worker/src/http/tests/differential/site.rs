//! A strict web site of two origins that answers as a case says and notes everything it was asked.
//!
//! HTTP/1.1 is read and written by hand, so that framing and cutting are the case's choice and nothing a client sends is
//! forgiven; HTTP/2 is hyper's.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::{spawn_local, yield_now};

use super::super::tls::Authority;

/// What is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Https1,
    Https2,
}

/// How an HTTP/1.1 answer says where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Length,
    Chunked(usize),
    Close,
}

/// An answer. `{A}` and `{B}` in header values stand for the two origins.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    pub(super) framing: Framing,
    /// Whether an informational response goes before it.
    pub(super) is_announced: bool,
    /// Bytes written at once.
    pub(super) piece: usize,
}

/// A request as the site got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) origin: char,
    pub(super) line: String,
    /// Sorted, cookies too.
    pub(super) headers: Vec<String>,
    pub(super) body: String,
}

/// A running site.
#[derive(Debug, Clone)]
pub(super) struct Site {
    pub(super) protocol: Protocol,
    /// Where `{A}` and `{B}` are.
    pub(super) origins: [String; 2],
    replies: Arc<Vec<Reply>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Site {
    /// Starts a site whose path `/r/N` gives the `N`th answer.
    pub(super) async fn start(protocol: Protocol, replies: Vec<Reply>, authority: &Authority) -> Self {
        let mut listeners = Vec::new();
        let mut origins = Vec::new();
        for host in ["127.0.0.1", "localhost"] {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            let scheme = if protocol == Protocol::Http1 {
                "http"
            } else {
                "https"
            };
            origins.push(format!(
                "{scheme}://{host}:{}",
                listener.local_addr().unwrap().port()
            ));
            listeners.push(listener);
        }
        let site = Self {
            protocol,
            origins: origins.try_into().unwrap(),
            replies: Arc::new(replies),
            seen: Arc::default(),
        };
        for (listener, (origin, host)) in listeners
            .into_iter()
            .zip([('A', "127.0.0.1"), ('B', "localhost")])
        {
            let site = site.clone();
            let protocols: &[&str] = match protocol {
                Protocol::Https2 => &["h2"],
                _ => &["http/1.1"],
            };
            let acceptor = authority.certify(host, protocols, |_| {});
            spawn_local(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    stream.set_nodelay(true).unwrap();
                    let (site, acceptor) = (site.clone(), acceptor.clone());
                    spawn_local(async move {
                        if site.protocol == Protocol::Http1 {
                            return site.serve(origin, stream).await;
                        }
                        match acceptor.accept(stream).await {
                            Ok(stream) if site.protocol == Protocol::Https1 => {
                                site.serve(origin, stream).await;
                            }
                            Ok(stream) => site.serve2(origin, stream).await,
                            Err(_) => {}
                        }
                    });
                }
            });
        }
        site
    }

    /// What was asked since the last time.
    pub(super) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    /// A text with the origins in it.
    pub(super) fn filled(&self, text: &str) -> String {
        text.replace("{A}", &self.origins[0])
            .replace("{B}", &self.origins[1])
    }

    fn note(&self, origin: char, line: String, headers: Vec<String>, body: &[u8]) {
        let mut headers: Vec<String> = headers.into_iter().map(|line| sorted_cookies(&line)).collect();
        headers.sort();
        self.seen.lock().unwrap().push(Seen {
            origin,
            line,
            headers,
            body: String::from_utf8_lossy(body).into_owned(),
        });
    }

    fn reply(&self, path: &str) -> Reply {
        let number = path.strip_prefix("/r/").and_then(|rest| {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            digits.parse::<usize>().ok()
        });
        match number {
            Some(number) => self.replies[number % self.replies.len()].clone(),
            None => Reply {
                status: 404,
                headers: Vec::new(),
                body: b"nothing here".to_vec(),
                framing: Framing::Length,
                is_announced: false,
                piece: usize::MAX,
            },
        }
    }

    async fn serve2(&self, origin: char, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let site = self.clone();
        let answer = move |request: Request<Incoming>| {
            let site = site.clone();
            async move { Ok::<_, Infallible>(site.answer2(origin, request).await) }
        };
        let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
        // Whatever ends a connection, the client is the one to be asked about it.
        let _ended = server
            .http2_only()
            .serve_connection(TokioIo::new(stream), service_fn(answer))
            .await;
    }

    async fn answer2(&self, origin: char, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let line = format!("{} {}", request.method(), request.uri().path_and_query().unwrap());
        let path = request.uri().path().to_owned();
        let mut headers: Vec<String> = request
            .headers()
            .iter()
            .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
            .collect();
        headers.push(format!("host: {}", request.uri().authority().unwrap()));
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let is_head = line.starts_with("HEAD ");
        self.note(origin, line, headers, &body);
        let reply = self.reply(&path);
        let has_body = !is_head && !matches!(reply.status, 204 | 304);
        let body = if has_body { reply.body } else { Vec::new() };
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = reply.status.try_into().unwrap();
        for (name, value) in &reply.headers {
            response.headers_mut().append(
                HeaderName::from_static(name),
                HeaderValue::from_bytes(self.filled(value).as_bytes()).unwrap(),
            );
        }
        response
    }

    async fn serve(&self, origin: char, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut stream = BufReader::new(stream);
        while let Some((line, headers, body)) = read_request(&mut stream).await {
            let (method, path) = line.split_once(' ').unwrap_or_default();
            let (is_head, reply) = (method == "HEAD", self.reply(path));
            self.note(origin, line, headers, &body);
            if self.write(&mut stream, is_head, &reply).await.is_err() || reply.framing == Framing::Close {
                break;
            }
        }
        let _gone = stream.shutdown().await;
    }

    async fn write(
        &self,
        stream: &mut (impl AsyncWrite + Unpin),
        is_head: bool,
        reply: &Reply,
    ) -> std::io::Result<()> {
        let mut out = Vec::new();
        if reply.is_announced {
            out.extend_from_slice(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\nset-cookie: early=1\r\n\r\n");
        }
        out.extend_from_slice(format!("HTTP/1.1 {} What It Is\r\n", reply.status).as_bytes());
        for (name, value) in &reply.headers {
            out.extend_from_slice(format!("{name}: {}\r\n", self.filled(value)).as_bytes());
        }
        let has_body = !is_head && !matches!(reply.status, 204 | 304);
        match reply.framing {
            Framing::Close => out.extend_from_slice(b"Connection: close\r\n"),
            _ if reply.status == 204 => {}
            Framing::Length => {
                out.extend_from_slice(format!("content-length: {}\r\n", reply.body.len()).as_bytes())
            }
            Framing::Chunked(_) => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        }
        out.extend_from_slice(b"\r\n");
        if has_body {
            if let Framing::Chunked(size) = reply.framing {
                for (index, chunk) in reply.body.chunks(size).enumerate() {
                    let extension = if index == 0 { ";ext=1" } else { "" };
                    out.extend_from_slice(format!("{:X}{extension}\r\n", chunk.len()).as_bytes());
                    out.extend_from_slice(chunk);
                    out.extend_from_slice(b"\r\n");
                }
                out.extend_from_slice(b"0\r\nx-trailer: 1\r\n\r\n");
            } else {
                out.extend_from_slice(&reply.body);
            }
        }
        for piece in out.chunks(reply.piece.max(1)) {
            stream.write_all(piece).await?;
            stream.flush().await?;
            yield_now().await;
        }
        Ok(())
    }
}

/// A request of HTTP/1.1: its line without the version, its headers, its body. Anything unusual is said in the line.
async fn read_request(
    stream: &mut (impl AsyncBufReadExt + AsyncRead + Unpin),
) -> Option<(String, Vec<String>, Vec<u8>)> {
    let mut text = String::new();
    while !text.ends_with("\r\n\r\n") {
        let mut line = Vec::new();
        stream.read_until(b'\n', &mut line).await.ok()?;
        if line.is_empty() {
            return None;
        }
        text.push_str(&String::from_utf8_lossy(&line));
    }
    let mut lines = text
        .strip_suffix("\r\n\r\n")?
        .split("\r\n")
        .map(ToOwned::to_owned);
    let first = lines.next()?;
    let mut line = match first.strip_suffix(" HTTP/1.1") {
        Some(line) if line.split(' ').count() == 2 => line.to_owned(),
        _ => format!("not a request line: {first}"),
    };
    let headers: Vec<String> = lines.collect();
    let count = |name: &str| headers.iter().filter(|line| line.starts_with(name)).count();
    if count("host: ") != 1 || count("content-length: ") > 1 || count("transfer-encoding") > 0 {
        line.push_str(" (bad framing)");
    }
    let length = headers
        .iter()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    Some((line, headers, body))
}

/// A `cookie` header with its pairs in order.
fn sorted_cookies(line: &str) -> String {
    match line.strip_prefix("cookie: ") {
        Some(pairs) => {
            let mut pairs: Vec<&str> = pairs.split("; ").collect();
            pairs.sort_unstable();
            format!("cookie: {}", pairs.join("; "))
        }
        None => line.to_owned(),
    }
}

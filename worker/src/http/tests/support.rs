//! Servers that do exactly what a test says, and clients to send to them.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use katydid_scenario_lang::host::{RequestBody, RequestOptions, RequestSpec};
use katydid_scenario_lang::{ConnectionSettings, HttpDefaults, HttpVersion, LeanHeaders};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, spawn_local, yield_now};
use tokio::time::timeout;

use super::super::tls::config_with;
use super::super::{Base, HttpClient, HttpSettings, HttpThread};

/// No test takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Settings with short limits.
pub(in super::super) fn settings() -> HttpSettings {
    HttpSettings {
        connect_timeout: Duration::from_secs(5),
        timeout: Duration::from_secs(10),
        ..HttpSettings::new(true, true)
    }
}

/// A thread's shared parts.
pub(in super::super) fn thread() -> Rc<HttpThread> {
    thread_with(settings())
}

/// The same with settings.
pub(in super::super) fn thread_with(settings: HttpSettings) -> Rc<HttpThread> {
    HttpThread::new(settings, config_with(rustls::RootCertStore::empty()).unwrap())
}

/// The same with TLS.
pub(super) fn thread_with_tls(tls: Arc<rustls::ClientConfig>) -> Rc<HttpThread> {
    HttpThread::new(settings(), tls)
}

/// Runs a test as a load thread runs users.
pub(super) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, async {
        timeout(PATIENCE, test).await.expect("the test took too long");
    });
}

/// A server of HTTP/2 for one connection with so many streams at a time, and what it answers each.
pub(super) async fn http2_server<F, B>(streams: u32, answer: impl Fn() -> F + 'static) -> String
where
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    spawn_local(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let service = service_fn(|_: Request<Incoming>| {
            let answer = answer();
            async { Ok::<_, Infallible>(answer.await) }
        });
        let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .max_concurrent_streams(streams)
            .serve_connection(TokioIo::new(stream), service);
        drop(server.await);
    });
    url
}

/// Speaks HTTP/2 without being asked.
pub(super) fn http2() -> HttpDefaults {
    HttpDefaults {
        connection: Some(Arc::new(ConnectionSettings {
            version: Some(HttpVersion::Http2),
            ..ConnectionSettings::default()
        })),
        ..HttpDefaults::default()
    }
}

/// A client of `url` with usual settings.
pub(super) fn client(url: &str) -> HttpClient {
    client_of(&thread(), url, HttpDefaults::default())
}

/// A client of a thread.
pub(super) fn client_of(thread: &Rc<HttpThread>, url: &str, defaults: HttpDefaults) -> HttpClient {
    HttpClient::new(thread, Some(Base::parse(url).unwrap()), Rc::new(defaults))
}

/// A plain request.
pub(super) fn request(method: &Method, url: &str) -> RequestSpec {
    RequestSpec {
        method: method.clone(),
        url: url.into(),
        name: None,
        stand_in: None,
        query: Vec::new(),
        headers: LeanHeaders::default(),
        body: None,
        options: None,
    }
}

/// A GET.
pub(super) fn get(url: &str) -> RequestSpec {
    request(&Method::GET, url)
}

/// A POST with a body.
pub(super) fn post(url: &str, body: impl Into<Bytes>) -> RequestSpec {
    RequestSpec {
        body: Some(RequestBody::new(body.into(), Some("application/json"))),
        ..request(&Method::POST, url)
    }
}

/// A request with a header.
pub(super) fn with_header(mut spec: RequestSpec, name: &'static str, value: &'static str) -> RequestSpec {
    spec.headers
        .insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    spec
}

/// A request with options.
pub(super) fn with(mut spec: RequestSpec, set: impl FnOnce(&mut RequestOptions)) -> RequestSpec {
    set(spec.options.get_or_insert_default());
    spec
}

/// Runs a server's tasks where its sockets are.
#[derive(Clone)]
pub(super) struct LocalTasks;

impl<F> hyper::rt::Executor<F> for LocalTasks
where
    F: Future + 'static,
{
    fn execute(&self, future: F) {
        spawn_local(async move {
            future.await;
        });
    }
}

/// What a server's script does next on a connection.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// Reads a request with its body.
    Read,
    /// Reads the head only.
    ReadHead,
    /// Reads a body of this length, apart from its head.
    ReadBody(usize),
    /// Sends bytes.
    Send(Vec<u8>),
    /// Sends bytes a few at a time.
    Trickle(Vec<u8>),
    /// Sends this many bytes of body.
    Flood(u64),
    /// Closes in an orderly way.
    Close,
    /// Resets the connection.
    Reset,
    /// Keeps the connection open and does nothing.
    Hang,
}

/// A server that plays one script per connection, in order; the last one over and over.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) url: String,
    pub(super) port: u16,
    /// Connections accepted.
    pub(super) connections: Rc<Cell<usize>>,
    /// Connections whose script is over.
    ended: Rc<Cell<usize>>,
    /// Requests read, head and body.
    pub(super) requests: Rc<RefCell<Vec<String>>>,
    /// Where connections came from.
    pub(super) peers: Rc<RefCell<Vec<std::net::IpAddr>>>,
}

impl Server {
    /// Starts a server on a free port.
    pub(super) async fn start(scripts: Vec<Vec<Act>>) -> Self {
        Self::start_on("127.0.0.1", scripts).await.unwrap()
    }

    /// Starts a server on an address.
    pub(super) async fn start_on(address: &str, scripts: Vec<Vec<Act>>) -> std::io::Result<Self> {
        let listener = TcpListener::bind((address, 0)).await?;
        let local = listener.local_addr()?;
        let server = Self {
            url: format!("http://{local}"),
            port: local.port(),
            connections: Rc::default(),
            ended: Rc::default(),
            requests: Rc::default(),
            peers: Rc::default(),
        };
        let peers = Rc::clone(&server.peers);
        let (connections, requests) = (Rc::clone(&server.connections), Rc::clone(&server.requests));
        let ended = Rc::clone(&server.ended);
        spawn_local(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                peers.borrow_mut().push(peer.ip());
                let index = connections.get();
                connections.set(index + 1);
                let script = scripts[index.min(scripts.len() - 1)].clone();
                let (requests, ended) = (Rc::clone(&requests), Rc::clone(&ended));
                spawn_local(async move {
                    play(stream, script, requests).await;
                    ended.set(ended.get() + 1);
                });
            }
        });
        Ok(server)
    }

    /// A server that gives every request of every connection the same answer.
    pub(super) async fn always(response: &str) -> Self {
        let one = [Act::Read, Act::Send(response.as_bytes().to_vec())];
        Self::start(vec![one.iter().cycle().take(200).cloned().collect()]).await
    }

    /// Waits until the server has closed that many connections, and the client's runtime can know.
    pub(super) async fn closed(&self, count: usize) {
        while self.ended.get() < count {
            yield_now().await;
        }
        settle().await;
    }

    /// What it was asked, one line per request.
    pub(super) fn asked(&self) -> Vec<String> {
        let requests = self.requests.borrow();
        requests
            .iter()
            .map(|text| text.split(" HTTP/1.1").next().unwrap_or_default().to_owned())
            .collect()
    }
}

/// Lets the runtime look at its sockets a few times.
pub(super) async fn settle() {
    for _ in 0..20 {
        yield_now().await;
    }
}

async fn play(mut stream: TcpStream, script: Vec<Act>, requests: Rc<RefCell<Vec<String>>>) {
    for act in script {
        match act {
            Act::Read | Act::ReadHead => match read_request(&mut stream, matches!(act, Act::Read)).await {
                Some(text) => requests.borrow_mut().push(text),
                None => return,
            },
            Act::ReadBody(length) => {
                let mut body = vec![0; length];
                if stream.read_exact(&mut body).await.is_err() {
                    return;
                }
                requests
                    .borrow_mut()
                    .push(String::from_utf8_lossy(&body).into_owned());
            }
            Act::Send(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Act::Trickle(bytes) => {
                for piece in bytes.chunks(3) {
                    if stream.write_all(piece).await.is_err() {
                        return;
                    }
                    yield_now().await;
                }
            }
            Act::Flood(length) => {
                let block = vec![b'x'; 1 << 20];
                let mut left = length;
                while left > 0 {
                    let count = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
                    if stream.write_all(&block[..count]).await.is_err() {
                        return;
                    }
                    left -= count as u64;
                }
            }
            Act::Close => {
                let _ = stream.shutdown().await;
                return;
            }
            Act::Reset => {
                socket2::SockRef::from(&stream)
                    .set_linger(Some(Duration::ZERO))
                    .unwrap();
                return;
            }
            Act::Hang => std::future::pending().await,
        }
    }
}

/// Reads a request; `None` when the client has gone.
async fn read_request(stream: &mut TcpStream, with_body: bool) -> Option<String> {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).await.ok()? == 0 {
            return None;
        }
        text.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&text).into_owned();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    if with_body {
        let mut body = vec![0; length.unwrap_or(0)];
        stream.read_exact(&mut body).await.ok()?;
        text.extend_from_slice(&body);
    }
    Some(String::from_utf8_lossy(&text).into_owned())
}

/// `Act::Send` of a text.
pub(super) fn send(text: &str) -> Act {
    Act::Send(text.as_bytes().to_vec())
}

/// A complete small response.
pub(super) const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

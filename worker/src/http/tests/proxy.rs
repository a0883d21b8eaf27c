//! Proxies in front of real servers: HTTP in absolute form, CONNECT, SOCKS, with credentials and without.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use http::Method;
use katydid_scenario_lang::{HttpDefaults, HttpTransport, Proxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

use super::super::{Base, HttpClient};
use super::support::*;
use super::tls::{Authority, serve};

/// `Basic user:pass`.
const CREDENTIALS: &str = "proxy-authorization: basic dxnlcjpwyxnz";

/// A proxy that demands credentials if told so, and notes what it was asked.
struct TestProxy {
    port: u16,
    asked: Rc<RefCell<Vec<String>>>,
}

impl TestProxy {
    async fn start(demands_credentials: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked: Rc<RefCell<Vec<String>>> = Rc::default();
        let notes = Rc::clone(&asked);
        spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let notes = Rc::clone(&notes);
                spawn_local(async move { relay(stream, demands_credentials, &notes).await });
            }
        });
        Self { port, asked }
    }

    fn url(&self, scheme: &str, credentials: &str) -> String {
        format!("{scheme}://{credentials}127.0.0.1:{}", self.port)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.borrow().clone()
    }
}

async fn relay(mut client: TcpStream, demands_credentials: bool, notes: &RefCell<Vec<String>>) -> Option<()> {
    let mut first = [0];
    client.peek(&mut first).await.ok()?;
    match first[0] {
        4 => return socks4(client, notes).await,
        5 => return socks(client, notes).await,
        _ => {}
    }
    let head = read_head(&mut client).await?;
    let line = head.lines().next()?.to_owned();
    notes.borrow_mut().push(line.clone());
    if demands_credentials && !head.to_lowercase().contains(CREDENTIALS) {
        let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
        client.write_all(refusal).await.ok()?;
        return None;
    }
    let (method, rest) = line.split_once(' ')?;
    let target = rest.split_once(' ')?.0;
    if method == "CONNECT" {
        let Ok(mut server) = TcpStream::connect(target).await else {
            client.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").await.ok()?;
            return None;
        };
        client.write_all(b"HTTP/1.1 200 Fine\r\n\r\n").await.ok()?;
        copy_bidirectional(&mut client, &mut server).await.ok()?;
        return None;
    }
    // In absolute form; passed on with the path alone and without what is meant for the proxy.
    let (authority, _) = target.strip_prefix("http://")?.split_once('/')?;
    let mut server = TcpStream::connect(authority).await.ok()?;
    pass_on(&mut server, &head).await?;
    loop {
        let mut answer = [0; OK.len()];
        server.read_exact(&mut answer).await.ok()?;
        client.write_all(&answer).await.ok()?;
        let head = read_head(&mut client).await?;
        notes.borrow_mut().push(head.lines().next()?.to_owned());
        pass_on(&mut server, &head).await?;
    }
}

/// Sends a request without a body to the server that its absolute URL names.
async fn pass_on(server: &mut TcpStream, head: &str) -> Option<()> {
    let (line, rest) = head.split_once("\r\n")?;
    let (method, target) = line.split_once(" http://")?;
    let path = &target[target.find('/')?..];
    let lines = rest.split("\r\n").filter(|line| !line.starts_with("proxy-"));
    let passed = format!("{method} {path}\r\n{}", lines.collect::<Vec<_>>().join("\r\n"));
    server.write_all(passed.as_bytes()).await.ok()
}

async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        text.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(text).ok()
}

/// SOCKS 5 with a user's name and password, to IPv4 addresses and names.
async fn socks(mut client: TcpStream, notes: &RefCell<Vec<String>>) -> Option<()> {
    let mut two = [0; 2];
    client.read_exact(&mut two).await.ok()?;
    let mut methods = vec![0; two[1].into()];
    client.read_exact(&mut methods).await.ok()?;
    if methods.contains(&2) {
        client.write_all(&[5, 2]).await.ok()?;
        client.read_u8().await.ok()?;
        let user = read_short(&mut client).await?;
        let password = read_short(&mut client).await?;
        notes.borrow_mut().push(format!("socks {user}:{password}"));
        let is_right = user == "user" && password == "pass";
        client.write_all(&[1, u8::from(!is_right)]).await.ok()?;
    } else {
        client.write_all(&[5, 0]).await.ok()?;
    }
    let mut head = [0; 4];
    client.read_exact(&mut head).await.ok()?;
    let host = match head[3] {
        1 => {
            let mut address = [0; 4];
            client.read_exact(&mut address).await.ok()?;
            std::net::Ipv4Addr::from(address).to_string()
        }
        3 => read_short(&mut client).await?,
        _ => return None,
    };
    let port = client.read_u16().await.ok()?;
    notes.borrow_mut().push(format!("socks {host}:{port}"));
    let server = TcpStream::connect((host.as_str(), port)).await;
    // 5: connection refused.
    let reply = if server.is_ok() { 0 } else { 5 };
    client.write_all(&[5, reply, 0, 1, 0, 0, 0, 0, 0, 0]).await.ok()?;
    copy_bidirectional(&mut client, &mut server.ok()?).await.ok()?;
    None
}

/// SOCKS 4, and 4a with names.
async fn socks4(mut client: TcpStream, notes: &RefCell<Vec<String>>) -> Option<()> {
    let mut head = [0; 2];
    client.read_exact(&mut head).await.ok()?;
    let port = client.read_u16().await.ok()?;
    let mut address = [0; 4];
    client.read_exact(&mut address).await.ok()?;
    let user = read_until_zero(&mut client).await?;
    // No address, but a name after the user's.
    let host = if address[..3] == [0; 3] && address[3] != 0 {
        read_until_zero(&mut client).await?
    } else {
        std::net::Ipv4Addr::from(address).to_string()
    };
    notes.borrow_mut().push(format!("socks4 {user}@{host}:{port}"));
    let server = TcpStream::connect((host.as_str(), port)).await;
    // 90: granted; 91: not.
    let reply = if server.is_ok() { 90 } else { 91 };
    client.write_all(&[0, reply, 0, 0, 0, 0, 0, 0]).await.ok()?;
    copy_bidirectional(&mut client, &mut server.ok()?).await.ok()?;
    None
}

async fn read_until_zero(stream: &mut TcpStream) -> Option<String> {
    let mut text = Vec::new();
    loop {
        match stream.read_u8().await.ok()? {
            0 => return String::from_utf8(text).ok(),
            byte if text.len() < 255 => text.push(byte),
            _ => return None,
        }
    }
}

async fn read_short(stream: &mut TcpStream) -> Option<String> {
    let length = stream.read_u8().await.ok()?;
    let mut text = vec![0; length.into()];
    stream.read_exact(&mut text).await.ok()?;
    String::from_utf8(text).ok()
}

fn through(proxy: String) -> HttpDefaults {
    HttpDefaults {
        transport: HttpTransport::Reqwest {
            proxy: Some(Proxy::Url(proxy)),
        },
        ..HttpDefaults::default()
    }
}

async fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

#[test]
fn plain_http_goes_to_the_proxy_in_absolute_form() {
    run(async {
        let server = Server::always(OK).await;
        let proxy = TestProxy::start(true).await;
        let defaults = through(proxy.url("http", "user:pass@"));
        let mut client = client_of(&thread(), &server.url, defaults);
        for _ in 0..3 {
            let exchange = client.exchange(post("/x?y", "")).await;
            assert_eq!((exchange.status, exchange.error.as_deref()), (200, None));
            assert_eq!(&exchange.body.bytes[..], b"ok");
        }
        let line = format!("POST {}/x?y HTTP/1.1", server.url);
        assert_eq!(proxy.asked(), [line.clone(), line.clone(), line]);
        assert_eq!(server.asked(), ["POST /x?y"; 3]);
        assert!(!server.requests.borrow()[0].contains("proxy-"));
    });
}

#[test]
fn tls_goes_through_a_tunnel_in_any_protocol() {
    run(async {
        let authority = Authority::new("test authority");
        for (protocols, version) in [(&["h2", "http/1.1"][..], "HTTP/2.0"), (&["http/1.1"], "HTTP/1.1")] {
            let (port, _) = serve(authority.certify("localhost", protocols, |_| {})).await;
            for (scheme, line) in [
                ("http", format!("CONNECT localhost:{port} HTTP/1.1")),
                ("socks5h", format!("socks localhost:{port}")),
            ] {
                let proxy = TestProxy::start(scheme == "http").await;
                let base = Base::parse(&format!("https://localhost:{port}")).unwrap();
                let defaults = through(proxy.url(scheme, "user:pass@"));
                let mut client = HttpClient::new(&authority.trusted(), Some(base), Rc::new(defaults));
                for _ in 0..2 {
                    let exchange = client.exchange(get("/x")).await;
                    assert_eq!(exchange.error, None);
                    assert_eq!(exchange.body.bytes, format!("/x {version} 0"));
                }
                let asked = proxy.asked();
                assert_eq!(asked.last(), Some(&line));
                let notes = if scheme == "http" { 1 } else { 2 };
                assert_eq!(asked.len(), notes, "one tunnel for both requests: {asked:?}");
            }
        }
    });
}

#[test]
fn socks_resolves_names_here_or_there() {
    run(async {
        let server = Server::always(OK).await;
        for (scheme, host) in [("socks5", "127.0.0.1"), ("socks5h", "localhost")] {
            let proxy = TestProxy::start(false).await;
            let url = format!("http://localhost:{}", server.port);
            let mut client = client_of(&thread(), &url, through(proxy.url(scheme, "")));
            let exchange = client.exchange(get("/")).await;
            // The one that resolves here may find IPv6 first, which the test's proxy does not know.
            if exchange.error.is_none() {
                assert_eq!(proxy.asked(), [format!("socks {host}:{}", server.port)]);
            } else {
                assert_eq!(scheme, "socks5");
            }
        }
    });
}

#[test]
fn socks_4_knows_addresses_and_4a_names() {
    run(async {
        let server = Server::always(OK).await;
        let proxy = TestProxy::start(false).await;
        for (scheme, host, seen) in [
            ("socks4", "127.0.0.1", "127.0.0.1"),
            ("socks4a", "localhost", "localhost"),
        ] {
            let url = format!("http://{host}:{}", server.port);
            let mut client = client_of(&thread(), &url, through(proxy.url(scheme, "")));
            for _ in 0..2 {
                let exchange = client.exchange(get("/")).await;
                assert_eq!(
                    (exchange.status, exchange.error.as_deref()),
                    (200, None),
                    "{scheme}"
                );
            }
            let asked = proxy.asked();
            let last = asked.last().unwrap();
            assert!(last.ends_with(&format!("@{seen}:{}", server.port)), "{last}");
        }
        assert_eq!(proxy.asked().len(), 2, "one connection for both requests");
        let nobody = free_port().await;
        let exchange = client_of(
            &thread(),
            &format!("http://{nobody}"),
            through(proxy.url("socks4", "")),
        )
        .exchange(get("/"))
        .await;
        let error = exchange.error.unwrap();
        assert!(
            error.starts_with("the SOCKS proxy did not connect to the server"),
            "{error}"
        );
    });
}

#[test]
fn what_proxies_refuse_is_said() {
    run(async {
        let nobody = free_port().await;
        let strict = TestProxy::start(true).await;
        let lax = TestProxy::start(false).await;
        let https = format!("https://{nobody}");
        for (proxy, base, words) in [
            (
                format!("http://{nobody}"),
                "http://127.0.0.1:1".to_owned(),
                format!("connection refused by {nobody}"),
            ),
            (
                format!("socks5://{nobody}"),
                https.clone(),
                format!("could not connect to {nobody}"),
            ),
            (
                strict.url("http", "user:wrong@"),
                https.clone(),
                "the proxy wants other credentials (status 407): put `user:password@` into its URL"
                    .to_owned(),
            ),
            (
                lax.url("http", ""),
                https.clone(),
                "the proxy refused to connect to the server".to_owned(),
            ),
            (
                lax.url("socks5", "user:wrong@"),
                https.clone(),
                "the SOCKS proxy did not connect to the server: credentials not accepted".to_owned(),
            ),
            (
                lax.url("socks5", ""),
                https.clone(),
                "the SOCKS proxy did not connect to the server: connection refused".to_owned(),
            ),
        ] {
            let exchange = client_of(&thread(), &base, through(proxy.clone()))
                .exchange(request(&Method::GET, "/"))
                .await;
            assert_eq!(exchange.error.as_deref(), Some(words.as_str()), "{proxy}");
            assert_eq!((exchange.status, exchange.bytes_out), (0, 0));
        }
        // Of plain HTTP, a refusal is an answer like any other.
        let defaults = through(strict.url("http", ""));
        let exchange = client_of(&thread(), "http://127.0.0.1:1", defaults)
            .exchange(get("/"))
            .await;
        assert_eq!(exchange.error.as_deref(), Some("status 407"));
    });
}

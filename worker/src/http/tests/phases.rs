//! Where the time of a request goes: servers that are slow in one thing, and the phase that says so.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use katydid_scenario_lang::HttpDefaults;
use katydid_scenario_lang::host::BatchLimits;
use socket2::{Domain, Socket, Type};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, spawn_blocking, spawn_local};
use tokio::time::sleep;

use super::super::Exchange;
use super::support::*;
use super::tls::Authority;

/// How slow the servers are.
const SLOW: Duration = Duration::from_millis(300);
/// What all other phases together may take.
const REST_US: u128 = 150_000;
const PHASES: [&str; 7] = ["blocked", "dns", "connect", "tls", "send", "wait", "receive"];

/// The time is in this phase and in no other, and all of it is accounted for.
fn is_in(phase: &str, at_least: Duration, exchange: &Exchange) {
    assert_eq!(exchange.error, None);
    let named: Vec<_> = PHASES.iter().zip(exchange.phases).collect();
    let sum: u128 = exchange.phases.iter().map(|us| u128::from(*us)).sum();
    let total = exchange.ended.duration_since(exchange.started).as_micros();
    assert!(sum <= total && total <= sum + 10, "{sum} of {total}");
    let slow = named
        .iter()
        .find(|(name, _)| **name == phase)
        .map(|(_, us)| u128::from(*us));
    assert!(
        slow.unwrap() >= at_least.as_micros() * 9 / 10,
        "{phase}: {named:?}"
    );
    assert!(sum - slow.unwrap() < REST_US, "{phase}: {named:?}");
}

/// A server of HTTP/1.1 that reads the head after `before_reading`, and then plays `answer`.
async fn server<F>(before_reading: Duration, answer: impl Fn(TcpStream) -> F + 'static) -> String
where
    F: Future<Output = std::io::Result<()>> + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            sleep(before_reading).await;
            let answered = answer(stream);
            spawn_local(async move { drop(answered.await) });
        }
    });
    url
}

async fn read_head(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(())
}

#[test]
fn a_server_that_thinks_is_waited_for() {
    run(async {
        let url = server(Duration::ZERO, |mut stream| async move {
            read_head(&mut stream).await?;
            sleep(SLOW).await;
            stream.write_all(OK.as_bytes()).await
        });
        let exchange = client(&url.await).exchange(get("/")).await;
        is_in("wait", SLOW, &exchange);
    });
}

#[test]
fn a_body_that_comes_slowly_is_received() {
    run(async {
        let url = server(Duration::ZERO, |mut stream| async move {
            read_head(&mut stream).await?;
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no")
                .await?;
            sleep(SLOW).await;
            stream.write_all(b"k").await
        });
        let exchange = client(&url.await).exchange(get("/")).await;
        is_in("receive", SLOW, &exchange);
    });
}

#[test]
fn a_server_that_does_not_read_is_sent_to() {
    run(async {
        const LENGTH: usize = 64 << 20;
        let url = server(SLOW, |mut stream| async move {
            read_head(&mut stream).await?;
            let mut left = LENGTH;
            let mut block = vec![0; 1 << 20];
            while left > 0 {
                left -= stream.read(&mut block).await?;
            }
            stream.write_all(OK.as_bytes()).await
        });
        let exchange = client(&url.await).exchange(post("/", vec![b'x'; LENGTH])).await;
        is_in("send", SLOW, &exchange);
    });
}

#[test]
fn a_handshake_that_takes_long_is_tls() {
    run(async {
        let authority = Authority::new("test authority");
        let acceptor = authority.certify("127.0.0.1", &["http/1.1"], |_| {});
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                sleep(SLOW).await;
                let mut stream = acceptor.accept(stream).await.unwrap();
                let mut head = [0; 4096];
                let _some = stream.read(&mut head).await.unwrap();
                stream.write_all(OK.as_bytes()).await.unwrap();
            }
        });
        let mut client = client_of(&authority.trusted(), &url, HttpDefaults::default());
        let exchange = client.exchange(get("/")).await;
        is_in("tls", SLOW, &exchange);
    });
}

#[test]
fn a_full_queue_of_connections_is_connect() {
    run(async {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        socket.bind(&any.into()).unwrap();
        // A queue of one: whoever comes when it is full is not answered, and asks again after a second.
        socket.listen(0).unwrap();
        socket.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(socket.into()).unwrap();
        let address = listener.local_addr().unwrap();
        let queued = TcpStream::connect(address).await.unwrap();
        spawn_local(async move {
            sleep(SLOW).await;
            let (_queued, _) = listener.accept().await.unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            read_head(&mut stream).await.unwrap();
            stream.write_all(OK.as_bytes()).await.unwrap();
        });
        let exchange = client(&format!("http://{address}")).exchange(get("/")).await;
        is_in("connect", SLOW, &exchange);
        drop(queued);
    });
}

#[test]
fn a_name_that_takes_long_is_dns() {
    // Names are looked up by the runtime's threads for what blocks: here there is one, and it is busy.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, async {
        let server = Server::always(OK).await;
        let busy = spawn_blocking(|| std::thread::sleep(SLOW));
        let exchange = client(&format!("http://localhost:{}", server.port))
            .exchange(get("/"))
            .await;
        is_in("dns", SLOW, &exchange);
        busy.await.unwrap();
    });
}

#[test]
fn a_connection_that_takes_no_more_requests_is_waited_for() {
    run(async {
        let url = http2_server(1, || async {
            sleep(SLOW).await;
            Response::new(Full::new(Bytes::from("ok")))
        })
        .await;
        let mut client = client_of(&thread(), &url, http2());
        let exchange = client.exchange(get("/")).await;
        is_in("wait", SLOW, &exchange);
        client
            .batch(vec![get("/"), get("/")], BatchLimits::default(), || true)
            .await;
        let exchanges: Vec<_> = client.finish_batch("cut off").into_iter().flatten().collect();
        let mut times: Vec<Duration> = exchanges
            .iter()
            .map(|exchange| exchange.ended.duration_since(exchange.started))
            .collect();
        times.sort_unstable();
        let [first, second] = times[..] else {
            panic!("two requests: {times:?}");
        };
        assert!(first >= SLOW * 9 / 10 && second >= SLOW * 19 / 10, "{times:?}");
        // Nobody tells us that a request is held back on this side, so it counts as waiting for the response.
        for exchange in exchanges {
            let time = exchange.ended.duration_since(exchange.started);
            is_in("wait", time, &exchange);
        }
    });
}

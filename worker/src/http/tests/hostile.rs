//! Servers that misbehave: each a counted failure with a clear message; no panic, no hang.

use std::time::Duration;

use katydid_scenario_lang::HttpDefaults;
use tokio::net::TcpListener;

use super::super::HttpSettings;
use super::support::*;

/// What a client says of a server that plays `script` on its first connection.
async fn error_of(script: Vec<Act>) -> (u16, Option<String>) {
    let hangs = matches!(script.last(), Some(Act::Hang));
    let server = Server::start(vec![script]).await;
    let limit = Duration::from_secs(if hangs { 1 } else { 10 });
    let spec = with(get("/"), |options| options.timeout = Some(limit));
    let exchange = client(&server.url).exchange(spec).await;
    assert!(exchange.bytes_out > 0);
    (exchange.status, exchange.error.as_deref().map(ToOwned::to_owned))
}

#[test]
fn every_misbehaviour_has_its_words() {
    run(async {
        let half = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf of it";
        let chunk = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n";
        let cut = "server closed the connection in the middle of the response";
        for (acts, words) in [
            (vec![Act::Close], "server closed the connection before responding"),
            (
                vec![Act::Reset],
                "connection reset while waiting for the response",
            ),
            (
                vec![Act::Hang],
                "no response within 1s (timed out while waiting for the response)",
            ),
            (vec![send("HTTP/1.1 20"), Act::Close], cut),
            (vec![send(half), Act::Close], cut),
            (
                vec![send(half), Act::Reset],
                "connection reset while receiving the response",
            ),
            (
                vec![send(half), Act::Hang],
                "no response within 1s (timed out while receiving the response)",
            ),
            (vec![send(chunk), Act::Close], cut),
            (
                vec![send(chunk), send("zz\r\n")],
                "malformed response: invalid chunked encoding",
            ),
            (
                vec![send("SSH-2.0-OpenSSH_9.2\r\n")],
                "malformed response: not HTTP/1.x",
            ),
            (
                vec![send("HTTP/1.1 200 OK\r\nbad header\r\n\r\n")],
                "malformed response: invalid header name",
            ),
        ] {
            let script = [vec![Act::Read], acts.clone()].concat();
            assert_eq!(error_of(script).await, (0, Some(words.to_owned())), "{acts:?}");
        }
    });
}

#[test]
fn a_slow_server_is_waited_for_byte_by_byte() {
    run(async {
        let response =
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n".to_vec();
        let server = Server::start(vec![vec![Act::Read, Act::Trickle(response), Act::Hang]]).await;
        let exchange = client(&server.url).exchange(get("/")).await;
        assert_eq!((exchange.error, &exchange.body.bytes[..]), (None, &b"hello"[..]));
    });
}

#[test]
fn nobody_listening_is_a_refusal() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let exchange = client(&format!("http://{address}")).exchange(get("/")).await;
        assert_eq!(
            exchange.error.unwrap().as_ref(),
            format!("connection refused by {address}")
        );
        assert_eq!((exchange.status, exchange.bytes_out), (0, 0));
        let exchange = client("http://no-such-host.invalid").exchange(get("/")).await;
        assert!(
            exchange
                .error
                .unwrap()
                .starts_with("could not resolve `no-such-host.invalid`: ")
        );
    });
}

#[test]
fn an_early_answer_to_a_large_request_is_taken() {
    run(async {
        let response = "HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nno!";
        let server = Server::start(vec![vec![Act::ReadHead, send(response), Act::Hang]]).await;
        let mut client = client(&server.url);
        for count in 1..=2 {
            // More than the sockets' buffers hold.
            let exchange = client.exchange(post("/", vec![0; 32 << 20])).await;
            assert_eq!(
                (exchange.status, exchange.error.as_deref()),
                (413, Some("status 413"))
            );
            assert_eq!(&exchange.body.bytes[..], b"no!");
            assert_eq!(server.connections.get(), count);
        }
    });
}

#[test]
fn huge_bodies_are_counted_not_kept() {
    run(async {
        let length = 64_u64 << 20;
        let head = send(&format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n"));
        let server = Server::start(vec![vec![Act::Read, head, Act::Flood(length), Act::Hang]]).await;
        let settings = HttpSettings {
            max_body: 1 << 20,
            ..settings()
        };
        let thread = thread_with(settings);
        let exchange = client_of(&thread, &server.url, HttpDefaults::default())
            .exchange(get("/"))
            .await;
        assert_eq!((exchange.error, exchange.bytes_in), (None, length));
        assert_eq!(exchange.body.bytes.len(), 1 << 20);
        assert!(exchange.body.bytes.iter().all(|byte| *byte == b'x'));
        assert_eq!(
            exchange.body.incomplete.as_deref(),
            Some("the body is larger than the 1.0 MiB that are kept")
        );
    });
}

#[test]
fn endless_heads_end() {
    run(async {
        let mut head = b"HTTP/1.1 200 OK\r\nx: ".to_vec();
        head.resize(1 << 20, b'y');
        let (_, error) = error_of(vec![Act::Read, Act::Send(head)]).await;
        assert_eq!(
            error.as_deref(),
            Some("malformed response: header section too large")
        );
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(1000));
        let (_, error) = error_of(vec![Act::Read, send(&many)]).await;
        assert_eq!(error.as_deref(), Some("malformed response: too many headers"));
    });
}

#[test]
fn connecting_has_its_own_limit() {
    run(async {
        // A listener whose queue is full does not answer.
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket
            .bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into())
            .unwrap();
        socket.listen(0).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let mut fillers = Vec::new();
        for _ in 0..8 {
            let attempt = tokio::net::TcpStream::connect(address);
            fillers.push(tokio::time::timeout(Duration::from_millis(20), attempt).await);
        }
        let settings = HttpSettings {
            connect_timeout: Duration::from_millis(100),
            ..settings()
        };
        let thread = thread_with(settings);
        let mut client = client_of(&thread, &format!("http://{address}"), HttpDefaults::default());
        let exchange = client.exchange(get("/")).await;
        let error = exchange.error.unwrap();
        assert_eq!(
            error.as_ref(),
            format!("could not connect to {address} within 100ms")
        );
        assert_eq!(exchange.bytes_out, 0);
        drop(fillers);
    });
}

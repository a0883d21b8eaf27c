//! reqwest as a transport: measured, limited, abandoned and explained as the direct one is.

use std::rc::Rc;
use std::time::Duration;

use katydid_scenario_lang::{HttpDefaults, HttpTransport};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::super::HttpSettings;
use super::support::*;
use super::tls::{Authority, serve};

fn reqwest() -> HttpDefaults {
    HttpDefaults {
        transport: HttpTransport::Reqwest { proxy: None },
        ..HttpDefaults::default()
    }
}

#[test]
fn one_connection_serves_many_requests_and_phases_add_up() {
    run(async {
        let server = Server::always(OK).await;
        let url = server.url.replace("127.0.0.1", "localhost");
        let mut client = client_of(&thread(), &url, reqwest());
        for index in 0..50 {
            let exchange = client.exchange(get("/")).await;
            assert_eq!((exchange.status, exchange.error.as_deref()), (200, None));
            let sum: u128 = exchange.phases.iter().map(|phase| u128::from(*phase)).sum();
            let total = exchange.ended.duration_since(exchange.started).as_micros();
            assert!(sum <= total && total <= sum + 10, "{sum} of {total}");
            let [blocked, dns, connect, tls, send, wait, _] = exchange.phases;
            assert_eq!((blocked, tls, send), (0, 0, 0));
            assert!(wait > 0);
            assert_eq!(dns > 0 && connect > 0, index == 0, "{dns} {connect}");
        }
        assert_eq!(server.connections.get(), 1);
        client.close();
        assert_eq!(client.exchange(get("/")).await.error, None);
        assert_eq!(server.connections.get(), 2);
    });
}

#[test]
fn bodies_are_discarded_when_nobody_reads_them_and_bounded_otherwise() {
    run(async {
        let server = Server::always("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789").await;
        let with = |keep_bodies, max_body| {
            thread_with(HttpSettings {
                keep_bodies,
                max_body,
                ..settings()
            })
        };
        for (thread, kept, words) in [
            (with(false, 100), "", "discarded"),
            (with(true, 4), "0123", "larger than"),
        ] {
            let exchange = client_of(&thread, &server.url, reqwest())
                .exchange(get("/"))
                .await;
            assert_eq!((exchange.error, exchange.bytes_in), (None, 10));
            assert_eq!(exchange.body.bytes, kept);
            assert!(exchange.body.incomplete.unwrap().contains(words));
        }
    });
}

/// What each transport says of a server that plays `script`, and whether the request counts as sent.
async fn errors_of(script: &[Act]) -> [(u16, Option<String>, bool); 2] {
    let hangs = matches!(script.last(), Some(Act::Hang));
    let limit = Duration::from_secs(if hangs { 1 } else { 10 });
    let mut errors = Vec::new();
    for defaults in [HttpDefaults::default(), reqwest()] {
        let server = Server::start(vec![script.to_vec()]).await;
        let spec = with(post("/", "{}"), |options| options.timeout = Some(limit));
        let exchange = client_of(&thread(), &server.url, defaults).exchange(spec).await;
        let error = exchange.error.as_deref().map(ToOwned::to_owned);
        errors.push((exchange.status, error, exchange.bytes_out > 0));
    }
    errors.try_into().unwrap()
}

#[test]
fn the_same_failures_have_the_same_words() {
    run(async {
        let half = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf of it";
        let chunk = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n";
        let looped = "HTTP/1.1 307 x\r\nlocation: /again\r\ncontent-length: 0\r\n\r\n";
        let nowhere = "HTTP/1.1 307 x\r\nlocation: ftp://h/\r\ncontent-length: 0\r\n\r\n";
        let mut same = vec![
            vec![Act::Read, Act::Close],
            vec![Act::Read, Act::Reset],
            vec![Act::Read, Act::Hang],
            vec![Act::Read, send(half), Act::Close],
            vec![Act::Read, send(half), Act::Reset],
            vec![Act::Read, send(half), Act::Hang],
            vec![Act::Read, send(chunk), Act::Close],
            vec![Act::Read, send(chunk), send("zz\r\n"), Act::Hang],
        ];
        same.push(
            [Act::Read, send(looped)]
                .iter()
                .cycle()
                .take(200)
                .cloned()
                .collect(),
        );
        for script in same {
            let [direct, second] = errors_of(&script).await;
            assert!(direct.1.is_some());
            assert_eq!(second, direct, "{script:?}");
        }
        // What differs: how exactly a head is broken, and that it has begun.
        for (script, direct, second) in [
            (
                vec![Act::Read, send("SSH-2.0-OpenSSH_9.2\r\n\r\n"), Act::Hang],
                "malformed response: not HTTP/1.x",
                "malformed response: not HTTP",
            ),
            (
                vec![
                    Act::Read,
                    send("HTTP/1.1 200 OK\r\nbad header\r\n\r\n"),
                    Act::Hang,
                ],
                "malformed response: invalid header name",
                "malformed response: invalid header",
            ),
            (
                vec![Act::Read, send("HTTP/1.1 20"), Act::Close],
                "server closed the connection in the middle of the response",
                "server closed the connection before responding",
            ),
            (
                vec![Act::Read, send(nowhere), Act::Hang],
                "redirected to `ftp://h/`: `ftp:` is not supported: URLs start with `http://` or `https://`",
                "redirected to what is no URL of the web: URL scheme is not allowed",
            ),
        ] {
            let errors = errors_of(&script).await;
            assert_eq!(errors[0].1.as_deref(), Some(direct), "{script:?}");
            assert_eq!(errors[1].1.as_deref(), Some(second), "{script:?}");
        }
    });
}

#[test]
fn connections_that_fail_have_the_same_words() {
    run(async {
        let authority = Authority::new("test authority");
        let other = Authority::new("another authority");
        let port = {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            listener.local_addr().unwrap().port()
        };
        let (wrong_name, _) = serve(authority.certify("example.com", &[], |_| {})).await;
        let (unknown, _) = serve(other.certify("127.0.0.1", &[], |_| {})).await;
        let hangs_up = Server::start(vec![vec![Act::Close]]).await;
        let silent = Server::start(vec![vec![Act::Hang]]).await;
        for url in [
            format!("http://127.0.0.1:{port}"),
            format!("https://127.0.0.1:{port}"),
            "http://no-such-name.invalid".to_owned(),
            format!("https://127.0.0.1:{wrong_name}"),
            format!("https://127.0.0.1:{unknown}"),
            format!("https://127.0.0.1:{}", hangs_up.port),
            format!("https://127.0.0.1:{}", silent.port),
        ] {
            let mut errors = Vec::new();
            for defaults in [HttpDefaults::default(), reqwest()] {
                let trusting = authority.trusted();
                let mut settings = settings();
                settings.connect_timeout = Duration::from_secs(1);
                let thread = super::super::HttpThread::new(settings, std::sync::Arc::clone(&trusting.tls));
                let exchange = client_of(&thread, &url, defaults).exchange(get("/")).await;
                assert_eq!((exchange.status, exchange.bytes_out), (0, 0), "{url}");
                errors.push(exchange.error.clone());
            }
            assert!(errors[0].is_some());
            assert_eq!(errors[1], errors[0], "{url}");
        }
    });
}

#[test]
fn a_request_can_be_abandoned_and_counts_once_it_was_sent() {
    run(async {
        let server = Server::start(vec![vec![Act::Read, Act::Hang]]).await;
        let silent = Server::start(vec![vec![Act::Hang]]).await;
        let https = format!("https://127.0.0.1:{}", silent.port);
        for (url, is_counted) in [(&server.url, true), (&https, false)] {
            let mut client = client_of(&thread(), url, reqwest());
            assert!(client.abandon("nothing is under way").is_none());
            let limit = Duration::from_millis(500);
            assert!(timeout(limit, client.exchange(get("/x"))).await.is_err());
            let exchange = client.abandon("stopped");
            assert_eq!(exchange.is_some(), is_counted, "{url}");
            if let Some(exchange) = exchange {
                assert!(exchange.bytes_out > 20);
                assert_eq!(exchange.error.as_deref(), Some("stopped"));
            }
        }
    });
}

#[test]
fn names_and_verdicts_are_the_clients_whatever_carries_the_request() {
    run(async {
        let server = Server::always("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n").await;
        let mut client = client_of(&thread(), &server.url, reqwest());
        let spec = get("/x");
        let first = client.exchange(spec.clone()).await;
        let second = client.exchange(spec).await;
        assert!(first.name.ptr_eq(&second.name));
        assert_eq!(first.error.as_deref(), Some("status 503"));
        assert!(Rc::ptr_eq(&first.error.unwrap(), &second.error.unwrap()));
        let exchange = client.exchange(get("ftp://h/")).await;
        assert!(exchange.error.unwrap().contains("`ftp:` is not supported"));
    });
}

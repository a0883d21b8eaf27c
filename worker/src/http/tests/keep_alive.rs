//! Connections: kept, closed, closed behind our back.

use std::pin::pin;
use std::time::Duration;

use katydid_scenario_lang::HttpDefaults;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout};

use super::support::*;

#[test]
fn one_connection_serves_many_requests() {
    run(async {
        let server = Server::always(OK).await;
        let mut client = client(&server.url);
        for index in 0..20 {
            let exchange = client.exchange(get("/x")).await;
            assert_eq!((exchange.status, exchange.error.as_deref()), (200, None));
            assert_eq!(&exchange.body.bytes[..], b"ok");
            assert_eq!((exchange.bytes_in, exchange.name.as_str()), (2, "/x"));
            assert!(exchange.bytes_out > 50 && exchange.ended >= exchange.started && exchange.url.is_none());
            // Connecting is paid for once.
            assert!(index == 0 || exchange.phases[2] == 0);
            let connected = exchange.connections;
            let expected = if index == 0 { (1, 0) } else { (0, 1) };
            assert_eq!((connected.opened, connected.reused), expected);
        }
        assert_eq!(server.connections.get(), 1);
        client.close();
        client.exchange(get("/x")).await;
        assert_eq!(server.connections.get(), 2);
    });
}

#[test]
fn phases_add_up_to_the_whole() {
    run(async {
        let server = Server::start(vec![vec![
            Act::Read,
            send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab"),
            Act::Trickle(b"cd".to_vec()),
            Act::Hang,
        ]])
        .await;
        let before = Instant::now();
        let exchange = client(&server.url).exchange(get("/")).await;
        let elapsed = before.elapsed();
        let sum: u128 = exchange.phases.iter().map(|phase| u128::from(*phase)).sum();
        let total = exchange.ended.duration_since(exchange.started).as_micros();
        assert!(total <= elapsed.as_micros());
        // Each phase is rounded down by less than 1 µs.
        assert!(sum <= total && total <= sum + 10, "{sum} of {total}");
    });
}

#[test]
fn a_server_that_closes_gets_a_new_connection_each_time() {
    run(async {
        for response in [
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
            "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
            "HTTP/1.1 200 OK\r\n\r\nok",
        ] {
            let server = Server::start(vec![vec![Act::Read, send(response), Act::Close]]).await;
            let mut client = client(&server.url);
            for _ in 0..3 {
                let exchange = client.exchange(post("/", "{}")).await;
                assert_eq!(
                    (exchange.error.as_deref(), &exchange.body.bytes[..]),
                    (None, &b"ok"[..])
                );
            }
            assert_eq!(server.connections.get(), 3);
        }
    });
}

#[test]
fn a_script_can_close_a_connection() {
    run(async {
        let server = Server::always(OK).await;
        let mut client = client(&server.url);
        client
            .exchange(with_header(get("/"), "connection", "close"))
            .await;
        client.exchange(get("/")).await;
        assert_eq!(server.connections.get(), 2);
    });
}

#[test]
fn a_connection_closed_while_idle_is_replaced_unseen() {
    run(async {
        let server = Server::start(vec![vec![Act::Read, send(OK), Act::Close]]).await;
        let mut client = client(&server.url);
        for count in 1..=3 {
            assert_eq!(client.exchange(post("/", "{}")).await.error, None);
            server.closed(count).await;
        }
        assert_eq!((server.connections.get(), server.requests.borrow().len()), (3, 3));
    });
}

#[test]
fn a_request_lost_on_a_kept_connection_is_repeated_only_when_that_is_safe() {
    run(async {
        for (end, words) in [
            (Act::Close, "server closed the connection before responding"),
            (Act::Reset, "connection reset while waiting for the response"),
        ] {
            let scripts = vec![
                vec![Act::Read, send(OK), Act::Read, end],
                vec![Act::Read, send(OK), Act::Hang],
            ];
            let server = Server::start(scripts.clone()).await;
            let mut user = client(&server.url);
            user.exchange(get("/1")).await;
            let exchange = user.exchange(get("/2")).await;
            assert_eq!((exchange.error.as_deref(), exchange.status), (None, 200));
            assert_eq!(server.asked(), ["GET /1", "GET /2", "GET /2"]);
            let connected = exchange.connections;
            assert_eq!(
                (connected.opened, connected.reused),
                (1, 0),
                "what was repeated counts once"
            );

            let server = Server::start(scripts).await;
            let mut user = client(&server.url);
            user.exchange(post("/1", "{}")).await;
            let exchange = user.exchange(post("/2", "{}")).await;
            assert_eq!((exchange.error.as_deref(), exchange.status), (Some(words), 0));
            assert!(exchange.bytes_out > 0);
            assert_eq!(server.asked(), ["POST /1", "POST /2"]);
        }
    });
}

#[test]
fn a_fresh_connection_that_breaks_is_not_tried_again() {
    run(async {
        let server = Server::start(vec![vec![Act::Read, Act::Close]]).await;
        let exchange = client(&server.url).exchange(get("/")).await;
        assert_eq!(
            exchange.error.as_deref(),
            Some("server closed the connection before responding")
        );
        assert_eq!(server.connections.get(), 1);
    });
}

#[test]
fn bytes_nobody_asked_for_end_a_connection() {
    run(async {
        let surplus = format!("{OK}HTTP/1.1 500 Surprise\r\ncontent-length: 0\r\n\r\n");
        let server = Server::start(vec![vec![Act::Read, send(&surplus), Act::Hang]]).await;
        let mut client = client(&server.url);
        for _ in 0..2 {
            assert_eq!(client.exchange(get("/")).await.status, 200);
        }
        assert_eq!(server.connections.get(), 2);
    });
}

#[test]
fn an_abandoned_exchange_is_a_failure_if_anything_was_sent() {
    run(async {
        let server = Server::start(vec![
            vec![Act::Read, Act::Hang],
            vec![Act::Read, send(OK), Act::Hang],
        ])
        .await;
        let mut client = client(&server.url);
        assert!(client.abandon("nothing").is_none());
        {
            let exchange = pin!(client.exchange(get("/x")));
            assert!(timeout(Duration::from_millis(500), exchange).await.is_err());
        }
        let exchange = client.abandon("stopped").unwrap();
        assert_eq!(
            (exchange.error.as_deref(), exchange.name.as_str(), exchange.status),
            (Some("stopped"), "/x", 0)
        );
        assert!(exchange.bytes_out > 0 && exchange.ended.duration_since(exchange.started).as_millis() >= 499);
        assert!(exchange.phases[5] > 0, "{:?}", exchange.phases);
        assert!(client.abandon("again").is_none());
        assert_eq!(client.exchange(get("/y")).await.status, 200);
        assert_eq!(server.connections.get(), 2);

        // Polled once: the connection is being made, nothing has been sent.
        {
            let mut idle = pin!(client.exchange(get("http://localhost:1/z")));
            tokio::select! {
                biased;
                _ = &mut idle => {}
                () = yield_now() => {}
            }
        }
        assert!(client.abandon("stopped").is_none());
    });
}

#[test]
fn users_do_not_share_connections() {
    run(async {
        let server = Server::always(OK).await;
        let thread = thread();
        for _ in 0..3 {
            client_of(&thread, &server.url, HttpDefaults::default())
                .exchange(get("/"))
                .await;
        }
        assert_eq!(server.connections.get(), 3);
    });
}

#[test]
fn ipv6_works_where_there_is_any() {
    run(async {
        let Ok(server) = Server::start_on("::1", vec![vec![Act::Read, send(OK), Act::Hang]]).await else {
            return;
        };
        assert!(server.url.contains("[::1]"));
        assert_eq!(client(&server.url).exchange(get("/")).await.error, None);
        assert!(server.requests.borrow()[0].contains(&format!("host: [::1]:{}\r\n", server.port)));
    });
}

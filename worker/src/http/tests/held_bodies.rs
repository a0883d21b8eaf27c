//! `expect: 100-continue`: a body that waits until the server asks for it, and is not sent when it does not.

use std::time::Duration;

use tokio::time::Instant;

use super::support::*;

const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";

fn upload(body: &str) -> katydid_scenario_lang::host::RequestSpec {
    with_header(post("/upload", body.to_owned()), "expect", "100-continue")
}

#[test]
fn a_body_is_sent_when_the_server_asks_for_it() {
    run(async {
        let large = "x".repeat(300_000);
        for body in ["{}", &large] {
            let acts = [Act::ReadHead, send(CONTINUE), Act::ReadBody(body.len()), send(OK)];
            let server = Server::start(vec![acts.iter().cycle().take(8).cloned().collect()]).await;
            let mut client = client(&server.url);
            for count in 1..=2 {
                let began = Instant::now();
                let exchange = client.exchange(upload(body)).await;
                assert_eq!((exchange.status, exchange.error.as_deref()), (200, None));
                assert_eq!(&exchange.body.bytes[..], b"ok");
                assert!(
                    began.elapsed() < Duration::from_millis(900),
                    "it did not wait in vain"
                );
                assert!(exchange.bytes_out > body.len() as u64);
                assert_eq!(server.requests.borrow().len(), 2 * count);
                assert_eq!(server.requests.borrow()[2 * count - 1], body);
            }
            assert_eq!(server.connections.get(), 1, "the connection is as good as before");
            assert!(server.requests.borrow()[0].contains("\r\nexpect: 100-continue\r\n"));
        }
    });
}

#[test]
fn a_body_is_not_sent_after_an_answer() {
    run(async {
        for response in [
            "HTTP/1.1 417 Expectation Failed\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 401 Unauthorized\r\ncontent-length: 5\r\n\r\nplea",
        ] {
            let server = Server::start(vec![vec![
                Act::ReadHead,
                send(response),
                send("s"),
                Act::ReadHead,
                Act::Hang,
            ]])
            .await;
            let mut client = client(&server.url);
            let body = "secret ".repeat(10_000);
            let exchange = client.exchange(upload(&body)).await;
            assert!(
                exchange.status == 417 || exchange.body.bytes == "pleas",
                "{exchange:?}"
            );
            assert!(
                exchange.bytes_out < 1_000,
                "{} bytes were sent",
                exchange.bytes_out
            );
            assert!(!server.requests.borrow()[0].contains("secret"));
            // Nobody knows whether the server still waits for the body.
            client.exchange(get("/")).await;
            assert_eq!(server.connections.get(), 2);
        }
    });
}

#[test]
fn a_server_that_does_not_answer_gets_the_body_after_a_second() {
    run(async {
        let server = Server::start(vec![vec![Act::Read, send(OK), Act::Hang]]).await;
        let began = Instant::now();
        let exchange = client(&server.url).exchange(upload("{}")).await;
        assert_eq!((exchange.status, exchange.error.as_deref()), (200, None));
        let took = began.elapsed();
        assert!(took >= Duration::from_millis(990), "{took:?}");
        let [.., send, wait, _] = exchange.phases;
        assert!(send >= 990_000 && wait < 900_000, "it was sending: {send} {wait}");
    });
}

#[test]
fn an_empty_body_waits_for_nothing() {
    run(async {
        let server = Server::start(vec![vec![Act::Read, send(OK), Act::Hang]]).await;
        let began = Instant::now();
        let exchange = client(&server.url).exchange(upload("")).await;
        assert_eq!(exchange.error, None);
        assert!(began.elapsed() < Duration::from_millis(900));
    });
}

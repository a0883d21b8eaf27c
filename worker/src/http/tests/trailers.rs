//! Fields after the body: over HTTP/1.1 and HTTP/2 they end a response as they should, and are there to be read.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use katydid_scenario_lang::{HttpDefaults, HttpTransport};

use super::super::HttpSettings;
use super::support::*;

const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n\
                       5\r\nhello\r\n0\r\nX-Sum: abc\r\nx-more:  1 \r\nx-more: 2\r\n\r\n";

fn reqwest() -> HttpDefaults {
    HttpDefaults {
        transport: HttpTransport::Reqwest { proxy: None },
        ..HttpDefaults::default()
    }
}

#[test]
fn a_chunked_body_may_be_followed_by_fields() {
    run(async {
        for defaults in [HttpDefaults::default(), reqwest()] {
            for act in [send(CHUNKED), Act::Trickle(CHUNKED.as_bytes().to_vec())] {
                let acts = [Act::Read, act];
                let server = Server::start(vec![acts.iter().cycle().take(6).cloned().collect()]).await;
                let mut client = client_of(&thread(), &server.url, defaults.clone());
                for _ in 0..3 {
                    let exchange = client.exchange(get("/")).await;
                    assert_eq!((exchange.status, exchange.error.as_deref()), (200, None));
                    assert_eq!(&exchange.body.bytes[..], b"hello");
                    assert_eq!(exchange.trailers["x-sum"], "abc");
                    assert_eq!(exchange.trailers.get_all("x-more").iter().count(), 2);
                    assert!(!exchange.headers.contains_key("x-sum"), "they are no headers");
                }
                assert_eq!(server.connections.get(), 1);
            }
        }
    });
}

#[test]
fn trailers_nobody_reads_are_not_kept() {
    run(async {
        let server = Server::start(vec![vec![Act::Read, send(CHUNKED), Act::Hang]]).await;
        let thread = thread_with(HttpSettings {
            keep_headers: false,
            ..settings()
        });
        let exchange = client_of(&thread, &server.url, HttpDefaults::default())
            .exchange(get("/"))
            .await;
        assert_eq!(exchange.error, None);
        assert!(exchange.trailers.is_empty());
    });
}

#[test]
fn nonsense_after_the_body_is_named() {
    run(async {
        let response = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nno field at all\r\n\r\n";
        let server = Server::start(vec![vec![Act::Read, send(response), Act::Hang]]).await;
        let exchange = client(&server.url).exchange(get("/")).await;
        let error = exchange.error.unwrap();
        assert!(error.contains("invalid header name"), "{error}");
    });
}

#[test]
fn http2_ends_with_them_too() {
    run(async {
        let url = http2_server(100, || async {
            let mut trailers = HeaderMap::new();
            trailers.insert("x-sum", HeaderValue::from_static("abc"));
            let frames = [
                Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"hello"))),
                Ok(Frame::trailers(trailers)),
            ];
            Response::new(StreamBody::new(tokio_stream::iter(frames)))
        })
        .await;
        let mut client = client_of(&thread(), &url, http2());
        for _ in 0..2 {
            let exchange = client.exchange(get("/")).await;
            assert_eq!((exchange.status, exchange.error.as_deref()), (200, None));
            assert_eq!(&exchange.body.bytes[..], b"hello");
            assert_eq!(exchange.trailers["x-sum"], "abc");
        }
    });
}

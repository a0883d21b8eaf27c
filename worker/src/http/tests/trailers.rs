//! Fields after the body: over HTTP/1.1 and HTTP/2 they end a response as they should, and are there to be read.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use katydid_scenario_lang::{ConnectionSettings, HttpDefaults, HttpTransport, HttpVersion};
use tokio::net::TcpListener;
use tokio::task::spawn_local;

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
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        spawn_local(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let answer = |_: Request<Incoming>| async {
                let mut trailers = HeaderMap::new();
                trailers.insert("x-sum", HeaderValue::from_static("abc"));
                let frames = [
                    Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"hello"))),
                    Ok(Frame::trailers(trailers)),
                ];
                Ok::<_, Infallible>(Response::new(StreamBody::new(tokio_stream::iter(frames))))
            };
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            let _ended = server
                .serve_connection(TokioIo::new(stream), service_fn(answer))
                .await;
        });
        let defaults = HttpDefaults {
            connection: Some(Arc::new(ConnectionSettings {
                version: Some(HttpVersion::Http2),
                ..ConnectionSettings::default()
            })),
            ..HttpDefaults::default()
        };
        let mut client = client_of(&thread(), &url, defaults);
        for _ in 0..2 {
            let exchange = client.exchange(get("/")).await;
            assert_eq!((exchange.status, exchange.error.as_deref()), (200, None));
            assert_eq!(&exchange.body.bytes[..], b"hello");
            assert_eq!(exchange.trailers["x-sum"], "abc");
        }
    });
}

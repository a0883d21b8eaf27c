//! Requests that say who they are to tracing systems: over both transports and both versions of HTTP, redirects included.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use katydid_scenario_lang::{ConnectionSettings, HttpDefaults, HttpTransport, HttpVersion};
use tokio::net::TcpListener;
use tokio::task::spawn_local;

use super::support::*;

/// A path and the `traceparent` that came with it, if one did.
type Seen = Rc<RefCell<Vec<(String, Option<String>)>>>;

/// A server of HTTP/1.1 and HTTP/2 without TLS; `/hop` leads to `/end`.
async fn server() -> (String, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = Seen::default();
    let notes = Rc::clone(&seen);
    spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let notes = Rc::clone(&notes);
            spawn_local(async move {
                let service = service_fn(move |request| {
                    let response = answer(&notes, &request);
                    async move { Ok::<_, Infallible>(response) }
                });
                let server = hyper_util::server::conn::auto::Builder::new(LocalTasks);
                let _ended = server.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    (url, seen)
}

fn answer(notes: &Seen, request: &Request<Incoming>) -> Response<Empty<Bytes>> {
    let path = request.uri().path().to_owned();
    let mut said = request.headers().get_all("traceparent").iter();
    let first = said.next().map(|value| value.to_str().unwrap().to_owned());
    assert!(said.next().is_none(), "said twice");
    notes.borrow_mut().push((path.clone(), first));
    let response = Response::builder();
    let response = if path == "/hop" {
        response.status(302).header("location", "/end")
    } else {
        response
    };
    response.body(Empty::new()).unwrap()
}

/// The ways a request can travel.
fn ways() -> [HttpDefaults; 3] {
    let version = ConnectionSettings {
        version: Some(HttpVersion::Http2),
        ..ConnectionSettings::default()
    };
    [
        HttpDefaults::default(),
        HttpDefaults {
            connection: Some(Arc::new(version)),
            ..HttpDefaults::default()
        },
        HttpDefaults {
            transport: HttpTransport::Reqwest { proxy: None },
            ..HttpDefaults::default()
        },
    ]
}

/// Trace, span and flags.
fn parts(said: &str) -> [String; 3] {
    let words: Vec<&str> = said.split('-').collect();
    let [version, trace, span, flags] = words[..] else {
        panic!("{said}");
    };
    assert_eq!((version, trace.len(), span.len()), ("00", 32, 16), "{said}");
    [trace, span, flags].map(str::to_owned)
}

#[test]
fn a_request_and_where_it_is_led_are_one_trace() {
    run(async {
        for way in ways() {
            let (url, seen) = server().await;
            let said = format!("{:?}, {:?}", way.transport, way.connection);
            let defaults = HttpDefaults {
                trace_context: Some(1.0),
                ..way
            };
            let mut client = client_of(&thread(), &url, defaults);
            let exchange = client.exchange(get("/hop")).await;
            assert_eq!(
                (exchange.status, exchange.error.as_deref()),
                (200, None),
                "{said}"
            );
            let other = client.exchange(with_header(get("/end"), "x-own", "1")).await;
            let id = |id: Option<katydid_scenario_lang::TraceId>| id.unwrap().to_string();
            let seen = seen.take();
            let paths: Vec<&str> = seen.iter().map(|(path, _)| path.as_str()).collect();
            assert_eq!(paths, ["/hop", "/end", "/end"], "{said}");
            let [first, second, third] =
                [0, 1, 2].map(|index: usize| parts(seen[index].1.as_ref().expect(&said)));
            assert_eq!(first[0], id(exchange.trace_id), "{said}");
            assert_eq!(first[0], second[0], "{said}: one trace");
            assert_ne!(first[1], second[1], "{said}: two spans");
            assert_eq!(third[0], id(other.trace_id), "{said}");
            assert_ne!(first[0], third[0], "{said}: another request");
            assert!(
                [first, second, third].iter().all(|parts| parts[2] == "01"),
                "{said}"
            );
        }
    });
}

#[test]
fn what_a_script_says_itself_stays_and_what_nobody_asked_for_is_not_said() {
    const OWN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    run(async {
        for way in ways() {
            let (url, seen) = server().await;
            let shared = HttpDefaults {
                trace_context: Some(1.0),
                headers: HeaderMap::from_iter([(
                    http::HeaderName::from_static("traceparent"),
                    HeaderValue::from_static("of the class"),
                )]),
                ..way.clone()
            };
            let mut client = client_of(&thread(), &url, shared);
            let exchange = client.exchange(get("/a")).await;
            assert_eq!(exchange.trace_id, None, "it says nothing that is one");
            let exchange = client.exchange(with_header(get("/b"), "traceparent", OWN)).await;
            assert_eq!(exchange.trace_id.unwrap().to_string(), OWN[3..35]);
            let mut silent = client_of(&thread(), &url, way);
            let exchange = silent.exchange(get("/c")).await;
            assert_eq!(exchange.trace_id, None);
            let said: Vec<Option<String>> = seen.take().into_iter().map(|(_, said)| said).collect();
            assert_eq!(
                said,
                [Some("of the class".to_owned()), Some(OWN.to_owned()), None]
            );
        }
    });
}

#[test]
fn one_that_fails_can_be_found_too_and_as_many_are_sampled_as_asked_for() {
    run(async {
        let (url, seen) = server().await;
        let defaults = |share| HttpDefaults {
            trace_context: Some(share),
            ..HttpDefaults::default()
        };
        let mut client = client_of(&thread(), &url, defaults(0.5));
        for _ in 0..400 {
            client.exchange(get("/x")).await;
        }
        let sampled = seen
            .take()
            .iter()
            .filter(|(_, said)| parts(said.as_ref().unwrap())[2] == "01")
            .count();
        assert!((100..300).contains(&sampled), "{sampled} of 400");
        let mut nowhere = client_of(&thread(), "http://127.0.0.1:1", defaults(0.0));
        let exchange = nowhere.exchange(get("/x")).await;
        assert_eq!(exchange.status, 0);
        assert!(exchange.trace_id.is_some());
    });
}

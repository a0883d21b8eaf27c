//! Batches: side by side, within their limits, over the connections and with the cookies of one user.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use katydid_scenario_lang::host::{BatchLimits, RequestSpec};
use katydid_scenario_lang::{ConnectionSettings, HttpDefaults, HttpTransport, HttpVersion};
use tokio::net::TcpListener;
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};

use super::super::{Exchange, HttpClient};
use super::support::*;

/// How long a server thinks about each request.
const THINKS: Duration = Duration::from_millis(100);

/// What a server has seen.
#[derive(Debug, Default)]
struct Seen {
    connections: Cell<usize>,
    now: Cell<usize>,
    most: Cell<usize>,
    paths: RefCell<Vec<String>>,
    cookies: RefCell<Vec<String>>,
    /// Bytes of bodies.
    received: Cell<usize>,
}

/// A server of HTTP/1.1 and HTTP/2 without TLS, which thinks before it echoes the path and sets a cookie.
async fn thinker() -> (String, Rc<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = Rc::<Seen>::default();
    let server_side = Rc::clone(&seen);
    spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            server_side.connections.set(server_side.connections.get() + 1);
            let seen = Rc::clone(&server_side);
            spawn_local(async move {
                let service = service_fn(move |request| think(Rc::clone(&seen), request));
                let server = hyper_util::server::conn::auto::Builder::new(LocalTasks);
                let _ended = server.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    (url, seen)
}

async fn think(seen: Rc<Seen>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    seen.now.set(seen.now.get() + 1);
    seen.most.set(seen.most.get().max(seen.now.get()));
    let path = request.uri().path().to_owned();
    seen.paths.borrow_mut().push(path.clone());
    let cookies = request.headers().get_all("cookie").iter();
    let cookies: Vec<&str> = cookies.filter_map(|value| value.to_str().ok()).collect();
    seen.cookies.borrow_mut().push(cookies.join("; "));
    let body = request.into_body().collect().await.unwrap().to_bytes();
    seen.received.set(seen.received.get() + body.len());
    if path == "/never" {
        std::future::pending::<()>().await;
    }
    sleep(THINKS).await;
    seen.now.set(seen.now.get() - 1);
    let cookie = format!("{}=1; Path=/", path.trim_start_matches('/'));
    let response = Response::builder().header("set-cookie", cookie);
    Ok(response.body(Full::new(Bytes::from(path))).unwrap())
}

fn http2() -> HttpDefaults {
    HttpDefaults {
        connection: Some(Arc::new(ConnectionSettings {
            version: Some(HttpVersion::Http2),
            ..ConnectionSettings::default()
        })),
        ..HttpDefaults::default()
    }
}

fn paths(count: usize) -> Vec<RequestSpec> {
    (0..count).map(|number| get(&format!("/p{number}"))).collect()
}

async fn all(client: &mut HttpClient, requests: Vec<RequestSpec>, limits: BatchLimits) -> Vec<Box<Exchange>> {
    client.batch(requests, limits, || true).await;
    let exchanges = client.finish_batch("cut off").into_iter();
    exchanges.map(|exchange| exchange.unwrap()).collect()
}

/// Every exchange is the answer to its own request, and its phases are its time.
fn agree(exchanges: &[Box<Exchange>]) {
    for (number, exchange) in exchanges.iter().enumerate() {
        assert_eq!(exchange.error, None);
        assert_eq!(exchange.body.bytes, format!("/p{number}"));
        assert_eq!(&*exchange.name, format!("/p{number}"));
        let time = exchange.ended.duration_since(exchange.started);
        let sum: u128 = exchange.phases.iter().map(|phase| u128::from(*phase)).sum();
        assert!(
            sum <= time.as_micros() && time.as_micros() <= sum + 10,
            "{sum} of {time:?}"
        );
        let [.., send, wait, _] = exchange.phases;
        assert!(
            wait >= 95_000,
            "the server's time is in `wait`: {:?}",
            exchange.phases
        );
        assert!(send < 50_000, "{:?}", exchange.phases);
    }
}

#[test]
fn requests_of_a_batch_go_side_by_side_within_the_limit_per_host() {
    run(async {
        let (url, seen) = thinker().await;
        let mut client = client(&url);
        let began = tokio::time::Instant::now();
        agree(&all(&mut client, paths(14), BatchLimits::default()).await);
        assert_eq!((seen.most.get(), seen.connections.get()), (6, 6));
        let waves = began.elapsed().as_millis() / THINKS.as_millis();
        assert!((3..8).contains(&waves), "14 requests, 6 at a time: {waves}");
        // The connections are kept for whatever comes next.
        assert_eq!(client.exchange(get("/x")).await.error, None);
        agree(&all(&mut client, paths(6), BatchLimits::default()).await);
        assert_eq!(seen.connections.get(), 6);
        let narrow = BatchLimits {
            parallel: 2,
            per_host: 6,
        };
        seen.most.set(0);
        agree(&all(&mut client, paths(5), narrow).await);
        assert_eq!(seen.most.get(), 2);
    });
}

#[test]
fn over_http2_a_batch_needs_one_connection() {
    run(async {
        let (url, seen) = thinker().await;
        let mut client = client_of(&thread(), &url, http2());
        agree(&all(&mut client, paths(50), BatchLimits::default()).await);
        // Before it is known what the server speaks, there are six; they wait for the first one's connection.
        assert_eq!((seen.most.get(), seen.connections.get()), (20, 1));
        let uploads = (0..12).map(|number| post(&format!("/p{number}"), vec![b'x'; 30_000]));
        let exchanges = all(&mut client, uploads.collect(), BatchLimits::default()).await;
        agree(&exchanges);
        assert_eq!((seen.connections.get(), seen.received.get()), (1, 360_000));
        // Which request a byte is counted for is not always known; how many there are is.
        let written: u64 = exchanges.iter().map(|exchange| exchange.bytes_out).sum();
        assert!((360_000..365_000).contains(&written), "{written}");
        assert_eq!(client.exchange(get("/x")).await.error, None);
        assert_eq!(seen.connections.get(), 1);
    });
}

#[test]
fn what_one_request_of_a_batch_sets_all_later_ones_send() {
    run(async {
        let (url, seen) = thinker().await;
        let mut client = client(&url);
        all(&mut client, paths(3), BatchLimits::default()).await;
        all(&mut client, paths(1), BatchLimits::default()).await;
        let cookies = seen.cookies.borrow();
        assert_eq!(cookies[..3], ["", "", ""]);
        for name in ["p0=1", "p1=1", "p2=1"] {
            assert!(cookies[3].contains(name), "{cookies:?}");
        }
    });
}

#[test]
fn requests_of_a_batch_fail_each_by_itself() {
    run(async {
        let (url, seen) = thinker().await;
        for defaults in [HttpDefaults::default(), http2()] {
            let mut client = client_of(&thread(), &url, defaults);
            let impatient = with(get("/never"), |options| {
                options.timeout = Some(Duration::from_millis(300));
            });
            let requests = vec![
                get("/p0"),
                impatient,
                get("http://127.0.0.1:1/"),
                get("ftp://h/x"),
                get("/p4"),
            ];
            let exchanges = all(&mut client, requests, BatchLimits::default()).await;
            let errors: Vec<Option<&str>> = exchanges
                .iter()
                .map(|exchange| exchange.error.as_deref())
                .collect();
            assert!(errors[0].is_none() && errors[4].is_none(), "{errors:?}");
            assert!(
                errors[1].unwrap().contains("no response within 300ms"),
                "{errors:?}"
            );
            assert!(errors[2].unwrap().contains("127.0.0.1:1"), "{errors:?}");
            assert_eq!(exchanges[3].bytes_out, 0);
            assert!(errors[3].is_some());
            // A connection on which a request was given up is not trusted with another.
            let before = seen.connections.get();
            assert_eq!(client.exchange(get("/x")).await.error, None);
            assert!(seen.connections.get() <= before + 1);
        }
    });
}

#[test]
fn a_batch_that_is_cut_off_counts_what_was_sent() {
    run(async {
        let (url, seen) = thinker().await;
        for defaults in [HttpDefaults::default(), http2()] {
            seen.paths.borrow_mut().clear();
            let mut client = client_of(&thread(), &url, defaults);
            let limits = BatchLimits {
                parallel: 3,
                per_host: 3,
            };
            let requests = vec![
                get("/p0"),
                get("/never"),
                get("/never"),
                get("/never"),
                get("/never"),
            ];
            let limit = THINKS * 5;
            assert!(
                timeout(limit, client.batch(requests, limits, || true))
                    .await
                    .is_err()
            );
            let exchanges = client.finish_batch("cut off");
            let said = |place: usize| {
                exchanges[place]
                    .as_ref()
                    .map(|exchange| exchange.error.as_deref())
            };
            assert_eq!(said(0), Some(None));
            for place in 1..4 {
                assert_eq!(said(place), Some(Some("cut off")), "{place}");
            }
            assert_eq!(said(4), None, "it was never begun");
            assert_eq!(seen.paths.borrow().len(), 4);
            // Nothing of it is left to be counted again.
            assert!(client.abandon("again").is_none());
            assert_eq!(client.exchange(get("/x")).await.error, None);
        }
    });
}

#[test]
fn nothing_of_a_batch_begins_once_it_must_not() {
    run(async {
        let (url, seen) = thinker().await;
        let begun = Cell::new(0);
        let mut client = client(&url);
        let may_begin = || {
            begun.set(begun.get() + 1);
            begun.get() <= 3
        };
        client.batch(paths(6), BatchLimits::default(), may_begin).await;
        let exchanges = client.finish_batch("cut off");
        assert_eq!(exchanges.iter().filter(|exchange| exchange.is_some()).count(), 3);
        assert_eq!(seen.paths.borrow().len(), 3);
    });
}

#[test]
fn with_reqwest_a_batch_goes_one_after_the_other() {
    run(async {
        let (url, seen) = thinker().await;
        let defaults = HttpDefaults {
            transport: HttpTransport::Reqwest { proxy: None },
            ..HttpDefaults::default()
        };
        let mut client = client_of(&thread(), &url, defaults);
        agree(&all(&mut client, paths(4), BatchLimits::default()).await);
        assert_eq!((seen.most.get(), seen.connections.get()), (1, 1));
    });
}

//! What HTTP means: redirects, cookies, credentials, bodies, verdicts.

use std::rc::Rc;
use std::time::Duration;

use http::Method;
use katydid_scenario_lang::HttpDefaults;
use katydid_scenario_lang::host::{Auth, StatusSet};

use super::super::{HttpClient, HttpSettings};
use super::support::*;

fn redirect(status: u16, location: &str, more: &str) -> Act {
    send(&format!(
        "HTTP/1.1 {status} x\r\nlocation: {location}\r\n{more}content-length: 0\r\n\r\n"
    ))
}

#[test]
fn redirects_are_followed_and_counted_once() {
    run(async {
        let server = Server::start(vec![vec![
            Act::Read,
            redirect(302, "/two", ""),
            Act::Read,
            redirect(307, "three?q#f", ""),
            Act::Read,
            send(OK),
            Act::Hang,
        ]])
        .await;
        let exchange = client(&server.url).exchange(post("/one", "{}")).await;
        assert_eq!((exchange.status, exchange.error.as_deref()), (200, None));
        assert_eq!(
            (exchange.name.as_str(), &exchange.method),
            ("/one", &Method::POST)
        );
        assert_eq!(
            exchange.url.as_deref(),
            Some(format!("{}/three?q", server.url).as_str())
        );
        assert_eq!(server.asked(), ["POST /one", "GET /two", "GET /three?q"]);
        assert_eq!(server.connections.get(), 1);
    });
}

#[test]
fn redirects_can_be_declined_and_never_end_in_a_loop() {
    run(async {
        let server =
            Server::always("HTTP/1.1 302 Found\r\nlocation: /again\r\ncontent-length: 0\r\n\r\n").await;
        let mut client = client(&server.url);
        let exchange = client
            .exchange(with(get("/"), |options| options.redirects = Some(0)))
            .await;
        assert_eq!(
            (exchange.status, exchange.error.as_deref(), exchange.url),
            (302, None, None)
        );
        assert_eq!(exchange.headers["location"], "/again");
        let exchange = client
            .exchange(with(get("/"), |options| options.redirects = Some(3)))
            .await;
        assert_eq!(
            (exchange.status, exchange.error.as_deref()),
            (0, Some("too many redirects (3)"))
        );
        assert_eq!(server.requests.borrow().len(), 5);
        let exchange = client.exchange(get("/")).await;
        assert_eq!(exchange.error.as_deref(), Some("too many redirects (30)"));
    });
}

#[test]
fn credentials_stay_with_their_origin() {
    run(async {
        let other = Server::always(OK).await;
        let server = Server::start(vec![vec![
            Act::Read,
            redirect(302, &format!("{}/x", other.url), ""),
        ]])
        .await;
        let spec = with(get("/"), |options| {
            options.auth = Some(Auth::Bearer("token".into()))
        });
        let base = server.url.replace("http://", "http://user:pass@");
        let mut client = client(&base);
        let exchange = client.exchange(with_header(spec, "cookie", "own=1")).await;
        assert_eq!(exchange.error, None);
        assert!(server.requests.borrow()[0].contains("authorization: Bearer token\r\n"));
        assert!(server.requests.borrow()[0].contains("cookie: own=1\r\n"));
        let foreign = other.requests.borrow()[0].clone();
        assert!(
            !foreign.contains("authorization") && !foreign.contains("cookie"),
            "{foreign}"
        );
        assert_eq!(exchange.url.as_deref(), Some(format!("{}/x", other.url).as_str()));
    });
}

#[test]
fn cookies_are_kept_per_user_from_every_hop() {
    run(async {
        let server = Server::start(vec![vec![
            Act::Read,
            redirect(
                302,
                "/account",
                "set-cookie: session=abc; Path=/; HttpOnly\r\nset-cookie: b=2\r\n",
            ),
            Act::Read,
            send(OK),
            Act::Read,
            send("HTTP/1.1 200 OK\r\nset-cookie: session=; Max-Age=0; Path=/\r\ncontent-length: 0\r\n\r\n"),
            Act::Read,
            send(OK),
            Act::Hang,
        ]])
        .await;
        let thread = thread_with(HttpSettings {
            keep_headers: false,
            ..settings()
        });
        let mut client = client_of(&thread, &server.url, HttpDefaults::default());
        for url in ["/login", "/logout", "/account"] {
            assert_eq!(client.exchange(get(url)).await.error, None);
        }
        let requests = server.requests.borrow();
        let cookies = |index: usize| {
            let mut pairs: Vec<_> = requests[index]
                .lines()
                .filter_map(|line| line.strip_prefix("cookie: "))
                .flat_map(|line| line.split("; ").map(ToOwned::to_owned))
                .collect();
            pairs.sort();
            pairs
        };
        assert_eq!(cookies(0), Vec::<String>::new());
        assert_eq!(cookies(1), ["b=2", "session=abc"]);
        assert_eq!(cookies(2), ["b=2", "session=abc"]);
        assert_eq!(cookies(3), ["b=2"]);
    });
}

#[test]
fn statuses_fail_from_400_unless_expected() {
    run(async {
        let server = Server::always("HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy").await;
        let mut client = client(&server.url);
        let exchange = client.exchange(get("/")).await;
        assert_eq!(
            (exchange.status, exchange.error.as_deref()),
            (503, Some("status 503"))
        );
        assert_eq!(&exchange.body.bytes[..], b"busy");
        let again = client.exchange(get("/")).await;
        assert!(Rc::ptr_eq(&exchange.error.unwrap(), &again.error.unwrap()));
        let expecting = |ranges| with(get("/"), |options| options.expect = Some(StatusSet { ranges }));
        assert_eq!(client.exchange(expecting(vec![(500, 599)])).await.error, None);
        let exchange = client.exchange(expecting(vec![(200, 299)])).await;
        assert_eq!(exchange.error.as_deref(), Some("status 503"));
    });
}

#[test]
fn requests_that_make_no_sense_are_failures_without_a_byte() {
    run(async {
        let thread = thread();
        let mut homeless = HttpClient::new(&thread, None, Rc::new(HttpDefaults::default()));
        let mut client = client("http://127.0.0.1:1/");
        for (exchange, words) in [
            (
                homeless.exchange(get("/x")).await,
                "`/x` is relative but the user class has no host",
            ),
            (
                client.exchange(get("gopher://x/")).await,
                "`gopher:` is not supported",
            ),
            (client.exchange(get("http://[::1/")).await, "is not a URL"),
            (
                client.exchange(request(&Method::CONNECT, "/x")).await,
                "CONNECT is not supported",
            ),
            (
                client
                    .exchange(with(get("/"), |options| {
                        options.auth = Some(Auth::Bearer("a\nb".into()))
                    }))
                    .await,
                "the credentials contain",
            ),
        ] {
            assert!(
                exchange.error.as_deref().unwrap().contains(words),
                "{:?}",
                exchange.error
            );
            assert_eq!((exchange.status, exchange.bytes_out), (0, 0));
        }
    });
}

#[test]
fn head_and_empty_responses_have_no_body() {
    run(async {
        let scripts = vec![vec![
            Act::Read,
            send("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n"),
            Act::Read,
            send("HTTP/1.1 204 x\r\n\r\n"),
            Act::Read,
            send("HTTP/1.1 304 x\r\ncontent-length: 9\r\n\r\n"),
            Act::Read,
            send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
            Act::Hang,
        ]];
        let server = Server::start(scripts).await;
        let mut client = client(&server.url);
        assert_eq!(client.exchange(request(&Method::HEAD, "/")).await.status, 200);
        for status in [204, 304, 200] {
            let exchange = client.exchange(get("/")).await;
            assert_eq!((exchange.status, exchange.bytes_in), (status, 0));
        }
        assert_eq!(server.connections.get(), 1);
    });
}

#[test]
fn bodies_go_out_whole_whatever_their_size() {
    run(async {
        let server = Server::always(OK).await;
        let mut client = client(&server.url);
        for size in [0, 1, 16 * 1024, 16 * 1024 + 1, 3 << 20] {
            let exchange = client.exchange(post("/", vec![b'y'; size])).await;
            assert_eq!(exchange.error, None);
            assert!(exchange.bytes_out > size as u64);
            let request = server.requests.borrow_mut().pop().unwrap();
            assert!(request.contains("content-type: application/json\r\n"));
            let body = request.split_once("\r\n\r\n").unwrap().1;
            assert!(
                body.len() == size && body.bytes().all(|byte| byte == b'y'),
                "{size}"
            );
        }
        assert_eq!(server.connections.get(), 1);
    });
}

#[test]
fn bodies_are_discarded_when_nobody_reads_them() {
    run(async {
        let gzip = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 9\r\n\r\nnot gzip!";
        let server = Server::always(gzip).await;
        let thread = thread_with(HttpSettings {
            keep_bodies: false,
            ..settings()
        });
        let exchange = client_of(&thread, &server.url, HttpDefaults::default())
            .exchange(get("/"))
            .await;
        assert_eq!(
            (exchange.error, exchange.bytes_in, exchange.body.bytes.len()),
            (None, 9, 0)
        );
        assert!(exchange.body.incomplete.unwrap().contains("discarded"));
        let exchange = client(&server.url).exchange(get("/")).await;
        assert!(exchange.body.incomplete.unwrap().contains("not valid gzip"));
        assert_eq!(exchange.error, None);
    });
}

#[test]
fn names_keep_the_identity_of_literals() {
    run(async {
        let server = Server::always(OK).await;
        for url in [server.url.clone(), format!("{}/prefix", server.url)] {
            let mut client = client(&url);
            let spec = get("/x");
            let first = client.exchange(spec.clone()).await;
            let second = client.exchange(spec.clone()).await;
            assert!(first.name.ptr_eq(&second.name));
            let mut named = spec;
            named.name = Some("/:id".into());
            assert_eq!(client.exchange(named).await.name, "/:id");
        }
        let exchange = client(&format!("{}/prefix", server.url))
            .exchange(get("/x?y"))
            .await;
        assert_eq!(exchange.name, "/prefix/x?y");
    });
}

#[test]
fn a_class_sets_defaults() {
    run(async {
        let server = Server::start(vec![vec![Act::Read, Act::Hang]]).await;
        let mut defaults = HttpDefaults {
            timeout: Some(Duration::from_secs(1)),
            ..HttpDefaults::default()
        };
        defaults
            .headers
            .insert("x-class", http::HeaderValue::from_static("yes"));
        let exchange = client_of(&thread(), &server.url, defaults)
            .exchange(get("/"))
            .await;
        let words = "no response within 1s (timed out while waiting for the response)";
        assert_eq!(exchange.error.as_deref(), Some(words));
        assert!(server.requests.borrow()[0].contains("x-class: yes\r\n"));
    });
}

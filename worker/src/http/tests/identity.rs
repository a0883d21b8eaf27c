//! Who a user is to a server: digests, signatures, and cookies a script sees and sets.

use katydid_scenario_lang::host::{Auth, AwsKeys, CookieCall};
use katydid_scenario_lang::{CookiePolicy, HttpDefaults};

use super::support::*;

const CHALLENGE: &str = "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic realm=\"x\"\r\n\
    www-authenticate: Digest realm=\"here\", qop=\"auth\", algorithm=MD5, nonce=\"abc\", opaque=\"xyz\"\r\n\
    content-length: 2\r\n\r\nno";
const STALE: &str = "HTTP/1.1 401 Unauthorized\r\n\
    www-authenticate: Digest realm=\"here\", qop=\"auth\", algorithm=SHA-256, nonce=\"def\", stale=true\r\n\
    content-length: 0\r\n\r\n";

fn digest() -> Option<Auth> {
    Some(Auth::Digest("ann".into(), "secret".into()))
}

fn authorization(request: &str) -> Option<&str> {
    request
        .lines()
        .find_map(|line| line.strip_prefix("authorization: "))
}

#[test]
fn a_digest_is_given_when_asked_for_and_then_at_once() {
    run(async {
        let server = Server::start(vec![vec![
            Act::Read,
            send(CHALLENGE),
            Act::Read,
            send(OK),
            Act::Read,
            send(OK),
            Act::Read,
            send(STALE),
            Act::Read,
            send(OK),
            Act::Hang,
        ]])
        .await;
        let thread = thread_with(super::super::HttpSettings {
            keep_headers: false,
            ..settings()
        });
        let mut client = client_of(&thread, &server.url, HttpDefaults::default());
        for path in ["/a", "/b?c", "/d"] {
            let exchange = client
                .exchange(with(get(path), |options| options.auth = digest()))
                .await;
            assert_eq!(
                (exchange.status, exchange.error.as_deref()),
                (200, None),
                "{path}"
            );
        }
        assert_eq!(
            server.asked(),
            ["GET /a", "GET /a", "GET /b?c", "GET /d", "GET /d"]
        );
        let requests = server.requests.borrow();
        assert_eq!(authorization(&requests[0]), None);
        let says = |index: usize, parts: &[&str]| {
            let given = authorization(&requests[index]).unwrap();
            for part in parts {
                assert!(given.contains(part), "{part} in {given}");
            }
        };
        says(
            1,
            &[
                "Digest username=\"ann\"",
                "uri=\"/a\"",
                "nonce=\"abc\"",
                "nc=00000001",
            ],
        );
        says(2, &["uri=\"/b?c\"", "nonce=\"abc\"", "nc=00000002"]);
        says(4, &["uri=\"/d\"", "nonce=\"def\"", "nc=00000001", "SHA-256"]);
        assert!(!requests.iter().any(|request| request.contains("secret")));
    });
}

#[test]
fn whoever_is_not_let_in_asks_no_third_time() {
    run(async {
        let server = Server::always(CHALLENGE).await;
        let defaults = HttpDefaults {
            auth: digest(),
            ..HttpDefaults::default()
        };
        let exchange = client_of(&thread(), &server.url, defaults)
            .exchange(get("/"))
            .await;
        assert_eq!(exchange.status, 401);
        assert_eq!(server.requests.borrow().len(), 2);
    });
}

#[test]
fn digests_and_signatures_stay_with_their_origin() {
    run(async {
        let other = Server::always(CHALLENGE).await;
        let away = format!(
            "HTTP/1.1 302 Found\r\nlocation: {}/x\r\ncontent-length: 0\r\n\r\n",
            other.url
        );
        let server = Server::always(&away).await;
        let aws = Auth::Aws(Box::new(AwsKeys {
            access_key: "AKIDEXAMPLE".into(),
            secret_key: "shhh".into(),
            session_token: Some("temporary".into()),
            region: "eu-central-1".into(),
            service: "s3".into(),
        }));
        for auth in [digest(), Some(aws)] {
            let spec = with(get("/"), |options| options.auth = auth);
            assert_eq!(client(&server.url).exchange(spec).await.status, 401);
        }
        let requests = server.requests.borrow();
        let signed = authorization(&requests[1]).unwrap();
        assert!(
            signed.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"),
            "{signed}"
        );
        assert!(
            signed.contains(
                "/eu-central-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date"
            ),
            "{signed}"
        );
        assert!(requests[1].contains("x-amz-security-token: temporary\r\n"));
        // The body is empty: this is what SHA-256 makes of nothing.
        assert!(requests[1].contains(
            "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\r\n"
        ));
        for foreign in other.requests.borrow().iter() {
            assert_eq!(authorization(foreign), None);
            assert!(!foreign.contains("x-amz-security-token"), "{foreign}");
        }
        assert_eq!(other.requests.borrow().len(), 2);
    });
}

fn names(found: &[(String, String)]) -> Vec<String> {
    let mut names: Vec<String> = found
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    names.sort();
    names
}

#[test]
fn a_script_sees_sets_and_clears_cookies() {
    run(async {
        let server = Server::always(
            "HTTP/1.1 200 OK\r\nset-cookie: session=abc; Path=/\r\nset-cookie: deep=1; Path=/deep\r\ncontent-length: 0\r\n\r\n",
        )
        .await;
        let mut client = client(&server.url);
        let list = |url: &str| CookieCall::List { url: url.into() };
        assert_eq!(client.cookies(list("")).unwrap(), []);
        assert_eq!(client.exchange(get("/deep/x")).await.error, None);
        assert_eq!(names(&client.cookies(list("")).unwrap()), ["session=abc"]);
        assert_eq!(
            names(&client.cookies(list("/deep/y")).unwrap()),
            ["deep=1", "session=abc"]
        );
        let set = |cookie: &str| CookieCall::Set {
            url: String::new(),
            cookie: cookie.into(),
        };
        client.cookies(set("theme=dark; Path=/")).unwrap();
        client.cookies(set("session=own; Path=/")).unwrap();
        client.exchange(get("/")).await;
        let sent = server.requests.borrow()[1].clone();
        assert!(
            sent.contains("theme=dark") && sent.contains("session=own"),
            "{sent}"
        );
        let why = client.cookies(set("x=1; Domain=example.com")).unwrap_err();
        assert!(why.contains("cannot set the cookie `x`"), "{why}");
        let some = CookieCall::Clear {
            url: Some("/other".into()),
        };
        client.cookies(some).unwrap();
        assert_eq!(names(&client.cookies(list("/deep/y")).unwrap()), ["deep=1"]);
        client.cookies(CookieCall::Clear { url: None }).unwrap();
        assert_eq!(client.cookies(list("/deep/y")).unwrap(), []);
        let nowhere = client.cookies(list("ftp//:x\u{7f}://")).is_err();
        assert!(nowhere || client.cookies(list("http://h:99999/")).is_err());
    });
}

#[test]
fn a_class_decides_how_long_cookies_are_kept() {
    run(async {
        let server =
            Server::always("HTTP/1.1 200 OK\r\nset-cookie: s=1; Path=/\r\ncontent-length: 0\r\n\r\n").await;
        let sent = |index: usize| server.requests.borrow()[index].contains("cookie: s=1");
        let of = |cookies| {
            client_of(
                &thread(),
                &server.url,
                HttpDefaults {
                    cookies,
                    ..HttpDefaults::default()
                },
            )
        };
        for (round, (policy, within, after)) in [
            (CookiePolicy::Keep, true, true),
            (CookiePolicy::PerIteration, true, false),
            (CookiePolicy::Ignore, false, false),
        ]
        .into_iter()
        .enumerate()
        {
            let mut client = of(policy);
            client.begin_iteration();
            client.exchange(get("/")).await;
            client.exchange(get("/")).await;
            client.begin_iteration();
            client.exchange(get("/")).await;
            let first = round * 3;
            assert_eq!(
                (sent(first), sent(first + 1), sent(first + 2)),
                (false, within, after),
                "{policy:?}"
            );
        }
    });
}

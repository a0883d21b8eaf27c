//! Where the transports differ, on purpose or because reqwest cannot be made to do otherwise.
//!
//! Each is told in the reference's "Two transports". What else is different is a mistake, which the generated cases find.

use super::case::{Ask, Case};
use super::site::{Framing, Protocol, Reply, Site};
use super::{Player, Seen, Told, play};

use super::super::support::run;
use super::super::tls::Authority;

fn reply(status: u16, headers: &[(&'static str, &str)]) -> Reply {
    Reply {
        status,
        headers: headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect(),
        body: b"body".to_vec(),
        framing: Framing::Length,
        is_announced: false,
        piece: usize::MAX,
    }
}

/// What the direct transport and reqwest are told and ask.
fn both(replies: Vec<Reply>, asks: Vec<Ask>) -> [(Vec<Told>, Vec<Seen>); 2] {
    let mut played = Vec::new();
    run(async {
        let case = Case {
            protocol: Protocol::Http1,
            replies,
            asks,
            prefix: "",
            headers: vec![("content-type", "text/class")],
            auth: None,
        };
        let authority = Authority::new("test authority");
        let site = Site::start(case.protocol, case.replies.clone(), &authority).await;
        for player in [Player::Direct, Player::Reqwest] {
            played.push(play(player, &site, &case, &authority).await);
        }
    });
    played.try_into().unwrap()
}

fn with(mut ask: Ask, name: &'static str, value: &'static str) -> Ask {
    ask.headers.push((name, value));
    ask
}

fn has(seen: &Seen, line: &str) -> bool {
    seen.headers.iter().any(|header| header == line)
}

#[test]
fn a_requests_own_cookies_replace_those_of_the_jar() {
    let replies = vec![reply(200, &[("set-cookie", "a=1")])];
    let asks = vec![Ask::get("/r/0"), with(Ask::get("/r/0"), "cookie", "b=2")];
    let [(_, direct), (_, reqwest)] = both(replies, asks);
    assert!(has(&direct[1], "cookie: a=1; b=2"));
    assert!(has(&reqwest[1], "cookie: b=2"));
}

#[test]
fn a_class_content_type_goes_when_a_redirect_drops_the_body() {
    let replies = vec![reply(302, &[("location", "/r/1")]), reply(200, &[])];
    let mut ask = Ask::get("/r/0");
    ask.method = "POST";
    let [(_, direct), (_, reqwest)] = both(replies, vec![ask]);
    assert!(has(&direct[1], "content-type: text/class"));
    assert!(!has(&reqwest[1], "content-type: text/class"));
}

#[test]
fn a_location_that_is_no_url_is_an_answer() {
    let replies = vec![reply(302, &[("location", "http://")])];
    let [(direct, _), (reqwest, _)] = both(replies, vec![Ask::get("/r/0")]);
    let error = direct[0].error.as_deref().unwrap();
    assert!(error.starts_with("redirected to `http://`"), "{error}");
    assert_eq!((reqwest[0].status, reqwest[0].error.as_deref()), (302, None));
}

#[test]
fn credentials_are_never_sent_to_another_origin_by_either() {
    // The second step within the other origin is the one at which reqwest by itself would send them again.
    let replies = vec![
        reply(302, &[("location", "{B}/r/1")]),
        reply(302, &[("location", "{B}/r/2")]),
        reply(200, &[]),
    ];
    let mut ask = with(Ask::get("/r/0"), "authorization", "secret");
    ask.redirects = Some(2);
    let played = both(replies.clone(), vec![ask.clone()]);
    assert_eq!(played[0], played[1]);
    for (told, seen) in played {
        assert_eq!((told[0].status, seen.len()), (200, 3));
        assert!(has(&seen[0], "authorization: secret"));
        for stranger in &seen[1..] {
            assert!(!has(stranger, "authorization: secret"));
        }
    }
    ask.redirects = Some(1);
    for (told, _) in both(replies, vec![ask]) {
        assert_eq!(told[0].error.as_deref(), Some("too many redirects (1)"));
    }
}

//! What becomes of bodies: the options that say so, and what scripts see of it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed; real processes take real time"
)]

mod support;

use katydid_scenario_lang::*;
use support::*;

#[test]
fn requests_and_classes_say_what_becomes_of_bodies() {
    let mut task = OneTask::of(
        "user(\"A\", #{ http: #{ response_body: \"discard\" } }).task(\"t\", || {
             http.get(\"/\");
             http.get(\"/\", #{ response_body: \"sha256\" });
             http.get(\"/\", #{ response_body: \"keep\", timeout: 1 });
         });",
    );
    let class = &task.scenario.declarations().classes[0];
    assert_eq!(class.http.response_body, BodyUse::Discard);
    task.logged();
    let said: Vec<_> = task
        .host
        .requests
        .borrow()
        .iter()
        .map(|request| request.options.as_ref().and_then(|options| options.response_body))
        .collect();
    assert_eq!(said, [None, Some(BodyUse::Sha256), Some(BodyUse::Keep)]);
}

#[test]
fn hashing_and_discarding_read_no_body() {
    let reads = |body: &str| {
        let task = OneTask::new(body);
        let declared = task.scenario.declarations();
        (declared.reads_bodies, declared.reads_headers)
    };
    assert_eq!(
        reads("log(http.get(\"/\", #{ response_body: \"sha256\" }).sha256)"),
        (false, false)
    );
    assert_eq!(reads("log(http.get(\"/\").trailers[\"x-sum\"])"), (false, true));
}

#[test]
fn scripts_see_the_hash_or_why_there_is_none() {
    let hash = |reply: Response| {
        let mut task = OneTask::new("log(http.get(\"/big\").sha256)");
        task.host.answer(reply);
        match task.run() {
            CallEnd::Completed => task.host.events.take().join("\n"),
            CallEnd::Failed(error) => error.message,
            other => panic!("{other:?}"),
        }
    };
    let of = |sha256| Response {
        body: ResponseBody {
            sha256,
            ..ResponseBody::default()
        },
        ..response(200, "")
    };
    assert_eq!(hash(of(Some(Ok("ba78".into())))), "Info ba78");
    assert_eq!(
        hash(of(Some(Err("the body is not valid gzip: x".into())))),
        "the body of /big was not hashed: the body is not valid gzip: x"
    );
    assert_eq!(
        hash(of(None)),
        "the body of /big was not hashed: ask for it with `response_body: \"sha256\"`"
    );
    assert_eq!(hash(response(0, "")), "Info ");
}

#[test]
fn trailers_are_read_like_headers() {
    let mut trailers = http::HeaderMap::new();
    trailers.insert("x-sum", http::HeaderValue::from_static("abc"));
    let mut task = OneTask::new(
        "let r = http.get(\"/\"); log(r.trailers[\"X-Sum\"] + r.trailers.len() + r.headers.len())",
    );
    task.host.answer(Response {
        trailers: trailers.into(),
        ..response(200, "")
    });
    assert_eq!(task.logged(), ["Info abc10"]);
}

#[test]
fn wrong_values_are_pointed_at() {
    insta::assert_snapshot!(report(
        "user(\"A\", #{\n    http: #{\n        response_body: \"none\",\n    },\n}).task(\"t\", || 1);"
    ));
    insta::assert_snapshot!(report(
        "user(\"A\", #{ http: #{ response_bdy: \"discard\" } }).task(\"t\", || 1);"
    ));
    insta::assert_snapshot!(error_of("http.get(\"/\", #{ response_body: true })"));
}

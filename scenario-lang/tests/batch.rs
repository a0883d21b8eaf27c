//! `http.batch` as scripts write it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed; real processes take real time"
)]

mod support;

use katydid_scenario_lang::*;
use support::*;

#[test]
fn requests_are_written_as_urls_arrays_or_maps() {
    let mut task = OneTask::new(
        "let rs = http.batch([\"/a\", [\"POST\", \"/b\", #{ json: #{ n: 1 }, name: \"b\" }], [\"get\", \"/c\"], \
         #{ url: \"/d\", query: #{ q: 1 } }, #{ method: \"DELETE\", url: \"/e\" }], #{ parallel: 3, per_host: 2 }); \
         log(rs.len()); log(rs[1].status); log(rs[1].text()); rs[2].fail(\"no\");",
    );
    for (status, body) in [(200, "A"), (201, "B"), (404, "C"), (200, "D"), (200, "E")] {
        task.host.answer(response(status, body));
    }
    assert!(matches!(task.run(), CallEnd::Completed));
    let sent: Vec<String> = task
        .host
        .requests
        .borrow()
        .iter()
        .map(|spec| format!("{} {} {:?}", spec.method, spec.url, spec.name))
        .collect();
    assert_eq!(
        sent,
        [
            "GET /a None",
            "POST /b Some(\"b\")",
            "GET /c None",
            "GET /d None",
            "DELETE /e None"
        ]
    );
    let events = task.host.events.borrow();
    assert_eq!(
        *events,
        ["batch 3 2", "Info 5", "Info 201", "Info B", "fail 1 no"]
    );
}

#[test]
fn named_requests_have_named_responses() {
    let mut task = OneTask::new(
        "let rs = http.batch(#{ home: \"/\", user: [\"GET\", \"/me\"] }); log(rs.user.text()); log(rs.home.text()); \
         let h = http; log(h.batch([\"/x\"]).len()); log(http.batch([]).len()); log(http.batch(#{}).len());",
    );
    for body in ["HOME", "ME"] {
        task.host.answer(response(200, body));
    }
    assert!(matches!(task.run(), CallEnd::Completed));
    let events = task.host.events.borrow();
    assert_eq!(
        *events,
        [
            "batch 20 6",
            "Info ME",
            "Info HOME",
            "batch 20 6",
            "Info 1",
            "Info 0",
            "Info 0"
        ]
    );
}

#[test]
fn what_is_no_batch_is_explained() {
    for (code, words) in [
        (
            "http.batch(5);",
            "http.batch: it takes an array or a map of requests, not",
        ),
        (
            "http.batch([\"/\", 5]);",
            "http.batch: request 2: it is a URL, `[method, url, #{ options }]`",
        ),
        (
            "http.batch([[\"GET\"]]);",
            "http.batch: request 1: it is a URL, `[method, url",
        ),
        (
            "http.batch([[\"G T\", \"/\"]]);",
            "request 1: the method is a text such as \"GET\"",
        ),
        (
            "http.batch(#{ a: #{ name: \"x\" } });",
            "http.batch: request `a`: it has no `url`",
        ),
        ("http.batch([#{ url: \"\" }]);", "request 1: the URL is empty"),
        (
            "http.batch([[\"GET\", \"/\", #{ headres: #{} }]]);",
            "request 1: a request has no option `headres`; did you mean `headers`?",
        ),
        (
            "let o = #{ paralel: 2 }; http.batch([\"/\"], o);",
            "a batch has no option `paralel`; did you mean `parallel`?",
        ),
        (
            "http.batch([\"/\"], #{ per_host: 0 });",
            "option `per_host`: it is a whole number from 1 to 1000",
        ),
        (
            "let a = []; a.pad(1001, \"/\"); http.batch(a);",
            "a batch has at most 1000 requests, and this has 1001",
        ),
    ] {
        let said = error_of(code);
        assert!(said.contains(words), "{code}: {said}");
    }
    let found = report("user(\"A\").task(\"t\", || { http.batch([\"/\"], #{ parallell: 1 }); });");
    assert!(found.contains("did you mean `parallel`?"), "{found}");
}

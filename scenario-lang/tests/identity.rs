//! Cookies and credentials as scripts write them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed; real processes take real time"
)]

mod support;

use katydid_scenario_lang::*;
use support::*;

#[test]
fn cookies_are_read_set_and_cleared() {
    let said = log_of(
        "log(http.cookies().a); log(http.cookies(\"/x\")[\"b c\"]); log(http.cookies().missing == ()); let h = http; log(h.cookies().len());",
    );
    let logged: Vec<&String> = said.iter().filter(|line| !line.starts_with("List")).collect();
    assert_eq!(logged, ["1", "2", "true", "2"]);
    let mut task = OneTask::new(
        "http.set_cookie(\"theme\", \"dark\"); http.set_cookie(\"n\", 5, #{ url: \"http://h/\", path: \"/a\", domain: \"h\", \
         max_age: \"1h\", secure: true, http_only: false }); http.clear_cookies(); http.clear_cookies(\"/x\");",
    );
    assert!(matches!(task.run(), CallEnd::Completed));
    let set = |url: &str, cookie: &str| {
        let call = CookieCall::Set {
            url: url.into(),
            cookie: cookie.into(),
        };
        format!("{call:?}")
    };
    let clear = |url: Option<&str>| {
        let call = CookieCall::Clear {
            url: url.map(Into::into),
        };
        format!("{call:?}")
    };
    let mut expected = [
        set("", "theme=dark; Path=/"),
        set("http://h/", "n=5; Domain=h; Max-Age=3600; Path=/a; Secure"),
        clear(None),
        clear(Some("/x")),
    ];
    let mut events: Vec<String> = task.host.events.borrow().clone();
    expected.sort();
    events.sort();
    assert_eq!(events, expected);
}

#[test]
fn what_cannot_be_a_cookie_is_explained() {
    for (code, words) in [
        (
            "http.set_cookie(\"a b\", \"1\");",
            "`a b` cannot be the name of a cookie",
        ),
        (
            "http.set_cookie(\"a\", \"hunter2;\");",
            "characters a cookie cannot have",
        ),
        ("http.set_cookie(\"a\", [1]);", "the value is a text"),
        (
            "let more = #{ pth: \"/\" }; http.set_cookie(\"a\", 1, more);",
            "did you mean `path`?",
        ),
        (
            "http.set_cookie(\"a\", 1, #{ secure: 1 });",
            "option `secure`: it is true or false",
        ),
        (
            "http.set_cookie(\"a\", 1, 2);",
            "the options of a cookie are a map",
        ),
        ("http.cookies(\"bad\");", "http.cookies: `bad` is not a URL"),
        ("http.cookies(5);", "it is a text, not"),
    ] {
        let error = error_of(code);
        assert!(error.contains(words), "{code}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_misspelt_option_of_a_cookie_is_found_before_anything_runs() {
    let found = report("user(\"A\").task(\"t\", || { http.set_cookie(\"a\", 1, #{ max_ag: 5 }); });");
    assert!(found.contains("a cookie has no option `max_ag`"), "{found}");
    assert!(found.contains("did you mean `max_age`?"), "{found}");
}

#[test]
fn a_class_says_what_becomes_of_its_cookies() {
    let policy = |value: &str| {
        let text = format!("user(\"A\", #{{ http: #{{ cookies: {value} }} }}).task(\"t\", || {{}});");
        program(&text).check().map(|found| found.classes[0].http.cookies)
    };
    assert_eq!(policy("true").unwrap(), CookiePolicy::Keep);
    assert_eq!(policy("false").unwrap(), CookiePolicy::Ignore);
    assert_eq!(policy("\"iteration\"").unwrap(), CookiePolicy::PerIteration);
    let wrong = policy("\"task\"").unwrap_err().to_string();
    assert!(
        wrong.contains("option `cookies`: it is true (kept), false (ignored) or \"iteration\""),
        "{wrong}"
    );
}

#[test]
fn credentials_come_in_five_forms() {
    let auth = |value: &str| {
        let mut task = OneTask::new(&format!("http.get(\"/\", #{{ auth: {value} }});"));
        task.run();
        let requests = task.host.requests.borrow();
        requests
            .first()
            .and_then(|request| request.options.as_ref()?.auth.clone())
    };
    assert_eq!(
        auth("#{ digest: [\"u\", \"p\"] }"),
        Some(Auth::Digest("u".into(), "p".into()))
    );
    let keys = AwsKeys {
        access_key: "id".into(),
        secret_key: "s".into(),
        session_token: None,
        region: "r".into(),
        service: "s3".into(),
    };
    assert_eq!(
        auth("#{ aws: #{ access_key: \"id\", secret_key: \"s\", region: \"r\", service: \"s3\" } }"),
        Some(Auth::Aws(Box::new(keys)))
    );
    for (value, words) in [
        ("#{ digest: \"hunter2\" }", "#{ digest: [user, password] }"),
        (
            "#{ aws: #{ access_key: \"id\", secret_key: \"hunter2\", region: \"r\" } }",
            "`aws` needs `service`",
        ),
        ("#{ aws: #{ acces_key: \"id\" } }", "did you mean `access_key`?"),
        ("#{ token: \"hunter2\" }", "it is one of"),
        ("#{ basic: [\"u\"] }", "it is one of"),
    ] {
        let error = error_of(&format!("http.get(\"/\", #{{ auth: {value} }});"));
        assert!(error.contains(words), "{value}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

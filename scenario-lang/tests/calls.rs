//! What scripts do when users call them: requests, responses, state, groups, endings.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed; real processes take real time"
)]

mod support;

use std::time::Duration;

use katydid_scenario_lang::*;
use support::*;

#[test]
fn a_literal_url_keeps_its_identity_and_needs_no_options() {
    let mut task = OneTask::new("http.get(\"/\");");
    for _ in 0..3 {
        assert!(matches!(task.run(), CallEnd::Completed));
    }
    let requests = task.host.requests.borrow();
    assert_eq!(requests.len(), 3);
    for request in requests.iter() {
        assert_eq!(request.url.as_str().as_ptr(), requests[0].url.as_str().as_ptr());
        assert_eq!(request.method, http::Method::GET);
        assert!(request.options.is_none() && request.headers.is_empty() && request.name.is_none());
    }
}

#[test]
fn all_methods_and_all_spellings_send() {
    let mut task = OneTask::new(
        "http.get(\"/1\"); http.post(\"/2\"); http.put(\"/3\"); http.patch(\"/4\"); http.delete(\"/5\"); http.head(\"/6\");
         http.options(\"/7\"); http.request(\"propfind\", \"/8\"); http
            .get(\"/9\"); let h = http; h.get(\"/10\", #{ name: \"ten\" }); `${http.get(\"/11\").status}`;
         let url = \"/12\"; http.get(url); http.get(url); h.request(\"GET\", url, #{});",
    );
    assert!(matches!(task.run(), CallEnd::Completed));
    let sent: Vec<String> = task
        .host
        .requests
        .borrow()
        .iter()
        .map(|request| format!("{} {}", request.method, request.url))
        .collect();
    assert_eq!(
        sent,
        [
            "GET /1",
            "POST /2",
            "PUT /3",
            "PATCH /4",
            "DELETE /5",
            "HEAD /6",
            "OPTIONS /7",
            "PROPFIND /8",
            "GET /9",
            "GET /10",
            "GET /11",
            "GET /12",
            "GET /12",
            "GET /12"
        ]
    );
}

#[test]
fn options_become_a_request() {
    let mut task = OneTask::new(
        "http.post(\"/a\", #{ name: \"/:x\", headers: #{ \"X-A\": 1, accept: [\"a\", \"b\"] }, query: #{ q: \"a b\", n: [1, 2], none: () },
            json: #{ a: [1, (), \"x\"] }, timeout: \"500ms\", redirects: 3, tags: #{ kind: \"t\" }, expect: [404, \"2xx\", \"300-302\"],
            auth: #{ basic: [\"u\", \"p\"] } });",
    );
    assert!(matches!(task.run(), CallEnd::Completed));
    let request = task.host.requests.borrow()[0].clone();
    assert_eq!(request.name.unwrap().as_str(), "/:x");
    assert_eq!(request.headers["x-a"], "1");
    assert_eq!(request.headers.get_all("accept").iter().count(), 2);
    let query: Vec<(&str, &str)> = request
        .query
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    assert_eq!(query, [("n", "1"), ("n", "2"), ("q", "a b")]);
    let body = request.body.unwrap();
    assert_eq!(
        (&body.bytes[..], body.content_type),
        (&b"{\"a\":[1,null,\"x\"]}"[..], Some("application/json"))
    );
    let options = *request.options.unwrap();
    assert_eq!(options.timeout, Some(Duration::from_millis(500)));
    assert_eq!(options.redirects, Some(3));
    let tags: Vec<_> = options
        .tags
        .iter()
        .map(|tag| (tag.key.as_str(), tag.value.as_str()))
        .collect();
    assert_eq!(tags, [("kind", "t")]);
    assert_eq!(
        options.expect.unwrap().ranges,
        [(404, 404), (200, 299), (300, 302)]
    );
    assert_eq!(options.auth, Some(Auth::Basic("u".into(), "p".into())));
}

#[test]
fn other_bodies_and_switches() {
    let mut task = OneTask::new(
        "http.post(\"/a\", #{ form: #{ a: \"x y\", b: [1, 2] }, redirects: false, auth: #{ bearer: \"t\" } });
         http.post(\"/a\", #{ body: \"plain\", redirects: true, auth: #{ user: \"u\", password: 5 }, name: () });
         http.post(\"/a\", #{ body: blob(3, 65), json: () });",
    );
    let end = task.run();
    assert!(
        matches!(&end, CallEnd::Failed(error) if error.message.contains("one body")),
        "{end:?}"
    );
    let requests = task.host.requests.borrow();
    let body = requests[0].body.as_ref().unwrap();
    assert_eq!(
        (&body.bytes[..], body.content_type),
        (&b"a=x+y&b=1&b=2"[..], Some("application/x-www-form-urlencoded"))
    );
    assert_eq!(requests[0].options.as_ref().unwrap().redirects, Some(0));
    assert_eq!(
        requests[1].options.as_ref().unwrap().redirects,
        Some(DEFAULT_REDIRECTS)
    );
    assert_eq!(
        requests[1].options.as_ref().unwrap().auth,
        Some(Auth::Basic("u".into(), "5".into()))
    );
    assert_eq!(&requests[1].body.as_ref().unwrap().bytes[..], b"plain");
}

#[test]
fn wrong_options_are_script_errors() {
    let cases = [
        (
            "let o = #{ tiemout: 5 }; http.get(\"/\", o)",
            "http.get: a request has no option `tiemout`; did you mean `timeout`?",
        ),
        (
            "http.get(\"/\", #{ timeout: -1 })",
            "http.get: option `timeout`: a time must not be negative, and this is -1 s",
        ),
        (
            "http.get(\"/\", #{ timeout: 0 })",
            "http.get: option `timeout`: a timeout must be above 0",
        ),
        (
            "http.get(\"/\", #{ json: 1, form: #{} })",
            "http.get: a request has one body, but this one has `form` and `json`",
        ),
        (
            "http.get(\"/\", #{ headers: 5 })",
            "http.get: option `headers`: it is a map of names to values, not the number 5",
        ),
        (
            "http.get(\"/\", #{ headers: #{ \"a b\": 1 } })",
            "http.get: option `headers`: `a b` is not a name of a header",
        ),
        (
            "http.get(\"/\", #{ headers: #{ a: \"x\\ny\" } })",
            "http.get: option `headers`: the value of `a` has characters that no header can have",
        ),
        (
            "http.get(\"/\", #{ expect: \"ok\" })",
            "http.get: option `expect`: it is a status such as 404, \"2xx\" or \"200-204\", or an array of those, not the text `ok`",
        ),
        (
            "http.get(\"/\", #{ json: || 1 })",
            "http.get: option `json`: a function cannot be written as JSON",
        ),
        (
            "http.get(\"/\", 5)",
            "http.get: the options of a request are a map `#{ ... }`, not a whole number",
        ),
        ("http.get(5)", "http.get: the URL is a text, not the number 5"),
        ("http.get(\"\")", "http.get: the URL is empty"),
        (
            "http.request(\"a b\", \"/\")",
            "http.request: the method is a text such as \"GET\", not the text `a b`",
        ),
    ];
    for (body, message) in cases {
        assert_eq!(error_of(body), message, "{body}");
    }
}

#[test]
fn a_response_says_which_trace_it_is() {
    let mut task = OneTask::new("for n in 0..2 { log(http.get(\"/x\").trace_id ?? \"none\"); }");
    let mut traced = response(200, "");
    traced.trace_id = TraceId::of_header(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    task.host.answer(traced);
    task.host.answer(response(200, ""));
    let logged = task.logged();
    assert!(
        logged[0].contains("0af7651916cd43dd8448eb211c80319c"),
        "{logged:?}"
    );
    assert!(logged[1].contains("none"), "{logged:?}");
}

#[test]
fn responses_show_everything() {
    let mut task = OneTask::new(
        "let r = http.get(\"/x\");
         log(r.status); log(r.ok); log(r.headers[\"Content-Type\"]); log(r.headers.etag == ()); log(\"content-type\" in r.headers);
         log(r.text()); log(r.json().a[1]); log(r.json()[\"b\"].c); log(r.bytes.len()); log(r.cookies.session); log(r.url);
         log(r.timings.wait); log(r.timings.total); log(r.error == ()); log(r.headers.to_map().keys().len());
         log(`${r}`);",
    );
    let mut answer = response(200, "{\"a\":[1,2.5],\"b\":{\"c\":null}}");
    answer
        .headers
        .insert("content-type", "application/json".parse().unwrap());
    answer
        .headers
        .append("set-cookie", "session=abc; Path=/".parse().unwrap());
    task.host.answer(answer);
    let lines: Vec<String> = task
        .logged()
        .iter()
        .map(|line| line.trim_start_matches("Info ").to_owned())
        .collect();
    assert_eq!(
        lines,
        [
            "200",
            "true",
            "application/json",
            "true",
            "true",
            "{\"a\":[1,2.5],\"b\":{\"c\":null}}",
            "2.5",
            "",
            "28",
            "abc",
            "/x",
            "1.5",
            "2.5",
            "true",
            "2",
            "200 /x"
        ]
    );
}

#[test]
fn transport_errors_are_responses() {
    let mut task = OneTask::new("let r = http.get(\"/x\"); log(`${r.status} ${r.ok} ${r.error}`);");
    task.host.answer(response(0, ""));
    assert_eq!(task.logged(), ["Info 0 false connection refused"]);
}

#[test]
fn verdicts_reach_the_host_and_change_ok() {
    let mut task = OneTask::new(
        "let r = http.get(\"/\"); r.fail(\"bad\"); log(r.ok); let s = http.get(\"/\"); log(s.ok); s.pass(); log(s.ok);",
    );
    task.host.answer(response(200, "")).answer(response(500, ""));
    assert_eq!(
        task.logged(),
        ["fail 1 bad", "Info false", "Info false", "pass 1", "Info true"]
    );

    let mut task = OneTask::new("let r = http.get(\"/\"); r.fail(\"bad\");");
    task.host.too_late.set(true);
    assert!(
        task.failed()
            .message
            .starts_with("`fail` comes too late: / has been counted")
    );
}

#[test]
fn bodies_that_cannot_be_read_say_why() {
    let mut task = OneTask::new("http.get(\"/x\").json()");
    task.host.answer(response(502, "<html>\nBad gateway"));
    assert_eq!(
        task.failed().message,
        "the response of /x (status 502) is not JSON: expected value at line 1 column 1; it begins with `<html>\\nBad gateway`"
    );
    task.host.answer(response(204, ""));
    assert_eq!(
        task.failed().message,
        "the response of /x (status 204) is not JSON: its body is empty"
    );
    let mut cut = response(200, "");
    cut.body.incomplete = Some("it is larger than 1 MiB".into());
    task.host.answer(cut);
    assert_eq!(
        task.failed().message,
        "the body of /x is not available: it is larger than 1 MiB"
    );
}

#[test]
fn this_is_the_users_own_and_survives() {
    let mut task = OneTask::new("if this.n == () { this.n = 0; } this.n += 1; log(this.n);");
    assert_eq!(task.logged(), ["Info 1"]);
    assert_eq!(task.logged(), ["Info 2"]);
    task.state = UserState::default();
    assert_eq!(task.logged(), ["Info 1"]);
}

#[test]
fn groups_pass_this_on_and_are_closed_whatever_happens() {
    let mut task = OneTask::new(
        "let n = 5;
         let x = group(\"outer\", || { this.a = 1; n += 1; group(\"inner\", || { this.b = n + me.id; http.get(\"/\"); }); this.a + 41 });
         log(`${x} ${this.a} ${this.b} ${n}`);
         try { group(\"bad\", || { throw \"no\"; }); } catch (e) { log(e); }
         group(\"end\", || stop_user());",
    );
    assert!(matches!(task.run(), CallEnd::StopUser));
    assert_eq!(
        task.host.events.take(),
        [
            "begin outer",
            "begin inner",
            "end Completed",
            "end Completed",
            "Info 42 1 13 6",
            "begin bad",
            "end Failed",
            "Info no",
            "begin end",
            "end Completed"
        ]
    );
    assert_eq!(
        error_of("group(5, || 1)"),
        "`group` takes a name, which is a text, not the number 5"
    );
    assert_eq!(
        error_of("group(\"a\", 1)"),
        "`group` takes a function, as in group(\"a\", || ...), not a whole number"
    );
}

#[test]
fn functions_see_constants_and_me() {
    let mut task = OneTask::of(
        "const BASE = \"/api\"; const LIST = [1, 2]; const F = |x| x + LIST.len();
         fn path(n) { `${BASE}/${n}/${me.id}/${me.class}/${me.worker}/${me.iteration}` }
         fn nested() { group(\"g\", || log(LIST[1])); }
         fn with_this() { this.x = 9; }
         user(\"A\").task(\"t\", || { log(path(1)); nested(); this.with_this(); log(this.x); log(F.call(1)); log(LIST.len()); log(BASE); })
            .task(\"named\", Fn(\"nested\"));",
    );
    assert_eq!(
        task.logged(),
        [
            "Info /api/1/7/Shopper/w1/3",
            "begin g",
            "Info 2",
            "end Completed",
            "Info 9",
            "Info 3",
            "Info 2",
            "Info /api"
        ]
    );
    assert!(matches!(task.call("named"), CallEnd::Completed));
}

#[test]
fn constants_cannot_be_changed_and_locals_can_shadow_them() {
    let constants = "const LIST = [1]; const N = 5; fn id(N) { N }";
    let mut task = OneTask::of(&format!(
        "{constants} user(\"A\").task(\"t\", || {{ let N = 7; log(N); log(id(3)); LIST[0]; }});"
    ));
    assert_eq!(task.logged(), ["Info 7", "Info 3"]);
    let mut task = OneTask::of(&format!(
        "{constants} fn f() {{ LIST.push(1); }} user(\"A\").task(\"t\", || f());"
    ));
    assert!(task.failed().message.ends_with("constants cannot be changed"));
}

#[test]
fn captured_values_are_fresh_for_each_call() {
    let mut task =
        OneTask::of("const LIST = [1]; user(\"A\").task(\"t\", || { LIST.push(2); log(LIST.len()); });");
    assert_eq!(task.logged(), ["Info 2"]);
    assert_eq!(task.logged(), ["Info 2"]);
    let mut task = OneTask::of("for n in 1..=2 { user(`A${n}`).task(\"t\", || log(n)); }");
    assert_eq!(task.logged(), ["Info 1"]);
}

#[test]
fn checks_are_counted_and_return_their_condition() {
    let lines = log_of(
        "let r = http.get(\"/\"); log(check(r, \"a\", r.status == 200)); check(\"b\", false); check((), \"c\", true);",
    );
    assert_eq!(lines, ["check a true", "true", "check b false", "check c true"]);
    assert_eq!(
        error_of("check((), \"a\", 5)"),
        "the condition of check `a` must be true or false, not the number 5"
    );
}

#[test]
fn endings_cannot_be_caught() {
    let end = |body: &str| OneTask::new(body).run();
    assert!(matches!(end("try { stop_user(); } catch { }"), CallEnd::StopUser));
    assert!(
        matches!(end("try { stop_test(\"enough\"); } catch { }"), CallEnd::StopTest(reason) if reason == "enough")
    );
    let mut task = OneTask::new("try { sleep(1.5); } catch { } ");
    task.host.sleep_result.set(Some(Interrupt::Stopped));
    assert!(matches!(task.run(), CallEnd::Interrupted));
    assert_eq!(task.host.events.take(), ["sleep 1.5s"]);
    let mut task = OneTask::new("try { loop { } } catch { }");
    task.host.most_operations.set(Some((1000, Interrupt::Stopped)));
    assert!(matches!(task.run(), CallEnd::Interrupted));
    // What was cut off took no time anybody could tell; what ended in good order did.
    for (body, end) in [
        ("group(\"g\", || sleep(1.5));", "end CutOff"),
        ("group(\"g\", || exit());", "end Completed"),
        ("group(\"g\", || stop_test(\"enough\"));", "end Completed"),
    ] {
        let mut task = OneTask::new(body);
        task.host.sleep_result.set(Some(Interrupt::Stopped));
        task.run();
        assert_eq!(task.host.events.take().last().unwrap(), end, "{body}");
    }
}

#[test]
fn sleeping_takes_numbers_and_texts() {
    assert_eq!(
        log_of("sleep(2); sleep(0.25); sleep(\"20ms\");"),
        ["sleep 2s", "sleep 250ms", "sleep 20ms"]
    );
    assert_eq!(
        error_of("sleep(-1)"),
        "`sleep`: a time must not be negative, and this is -1 s"
    );
    assert_eq!(
        error_of("sleep([])"),
        "`sleep`: a time is a number of seconds or a text such as \"500ms\", not an array"
    );
}

#[test]
fn hostile_scripts_end_in_script_errors() {
    let mut task =
        OneTask::of("fn f(n) { f(n + 1) } user(\"A\").task(\"t\", || { try { f(0); } catch { } });");
    task.host
        .most_operations
        .set(Some((2000, Interrupt::StackExhausted)));
    let error = task.failed();
    assert_eq!(
        error.message,
        "function calls nest too deeply; does a function call itself for ever?"
    );
    assert!(error.traceback.starts_with("shop.rhai:1:"), "{}", error.traceback);
    assert_eq!(
        error_of("let s = \"x\"; loop { s += s; }"),
        "length of string is beyond the limit"
    );
    assert_eq!(
        error_of("let a = [1]; loop { a += a; }"),
        "size of array/blob is beyond the limit"
    );
}

#[test]
fn errors_have_a_message_and_a_traceback() {
    let mut task = OneTask::of(
        "fn inner(x) {\n    throw `bad ${x}`;\n}\nfn outer() {\n    inner(1);\n}\nuser(\"A\").task(\"t\", || {\n    group(\"g\", || outer());\n});",
    );
    let error = task.failed();
    assert_eq!(error.message, "bad 1");
    insta::assert_snapshot!(error.traceback, @r"
    shop.rhai:2:5 in inner
    shop.rhai:5:5 in outer
    shop.rhai:8:19 in closure
    shop.rhai:8:11 in t
    ");
    assert_eq!(
        error_of("let r = http.get(\"/\"); r.stats"),
        "a response has no property `stats`"
    );
    assert_eq!(
        error_of("\"a\" * 2"),
        "there is no function `*` for (text, whole number)"
    );
    assert_eq!(
        error_of("let a = [1]; a[5]"),
        "array index 5 out of bounds: only 1 element in array"
    );
    assert_eq!(error_of("1 / 0"), "division by zero: 1 / 0");
    assert_eq!(
        error_of("let n = 5; if n { log(n); }"),
        "this must be a truth value, not a whole number"
    );
}

#[test]
fn chance_and_time() {
    let lines = log_of(
        "for i in 0..200 { let n = random_int(-2, 2); if n < -2 || n > 2 { throw n; } }
         log(random_int(5, 5)); log([1, 2].contains(random_choice([1, 2]))); log(uuid().len()); log(now_ms());",
    );
    assert_eq!(lines, ["5", "true", "36", "1700000000123"]);
    assert_eq!(
        error_of("random_int(2, 1)"),
        "`random_int` takes the least number first, and 2 is more than 1"
    );
    assert_eq!(
        error_of("random_int(1.5, 2)"),
        "`random_int` takes two whole numbers, not the number 1.5"
    );
    assert_eq!(
        error_of("random_choice([])"),
        "`random_choice` cannot choose from an empty array"
    );
}

#[test]
fn texts_are_searched_and_coded() {
    let mut task = OneTask::new(
        "let r = http.get(\"/\");
         log(extract(r, \"b(.)d\")); log(extract(\"abcd\", \"b.\")); log(extract(\"x\", \"y\") == ());
         log(json_path(r, \"$.a.b\") == ()); log(json_path(#{ a: [1, #{ b: \"x\" }] }, \"$.a[1].b\")); log(json_path(`[1]`, \"$[5]\") == ());
         log(base64(\"a?>\")); log(base64_decode(\"YT8-\")); log(base64_decode(\"YT8+\")); log(hmac_sha256(\"key\", \"The quick brown fox jumps over the lazy dog\"));",
    );
    task.host.answer(response(200, "\"abcd\""));
    let lines: Vec<String> = task
        .logged()
        .iter()
        .map(|line| line.trim_start_matches("Info ").to_owned())
        .collect();
    assert_eq!(
        lines,
        [
            "c",
            "bc",
            "true",
            "true",
            "x",
            "true",
            "YT8+",
            "a?>",
            "a?>",
            "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"
        ]
    );
    assert!(error_of("extract(\"a\", \"(\")").starts_with("`extract`: `(` is not a regular expression: "));
    assert!(error_of("json_path(\"{\", \"$.a\")").starts_with("`json_path`: the text is not JSON: "));
    assert!(
        error_of("json_path(\"{}\", \"a.b\")")
            .starts_with("`json_path`: `a.b` is not a path such as `$.a.b`: ")
    );
    assert!(error_of("base64_decode(\"%\")").starts_with("`base64_decode`: the text is not base64: "));
}

#[test]
fn logging_has_levels() {
    let lines =
        OneTask::new("log(1.5); log([1]); log(\"error\", \"x\"); log(\"warn\", 5); print(\"p\"); debug(1);")
            .logged();
    assert_eq!(
        lines,
        [
            "Info 1.5",
            "Info [1]",
            "Error x",
            "Warning 5",
            "Info p",
            "Debug shop.rhai:1: 1"
        ]
    );
    assert_eq!(
        error_of("log(\"eror\", \"x\")"),
        "a level of the log is one of debug, info, warning, error, not `eror`; did you mean `error`?"
    );
}

#[test]
fn secrets_are_never_shown() {
    let mut settings = LoadSettings::default();
    settings
        .environment
        .insert("PASSWORD".into(), "hunter2hunter2".into());
    let text = "const P = secret(\"PASSWORD\");
        user(\"A\", #{ http: #{ tags: #{ p: P } } }).task(\"t\", || { log(`it is ${P}`); http.get(`/login?p=${P}`); http.get(\"/x\").fail(`P ${P}`);
                http.get(`/x?p=${P}`, #{ name: `as ${P}`, tags: #{ who: `x${P}` } }); throw `bad ${P}`; })
            .task(\"stop\", || stop_test(P));";
    let folder = std::path::Path::new(".");
    let program = program_in(folder, text, settings);
    assert!(!format!("{program:?}").contains("hunter2"));
    let mut task = OneTask::load(&program);
    assert_eq!(task.failed().message, "bad ***");
    assert_eq!(task.host.events.take(), ["Info it is ***", "fail 1 P ***"]);
    let request = task.host.requests.borrow()[0].clone();
    assert_eq!(request.url.as_str(), "/login?p=hunter2hunter2");
    assert_eq!(
        (request.name, request.stand_in.as_deref()),
        (None, Some("/login?p=***"))
    );
    let request = task.host.requests.borrow()[1].clone();
    assert!(request.name.is_none() && request.stand_in.is_none());
    let request = task.host.requests.borrow()[2].clone();
    assert_eq!(
        (request.name.as_deref(), request.stand_in),
        (Some("as ***"), None)
    );
    assert_eq!(request.options.unwrap().tags[0].value.as_str(), "x***");
    let classes = &task.scenario.declarations().classes;
    assert_eq!(classes[0].http.tags, [("p".to_owned(), "***".to_owned())]);
    assert!(matches!(task.call("stop"), CallEnd::StopTest(reason) if reason == "***"));
}

#[test]
fn data_sets_are_shared_handles() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("p.csv"), "id,name\n1,a\n2,b\n3,c\n").unwrap();
    std::fs::write(folder.path().join("e.csv"), "id\n").unwrap();
    std::fs::write(folder.path().join("j.json"), "{\"a\":[1]}").unwrap();
    let text = "const P = csv(\"p.csv\"); const E = csv(\"e.csv\"); const J = json_file(\"j.json\");
        fn total() { let n = 0; for row in P { n += parse_int(row.id); } n }
        user(\"A\").task(\"t\", || {
            log(P.len); log(P.len()); log(P[0].name); log(P[-1].name); log(P.next().id); log(P.next().id); log(total());
            log(P.random().id.len()); log(J.a[0]); log(random_choice(P).id.len()); log(`${P}`);
            try { P[3]; } catch (e) { log(e); } try { P[-4]; } catch (e) { log(e); }
            try { E.random(); } catch (e) { log(e); } try { E.next(); } catch (e) { log(e); }
        });";
    let mut task = OneTask::load(&program_in(folder.path(), text, LoadSettings::default()));
    let lines: Vec<String> = task
        .logged()
        .iter()
        .map(|line| line.trim_start_matches("Info ").to_owned())
        .collect();
    assert_eq!(
        lines,
        [
            "3",
            "3",
            "a",
            "c",
            "next csv(p.csv)",
            "1",
            "next csv(p.csv)",
            "2",
            "6",
            "1",
            "1",
            "1",
            "p.csv (3 rows)",
            "there is no row 3 in `p.csv`, which has 3 rows",
            "there is no row -4 in `p.csv`, which has 3 rows",
            "`e.csv` has no rows",
            "`e.csv` has no rows"
        ]
    );
}

/// A host that calls into the scenario again while a call waits, as other users of a thread do.
#[test]
fn calls_overlap_on_one_scenario() {
    use std::cell::RefCell;
    use std::rc::{Rc, Weak};

    #[derive(Debug, Default)]
    struct Overlapping {
        inner: FakeHost,
        scenario: RefCell<Weak<Scenario>>,
        depth: std::cell::Cell<u32>,
    }
    impl Host for Overlapping {
        fn send(&self, request: RequestSpec) -> Result<Response, Interrupt> {
            let scenario = self.scenario.borrow().upgrade();
            if let Some(scenario) = scenario
                && self.depth.get() < 5
            {
                self.depth.set(self.depth.get() + 1);
                let mut other = UserState::default();
                assert!(matches!(
                    scenario.call(FunctionId(0), &mut other),
                    CallEnd::Completed
                ));
            }
            self.inner.send(request)
        }
        fn sleep(&self, _: Duration) -> Result<(), Interrupt> {
            Ok(())
        }
        fn progress(&self) -> Result<(), Interrupt> {
            Ok(())
        }
        fn me(&self) -> Option<Me> {
            self.inner.me()
        }
        fn check(&self, _: &ImmutableString, _: bool) {}
        fn measure(&self, _: &Metric, _: Measurement) -> Result<(), MetricKind> {
            Ok(())
        }
        fn fail(&self, _: SampleRef, _: &str) -> Result<(), VerdictError> {
            Ok(())
        }
        fn pass(&self, _: SampleRef) -> Result<(), VerdictError> {
            Ok(())
        }
        fn begin_group(&self, _: &ImmutableString) {}
        fn end_group(&self, _: GroupEnd) {}
        fn log(&self, _: LogLevel, _: &str) {}
        fn next_row(&self, _: &str, _: usize) -> usize {
            0
        }
        fn unique_row(&self, _: &str, _: usize) -> Result<Option<usize>, Interrupt> {
            Ok(None)
        }
        fn random(&self) -> u64 {
            0
        }
        fn now_us(&self) -> i64 {
            0
        }
    }

    let host = Rc::new(Overlapping::default());
    let text = "const LIST = [1, 2]; const F = |x| http.get(`/${x}/${LIST.len()}`); const SEND = || F.call(LIST[0]);
        fn visit(x) { SEND.call(); group(\"g\", || { this.n = x; http.get(\"/\"); SEND.call(); }); }
        user(\"A\").task(\"t\", || { this.visit(LIST.len()); http.get(\"/\"); if this.n != 2 { throw \"mixed up\"; } });";
    let scenario = Rc::new(program(text).load(host.clone()).unwrap());
    *host.scenario.borrow_mut() = Rc::downgrade(&scenario);
    let mut state = UserState::default();
    let end = scenario.call(FunctionId(0), &mut state);
    assert!(matches!(end, CallEnd::Completed), "{end:?}");
    assert_eq!(host.inner.requests.borrow().len(), 6 * 4);
}

/// What comes of a task's calls on metrics.
fn measured(top: &str, task: &str) -> (CallEnd, Vec<String>) {
    let host = std::rc::Rc::new(FakeHost::default());
    let text = format!("{top}\nuser(\"A\").task(\"t\", || {{ {task} }});");
    let scenario = program(&text).load(host.clone()).unwrap();
    let end = scenario.call(FunctionId(0), &mut UserState::default());
    let events = host.events.take();
    (end, events)
}

#[test]
fn metrics_are_measured_by_handles_and_by_names() {
    let (end, events) = measured(
        "const SIGNUPS = counter(\"signups\"); const QUEUE = gauge(\"queue\"); const HITS = rate(\"hits\");
         const SIZE = trend(\"size\"); const LOGIN = trend(\"login\", #{ time: true });
         fn signed_up() { SIGNUPS.add(); }",
        "signed_up(); SIGNUPS.add(2); counter(\"signups\").add(0.25); QUEUE.set(3); QUEUE.set(-0.5);
         HITS.add(1 < 2); SIZE.add(-7); SIZE.add(0.0004); SIZE.add(0.0006); LOGIN.add(12.3456);
         trend(\"size\", #{ time: false }).add(1); let many = counter(\"c\"); for i in 0..2 { many.add(i); }",
    );
    assert!(matches!(end, CallEnd::Completed), "{end:?}");
    assert_eq!(
        events,
        [
            "counter signups Amount(1000)",
            "counter signups Amount(2000)",
            "counter signups Amount(250)",
            "gauge queue Level(3.0)",
            "gauge queue Level(-0.5)",
            "rate hits Outcome(true)",
            "trend size Amount(-7000)",
            "trend size Amount(0)",
            "trend size Amount(1)",
            "trend of times login Amount(12346)",
            "trend size Amount(1000)",
            "counter c Amount(0)",
            "counter c Amount(1000)",
        ]
    );
}

#[test]
fn wrong_values_of_metrics_are_errors_of_the_script() {
    for (task, message) in [
        (
            "counter(\"c\").add(-1);",
            "counter `c` takes a number from 0 to 1,000,000,000,000, not the number -1",
        ),
        (
            "counter(\"c\").add(0.0 / 0.0);",
            "counter `c` takes a number from 0 to 1,000,000,000,000, not the number NaN",
        ),
        (
            "trend(\"t\").add(1000000000001);",
            "trend `t` takes a number from -1,000,000,000,000 to 1,000,000,000,000, not the number 1000000000001",
        ),
        (
            "trend(\"t\").add(\"5\");",
            "trend `t` takes a number from -1,000,000,000,000 to 1,000,000,000,000, not the text `5`",
        ),
        (
            "trend(\"t\").add();",
            "`add` of trend `t` takes a value, and this call has none",
        ),
        (
            "gauge(\"g\").set(1.0 / 0.0);",
            "gauge `g` takes a finite number, not the number inf",
        ),
        (
            "gauge(\"g\").add(1);",
            "gauge `g` has no `add`; it has `set(value)`",
        ),
        (
            "rate(\"r\").add(1);",
            "rate `r` takes true or false, not the number 1",
        ),
        (
            "rate(\"r\").set(true);",
            "rate `r` has no `set`; it has `add(value)`",
        ),
        (
            "counter(\"m\").add(); gauge(\"m\").set(1);",
            "metric `m` is a counter already, so it cannot be a gauge too: give one of them another name",
        ),
        (
            "trend(\"m\"); trend(\"m\", #{ time: true });",
            "metric `m` is a trend already, so it cannot be a trend of times too: give one of them another name",
        ),
        (
            "trend(\"t\", #{ tmie: true });",
            "a trend has no option `tmie`; did you mean `time`?",
        ),
        (
            "trend(\"t\", #{ time: 1 });",
            "option `time`: must be true or false, not the number 1",
        ),
        (
            "counter(7);",
            "`counter` takes a name, which is a text, not the number 7",
        ),
        ("rate(\"\");", "the name of a rate must not be empty"),
    ] {
        let (end, events) = measured("", task);
        let CallEnd::Failed(error) = end else {
            panic!("{task}: {end:?}, {events:?}");
        };
        assert_eq!(error.message, message, "{task}");
    }
}

#[test]
fn metrics_of_two_kinds_are_seen_where_they_are_declared() {
    let text = "const A = counter(\"m\"); const B = gauge(\"m\"); A.add(1); user(\"A\").task(\"t\", || { B.set(1); });";
    let errors = program(text).check().unwrap_err().to_string();
    assert!(
        errors.contains("metric `m` is a counter already, so it cannot be a gauge too"),
        "{errors}"
    );
    assert!(errors.contains("works only while a user runs"), "{errors}");
}

//! What a person sees when a scenario is wrong: each kind of report, as it is shown.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed; real processes take real time"
)]

mod support;

use katydid_scenario_lang::*;
use support::*;

/// A scenario around the body of a task.
fn body(text: &str) -> String {
    report(&format!(
        "user(\"Shopper\")\n    .task(\"buy\", || {{\n        {text}\n    }});"
    ))
}

#[test]
fn unknown_functions() {
    insta::assert_snapshot!(body("htp.get(\"/\");"));
    insta::assert_snapshot!(body("http.gett(\"/\");"));
    insta::assert_snapshot!(body("http.url;"));
    insta::assert_snapshot!(body("slep(1);"));
    insta::assert_snapshot!(body("get(\"/\"); post(\"/\");"));
    insta::assert_snapshot!(body("http.get(\"/\").jsn();"));
    insta::assert_snapshot!(body(
        "if true { for i in 0..3 { switch i { 1 => { bogus(); } _ => 2 } } }"
    ));
    insta::assert_snapshot!(report(
        "fn hlper() {}\nuser(\"A\").task(\"t\", || { helper(); }).task(\"u\", Fn(\"helpr\"));"
    ));
}

#[test]
fn unknown_variables() {
    insta::assert_snapshot!(report(
        "const PRODUCTS = [1];\nuser(\"A\").task(\"t\", || { log(PRODUCT[0]); });"
    ));
    insta::assert_snapshot!(body("me.name"));
    insta::assert_snapshot!(body("let f = |x| x; f(1);"));
    insta::assert_snapshot!(body("let http = 5;"));
    insta::assert_snapshot!(report("host(SHOP_URL);\nuser(\"A\").task(\"t\", || 1);"));
}

#[test]
fn wrong_numbers_of_arguments() {
    insta::assert_snapshot!(body("http.get(); sleep(); group(\"a\"); check(1);"));
    insta::assert_snapshot!(body("http.get(); sleep();"));
    insta::assert_snapshot!(body("fnord(1);"));
    insta::assert_snapshot!(report(
        "fn f(a, b) { a }\nuser(\"A\").task(\"t\", || { f(1); }).on_start();"
    ));
}

#[test]
fn shared_variables() {
    insta::assert_snapshot!(report(
        "let counter = 0;\nuser(\"A\").task(\"t\", || { counter += 1; });"
    ));
    insta::assert_snapshot!(report(
        "let base = \"/a\";\nfn path() { base }\nuser(\"A\").task(\"t\", || { http.get(path()); });"
    ));
    insta::assert_snapshot!(report(
        "fn login() { this.token = 1; }\nuser(\"A\").task(\"t\", || { login(); });"
    ));
}

#[test]
fn syntax_errors() {
    insta::assert_snapshot!(body("http.get(\"/\""));
    insta::assert_snapshot!(body("let x = ;"));
    insta::assert_snapshot!(body("log(\"open);"));
    insta::assert_snapshot!(body("eval(\"1\");"));
    insta::assert_snapshot!(body("group(\"a\");"));
    insta::assert_snapshot!(report("import \"other\" as other;"));
    insta::assert_snapshot!(report("this.x = 1;"));
    insta::assert_snapshot!(report("user(\"A\").task(\"t\", || {\n    http.get(\"/\");\n"));
}

#[test]
fn wrong_declarations() {
    insta::assert_snapshot!(report(""));
    insta::assert_snapshot!(report("user(\"A\");"));
    insta::assert_snapshot!(report("user(\"A\", #{ weigth: 3 }).task(\"t\", || 1);"));
    insta::assert_snapshot!(report(
        "user(\"A\", #{\n    weight: -1,\n    wait: 5,\n    http: #{ timeot: 3 },\n}).task(\"t\", || 1);"
    ));
    insta::assert_snapshot!(report("user(\"A\", #{ wait: between(5, 1) }).task(\"t\", || 1);"));
    insta::assert_snapshot!(report(
        "user(\"A\", #{ wait: constant_throughput(0) }).task(\"t\", || 1);"
    ));
    insta::assert_snapshot!(report(
        "user(\"A\").task(\"t\", 0, || 1);\nuser(\"A\").task(\"t\", || 1).task(\"t\", || 2);"
    ));
    insta::assert_snapshot!(report(
        "user(\"A\").task(\"t\", \"often\", || 1).task(\"u\", 5).sequence(\"s\", []).task(\"v\", |x| x);"
    ));
    insta::assert_snapshot!(report("user(\"A\", #{ weight: 0 }).task(\"t\", || 1);"));
    insta::assert_snapshot!(report(
        "host(\"localhost:8000\");\nuser(\"A\").task(\"t\", || 1);"
    ));
    insta::assert_snapshot!(report(
        "plan(#{ users: 0, spawn_rate: \"fast\", runtime: 5 });\nuser(\"A\").task(\"t\", || 1);"
    ));
}

#[test]
fn arrivals() {
    let with = |arrivals: &str| report(&format!("{arrivals};\nuser(\"A\").task(\"t\", || 1);"));
    insta::assert_snapshot!(with(
        "arrivals([#{ duration: \"1m\", rate: -1 }, #{ rate: 5 }, #{ duration: 0, rtae: 5 }, #{ rate: 1, to: 2 }],\n    \
         #{ max_users: 0, on_late: \"wait\", users: 3 })"
    ));
    insta::assert_snapshot!(with("arrivals(200);\narrivals([])"));
    insta::assert_snapshot!(with(
        "arrivals(\"200/s\");\narrivals([], #{ max_users: 1 });\narrivals(#{ rate: 1, distribution: \"random\" })"
    ));
    insta::assert_snapshot!(report(
        "arrivals(200);\nuser(\"A\", #{ fixed_count: 2 }).task(\"t\", || 1);\nuser(\"B\").task(\"t\", || arrivals(1));"
    ));
}

#[test]
fn test_hooks() {
    insta::assert_snapshot!(report(
        "on_test_start(|| 1);\non_test_stop(|| 2);\non_test_start(|| 3);\nuser(\"A\").task(\"t\", || 1);"
    ));
    insta::assert_snapshot!(report(
        "on_test_start(|setup| 1);\non_test_stop(|setup, more| 2);\nuser(\"A\").task(\"t\", || 1);"
    ));
    insta::assert_snapshot!(report(
        "on_test_start(|| { this.token = me.id; });\non_test_stop(5);\nuser(\"A\").task(\"t\", || 1);"
    ));
    insta::assert_snapshot!(report(
        "on_tset_start(|| 1);\non_test_start();\nlog(setup.token);\nuser(\"A\").task(\"t\", || setpu.token);"
    ));
    insta::assert_snapshot!(OneTask::new("on_test_start(|| 1);").failed().to_string());
    let file = |name: &str| SourceFile {
        name: name.into(),
        text: "\non_test_stop(|| 1);\nuser(\"A\").task(\"t\", || 1);".replace('A', name),
        folder: ".".into(),
    };
    let program = Program::new(vec![file("a.rhai"), file("b.rhai")], LoadSettings::default());
    insta::assert_snapshot!(program.check().unwrap_err().to_string());
}

#[test]
fn rows_are_handed_out_to_users_only() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("p.csv"), "id\n1\n").unwrap();
    let text = "const P = csv(\"p.csv\");\nconst FIRST = P.unique();\nlet next = P.next();\nuser(\"A\").task(\"t\", || FIRST);";
    let diagnostics = program_in(folder.path(), text, LoadSettings::default())
        .check()
        .unwrap_err();
    insta::assert_snapshot!(diagnostics.to_string());
}

#[test]
fn the_outside_is_missing() {
    insta::assert_snapshot!(report(
        "const KEY = secret(\"API_KEY\");\nhost(env(\"SHOP_URL\"));\nconst N = param(\"n\");\nuser(\"A\").task(\"t\", || { log(KEY); });"
    ));
    insta::assert_snapshot!(report(
        "const P = csv(\"products.csv\");\nconst Q = csv(\"../q.csv\");\nfor row in P { log(row); }\nuser(\"A\").task(\"t\", || { P.random(); });"
    ));
}

#[test]
fn declarations_that_do_too_much() {
    insta::assert_snapshot!(report("loop { }"));
    insta::assert_snapshot!(report("fn f(n) { f(n + 1) }\nf(0);"));
    insta::assert_snapshot!(report(
        "http.get(\"/\");\nsleep(1);\nlog(me.id);\nuser(\"A\").task(\"t\", || 1);"
    ));
    insta::assert_snapshot!(report(
        "let a = [1];\na[5];\nthrow \"no\";\nuser(\"A\").task(\"t\", || 1);"
    ));
    insta::assert_snapshot!(OneTask::new("host(\"http://a\");").failed().to_string());
}

#[test]
fn misspelt_options_of_requests_are_found_before_anything_runs() {
    insta::assert_snapshot!(body(
        "http.get(\"/\", #{\n            name: \"x\",\n            headrs: #{ a: this.x },\n        });"
    ));
}

#[test]
fn ten_errors_are_ten_reports() {
    let text = "host(\"localhost\");
plan(#{ users: -5 });
const DATA = csv(\"missing.csv\");
let counter = 0;
user(\"A\", #{ wieght: 1, wait: betwen(1, 2) })
    .on_start(|| { this.id = uid(); })
    .task(\"one\", -1, || { counter += 1; })
    .taks(\"two\", || { http.get(\"/\"); })
    .task(\"three\", || { htp.get(\"/\"); })
    .task(\"four\", || { log(DATA[0].id); unknown_thing; });
user(\"A\").task(\"five\", || { sleep(); });
";
    let diagnostics = program(text).check().unwrap_err();
    insta::assert_snapshot!(diagnostics.to_string());
    assert!(diagnostics.items.len() >= 10, "{}", diagnostics.items.len());
}

#[test]
fn every_file_is_looked_at() {
    let file = |name: &str, text: &str| SourceFile {
        name: name.into(),
        text: text.into(),
        folder: ".".into(),
    };
    let files = vec![
        file("a.rhai", "user(\"A\""),
        file("b.rhai", "usr(\"B\");"),
        file("c.rhai", "user(\"C\").task(\"t\", || 1);"),
    ];
    let diagnostics = Program::new(files, LoadSettings::default()).check().unwrap_err();
    insta::assert_snapshot!(diagnostics.to_string());
}

#[test]
fn what_works_is_left_alone() {
    for text in [
        "user(\"A\").task(\"t\", || { let o = #{ twice: |x| x + 1, n: 1 }; o.twice(5); o.n.to_string(); this.cb = |x| x; this.cb(5); });",
        "fn string.shout() { this.to_upper() }\nuser(\"A\").task(\"t\", || { \"a\".shout(); });",
        "user(\"A\").task(\"t\", || { [3, 1].sort(|a, b| a - b); [1].map(|x| x * 2).filter(|x| x > 1).for_each(|x| log(x)); });",
        "user(\"A\").task(\"t\", || { let f = Fn(\"log\"); f.call(1); let g = |a, b| a + b; g.curry(1).call(2); type_of(g); });",
        "user(\"A\").task(\"t\", || { try { throw 1 } catch (err) { log(err); } for (x, i) in [1] { log(x + i); } do { break; } while true; });",
        "const A = 1; const B = A + 1; if B == 2 { user(\"A\").task(\"t\", || { log(A + B); }); }",
        "user(\"A\").task(\"t\", || { let x = 1; { let x = 2; log(x); } group(\"g\", || { x += 1; log(x); }); log(x); });",
        "user(\"A\").task(\"t\", || { let s = \"a,b\"; s.split(\",\").len(); s.len; s.trim(); s[0..1]; s.contains(\"a\"); parse_int(\"5\"); 5.0.floor(); (-5).abs(); PI(); });",
        "user(\"A\").task(\"t\", || { is_def_var(\"x\"); global::X; }); const X = 1;",
        "user(\"A\").task(\"t\", || { later(); }); fn later() { later2(1) } fn later2(x) { x }",
        "let n = 3; for i in 0..n { user(`U${i}`).task(\"t\", || log(i)); } n = 4;",
        "user(\"A\").task(\"t\", || { let r = http.get(\"/\"); r?.status; r.json() ?? 5; let t = #{ text: 1 }; t.text; exit(); });",
        "user(\"A\").task(\"t\", || { log(`http.get(${1}) ${`${2}`}`); /* http.get( */ });",
    ] {
        assert_eq!(report(text), "nothing is wrong", "{text}");
    }
}

//! What scenarios declare: classes, tasks, wait times, plans, hosts, the selection, parameters.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed; real processes take real time"
)]

mod support;

use std::time::Duration;

use katydid_scenario_lang::*;
use support::*;

fn declared(text: &str) -> Declarations {
    match program(text).check() {
        Ok(declarations) => declarations,
        Err(diagnostics) => panic!("{diagnostics}"),
    }
}

fn with(text: &str, change: impl FnOnce(&mut LoadSettings)) -> Result<Declarations, String> {
    let mut settings = LoadSettings::default();
    change(&mut settings);
    program_in(std::path::Path::new("."), text, settings)
        .check()
        .map_err(|diagnostics| diagnostics.to_string())
}

#[test]
fn arrivals_come_in_every_form() {
    let of = |text: &str| {
        let declared = declared(&format!("{text}; user(\"A\").task(\"t\", || 1);"));
        declared.arrivals.expect("arrivals")
    };
    let stage = ArrivalStageDecl {
        duration: Some(Duration::from_secs(60)),
        rate: 0.0,
        to: 2.5,
        poisson: true,
    };
    let endless = ArrivalStageDecl {
        rate: 200.0,
        to: 200.0,
        ..ArrivalStageDecl::default()
    };
    assert_eq!(
        of(
            "arrivals([#{ duration: \"1m\", rate: 0, to: 2.5, distribution: \"poisson\" }, #{ rate: 200 }],
                     #{ max_users: 7, on_late: \"drop\" })"
        ),
        ArrivalsDecl {
            stages: vec![stage, endless],
            max_users: Some(7),
            drops_late: true
        }
    );
    for text in [
        "arrivals(200)",
        "arrivals(200.0, #{ max_users: () })",
        "arrivals(#{ rate: 200, to: () })",
    ] {
        let short = of(text);
        assert_eq!(short.stages, [endless], "{text}");
        assert_eq!((short.max_users, short.drops_late), (None, false), "{text}");
    }
}

#[test]
fn everything_arrives() {
    let d = declared(
        "host(\"http://a:1\");
         plan(#{ users: 5, spawn_rate: 0.5, run_time: \"1m30s\" });
         fn leave() {}
         user(\"A\", #{ weight: 2.5, fixed_count: 3, wait: between(1, 2.5), host: \"http://b\", tags: [\"x\", \"y\"],
                       http: #{ headers: #{ accept: \"a\" }, timeout: 5, redirects: 0, auth: #{ bearer: \"t\" } } })
             .on_start(|| 1).on_stop(Fn(\"leave\"))
             .task(\"one\", || 1).task(\"two\", 5, || 2).task(\"three\", || 3, #{ tags: [\"z\"] })
             .sequence(\"four\", [|| 1, || 2]).sequence(\"five\", 0.5, [|| 1], #{ tags: \"w\" });
         user(\"B\").task(\"t\", || { http.get(\"/\"); });",
    );
    assert_eq!(
        d.plan,
        PlanDecl {
            users: Some(5),
            spawn_rate: Some(0.5),
            run_time: Some(Duration::from_secs(90))
        }
    );
    assert_eq!(d.host.as_deref(), Some("http://a:1"));
    assert!(!d.reads_bodies && !d.reads_headers);
    let [a, b] = &d.classes[..] else { panic!() };
    assert_eq!(
        (a.name.as_str(), a.weight, a.fixed_count, a.host.as_deref()),
        ("A", 2.5, 3, Some("http://b"))
    );
    assert_eq!(
        a.wait,
        WaitTime::Between(Duration::from_secs(1), Duration::from_millis(2500))
    );
    assert_eq!(a.tags, ["x", "y"]);
    assert_eq!(a.http.headers["accept"], "a");
    assert_eq!(
        (a.http.timeout, a.http.redirects),
        (Some(Duration::from_secs(5)), Some(0))
    );
    assert_eq!(a.http.auth, Some(Auth::Bearer("t".into())));
    assert!(a.on_start.is_some() && a.on_stop.is_some());
    let tasks: Vec<_> = a
        .tasks
        .iter()
        .map(|t| {
            (
                t.name.as_str(),
                t.weight,
                t.tags.join(","),
                t.steps.len(),
                t.is_sequence,
            )
        })
        .collect();
    assert_eq!(
        tasks,
        [
            ("one", 1.0, String::new(), 1, false),
            ("two", 5.0, String::new(), 1, false),
            ("three", 1.0, "z".into(), 1, false),
            ("four", 1.0, String::new(), 2, true),
            ("five", 0.5, "w".into(), 1, true)
        ]
    );
    assert_eq!(
        (b.weight, b.host.as_deref(), b.wait),
        (1.0, Some("http://a:1"), WaitTime::Constant(Duration::ZERO))
    );
}

#[test]
fn ids_are_grouped_where_a_class_wants_it() {
    let text =
        "user(\"A\", #{ http: #{ group_ids: true } }).task(\"t\", || 1); user(\"B\").task(\"t\", || 1);";
    let classes = declared(text).classes;
    assert_eq!(
        (classes[0].http.group_ids, classes[1].http.group_ids),
        (true, false)
    );
    let text = "user(\"A\", #{ http: #{ group_ids: \"yes\" } }).task(\"t\", || 1);";
    let error = with(text, |_| {}).unwrap_err();
    assert!(
        error.contains("option `group_ids`: it is true or false, not"),
        "{error}"
    );
}

#[test]
fn a_class_may_want_a_trace_context() {
    let text = "user(\"A\", #{ http: #{ trace_context: true } }).task(\"t\", || 1);
        user(\"B\", #{ http: #{ trace_context: 0.25 } }).task(\"t\", || 1); user(\"C\").task(\"t\", || 1);";
    let shares: Vec<Option<f64>> = declared(text)
        .classes
        .iter()
        .map(|class| class.http.trace_context)
        .collect();
    assert_eq!(shares, [Some(1.0), Some(0.25), None]);
    let text = "user(\"A\", #{ http: #{ trace_context: 2 } }).task(\"t\", || 1);";
    let error = with(text, |_| {}).unwrap_err();
    assert!(
        error.contains("the share of requests to sample, 0 to 1, not"),
        "{error}"
    );
}

#[test]
fn requests_are_tagged_by_class_and_task() {
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let text =
        "user(\"A\", #{ tags: [\"x\"], http: #{ tags: #{ region: \"eu\", n: 1, none: (), empty: \"\" } } })
        .task(\"t\", 1, || 1, #{ tags: [\"y\"], http: #{ tags: #{ flow: \"buy\" } } }).task(\"u\", || 1);";
    let class = &declared(text).classes[0];
    assert_eq!(class.http.tags, [pair("n", "1"), pair("region", "eu")]);
    assert_eq!(class.tasks[0].request_tags, [pair("flow", "buy")]);
    assert_eq!(
        (class.tags.join(","), class.tasks[0].tags.join(",")),
        ("x".into(), "y".into())
    );
    assert!(class.tasks[1].request_tags.is_empty());
}

#[test]
fn tags_that_cannot_be_are_refused() {
    let error = |options: &str, of_task: &str| {
        let text = format!("user(\"A\", #{{ {options} }}).task(\"t\", || 1, #{{ {of_task} }});");
        with(&text, |_| {}).unwrap_err()
    };
    let many = |from: usize, to: usize| (from..to).map(|n| format!("t{n}: {n}, ")).collect::<String>();
    for (options, of_task, expected) in [
        (
            "http: #{ tags: [\"x\"] }",
            "",
            "it is a map of keys to values, not an array",
        ),
        (
            "tags: #{ tier: \"gold\" }",
            "",
            "those of requests are `http: #{ tags: #{ ... } }`",
        ),
        (
            "",
            "tags: #{ tier: \"gold\" }",
            "it is an array of texts, not a map",
        ),
        (
            "",
            "http: #{ timeout: 5 }",
            "`http` of a task has no option `timeout`",
        ),
        ("http: #{ tags: #{ name: \"x\" } }", "", "`name` cannot be a tag"),
        (
            "http: #{ tags: #{ \"a:b\": \"x\" } }",
            "",
            "`a:b` cannot be the key of a tag",
        ),
        (
            "http: #{ tags: #{ a: [1] } }",
            "",
            "`a` is a text or a number, not an array",
        ),
        (
            &format!("http: #{{ tags: #{{ {} }} }}", many(0, 9)),
            "",
            "there are 9 tags; the limit is 8",
        ),
        (
            &format!("http: #{{ tags: #{{ {} }} }}", many(0, 6)),
            &format!("http: #{{ tags: #{{ {} }} }}", many(4, 9)),
            "with those of the class: there are 9 tags; the limit is 8",
        ),
        (
            &format!("http: #{{ tags: #{{ a: \"{}\" }} }}", "x".repeat(201)),
            "",
            "the value of `a` is 201 bytes long; the limit is 200",
        ),
    ] {
        let error = error(options, of_task);
        assert!(error.contains(expected), "{expected}\n{error}");
    }
}

#[test]
fn all_wait_times() {
    let wait = |text: &str| {
        declared(&format!("user(\"A\", #{{ wait: {text} }}).task(\"t\", || 1);")).classes[0].wait
    };
    assert_eq!(
        wait("constant(\"500ms\")"),
        WaitTime::Constant(Duration::from_millis(500))
    );
    assert_eq!(
        wait("between(0, 0)"),
        WaitTime::Between(Duration::ZERO, Duration::ZERO)
    );
    assert_eq!(
        wait("constant_pacing(2)"),
        WaitTime::Pacing(Duration::from_secs(2))
    );
    assert_eq!(
        wait("constant_throughput(4)"),
        WaitTime::Pacing(Duration::from_millis(250))
    );
    assert_eq!(wait("poisson(0.5)"), WaitTime::Poisson { per_sec: 0.5 });
}

#[test]
fn the_command_lines_host_wins() {
    let text = "host(\"http://a\"); user(\"A\", #{ host: \"http://b\" }).task(\"t\", || 1);";
    let d = with(text, |settings| settings.host = Some("http://c".into())).unwrap();
    assert_eq!(
        (d.host.as_deref(), d.classes[0].host.as_deref()),
        (Some("http://c"), Some("http://c"))
    );
    let error = with(text, |settings| settings.host = Some("c".into())).unwrap_err();
    assert_eq!(
        error,
        "error: the host of the command line: `c` is not a URL; write it like `http://localhost:8000`"
    );
}

#[test]
fn several_files_make_one_test() {
    let file = |name: &str, text: &str| SourceFile {
        name: name.into(),
        text: text.into(),
        folder: ".".into(),
    };
    let files = vec![
        file(
            "a.rhai",
            "host(\"http://a\"); const X = 1; user(\"A\").task(\"t\", || { log(X); });",
        ),
        file(
            "b.rhai",
            "host(\"http://b\"); const X = 2; fn show() { log(X); } user(\"B\").task(\"t\", Fn(\"show\"));",
        ),
    ];
    let host = std::rc::Rc::new(FakeHost::default());
    let scenario = Program::new(files.clone(), LoadSettings::default())
        .load(host.clone())
        .unwrap();
    let d = scenario.declarations().clone();
    assert_eq!(d.host.as_deref(), Some("http://a"));
    assert_eq!(d.classes[1].host.as_deref(), Some("http://b"));
    for class in &d.classes {
        assert!(matches!(
            scenario.call(class.tasks[0].steps[0], &mut UserState::default()),
            CallEnd::Completed
        ));
    }
    assert_eq!(host.events.take(), ["Info 1", "Info 2"]);

    let mut twice = files;
    twice[1].text = "user(\"A\").task(\"t\", || 1); plan(#{ users: 1 });".into();
    twice[0].text.push_str("plan(#{ users: 2 });");
    let error = Program::new(twice, LoadSettings::default()).check().unwrap_err();
    let messages: Vec<&str> = error.items.iter().map(|item| item.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "there is a user class `A` already; names are unique over all files",
            "there is a plan already; a test has one"
        ]
    );
}

#[test]
fn the_selection_keeps_what_is_wanted() {
    let text = "user(\"Shopper\", #{ tags: [\"fast\"] }).task(\"a1\", || 1).task(\"a2\", || 1, #{ tags: [\"slow\"] });
                user(\"B\").task(\"b1\", || 1).task(\"b2\", || 1, #{ tags: [\"slow\"] });";
    let names = |change: fn(&mut Selection)| {
        let d = with(text, |settings| change(&mut settings.selection)).unwrap();
        let tasks = d
            .classes
            .iter()
            .flat_map(|class| class.tasks.iter().map(|task| task.name.clone()));
        tasks.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(|_| {}), "a1 a2 b1 b2");
    assert_eq!(names(|s| s.classes = vec!["B".into()]), "b1 b2");
    assert_eq!(names(|s| s.tags = vec!["fast".into()]), "a1 a2");
    assert_eq!(names(|s| s.tags = vec!["slow".into()]), "a2 b2");
    assert_eq!(names(|s| s.exclude_tags = vec!["slow".into()]), "a1 b1");
    let error =
        |change: fn(&mut Selection)| with(text, |settings| change(&mut settings.selection)).unwrap_err();
    assert_eq!(
        error(|s| s.classes = vec!["Shoper".into()]),
        "error: there is no user class `Shoper`; there are Shopper, B\n  = help: did you mean `Shopper`?"
    );
    assert!(
        error(|s| s.tags = vec!["none".into()]).starts_with("error: no task is left by the choice of tags")
    );
}

#[test]
fn parameters_have_the_type_of_their_default() {
    let text = "const N = param(\"count\", 3); const F = param(\"f\", 0.5); const B = param(\"b\", true); const S = param(\"s\", \"x\");
                plan(#{ users: N, spawn_rate: F }); user(`U${S}${B}`).task(\"t\", || 1);";
    let d = with(text, |_| {}).unwrap();
    assert_eq!(
        (d.plan.users, d.plan.spawn_rate, d.classes[0].name.as_str()),
        (Some(3), Some(0.5), "Uxtrue")
    );
    let parameters: Vec<_> = d
        .parameters
        .iter()
        .map(|p| (p.name.as_str(), p.default.as_deref()))
        .collect();
    assert_eq!(
        parameters,
        [
            ("count", Some("3")),
            ("f", Some("0.5")),
            ("b", Some("true")),
            ("s", Some("x"))
        ]
    );
    let set = |name: &str, value: &str| {
        with(text, |settings| {
            settings.parameters.insert(name.into(), value.into());
        })
    };
    assert_eq!(set("count", "7").unwrap().plan.users, Some(7));
    assert_eq!(set("f", "2").unwrap().plan.spawn_rate, Some(2.0));
    assert_eq!(set("b", "no").unwrap().classes[0].name, "Uxfalse");
    assert!(
        set("count", "many")
            .unwrap_err()
            .contains("the parameter `count` must be a whole number like its default, not `many`")
    );
    let warnings = set("coumt", "1").unwrap().warnings;
    assert_eq!(
        warnings[0].to_string(),
        "warning: the parameter `coumt` is set, but the scenario's declarations do not ask for it\n  = help: did you mean `count`?"
    );
}

#[test]
fn bodies_are_wanted_only_when_read() {
    let reads = |body: &str| {
        declared(&format!(
            "user(\"A\").task(\"t\", || {{ let r = http.get(\"/\"); {body} }});"
        ))
        .reads_bodies
    };
    for body in [
        "r.text();",
        "r.json().x",
        "r.bytes",
        "`${r.text()}`",
        "extract(r, \"x\");",
        "json_path(r, \"$\");",
        "group(\"g\", || r.json());",
    ] {
        assert!(reads(body), "{body}");
    }
    for body in [
        "",
        "r.status",
        "http.post(\"/\", #{ json: #{ text: 1 } });",
        "check(r, \"x\", r.ok);",
    ] {
        assert!(!reads(body), "{body}");
    }
}

#[test]
fn chains_may_be_long() {
    let tasks: String = (0..100)
        .map(|n| format!("\n    .task(\"t{n}\", || {{ http.get(\"/{n}\"); }})"))
        .collect();
    assert_eq!(
        declared(&format!("user(\"A\"){tasks};")).classes[0].tasks.len(),
        100
    );
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// Whatever the text, loading gives a scenario or a report.
    #[test]
    fn loading_never_panics(text in "(user\\(\"A\"|\\.task\\(\"t\",|\\|\\| |http\\.get\\(|\"/\"|[(){}#:;,.`$]|let x = |const Y = |fn f|x|Y|me|this| |\n|5|é){0,40}") {
        let _ = program(&text).check().map_err(|diagnostics| diagnostics.to_string());
    }
}

#[test]
fn a_scenario_that_looks_at_headers_is_told_from_one_that_does_not() {
    let reads = |body: &str| {
        declared(&format!(
            "user(\"A\").task(\"t\", || {{ let r = http.get(\"/\", #{{ headers: #{{ accept: \"*/*\" }} }}); {body} }});"
        ))
        .reads_headers
    };
    for body in [
        "r.headers[\"etag\"];",
        "let h = \"headers\"; r[h]",
        "log(`${r.headers}`);",
    ] {
        assert!(reads(body), "{body}");
    }
    for body in ["", "r.status;", "r.text();", "r.cookies;"] {
        assert!(!reads(body), "{body}");
    }
}

//! `katydid check --trace`: what one user does, shown; nothing secret in it; exit codes that tell what went wrong.

use std::time::Duration;

use anyhow::Result;
use katydid_testkit::{DemoTarget, Finished, Katydid, Scratch, Signal, eventually};

const PATIENCE: Duration = Duration::from_secs(60);

/// Traces a scenario against a target.
fn trace(source: &str, target: &DemoTarget, arguments: &[&str]) -> Result<Finished> {
    let folder = Scratch::new()?;
    folder.write("shop.rhai", source)?;
    folder.write("accounts.csv", "name\nann\nbob\n")?;
    Katydid::new()?
        .args(["check", "shop.rhai", "-H", target.url()])
        .args(arguments)
        .env("TRACED_PASSWORD", "hunter2 & \"more\"")
        .in_dir(folder.path())
        .run_to_end(PATIENCE)
}

/// The heads, without times and with the target's address masked.
fn heads(finished: &Finished, target: &DemoTarget) -> String {
    finished
        .stdout
        .lines()
        .filter(|line| !line.starts_with(' '))
        .map(|line| {
            line.split(" in ")
                .next()
                .unwrap_or(line)
                .replace(target.url(), "TARGET")
                + "\n"
        })
        .collect()
}

#[test]
fn a_trace_shows_what_a_user_does_in_order() -> Result<()> {
    let target = DemoTarget::start()?;
    let source = r#"
on_test_start(|| {
    http.get("/json");
    #{ greeting: "hello" }
});
on_test_stop(|setup| { log(setup.greeting); });
user("Visitor", #{ wait: constant(3600), http: #{ headers: #{ "x-class": "yes" } } })
    .on_start(|| { this.name = csv("accounts.csv").unique().name; })
    .sequence("look", 1, [
        || {
            log(`${setup.greeting} ${this.name}`);
            let r = http.get("/redirect/1");
            check(r, "there", r.status == 200);
        },
        || { group("basket", || { http.post("/echo", #{ json: #{ sku: 7 } }); sleep(3600); }); },
    ])
    .on_stop(|| log("bye"));
"#;
    let finished = trace(source, &target, &["--trace", "1", "--no-sleep"])?.expect_code(0)?;
    assert_eq!(
        heads(&finished, &target),
        "\
begin   on_test_start
send    GET TARGET/json
receive status 200
result  GET /json ok: status 200
end     on_test_start
user    Visitor
begin   Visitor.on_start
end     Visitor.on_start
begin   Visitor.look (step 1 of 2)
log     info: hello ann
send    GET TARGET/redirect/1
receive status 302
send    GET TARGET/
receive status 200
result  GET /redirect/1 ok: status 200
check   passed: there
end     Visitor.look (step 1 of 2)
begin   Visitor.look (step 2 of 2)
group   begins: basket
send    POST TARGET/echo
receive status 200
result  POST /echo ok: status 200
sleep   3,600,000 ms, skipped
group   ends
end     Visitor.look (step 2 of 2)
begin   Visitor.on_stop
log     info: bye
end     Visitor.on_stop
begin   on_test_stop
log     info: hello
end     on_test_stop
trace   ok: no request failed, nothing was thrown
"
    );
    for detail in [
        "x-class: yes",
        "content-type: application/json",
        "{\"sku\":7}",
        "location: /",
    ] {
        assert!(
            finished.stdout.contains(detail),
            "no {detail} in\n{}",
            finished.stdout
        );
    }
    assert!(!finished.stdout.contains('\x1b'), "no colours where nobody looks");
    // What is shown is what was sent.
    let stats = target.stats();
    assert_eq!(finished.stdout.matches("\nsend ").count() as u64, stats.total);
    assert_eq!((stats.requests("/json"), stats.requests("/echo")), (1, 1));
    Ok(())
}

#[test]
fn requests_of_reqwest_are_shown_as_far_as_it_tells() -> Result<()> {
    let target = DemoTarget::start()?;
    let source = r#"
user("Visitor", #{ http: #{ client: "reqwest", headers: #{ "x-class": "yes" } } })
    .task("look", || {
        http.get("/redirect/2");
        http.post("/echo", #{ json: #{ sku: 7 } });
        http.get("/redirect/1", #{ auth: #{ bearer: "abc-token" } });
        http.get("http://127.0.0.1:1/");
    });
"#;
    let finished = trace(source, &target, &["--trace"])?.expect_code(1)?;
    assert_eq!(
        heads(&finished, &target),
        "\
user    Visitor
begin   Visitor.look
send    GET TARGET/redirect/2
receive status 302
send    GET TARGET/redirect/1
receive status 302
send    GET TARGET/
receive status 200
result  GET /redirect/2 ok: status 200
send    POST TARGET/echo
receive status 200
result  POST /echo ok: status 200
send    GET TARGET/redirect/1
receive status 302
send    GET TARGET/
receive status 200
result  GET /redirect/1 ok: status 200
send    GET http://127.0.0.1:1/
result  GET / failed: connection refused by 127.0.0.1:1
end     Visitor.look
trace   failed requests: 1, exceptions: 0
"
    );
    for detail in [
        "x-class: yes",
        "user-agent: katydid/",
        "{\"sku\":7}",
        "authorization: ",
    ] {
        assert!(
            finished.stdout.contains(detail),
            "no {detail} in\n{}",
            finished.stdout
        );
    }
    assert!(!finished.stdout.contains("abc-token"), "{}", finished.stdout);
    let sent = finished.stdout.matches("\nsend ").count() as u64;
    assert_eq!(sent, target.stats().total + 1, "the last one found nobody");
    Ok(())
}

#[test]
fn no_secret_is_ever_shown() -> Result<()> {
    let target = DemoTarget::start()?;
    let source = r#"
user("Member").task("log in", || {
    let password = secret("TRACED_PASSWORD");
    http.get("/json", #{ query: #{ p: password }, headers: #{ "x-key": `k${password}k` } });
    http.post("/echo", #{ json: #{ p: password } });
    http.post("/echo", #{ form: #{ p: password } });
    http.post("/echo", #{ body: password });
    http.get("/json", #{ auth: #{ user: "ann", password: password } });
    http.get("/json", #{ auth: #{ bearer: "abc-token" }, headers: #{ cookie: "session=abc-cookie" } });
    log(password);
    throw password;
});
"#;
    let finished = trace(source, &target, &["--trace"])?.expect_code(1)?;
    assert_eq!(target.stats().total, 6);
    let everything = format!("{}{}", finished.stdout, finished.stderr);
    for secret in ["hunter2", "more", "abc-token", "abc-cookie", "YW5u"] {
        assert!(!everything.contains(secret), "{secret} in\n{everything}");
    }
    for shown in [
        "authorization: Bearer ***",
        "authorization: Basic ***",
        "cookie: session=***",
        "x-key: k***k",
    ] {
        assert!(everything.contains(shown), "no {shown} in\n{everything}");
    }
    Ok(())
}

#[test]
fn an_exception_shows_its_line_and_fails_the_trace() -> Result<()> {
    let target = DemoTarget::start()?;
    let source = "fn buy() {\n    throw \"sold out\";\n}\nuser(\"Shopper\").task(\"buy\", || buy());\n";
    let finished = trace(source, &target, &["--trace"])?.expect_code(1)?;
    for text in [
        "threw   Shopper.buy: sold out\n",
        "at shop.rhai:2:5 in buy\n",
        "        2 |     throw \"sold out\";\n          |     ^\n",
        "trace   failed requests: 0, exceptions: 1\n",
    ] {
        assert!(
            finished.stdout.contains(text),
            "no {text} in\n{}",
            finished.stdout
        );
    }
    Ok(())
}

#[test]
fn failed_requests_and_what_scripts_make_of_them_decide_the_exit_code() -> Result<()> {
    let target = DemoTarget::start()?;
    let one = |call: &str, arguments: &[&str]| {
        trace(
            &format!("user(\"U\").task(\"t\", || {{ {call} }});"),
            &target,
            arguments,
        )
    };
    let finished = one(r#"http.get("/status/404");"#, &["--trace", "3"])?.expect_code(1)?;
    assert!(
        finished
            .stdout
            .contains("trace   failed requests: 3, exceptions: 0\n"),
        "{}",
        finished.stdout
    );
    assert!(
        finished
            .stdout
            .contains("result  GET /status/404 failed: status 404 in "),
        "{}",
        finished.stdout
    );
    one(r#"http.get("/status/404").pass();"#, &["--trace"])?.expect_code(0)?;
    one(r#"http.get("/").fail("not that");"#, &["--trace"])?.expect_code(1)?;
    let refused = one(r#"http.get("http://127.0.0.1:1/");"#, &["--trace"])?.expect_code(1)?;
    assert!(refused.stdout.contains("failed: "), "{}", refused.stdout);
    one(r#"http.get("/";"#, &["--trace"])?.expect_code(3)?;
    Ok(())
}

#[test]
fn classes_and_tasks_can_be_chosen() -> Result<()> {
    let target = DemoTarget::start()?;
    let source = r#"
user("One").task("a", 1, || log("one a")).task("rare", 0, || log("one rare"));
user("Two").task("b", || log("two b"));
"#;
    let logged = |arguments: &[&str]| -> Result<Vec<String>> {
        let finished = trace(source, &target, arguments)?.expect_code(0)?;
        let lines = finished.stdout.lines();
        Ok(lines
            .filter_map(|line| line.strip_prefix("log     info: "))
            .map(str::to_owned)
            .collect())
    };
    assert_eq!(logged(&["--trace", "2"])?, ["one a", "one a", "two b", "two b"]);
    assert_eq!(logged(&["--trace", "--class", "Two"])?, ["two b"]);
    assert_eq!(logged(&["--trace", "--task", "rare"])?, ["one rare"]);
    for (arguments, said) in [
        (&["--trace", "--class", "Tow"][..], "did you mean `Two`?"),
        (&["--trace", "--task", "rar"], "did you mean `rare`?"),
        (&["--trace", "0"], "`0` is not a number of iterations"),
        (&["--task", "rare"], "only means something with --trace"),
    ] {
        trace(source, &target, arguments)?
            .expect_code(2)?
            .expect_stderr(&[said])?;
    }
    Ok(())
}

#[test]
fn an_interrupt_ends_a_trace_at_once() -> Result<()> {
    let folder = Scratch::new()?;
    folder.write("wait.rhai", "user(\"U\").task(\"t\", || sleep(3600));")?;
    let mut running = Katydid::new()?
        .args(["check", "wait.rhai", "--trace"])
        .in_dir(folder.path())
        .spawn()?;
    eventually!(
        running.stdout().contains("sleep   3,600,000 ms\n"),
        "{}",
        running.stderr()
    );
    running.signal(Signal::SIGINT)?;
    let finished = running.wait(PATIENCE)?;
    assert_ne!(finished.code, Some(0));
    assert!(!finished.stdout.contains("end     U.t"), "{}", finished.stdout);
    Ok(())
}

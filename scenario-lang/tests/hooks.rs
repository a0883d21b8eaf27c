//! Test hooks and what they hand to users: called for nobody, JSON out, `setup` in.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed; real processes take real time"
)]

mod support;

use katydid_scenario_lang::*;
use support::*;

/// Runs a hook of a scenario as its runner does.
fn hook(text: &str, stop: bool, setup: Option<&str>) -> Result<Option<String>, String> {
    let task = OneTask::of(&format!("{text}\nuser(\"A\").task(\"t\", || 1);"));
    task.host.in_hook.set(true);
    task.scenario.set_setup(setup).unwrap();
    let declarations = task.scenario.declarations();
    let declared = if stop {
        &declarations.on_test_stop
    } else {
        &declarations.on_test_start
    };
    match task.scenario.call_hook(declared.as_ref().unwrap()) {
        Ok(json) => Ok(json),
        Err(CallEnd::Failed(error)) => Err(error.to_string()),
        Err(other) => Err(format!("{other:?}")),
    }
}

fn start(body: &str) -> Result<Option<String>, String> {
    hook(&format!("on_test_start(|| {{ {body} }});"), false, None)
}

#[test]
fn what_a_hook_returns_is_json() {
    assert_eq!(start(""), Ok(None));
    assert_eq!(
        start("#{ a: [1, 2.5, \"x\", true, ()] }").unwrap().unwrap(),
        "{\"a\":[1,2.5,\"x\",true,null]}"
    );
    assert_eq!(start("http.get(\"/\").status"), Ok(Some("200".to_owned())));
    assert_eq!(
        start("http.post(\"/reset\");"),
        Ok(None),
        "the value of the last statement"
    );
    let error = start("[|x| x]").unwrap_err();
    assert_eq!(
        error,
        "what `on_test_start` returns must be made of maps, arrays, texts, numbers, truth values and (): a function \
         cannot be written as JSON\n  at shop.rhai:1:18 in on_test_start"
    );
    let error = start("let s = \"x\"; for i in 0..21 { s += s; } s").unwrap_err();
    assert!(error.contains("the limit is 1024 KiB"), "{error}");
}

#[test]
fn a_hook_fails_with_message_line_and_stack() {
    let text = "fn prepare() {\n    throw \"no database\";\n}\non_test_start(|| { prepare(); });";
    assert_eq!(
        hook(text, false, None).unwrap_err(),
        "no database\n  at shop.rhai:2:5 in prepare\n  at shop.rhai:4:20 in on_test_start"
    );
    let error = hook("fn who() { me.id } on_test_start(|| who());", false, None).unwrap_err();
    assert!(error.starts_with("`me` exists only while a user runs"), "{error}");
    let error = hook(
        "fn keep() { this.x = 1; } on_test_start(|| { let f = Fn(\"keep\"); f.call(); });",
        false,
        None,
    )
    .unwrap_err();
    assert!(error.starts_with("`this` is not there"), "{error}");
}

#[test]
fn the_stop_hook_gets_the_setup_as_parameter_or_variable() {
    let seen = |text: &str, setup: Option<&str>| {
        let text = format!("fn see(x) {{ throw \"saw \" + x; }}\n{text}");
        hook(&text, true, setup)
            .unwrap_err()
            .lines()
            .next()
            .unwrap()
            .to_owned()
    };
    let setup = Some("{\"id\":7}");
    assert_eq!(seen("on_test_stop(|made| see(made.id + 1));", setup), "saw 8");
    assert_eq!(seen("on_test_stop(|| see(setup.id));", setup), "saw 7");
    assert_eq!(seen("on_test_stop(|setup| see(setup == ()));", None), "saw true");
    assert_eq!(
        hook("on_test_stop(|| [|x| x]);", true, None),
        Ok(None),
        "nobody looks at it"
    );
    let declared = OneTask::of("on_test_stop(|| 1); host(\"http://a\"); user(\"A\").task(\"t\", || 1);");
    let stop = declared.scenario.declarations().on_test_stop.as_ref().unwrap();
    assert_eq!(
        (stop.takes_setup, stop.host.as_deref()),
        (false, Some("http://a"))
    );
}

#[test]
fn users_see_the_setup_and_cannot_change_it() {
    let mut task =
        OneTask::new("log(setup.list.len()); let mine = setup; mine.list.push(3); log(mine.list.len());");
    task.scenario.set_setup(Some("{\"list\":[1,2]}")).unwrap();
    assert_eq!(task.logged(), ["Info 2", "Info 3"]);
    assert_eq!(task.logged(), ["Info 2", "Info 3"]);
    for change in ["setup.list = 1;", "setup.list.push(3);", "setup = 5;"] {
        let mut task = OneTask::new(&format!(
            "try {{ {change} }} catch (e) {{ log(e); }} log(setup.list.len());"
        ));
        task.scenario.set_setup(Some("{\"list\":[1,2]}")).unwrap();
        let lines = task.logged();
        assert_eq!(lines.last().unwrap(), "Info 2", "{change}: {lines:?}");
    }
}

#[test]
fn there_may_be_no_setup_and_a_variable_of_that_name_hides_it() {
    assert_eq!(log_of("log(setup == ());"), ["true"]);
    assert_eq!(
        log_of("let setup = 5; log(setup); group(\"g\", || log(setup));"),
        ["5", "begin g", "5", "end Completed"]
    );
    let mut task = OneTask::of("const setup = 3; user(\"A\").task(\"t\", || log(setup));");
    task.scenario.set_setup(Some("7")).unwrap();
    assert_eq!(task.logged(), ["Info 3"]);
    assert!(task.scenario.set_setup(Some("{")).is_err());
}

#[test]
fn rows_for_once_end_the_user_when_they_are_used_up() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.txt"), "one\ntwo\n").unwrap();
    let text = "const A = lines(\"a.txt\"); user(\"U\").task(\"t\", || log(A.unique()));
        on_test_start(|| A.unique());";
    let mut task = OneTask::load(&program_in(folder.path(), text, LoadSettings::default()));
    assert_eq!(task.logged(), ["unique lines(a.txt)", "Info one"]);
    assert_eq!(task.logged(), ["unique lines(a.txt)", "Info two"]);
    assert!(matches!(task.run(), CallEnd::StopUser));
    task.host.in_hook.set(true);
    let start = task.scenario.declarations().on_test_start.clone().unwrap();
    let Err(CallEnd::Failed(error)) = task.scenario.call_hook(&start) else {
        panic!("a hook is no user");
    };
    assert!(error.message.contains("no user runs in a test hook"), "{error}");
}

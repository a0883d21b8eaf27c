//! Wrong command lines, files and scenarios: messages to act on, and the documented exit codes.

use super::support::{Folder, SHOP};

#[test]
fn unknown_flags_get_a_guess() {
    let said = Folder::new(&[]).run(&["--spwan-rate", "3"]);
    assert_eq!(said.code, Some(2));
    assert_eq!(
        said.err,
        "error: there is no flag `--spwan-rate`\n  help: did you mean `--spawn-rate`?\n"
    );
    assert_eq!(said.out, "");
}

#[test]
fn unknown_keys_get_a_guess_and_their_line() {
    let said = Folder::new(&[("katydid.toml", "users = 3\nspawnrate = 1\n")]).run(&["--list"]);
    assert_eq!(said.code, Some(2));
    assert_eq!(
        said.err,
        "error: katydid.toml:2: spawnrate: no such key: keys are the long flags without dashes\n  \
         help: did you mean `spawn-rate`?\n"
    );
}

#[test]
fn wrong_values_are_reported_together_wherever_they_come_from() {
    let folder = Folder::new(&[("katydid.toml", "run-time = \"soon\"\n"), ("scenario.rhai", SHOP)]);
    let said = folder.run_with(
        &["-u", "0", "-H", "localhost:8000"],
        &[("KATYDID_SPAWN_RATE", "inf")],
    );
    assert_eq!(said.code, Some(2));
    assert_eq!(said.err.lines().next(), Some("error: 4 problems"));
    for place in [
        "  - --users: ",
        "  - --host: ",
        "  - KATYDID_SPAWN_RATE: ",
        "  - katydid.toml:1: run-time: ",
    ] {
        assert!(said.err.contains(place), "{place} in {}", said.err);
    }
}

#[test]
fn values_that_start_with_a_dash_are_values() {
    let said = Folder::new(&[("scenario.rhai", SHOP)]).run(&["-u", "-5"]);
    assert_eq!(said.code, Some(2));
    assert_eq!(
        said.err,
        "error: --users: `-5` is not a number of users: use a whole number above 0\n"
    );
}

#[test]
fn missing_files_are_named() {
    let folder = Folder::new(&[("shop.rhai", SHOP)]);
    let said = folder.run(&["-f", "shpo.rhai,nowhere.rhai"]);
    assert_eq!(said.code, Some(2));
    assert_eq!(
        said.err,
        "error: 2 problems\n  - there is no file shpo.rhai\n    help: did you mean `shop.rhai`?\n  - there is no file \
         nowhere.rhai\n"
    );
    let said = folder.run(&[]);
    assert_eq!(said.code, Some(2));
    assert!(
        said.err.contains("scenario.rhai") && said.err.contains("katydid demo"),
        "{}",
        said.err
    );
}

#[test]
fn a_scenario_given_without_its_flag_is_recognised() {
    let said = Folder::new(&[("shop.rhai", SHOP)]).run(&["shop.rhai"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("pass it with -f shop.rhai"), "{}", said.err);
}

#[test]
fn an_empty_scenario_is_refused() {
    let said = Folder::new(&[("scenario.rhai", "// nothing yet\n")]).run(&["--headless", "-t", "1s"]);
    assert_eq!(said.code, Some(3));
    assert!(
        said.err.contains("declares no user class\n --> scenario.rhai"),
        "{}",
        said.err
    );
}

#[test]
fn a_scenario_that_does_not_compile_is_shown_with_its_place() {
    let folder = Folder::new(&[(
        "bad.rhai",
        "user(\"A\")\n    .task(\"t\", || { http.get(\"/\" });\n",
    )]);
    for words in [
        vec!["check", "bad.rhai"],
        vec!["-f", "bad.rhai", "--headless", "-t", "1s"],
    ] {
        let said = folder.run(&words);
        assert_eq!(said.code, Some(3), "{}", said.err);
        assert!(said.err.contains("bad.rhai:2:"), "{}", said.err);
    }
}

#[test]
fn classes_and_tags_that_do_not_exist_get_a_guess() {
    let said = Folder::new(&[("scenario.rhai", SHOP)]).run(&["Shoper", "-T", "pya", "--headless"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("did you mean `Shopper`?"), "{}", said.err);
    assert!(said.err.contains("did you mean `pay`?"), "{}", said.err);
}

#[test]
fn reports_that_cannot_be_written_are_found_before_the_run() {
    let folder = Folder::new(&[("scenario.rhai", SHOP), ("file", "")]);
    let said = folder.run(&["--headless", "--csv", "file/a", "--json-file", "file/b"]);
    assert_eq!(said.code, Some(2));
    assert!(
        said.err.contains("--csv: ") && said.err.contains("--json-file: "),
        "{}",
        said.err
    );
}

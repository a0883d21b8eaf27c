//! Wrong command lines, files and scenarios: a message a person can act on, and the documented exit code.

use std::time::Duration;

use anyhow::Result;
use katydid_testkit::{Certificates, Finished, Flaw, Katydid, Scratch};

const PATIENCE: Duration = Duration::from_secs(60);

const GOOD: &str = r#"user("U", #{ wait: constant(1) }).task("t", || { http.get("/"); });"#;

/// Runs `katydid ARGUMENTS` beside a good scenario; it must end by itself.
fn katydid(arguments: &[&str]) -> Result<Finished> {
    let folder = Scratch::new()?;
    folder.write("good.rhai", GOOD)?;
    in_folder(&folder, arguments)
}

fn in_folder(folder: &Scratch, arguments: &[&str]) -> Result<Finished> {
    let finished = Katydid::new()?
        .args(arguments)
        .in_dir(folder.path())
        .run_to_end(PATIENCE)?;
    assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
    Ok(finished)
}

fn scenario(text: &str) -> Result<Finished> {
    let folder = Scratch::new()?;
    folder.write("bad.rhai", text)?;
    in_folder(
        &folder,
        &[
            "-f",
            "bad.rhai",
            "-H",
            "http://127.0.0.1:1",
            "--headless",
            "-u",
            "1",
            "-t",
            "1s",
        ],
    )
}

#[test]
fn unknown_flags_are_guessed_at() -> Result<()> {
    katydid(&["-f", "good.rhai", "--headles"])?
        .expect_code(2)?
        .expect_stderr(&["--headles", "--headless"])?;
    katydid(&["-f", "good.rhai", "--user", "3"])?
        .expect_code(2)?
        .expect_stderr(&["--users"])?;
    Ok(())
}

#[test]
fn a_missing_file_is_named() -> Result<()> {
    let finished = katydid(&["-f", "nowhere.rhai", "--headless"])?;
    assert!(matches!(finished.code, Some(2 | 3)), "{finished:?}");
    finished.expect_stderr(&["nowhere.rhai"])?;
    let finished = katydid(&["--headless"])?;
    assert!(matches!(finished.code, Some(2 | 3)), "{finished:?}");
    finished.expect_stderr(&["scenario.rhai"])?;
    Ok(())
}

#[test]
fn all_bad_values_are_reported_together() -> Result<()> {
    let arguments = [
        "-f",
        "good.rhai",
        "--headless",
        "-u",
        "-5",
        "-r",
        "0",
        "-t",
        "soon",
        "-H",
        "nonsense",
        "-s",
        "x",
    ];
    let finished = katydid(&arguments)?.expect_code(2)?;
    finished.expect_stderr(&[
        "--users",
        "-5",
        "--spawn-rate",
        "--run-time",
        "soon",
        "--host",
        "nonsense",
    ])?;
    Ok(())
}

#[test]
fn bad_values_in_the_environment_and_the_file_say_where_they_are() -> Result<()> {
    let folder = Scratch::new()?;
    folder.write("good.rhai", GOOD)?;
    let command = Katydid::new()?
        .args(["-f", "good.rhai", "--headless"])
        .in_dir(folder.path());
    let finished = command.env("KATYDID_USERS", "many").run_to_end(PATIENCE)?;
    finished
        .expect_code(2)?
        .expect_stderr(&["KATYDID_USERS", "many"])?;

    folder.write("katydid.toml", "user = 3\n")?;
    let finished = in_folder(&folder, &["-f", "good.rhai", "--headless"])?.expect_code(2)?;
    finished.expect_stderr(&["katydid.toml:1", "did you mean `users`?"])?;
    folder.write("katydid.toml", "users = 3\nspawn-rate = 'fast'\n")?;
    let finished = in_folder(&folder, &["-f", "good.rhai", "--headless"])?.expect_code(2)?;
    finished.expect_stderr(&["katydid.toml", "spawn-rate", "fast"])?;
    Ok(())
}

#[test]
fn an_empty_scenario_says_what_is_missing() -> Result<()> {
    scenario("")?
        .expect_code(3)?
        .expect_stderr(&["no user class", "user("])?;
    scenario("// nothing but a comment\n")?
        .expect_code(3)?
        .expect_stderr(&["user("])?;
    Ok(())
}

#[test]
fn ten_errors_are_ten_messages() -> Result<()> {
    let finished = scenario(
        r#"host(7);
plan(#{ users: -3 });
plan(#{ spawn_rates: 3 });
user("A", #{ wait: 5 }).task("t", || { htp.get("/"); });
user("B", #{ weight: -1 }).task("t", || { http.got("/"); });
user("B", #{ wait: constant(-1) }).task("t", || { http.get("/"); });
user("C", #{ wait: between(3, 1) }).task("t", || { unknown_thing; });
user("D", #{ weigth: 1 }).task("t", || { http.get("/"); });
user("E", #{ wait: constant(1) });
user("F", #{ wait: constant(1) }).task("t", -2, || { http.get("/"); });
"#,
    )?
    .expect_code(3)?;
    let reported = finished.stderr.matches("--> bad.rhai:").count();
    assert!(reported >= 10, "{reported} of ten:\n{}", finished.stderr);
    for line in 1..=10 {
        assert!(
            finished.stderr.contains(&format!("bad.rhai:{line}:")),
            "line {line}:\n{}",
            finished.stderr
        );
    }
    finished.expect_stderr(&["did you mean", "^"])?;
    Ok(())
}

#[test]
fn a_syntax_error_is_shown_where_it_is() -> Result<()> {
    let finished =
        scenario("user(\"A\", #{ wait: constant(1) })\n    .task(\"t\", || { http.get(\"/\" });\n")?;
    finished
        .expect_code(3)?
        .expect_stderr(&["bad.rhai:2:", "http.get(\"/\" }", "^"])?;
    Ok(())
}

#[test]
fn a_shared_variable_is_refused() -> Result<()> {
    let text = "let counter = 0;\nuser(\"A\", #{ wait: constant(1) }).task(\"t\", || { counter += 1; });\n";
    scenario(text)?
        .expect_code(3)?
        .expect_stderr(&["bad.rhai:2:", "counter", "this.counter"])?;
    Ok(())
}

#[test]
fn ragged_rows_are_found_by_line() -> Result<()> {
    let folder = Scratch::new()?;
    folder.write("data.csv", "id,name\n1,one\n2\n3,three\n")?;
    folder.write("bad.rhai", &format!("const D = csv(\"data.csv\");\n{GOOD}"))?;
    let arguments = [
        "-f",
        "bad.rhai",
        "-H",
        "http://127.0.0.1:1",
        "--headless",
        "-t",
        "1s",
    ];
    let finished = in_folder(&folder, &arguments)?.expect_code(3)?;
    finished.expect_stderr(&["bad.rhai:1:", "data.csv", "3"])?;
    std::fs::remove_file(folder.file("data.csv"))?;
    in_folder(&folder, &arguments)?
        .expect_code(3)?
        .expect_stderr(&["data.csv"])?;
    Ok(())
}

#[test]
fn a_scenario_that_never_finishes_declaring_is_stopped() -> Result<()> {
    scenario(&format!("{GOOD}\nloop {{}}\n"))?
        .expect_code(3)?
        .expect_stderr(&["bad.rhai"])?;
    Ok(())
}

#[test]
fn selections_that_leave_nothing_are_refused() -> Result<()> {
    let finished = katydid(&[
        "-f",
        "good.rhai",
        "--headless",
        "-t",
        "1s",
        "-H",
        "http://127.0.0.1:1",
        "Nobody",
    ])?;
    assert!(matches!(finished.code, Some(2 | 3)), "{finished:?}");
    finished.expect_stderr(&["Nobody"])?;
    Ok(())
}

#[test]
fn check_finds_the_same_without_running() -> Result<()> {
    katydid(&["check", "good.rhai"])?.expect_code(0)?;
    let folder = Scratch::new()?;
    folder.write(
        "bad.rhai",
        "user(\"A\", #{}).task(\"t\", || { htp.get(\"/\"); });\n",
    )?;
    in_folder(&folder, &["check", "bad.rhai"])?
        .expect_code(3)?
        .expect_stderr(&["htp", "http", "bad.rhai:1:"])?;
    Ok(())
}

#[test]
fn reports_that_cannot_be_written_are_no_success() -> Result<()> {
    let folder = Scratch::new()?;
    folder.write("good.rhai", GOOD)?;
    folder.write("file", "")?;
    let arguments = [
        "-f",
        "good.rhai",
        "-H",
        "http://127.0.0.1:1",
        "--headless",
        "-u",
        "1",
        "-t",
        "1s",
        "--csv",
        "file/x",
    ];
    let finished = in_folder(&folder, &arguments)?;
    assert!(matches!(finished.code, Some(1 | 2)), "{finished:?}");
    finished.expect_stderr(&["--csv", "file"])?;
    Ok(())
}

#[test]
fn a_certificate_with_somebody_elses_key_ends_it_before_it_begins() -> Result<()> {
    let folder = Scratch::new()?;
    folder.write("one.pem", &Certificates::new(Flaw::None)?.certificate)?;
    folder.write("other.pem", &Certificates::new(Flaw::None)?.key)?;
    folder.write(
        "bad.rhai",
        "user(\"Partner\", #{ http: #{ cert: file(\"one.pem\"), key: file(\"other.pem\") } })
             .task(\"t\", || { http.get(\"https://127.0.0.1:1/\"); });",
    )?;
    let said = "the connections of user class Partner cannot be made";
    for (arguments, code) in [
        (&["-f", "bad.rhai", "--headless", "-u", "1", "-t", "1s"][..], 3),
        (&["check", "bad.rhai", "--trace"], 3),
    ] {
        in_folder(&folder, arguments)?
            .expect_code(code)?
            .expect_stderr(&[said])?;
    }
    Ok(())
}

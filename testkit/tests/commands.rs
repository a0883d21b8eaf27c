//! The other commands: the demo a newcomer starts with, the target alone, the language reference.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result};
use katydid_demo_target::TargetStats;
use katydid_testkit::{CTRL_C, DemoTarget, Katydid, Scratch, Signal, Tty, alone, eventually};

const PATIENCE: Duration = Duration::from_secs(20);

fn get(address: &str, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").context("no body")?;
    Ok(body.to_owned())
}

#[test]
fn the_demo_shows_a_load_test_from_start_to_end() -> Result<()> {
    let _alone = alone();
    let finished = Katydid::new()?
        .args(["demo", "-u", "4", "-r", "4", "-t", "3s"])
        .run_to_end(PATIENCE)?;
    // Some of its requests fail, to show how that looks; whether one does in three seconds is up to them.
    assert!(matches!(finished.code, Some(0 | 1)), "{finished:?}");
    let finished = finished.expect_stderr(&["# reqs", "Aggregated", "99.99%"])?;
    assert!(!finished.stderr.contains("panicked"));
    Ok(())
}

#[test]
fn the_target_serves_until_told_to_stop() -> Result<()> {
    let mut running = Katydid::new()?.args(["target", "--port", "0"]).spawn()?;
    eventually!(running.stdout().contains('\n'), "{}", running.stderr());
    let url = running.stdout().trim().to_owned();
    let address = url.strip_prefix("http://").context(url.clone())?;
    assert!(get(address, "/")?.starts_with("hello"));
    let stats: TargetStats = serde_json::from_str(&get(address, "/__stats")?)?;
    assert_eq!((stats.total, stats.requests("/")), (1, 1));
    running.signal(Signal::SIGTERM)?;
    running.wait(PATIENCE)?.expect_code(0)?;
    Ok(())
}

#[test]
fn a_port_that_is_taken_is_named() -> Result<()> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port().to_string();
    let finished = Katydid::new()?
        .args(["target", "--port", &port])
        .run_to_end(PATIENCE)?;
    assert!(matches!(finished.code, Some(1 | 2)), "{finished:?}");
    finished.expect_stderr(&["cannot listen on 127.0.0.1", &port])?;
    Ok(())
}

#[test]
fn the_language_reference_is_at_hand() -> Result<()> {
    let finished = Katydid::new()?
        .args(["help", "scenario"])
        .run_to_end(PATIENCE)?
        .expect_code(0)?;
    for word in ["http.get", "on_start", "constant_pacing", "csv(", "check("] {
        assert!(finished.stdout.contains(word), "no {word}");
    }
    Ok(())
}

#[test]
fn on_a_terminal_there_is_a_line_of_progress_and_keys_change_the_users() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let folder = Scratch::new()?;
    folder.write(
        "scenario.rhai",
        r#"user("Walker", #{ wait: constant(0.05) }).task("go", || { http.get("/"); });"#,
    )?;
    let (mut tty, katydid) = Tty::with_katydid()?;
    let load = [
        "-H",
        target.url(),
        "-u",
        "1",
        "-r",
        "100",
        "--autostart",
        "--web-port",
        "0",
    ];
    let running = katydid.args(load).in_dir(folder.path()).spawn()?;
    eventually!(tty.screen().contains("w/W s/S: users"), "{}", tty.screen());
    // What the line says after each key; what was said before does not count.
    for (key, users) in [("", 1), ("w", 2), ("W", 12), ("s", 11), ("S", 1)] {
        let before = tty.screen().len();
        tty.press(key)?;
        let wanted = format!("| {users} users |");
        eventually!(
            tty.screen()
                .get(before..)
                .is_some_and(|after| after.contains(&wanted)),
            "no `{wanted}` after `{key}`:\n{}",
            tty.screen()
        );
    }
    tty.press(CTRL_C)?;
    running.wait(PATIENCE)?.expect_code(0)?;
    let screen = tty.screen();
    let report = screen
        .split("Response time percentiles")
        .next()
        .unwrap_or_default();
    let counted = target.stats().total.to_string();
    let row = report.lines().rev().find(|line| line.contains("Aggregated"));
    let row = row.with_context(|| format!("no final table:\n{screen}"))?;
    assert_eq!(row.split_whitespace().nth(1), Some(&*counted), "{row}");
    Ok(())
}

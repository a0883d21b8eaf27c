//! Short runs against the demo target: streams, files, signals and exit codes.

use std::io::{BufRead, BufReader};
use std::process::Child;

use nix::sys::signal::Signal;

use super::support::{Folder, finish, signal};

const HELLO: &str = r#"user("A", #{ wait: constant(0.01) }).task("t", || { http.get("/"); });"#;
const MISSING: &str = r#"user("A", #{ wait: constant(0.01) }).task("t", || { http.get("/status/503"); });"#;
const SLEEPY: &str = r#"user("A").task("t", || { http.get("/"); sleep(60); });"#;

/// A target that serves until it is dropped.
struct Target {
    child: Option<Child>,
    url: String,
}

impl Target {
    fn start(folder: &Folder) -> Self {
        let mut child = folder.start(&["target", "--port", "0"]);
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut url)
            .unwrap();
        Self {
            child: Some(child),
            url: url.trim().to_owned(),
        }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let child = self.child.take().unwrap();
        signal(child.id(), Signal::SIGTERM);
        let said = finish(child);
        if !std::thread::panicking() {
            assert_eq!(said.code, Some(0), "{}", said.err);
        }
    }
}

#[test]
fn a_run_prints_tables_on_stderr_and_its_result_on_stdout() {
    let folder = Folder::new(&[("scenario.rhai", HELLO)]);
    let target = Target::start(&folder);
    let said = folder.run(&[
        "-H",
        &target.url,
        "-u",
        "2",
        "-r",
        "10",
        "-t",
        "1s",
        "--headless",
        "--json",
        "--json-file",
        "out/r",
        "--csv",
        "out/c",
    ]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    for text in [
        "# reqs",
        "Aggregated",
        "99.99%",
        "--run-time limit reached, shutting down",
        "Starting Katydid",
    ] {
        assert!(said.err.contains(text), "{text} in {}", said.err);
    }
    assert!(
        said.err.trim_end().ends_with("Shutting down (exit code 0)"),
        "{}",
        said.err
    );
    let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let file: serde_json::Value = serde_json::from_str(&folder.read("out/r.json")).unwrap();
    assert_eq!(json, file);
    for name in ["stats", "stats_history", "failures", "exceptions"] {
        assert!(!folder.read(&format!("out/c_{name}.csv")).is_empty(), "{name}");
    }
}

#[test]
fn failures_end_in_the_exit_code_asked_for() {
    let folder = Folder::new(&[("scenario.rhai", MISSING)]);
    let target = Target::start(&folder);
    let words = ["-H", &target.url, "-t", "1s", "--only-summary"];
    let said = folder.run(&words);
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(
        said.err.trim_end().ends_with("Shutting down (exit code 1)"),
        "{}",
        said.err
    );
    assert_eq!(
        said.err.matches("# reqs").count(),
        2,
        "only the final tables: {}",
        said.err
    );
    let said = folder.run(&[&words[..], &["--exit-code-on-error", "42"]].concat());
    assert_eq!(said.code, Some(42), "{}", said.err);
}

/// Starts a run whose only user is in the middle of a long sleep.
fn sleepy(folder: &Folder, target: &Target, grace: &str) -> Child {
    let mut child = folder.start(&["-H", &target.url, "-s", grace, "--headless", "--json-file", "r"]);
    // Everybody is there; what the user does next is sleep.
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("All users spawned") {
        line.clear();
        assert_ne!(err.read_line(&mut line).unwrap(), 0, "the run ended early");
    }
    std::thread::spawn(move || err.lines().map_while(Result::ok).for_each(drop));
    child
}

#[test]
fn one_interrupt_stops_and_reports() {
    let folder = Folder::new(&[("scenario.rhai", SLEEPY)]);
    let target = Target::start(&folder);
    for number in [Signal::SIGINT, Signal::SIGTERM] {
        let child = sleepy(&folder, &target, "0");
        signal(child.id(), number);
        assert_eq!(finish(child).code, Some(0));
        assert!(folder.read("r.json").contains("\"requests\""));
        std::fs::remove_file(folder.path("r.json")).unwrap();
    }
}

#[test]
fn two_interrupts_abort_with_what_there_is() {
    let folder = Folder::new(&[("scenario.rhai", SLEEPY)]);
    let target = Target::start(&folder);
    let mut child = sleepy(&folder, &target, "50s");
    let id = child.id();
    signal(id, Signal::SIGINT);
    // Two signals at once would be one; the first has been seen when the run says so.
    let started = std::time::SystemTime::now();
    while child.try_wait().unwrap().is_none() {
        assert!(started.elapsed().unwrap() < super::support::PATIENCE);
        std::thread::sleep(std::time::Duration::from_millis(20));
        signal(id, Signal::SIGINT);
    }
    assert_eq!(finish(child).code, Some(130));
    assert!(folder.read("r.json").contains("\"requests\""));
}

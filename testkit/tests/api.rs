//! `/api/v1` as programs use it: runs started, changed and stopped, results that are the target's own counts, problems
//! that say what is wrong.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use katydid_demo_target::TargetStats;
use katydid_testkit::{DemoTarget, HttpAnswer, HttpCall, Page, alone, retry};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

const SHOP: &str = r#"
user("Shopper", #{ wait: constant(0.05) }).task("browse", || {
    let r = http.get("/");
    check(r, "is fine", r.status == 200);
    http.get("/status/500", #{ tags: #{ kind: "broken" } });
});
user("Admin", #{ wait: constant(0.05) }).task("look", || { http.get("/json"); throw "out of order"; });
param("color", "red");
"#;

fn send(page: &Page, method: &str, path: &str, body: &str) -> Result<HttpAnswer> {
    HttpCall::new(method, &format!("{}/api/v1{path}", page.url()))
        .header("content-type", "application/json")
        .body(body)
        .send()
}

fn get(page: &Page, path: &str) -> Result<Value> {
    let answer = send(page, "GET", path, "")?;
    ensure!(answer.status == 200, "{path}: {answer:?}");
    answer.json()
}

fn results_are_what_the_target_counted(page: &Page, counted: &TargetStats) -> Result<()> {
    let requests = get(page, "/requests")?;
    let broken = counted.paths.iter().find(|path| path.path == "/status/500");
    let broken = broken.context("nothing broke")?.requests;
    let tags = requests["tags"].as_array().context("no tags")?;
    assert_eq!(tags.len(), 1, "{tags:?}");
    assert_eq!(
        (&tags[0]["name"], &tags[0]["requests"]),
        (&json!("kind:broken"), &json!(broken))
    );
    assert_eq!(tags[0]["failures"], broken);
    for path in &counted.paths {
        let rows = requests["requests"].as_array().context("no rows")?;
        let row = rows
            .iter()
            .find(|row| row["name"] == path.path)
            .context(path.path.clone())?;
        assert_eq!(row["requests"], path.requests, "{row}");
        // The seconds of a request are its requests, and its times theirs.
        let timeline = get(
            page,
            &format!("/timeline?method=GET&name={}", path.path.replace('/', "%2F")),
        )?;
        let total: f64 = timeline["rps"]
            .as_array()
            .context("no rates")?
            .iter()
            .filter_map(Value::as_f64)
            .sum();
        assert_eq!(total.round() as u64, path.requests, "{timeline}");
        let highest = timeline["p99_ms"]
            .as_array()
            .context("no times")?
            .iter()
            .filter_map(Value::as_f64)
            .fold(0.0, f64::max);
        let max = row["response_time"]["max_ms"].as_f64().context("no maximum")?;
        assert!(highest > 0.0 && highest <= max * 1.001 + 0.001, "{highest} {max}");
    }
    let failures = get(page, "/failures")?;
    assert_eq!(failures[0]["name"], "/status/500");
    let exceptions = get(page, "/exceptions")?;
    assert!(
        exceptions[0]["message"].to_string().contains("out of order"),
        "{exceptions}"
    );
    let checks = get(page, "/checks")?;
    assert_eq!(checks[0]["name"], "is fine");
    assert_eq!(
        (&checks[0]["passes"], &checks[0]["failures"]),
        (&json!(counted.requests("/")), &json!(0))
    );
    let marks = get(page, "/timeline")?["marks"].clone();
    // A busy machine adds marks of its own.
    let kinds: Vec<&str> = marks
        .as_array()
        .context("no marks")?
        .iter()
        .filter_map(|mark| mark["kind"].as_str())
        .filter(|kind| *kind != "saturated")
        .collect();
    assert_eq!(kinds, ["steady", "edit", "stop"], "{marks}");
    let junit = page.get("/result.xml")?;
    assert_eq!(junit.header("content-type"), "application/xml");
    for part in [
        "<testsuites name=\"katydid\"",
        "GET /status/500",
        "is fine",
        "out of order",
    ] {
        assert!(junit.body.contains(part), "{part}: {}", junit.body);
    }
    Ok(())
}

#[test]
fn a_run_is_started_changed_and_stopped() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = Page::start(SHOP, target.url(), &[])?;
    let ready = get(&page, "/run")?;
    assert_eq!(
        (&ready["state"], &ready["id"], &ready["started_at"]),
        (&json!("ready"), &json!(""), &Value::Null)
    );
    assert_eq!(
        send(&page, "PATCH", "/run", r#"{"users": 2, "spawn_rate": 2}"#)?.status,
        409
    );

    let started = send(
        &page,
        "POST",
        "/run",
        r#"{"users": 4, "spawn_rate": 4, "run_time": "10m"}"#,
    )?;
    assert_eq!(started.status, 201, "{started:?}");
    let id = started.json()?["id"].clone();
    assert_ne!(id, "", "a run is known by its id from the first answer on");
    assert_eq!(
        send(&page, "POST", "/run", "{}")?.status,
        409,
        "one run at a time"
    );
    let users = |wanted: u32| {
        retry(PATIENCE, || {
            let run = get(&page, "/run")?;
            ensure!(run["state"] == "running" && run["users"] == wanted, "{run}");
            Ok(run)
        })
    };
    let run = users(4)?;
    assert_eq!((&run["host"], &run["id"]), (&json!(target.url()), &id));
    let text = json!({ "source": SHOP }).to_string();
    assert_eq!(
        send(&page, "PUT", "/scenario", &text)?.status,
        409,
        "not during a run"
    );
    let edited = send(&page, "PATCH", "/run", r#"{"users": 6, "spawn_rate": 6}"#)?;
    assert_eq!(edited.status, 202, "{edited:?}");
    users(6)?;
    retry(PATIENCE, || {
        let timeline = get(&page, "/timeline?method=GET&name=%2Fjson")?;
        let seconds = timeline["second"].as_array().context("no seconds")?.len();
        ensure!(seconds >= 2, "{timeline}");
        Ok(())
    })?;

    let stopped = send(&page, "POST", "/run/stop", "")?.json()?;
    assert_eq!(stopped["state"], "stopped", "{stopped}");
    let counted = target.stats();
    assert_eq!(stopped["requests"], counted.total);
    results_are_what_the_target_counted(&page, &counted)?;
    assert_eq!(send(&page, "POST", "/run/reset", "")?.status, 204);
    Ok(())
}

#[test]
fn what_is_wrong_is_said_and_changes_nothing() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = Page::start(SHOP, target.url(), &[])?;
    for (method, path, body, status, word) in [
        ("POST", "/run", "", 400, "body"),
        ("POST", "/run", "{", 400, "EOF"),
        ("POST", "/run", "[]", 422, "object"),
        ("POST", "/run", r#"{"user": 3}"#, 422, "unknown field `user`"),
        ("POST", "/run", r#"{"users": "3"}"#, 422, "invalid type"),
        ("POST", "/run", r#"{"users": 0}"#, 422, "1 to 1,000,000"),
        ("POST", "/run", r#"{"users": -1}"#, 422, "-1"),
        ("POST", "/run", r#"{"users": 99999999999}"#, 422, "1 to 1,000,000"),
        ("POST", "/run", r#"{"spawn_rate": 0}"#, 422, "above 0"),
        (
            "POST",
            "/run",
            r#"{"spawn_rate": 1e999}"#,
            400,
            "number out of range",
        ),
        ("POST", "/run", r#"{"host": "shop"}"#, 422, "shop"),
        ("POST", "/run", r#"{"run_time": "soon"}"#, 422, "soon"),
        (
            "POST",
            "/run",
            r#"{"user_classes": ["Shoper"]}"#,
            422,
            "did you mean `Shopper`",
        ),
        (
            "POST",
            "/run",
            r#"{"parameters": {"colour": "red"}}"#,
            422,
            "colour",
        ),
        ("PATCH", "/run", r#"{"users": 1}"#, 422, "spawn_rate"),
        ("PUT", "/scenario", r#"{"text": "x"}"#, 422, "unknown field"),
        ("GET", "/timeline?from=soon", "", 400, "from"),
        ("GET", "/timeline?form=1", "", 400, "form"),
        ("DELETE", "/run", "", 405, "method"),
        ("GET", "/nothing", "", 404, "/nothing"),
    ] {
        let answer = send(&page, method, path, body)?;
        assert_eq!(answer.status, status, "{method} {path} {body}: {answer:?}");
        assert_eq!(
            answer.header("content-type"),
            "application/problem+json",
            "{method} {path} {body}"
        );
        let problem = answer.json()?;
        assert_eq!(problem["status"], status);
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(word), "{method} {path} {body}: {detail}");
    }
    let no_json = HttpCall::new("POST", &format!("{}/api/v1/run", page.url()))
        .body("users=3")
        .send()?;
    assert_eq!(no_json.status, 415, "{no_json:?}");
    assert_eq!(
        (&get(&page, "/run")?["state"], target.stats().total),
        (&json!("ready"), 0)
    );
    Ok(())
}

#[test]
fn the_scenario_is_checked_and_changed_for_the_next_run() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = Page::start(SHOP, target.url(), &["--set", "color=blue"])?;
    let scenario = get(&page, "/scenario")?;
    assert_eq!(
        (&scenario["files"][0]["source"], &scenario["editable"]),
        (&json!(SHOP), &json!(true))
    );
    assert_eq!(scenario["user_classes"][1]["tasks"], json!(["look"]));
    assert_eq!(get(&page, "/plan")?["parameters"], json!({ "color": "blue" }));
    let broken = json!({ "source": "user(\"A\").task(\"t\", || { http.get(1; });" }).to_string();
    for (method, path, status) in [("POST", "/scenario/check", 200), ("PUT", "/scenario", 422)] {
        let answer = send(&page, method, path, &broken)?;
        assert_eq!(answer.status, status, "{answer:?}");
        let verdict = answer.json()?;
        assert_ne!(verdict["valid"], true, "{verdict}");
        assert_eq!(verdict["problems"][0]["line"], 1, "{verdict}");
    }
    let other = json!({ "source": r#"user("Other").task("t", || { http.get("/hungry"); sleep(0.1); });"# })
        .to_string();
    assert_eq!(
        send(&page, "POST", "/scenario/check", &other)?.json()?["valid"],
        true
    );
    assert_eq!(
        get(&page, "/scenario")?["user_classes"][0]["name"],
        "Shopper",
        "only checked"
    );
    assert_eq!(send(&page, "PUT", "/scenario", &other)?.json()?["valid"], true);
    assert_eq!(get(&page, "/scenario")?["user_classes"][0]["name"], "Other");
    Ok(())
}

#[test]
fn changes_are_told_as_they_happen() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = Page::start(SHOP, target.url(), &[])?;
    let address = page.url().strip_prefix("http://").context("no URL")?;
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET /api/v1/events HTTP/1.1\r\nhost: {address}\r\n\r\n")?;
    let mut states = Vec::new();
    for line in BufReader::new(stream).lines() {
        let line = line?;
        let Some(data) = line.strip_prefix("data: ") else {
            continue;
        };
        let run: Value = serde_json::from_str(data)?;
        let state = run["state"].as_str().context("no state")?.to_owned();
        if states.last() != Some(&state) {
            states.push(state.clone());
        }
        match (state.as_str(), states.len()) {
            ("ready", 1) => drop(send(&page, "POST", "/run", r#"{"users": 2, "spawn_rate": 10}"#)?),
            ("running", _) => drop(send(&page, "POST", "/run/stop", "")?),
            ("stopped", _) => break,
            _ => {}
        }
    }
    assert_eq!(states.first().map(String::as_str), Some("ready"), "{states:?}");
    assert_eq!(states.last().map(String::as_str), Some("stopped"), "{states:?}");
    assert!(states.iter().any(|state| state == "running"), "{states:?}");
    Ok(())
}

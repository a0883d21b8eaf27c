//! The page's server, as tools see it: Locust's endpoints, fragments, downloads; and what is refused.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use katydid_testkit::{DemoTarget, HttpCall, Page, Signal, alone, retry};
use serde_json::{Value, json};
use tokio::time::Instant;

const PATIENCE: Duration = Duration::from_secs(60);

const SHOP: &str = r#"
user("Shopper", #{ weight: 3, wait: constant(0.05) }).task("browse", || { http.get("/"); http.get("/json"); });
user("Admin", #{ wait: constant(0.05) }).task("look", || { http.get("/status/500"); throw "out of order"; });
"#;

fn is(stats: &Value, state: &str) -> bool {
    stats["state"] == state
}

fn row<'a>(stats: &'a Value, name: &str) -> Result<&'a Value> {
    let rows = stats["stats"].as_array().context("no rows")?;
    rows.iter()
        .find(|row| row["name"] == name)
        .with_context(|| format!("no row {name}: {stats}"))
}

#[test]
fn a_swarm_is_started_changed_and_stopped_as_in_locust() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let mut page = Page::start(SHOP, target.url(), &[])?;
    let stats = page.stats()?;
    assert!(is(&stats, "ready"), "{stats}");
    assert_eq!(stats["stats"][0]["name"], "Aggregated", "a row for nothing yet");
    assert_eq!(target.stats().total, 0, "nothing runs before somebody wants it");

    let answer = page.post("/swarm", "user_count=4&spawn_rate=4")?;
    assert_eq!(answer.status, 200);
    let answer = answer.json()?;
    assert_eq!(
        answer,
        json!({ "success": true, "message": "Swarming started", "host": target.url() })
    );
    page.wait_for(|stats| is(stats, "running") && stats["user_count"] == 4)?;
    page.post("/swarm", "user_count=8&spawn_rate=8")?;
    page.wait_for(|stats| is(stats, "running") && stats["user_count"] == 8)?;
    page.wait_for(|stats| stats["current_rps"].as_f64().is_some_and(|rps| rps > 20.0))?;

    let answer = page.post("/stop", "")?.json()?;
    assert_eq!(answer, json!({ "success": true, "message": "Test stopped" }));
    let stats = page.stats()?;
    assert!(is(&stats, "stopped"), "{stats}");
    let counted = target.stats();
    assert_eq!(row(&stats, "Aggregated")?["num_requests"], counted.total);
    for path in &counted.paths {
        assert_eq!(
            row(&stats, &path.path)?["num_requests"],
            path.requests,
            "{}",
            path.path
        );
    }
    assert_eq!(
        row(&stats, "/status/500")?["num_failures"],
        row(&stats, "/status/500")?["num_requests"]
    );
    assert_eq!(stats["errors"][0]["name"], "/status/500");
    let exceptions = page.get("/exceptions")?.json()?;
    assert!(
        exceptions["exceptions"][0]["msg"]
            .to_string()
            .contains("out of order"),
        "{exceptions}"
    );

    // The next run counts from zero.
    page.post("/swarm", "user_count=2&spawn_rate=2")?;
    page.wait_for(|stats| is(stats, "running"))?;
    page.post("/stop", "")?;
    let second = target.stats().total - counted.total;
    assert_eq!(row(&page.stats()?, "Aggregated")?["num_requests"], second);

    page.process.signal(Signal::SIGTERM)?;
    // The last run counts, whose two users are shoppers.
    let finished = page.process.wait(PATIENCE)?.expect_code(0)?;
    assert!(finished.stderr.contains("Error report"), "{}", finished.stderr);
    Ok(())
}

#[test]
fn a_master_started_again_shows_the_load_it_goes_on_with() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let mut page = Page::start_master(SHOP, target.url(), &[])?;
    let _worker = page.worker("w1", 1)?;
    page.post("/swarm", "user_count=4&spawn_rate=8&run_time=10m")?;
    page.wait_for(|stats| is(stats, "running") && stats["user_count"] == 4)?;
    page.post("/swarm", "user_count=6&spawn_rate=8")?;
    page.wait_for(|stats| is(stats, "running") && stats["user_count"] == 6)?;
    page.kill()?;
    page.restart()?;
    // None of it stands on the command line.
    let plan = page.get("/api/v1/plan")?.json()?;
    assert_eq!(
        (&plan["users"], &plan["spawn_rate"], &plan["run_time"]),
        (&json!(6), &json!(8.0), &json!("10m00s")),
        "{plan}"
    );
    Ok(())
}

#[test]
fn results_are_downloaded_as_files() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = Page::start(
        SHOP,
        target.url(),
        &[
            "--autostart",
            "-t",
            "3s",
            "-u",
            "3",
            "-r",
            "3",
            "--html",
            "r.html",
        ],
    )?;
    page.wait_for(|stats| is(stats, "stopped"))?;
    let total = target.stats().total.to_string();
    for (path, name, content) in [
        (
            "/stats/requests/csv",
            "_requests.csv",
            &*format!(",Aggregated,{total},"),
        ),
        ("/stats/failures/csv", "_failures.csv", "GET,/status/500,"),
        ("/exceptions/csv", "_exceptions.csv", "out of order"),
        ("/result.json", "_result.json", &*format!("\"requests\": {total}")),
        ("/stats/report?download=1", "_report.html", "/status/500"),
    ] {
        let answer = page.get(path)?;
        assert_eq!(answer.status, 200, "{path}");
        let disposition = answer.header("content-disposition");
        assert!(
            disposition.starts_with("attachment;filename=Locust_") && disposition.ends_with(name),
            "{disposition}"
        );
        assert!(answer.body.contains(content), "{path}: {}", answer.body);
    }
    let report = page.folder.read("r.html")?;
    assert!(
        report.contains("/status/500") && report.len() < 1_000_000,
        "{}",
        report.len()
    );
    Ok(())
}

#[test]
fn every_part_of_the_page_is_served() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = Page::start(
        SHOP,
        target.url(),
        &["--web-base-path", "/load", "--class-picker"],
    )?;
    assert!(page.url().ends_with("/load"), "{}", page.url());
    let start = page.get("/")?;
    assert!(
        start.body.contains("Shopper") && start.body.contains("user_count"),
        "{}",
        start.body
    );
    assert!(
        start
            .header("content-security-policy")
            .contains("default-src 'none'")
    );
    page.post("/ui/start", "user_count=4&spawn_rate=4&user_classes=Shopper")?;
    page.wait_for(|stats| {
        is(stats, "running") && stats["stats"].as_array().is_some_and(|rows| rows.len() == 3)
    })?;
    let second = page.post("/ui/start", "user_count=9&spawn_rate=9&user_classes=Admin")?;
    assert_eq!(second.status, 422, "one run at a time");
    assert!(second.body.contains("running already"), "{}", second.body);
    for (path, content) in [
        ("/", "id=\"header\""),
        ("/scenario", "Shopper"),
        ("/ui/statistics?sort=requests&dir=desc", "/json"),
        ("/ui/charts", "/json"),
        ("/ui/failures", "No failures"),
        ("/ui/exceptions", "No exceptions"),
        ("/ui/checks", "No checks"),
        ("/ui/workers", "local"),
        ("/ui/ratio", "browse"),
        ("/ui/logs", "Ramping to 4 users"),
        ("/ui/download", "/load/stats/requests/csv"),
        ("/ui/request?method=GET&name=/json", "99.9%"),
        ("/ui/series", "\"second\":[0"),
        ("/ui/edit", "user_count"),
        ("/ui/new", "user_count"),
        ("/tasks", "per_class"),
        ("/logs", "master"),
        ("/worker-count", "worker_count"),
        ("/healthz", "ok"),
        ("/readyz", "ok"),
    ] {
        // Numbers and lines come with the next second.
        retry(PATIENCE, || {
            let answer = page.get(path)?;
            ensure!(answer.status == 200, "{path}: {} {}", answer.status, answer.body);
            ensure!(answer.body.contains(content), "{path}: {}", answer.body);
            Ok(())
        })?;
    }
    let style = start
        .body
        .split('"')
        .find(|part| part.ends_with(".css"))
        .context("no style")?;
    let root = page.url().trim_end_matches("/load");
    let style = HttpCall::new("GET", &format!("{root}{style}")).send()?;
    assert!(style.header("cache-control").contains("immutable"), "{style:?}");
    for path in ["/nowhere", "/ui/nothing", "/assets/app.js"] {
        assert_eq!(page.get(path)?.status, 404, "{path}");
    }
    assert_eq!(page.get("/swarm")?.status, 405);
    Ok(())
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = Page::start(SHOP, target.url(), &[])?;
    for (form, message) in [
        ("", "Missing user_count or spawn_rate"),
        ("user_count=10", "Missing user_count or spawn_rate"),
        ("user_count=abc&spawn_rate=1", "user_count: `abc`"),
        ("user_count=-1&spawn_rate=1", "user_count: "),
        ("user_count=1&spawn_rate=nan", "spawn_rate: "),
        (
            "user_count=1&spawn_rate=1&run_time=bad",
            "Valid run_time formats are",
        ),
        ("user_count=1&spawn_rate=1&host=localhost", "host: "),
        ("user_count=1&spawn_rate=1&param.none=1", "no parameter `none`"),
        ("user_count=%FF%00&spawn_rate=%E0%80", "user_count: "),
    ] {
        let answer = page.post("/swarm", form)?;
        assert_eq!(answer.status, 200, "{form}");
        let answer = answer.json()?;
        assert_eq!(answer["success"], false, "{form}");
        let said = answer["message"].as_str().unwrap_or_default();
        assert!(said.contains(message), "{form}: {said}");
        let answer = page.post("/ui/start", form)?;
        assert!(
            answer.status == 422 || form.is_empty() || form == "user_count=10",
            "{form}: {}",
            answer.status
        );
        page.post("/stop", "")?;
    }
    let evil = page.post("/ui/start", "user_count=<script>alert(1)</script>&spawn_rate=1")?;
    assert_eq!(evil.status, 422);
    assert!(!evil.body.contains("<script>alert"), "{}", evil.body);
    let huge = HttpCall::new("POST", &format!("{}/swarm", page.url()))
        .body(vec![b'a'; 3 << 20])
        .send()?;
    assert_eq!(huge.status, 413);
    let foreign = HttpCall::new("POST", &format!("{}/swarm", page.url()))
        .header("origin", "http://evil.example")
        .body("user_count=1&spawn_rate=1")
        .send()?;
    assert_eq!(foreign.status, 403);
    for query in [
        "/ui/statistics?sort=%FF&dir=<script>&filter=%00",
        "/ui/series?from=-1",
        "/ui/series?from=x",
        "/ui/logs?level=%F0",
    ] {
        let status = page.get(query)?.status;
        assert!((200..500).contains(&status), "{query}: {status}");
    }
    let stats = page.stats()?;
    assert!(is(&stats, "ready") || is(&stats, "stopped"), "{stats}");
    Ok(())
}

/// What people and programs put into fields by mistake, or to see what happens.
const NONSENSE: [&str; 14] = [
    "%20",
    "abc",
    "-1",
    "1e400",
    "nan",
    "inf",
    "99999999999999999999",
    "0x10",
    "%00",
    "%FF%FE",
    "%3Cscript%3E",
    "%EF%BC%94",
    "1%3B2",
    "%5B%5D",
];

#[test]
fn nonsense_leaves_a_run_as_it_is() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = Page::start(SHOP, target.url(), &["--autostart", "-u", "4", "-r", "4"])?;
    page.wait_for(|stats| is(stats, "running") && stats["user_count"] == 4)?;
    let long = "9".repeat(10_000);
    for value in NONSENSE.iter().copied().chain([&*long]) {
        // What is not nonsense asks for what there is already.
        for form in [
            format!("user_count={value}&spawn_rate=4"),
            format!("user_count=4&spawn_rate={value}"),
            format!("user_count=4&spawn_rate=4&host={value}"),
            format!("user_count=4&spawn_rate=4&run_time={value}"),
            format!("user_count=4&spawn_rate=4&user_classes={value}"),
            format!("user_count=4&spawn_rate=4&param.{value}={value}"),
            value.to_owned(),
        ] {
            for path in ["/swarm", "/ui/start", "/ui/edit"] {
                let answer = page.post(path, &form)?;
                assert!(answer.status < 500, "{path} {form}: {answer:?}");
            }
        }
        let text = value.replace('%', "\\u00");
        for body in [
            format!(r#"{{"users": "{text}", "spawn_rate": 4}}"#),
            format!(r#"{{"users": {value}, "spawn_rate": 4}}"#),
            format!(r#"{{"users": 4, "spawn_rate": [{value}]}}"#),
            format!(r#"[{value}]"#),
            value.to_owned(),
        ] {
            for (method, path) in [
                ("POST", "/api/v1/run"),
                ("PATCH", "/api/v1/run"),
                ("PUT", "/api/v1/scenario"),
            ] {
                let answer = HttpCall::new(method, &format!("{}{path}", page.url()))
                    .header("content-type", "application/json")
                    .body(body.clone())
                    .send()?;
                assert!(
                    (400..500).contains(&answer.status),
                    "{method} {path} {body}: {answer:?}"
                );
            }
        }
        for path in [
            "stats/requests",
            "ui/statistics",
            "ui/series",
            "api/v1/timeline",
            "api/v1/logs",
        ] {
            for name in ["from", "sort", "filter", "name", "method", "level", "limit"] {
                let answer = page.get(&format!("/{path}?{name}={value}"))?;
                assert!(answer.status < 500, "{path} {name} {value}: {answer:?}");
            }
        }
    }
    page.wait_for(|stats| is(stats, "running") && stats["user_count"] == 4)?;
    page.post("/stop", "")?;
    assert_eq!(
        row(&page.stats()?, "Aggregated")?["num_requests"],
        target.stats().total
    );
    Ok(())
}

#[test]
fn a_scenario_is_edited_with_an_error_then_fixed() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = Page::start(SHOP, target.url(), &[])?;
    let wrong = page.post(
        "/ui/scenario/save",
        "source=user(\"A\").task(\"t\", || { http.gte(\"/\"); });",
    )?;
    assert_eq!(wrong.status, 200);
    assert!(wrong.body.contains("gte"), "{}", wrong.body);
    let right = "source=user(\"Other\").task(\"t\", || { http.get(\"/status/204\"); });";
    let saved = page.post("/ui/scenario/save", right)?;
    assert!(saved.body.contains("1 user class, 1 task"), "{}", saved.body);
    page.post("/swarm", "user_count=1&spawn_rate=1")?;
    page.wait_for(|stats| row(stats, "/status/204").is_ok())?;
    page.post("/stop", "")?;
    assert_eq!(
        row(&page.stats()?, "/status/204")?["num_requests"],
        target.stats().total
    );
    Ok(())
}

#[test]
fn a_run_that_starts_by_itself_can_end_by_itself() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = Page::start(
        SHOP,
        target.url(),
        &[
            "Shopper",
            "--autostart",
            "--autoquit",
            "0",
            "-t",
            "2s",
            "-u",
            "2",
            "-r",
            "2",
        ],
    )?;
    let finished = page.process.wait(PATIENCE)?.expect_code(0)?;
    assert!(
        finished.stderr.contains("--run-time limit reached"),
        "{}",
        finished.stderr
    );
    assert!(target.stats().total > 10);
    Ok(())
}

#[test]
fn events_tell_what_changes() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let mut page = Page::start(SHOP, target.url(), &["--autostart", "-u", "2", "-r", "2"])?;
    let address = page.url().strip_prefix("http://").context("no URL")?;
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET /ui/events HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\n\r\n"
    )?;
    let mut missing = vec!["event: header", "event: tick", "event: point", "\"second\":["];
    let (mut lines, began) = (BufReader::new(&stream).lines(), Instant::now());
    while !missing.is_empty() {
        let line = lines.next().context("the events ended")??;
        missing.retain(|part| !line.contains(part));
        ensure!(began.elapsed() < PATIENCE, "{missing:?} never came");
    }
    page.process.signal(Signal::SIGTERM)?;
    page.process.wait(PATIENCE)?;
    Ok(())
}

#[test]
fn a_hook_that_fails_is_said_on_the_page() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let scenario = format!("on_test_start(|| {{ throw \"no database\"; }});\n{SHOP}");
    let page = Page::start(&scenario, target.url(), &[])?;
    page.post("/swarm", "user_count=1&spawn_rate=1")?;
    retry(PATIENCE, || {
        let body = page.get("/")?.body;
        ensure!(body.contains("no database"), "{body}");
        Ok(())
    })?;
    assert_eq!(target.stats().total, 0);
    assert!(is(&page.stats()?, "ready"));
    Ok(())
}

#[test]
fn a_fleet_stays_for_one_run_after_the_other() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let mut page = Page::start(SHOP, target.url(), &["--master", "--master-bind-port", "0"])?;
    assert_eq!(page.get("/readyz")?.status, 503, "no worker yet");
    let workers = [page.worker("w1", 1)?, page.worker("w2", 2)?];
    assert_eq!(page.get("/readyz")?.status, 200);
    let mut before = 0;
    for _ in 0..2 {
        page.post("/swarm", "user_count=8&spawn_rate=8")?;
        page.wait_for(|stats| is(stats, "running") && stats["user_count"] == 8)?;
        std::thread::sleep(Duration::from_secs(2));
        page.post("/stop", "")?;
        let stats = page.stats()?;
        let total = target.stats().total;
        assert_eq!(row(&stats, "Aggregated")?["num_requests"], total - before);
        assert!(total - before > 100, "that is no load: {}", total - before);
        before = total;
        let workers = stats["workers"].as_array().context("no workers")?;
        let mut ids: Vec<&str> = workers
            .iter()
            .filter_map(|worker| worker["id"].as_str())
            .collect();
        ids.sort_unstable();
        assert_eq!(ids, ["w1", "w2"]);
    }
    page.process.signal(Signal::SIGTERM)?;
    page.process.wait(PATIENCE)?.expect_code(1)?;
    for worker in workers {
        worker.wait(PATIENCE)?.expect_code(0)?;
    }
    Ok(())
}

//! Requests reported = requests the server counted, per path and status, however the run ends.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use katydid_testkit::{DemoTarget, LoadRun, Nginx, Report, Signal, alone, eventually};

const PATIENCE: Duration = Duration::from_secs(30);

/// Several paths, methods and statuses, no pause.
const FLAT_OUT: &str = r#"
user("Loader", #{ wait: constant(0) })
    .task("mix", || {
        http.get("/");
        http.get("/json");
        http.get("/status/404");
        http.post("/echo", #{ body: "hello" });
        http.get("/status/503", #{ expect: [503] });
    });
"#;

const NGINX_FLAT_OUT: &str = r#"
user("Loader", #{ wait: constant(0) })
    .task("mix", || {
        http.get("/");
        http.get("/json");
        http.get("/missing");
        http.get("/broken", #{ expect: [500] });
    });
"#;

/// How a run ends.
#[derive(Debug, Clone, Copy)]
enum Ending {
    RunTime,
    Signal(Signal),
}

fn run(scenario: &str, host: &str, ending: Ending, more: &[&str]) -> Result<Report> {
    let run = LoadRun::new(scenario, host)?.args(more);
    match ending {
        Ending::RunTime => run.load(64, 1_000, "2s").run(PATIENCE),
        Ending::Signal(signal) => {
            let mut running = run.args(["-u", "64", "-r", "1000"]).start()?;
            eventually!(
                running.process.stderr().contains("All users spawned"),
                "{}",
                running.process.stderr()
            );
            // A second of full load; the moment of its end need not be exact.
            std::thread::sleep(Duration::from_secs(1));
            running.signal(signal)?;
            running.finish(PATIENCE)
        }
    }
}

/// Whole iterations only: statuses agree as well.
fn agrees_with_target(ending: Ending) -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let report = run(FLAT_OUT, target.url(), ending, &[])?.expect_code(1)?;
    let counted = target.stats();
    assert_eq!(report.json.totals.requests, counted.total);
    assert!(counted.total > 500, "that is no load: {} requests", counted.total);
    assert_eq!(report.json.requests.len(), counted.paths.len());
    for path in &counted.paths {
        let reported = report.json.request(&path.method, &path.path);
        let reported = reported.ok_or_else(|| anyhow::anyhow!("{} {} is missing", path.method, path.path))?;
        assert_eq!(reported.requests, path.requests, "{}", path.path);
        assert_eq!(reported.statuses, path.statuses, "{}", path.path);
    }
    assert_eq!(
        report.json.totals.failures,
        counted.responses(404),
        "only 404 was not expected"
    );
    files_agree(&report)
}

/// Requests cut off in the middle count on both sides; what the server would have answered stays open.
fn agrees_without_grace(ending: Ending) -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let report = run(FLAT_OUT, target.url(), ending, &["-s", "0"])?.expect_code(1)?;
    // The server may still have to read what was in its sockets.
    eventually!(
        report.json.totals.requests == target.stats().total,
        "{} reported, {} counted",
        report.json.totals.requests,
        target.stats().total
    );
    for path in &target.stats().paths {
        let reported = report.json.request(&path.method, &path.path);
        let reported = reported.ok_or_else(|| anyhow::anyhow!("{} {} is missing", path.method, path.path))?;
        assert_eq!(reported.requests, path.requests, "{}", path.path);
        for (status, count) in &reported.statuses {
            let sent = path.statuses.get(status).copied().unwrap_or(0);
            assert!(
                *status == 0 || *count <= sent,
                "{}: {count} of {status} seen, {sent} sent",
                path.path
            );
        }
        assert_eq!(
            reported.statuses.values().sum::<u64>(),
            reported.requests,
            "each has a status, or 0"
        );
    }
    files_agree(&report)
}

fn agrees_with_nginx(ending: Ending, more: &[&str], same_statuses: bool) -> Result<()> {
    let _alone = alone();
    let Some(nginx) = Nginx::start()? else {
        return Ok(());
    };
    let report = run(NGINX_FLAT_OUT, &nginx.url(), ending, more)?.expect_code(1)?;
    let served = nginx.finish()?;
    assert_eq!(report.json.totals.requests, served.total());
    assert!(
        served.total() > 500,
        "that is no load: {} requests",
        served.total()
    );
    for request in &report.json.requests {
        assert_eq!(
            request.requests,
            served.requests(&request.name),
            "{}",
            request.name
        );
        for (status, count) in request.statuses.iter().filter(|_| same_statuses) {
            assert_eq!(
                *count,
                served.responses(&request.name, *status),
                "{} {status}",
                request.name
            );
        }
    }
    files_agree(&report)
}

/// The terminal and the CSV files tell the same as the JSON.
fn files_agree(report: &Report) -> Result<()> {
    let stats = report.csv("stats")?;
    for request in &report.json.requests {
        assert_eq!(
            stats.cell("Name", &request.name, "Request Count")?,
            request.requests.to_string()
        );
        assert_eq!(
            stats.cell("Name", &request.name, "Failure Count")?,
            request.failures.to_string()
        );
    }
    let total = report.json.totals.requests.to_string();
    assert_eq!(stats.cell("Name", "Aggregated", "Request Count")?, total);
    let failures = report.csv("failures")?;
    let occurrences: u64 = report.json.errors.iter().map(|error| error.occurrences).sum();
    assert_eq!(occurrences, report.json.totals.failures);
    assert_eq!(failures.rows.len(), report.json.errors.len());
    let history = report.csv("stats_history")?;
    let last = history.rows.last().map(|row| row.join(",")).unwrap_or_default();
    let total_column = history
        .columns
        .iter()
        .position(|column| column == "Total Request Count");
    let last_total = total_column.and_then(|at| history.rows.last().map(|row| row[at].clone()));
    assert_eq!(last_total.as_deref(), Some(&*total), "{last}");
    let aggregated = report.finished.stderr.lines().rfind(|line| {
        let mut words = line.split_whitespace();
        words.next() == Some("Aggregated") && words.next() == Some(&total)
    });
    assert!(
        aggregated.is_some(),
        "no line `Aggregated {total}` in\n{}",
        report.finished.stderr
    );
    Ok(())
}

#[test]
fn at_the_run_time() -> Result<()> {
    agrees_with_target(Ending::RunTime)
}

#[test]
fn at_ctrl_c() -> Result<()> {
    agrees_with_target(Ending::Signal(Signal::SIGINT))
}

#[test]
fn at_sigterm() -> Result<()> {
    agrees_with_target(Ending::Signal(Signal::SIGTERM))
}

#[test]
fn at_the_run_time_without_grace() -> Result<()> {
    agrees_without_grace(Ending::RunTime)
}

#[test]
fn at_ctrl_c_without_grace() -> Result<()> {
    agrees_without_grace(Ending::Signal(Signal::SIGINT))
}

#[test]
fn at_sigterm_without_grace() -> Result<()> {
    agrees_without_grace(Ending::Signal(Signal::SIGTERM))
}

#[test]
fn with_nginx_at_the_run_time() -> Result<()> {
    agrees_with_nginx(Ending::RunTime, &[], true)
}

#[test]
fn with_nginx_at_ctrl_c() -> Result<()> {
    agrees_with_nginx(Ending::Signal(Signal::SIGINT), &[], true)
}

#[test]
fn with_nginx_at_sigterm() -> Result<()> {
    agrees_with_nginx(Ending::Signal(Signal::SIGTERM), &[], true)
}

#[test]
fn with_nginx_without_grace() -> Result<()> {
    agrees_with_nginx(Ending::RunTime, &["-s", "0"], false)
}

#[test]
fn with_nginx_over_tls_and_http2() -> Result<()> {
    let _alone = alone();
    let Some(nginx) = Nginx::start()? else {
        return Ok(());
    };
    let run = LoadRun::new(NGINX_FLAT_OUT, &nginx.tls_url())?.env("SSL_CERT_FILE", nginx.authority_file()?);
    let report = run.load(16, 100, "2s").run(PATIENCE)?.expect_code(1)?;
    let served = nginx.finish()?;
    assert_eq!(report.json.totals.requests, served.total());
    assert_eq!(report.json.totals.status(404), served.responses("/missing", 404));
    assert_eq!(report.json.totals.status(0), 0);
    assert_eq!(
        served.protocols,
        BTreeMap::from([("HTTP/2.0".to_owned(), served.total())])
    );
    assert_eq!(served.connections.len(), 16, "a user keeps its connection");
    Ok(())
}

#[test]
fn each_user_has_one_connection_and_keeps_it() -> Result<()> {
    let _alone = alone();
    let Some(nginx) = Nginx::start()? else {
        return Ok(());
    };
    let scenario = r#"user("Visitor", #{ wait: constant(0.05) }).task("look", || { http.get("/"); http.get("/json"); });"#;
    let report = LoadRun::new(scenario, &nginx.url())?
        .load(20, 1_000, "2s")
        .run(PATIENCE)?
        .expect_code(0)?;
    let served = nginx.finish()?;
    assert_eq!(report.json.totals.requests, served.total());
    assert_eq!(
        served.protocols,
        BTreeMap::from([("HTTP/1.1".to_owned(), served.total())])
    );
    assert_eq!(served.connections.len(), 20);
    let fewest = served.connections.values().min();
    assert!(
        fewest.is_some_and(|requests| *requests >= 10),
        "{:?}",
        served.connections
    );
    Ok(())
}

/// Batches, of which some requests fail; a verdict comes to one in the middle.
const BATCHES: &str = r#"
user("Browser", #{ wait: constant(0.05) }).task("page", || {
    let parts = http.batch(["/", "/json", "/missing", ["GET", "/json", #{ expect: [201] }], ["POST", "/", #{ body: "x", expect: [405, 200] }], "/json", "/"]);
    parts[2].pass();
    parts[0].fail("as a whole");
});
"#;

#[test]
fn batches_add_up_over_one_connection_or_several() -> Result<()> {
    let _alone = alone();
    for is_http2 in [false, true] {
        let Some(nginx) = Nginx::start()? else {
            return Ok(());
        };
        let url = if is_http2 { nginx.tls_url() } else { nginx.url() };
        let run = LoadRun::new(BATCHES, &url)?.env("SSL_CERT_FILE", nginx.authority_file()?);
        let report = run.load(8, 100, "2s").run(PATIENCE)?.expect_code(1)?;
        let served = nginx.finish()?;
        let totals = &report.json.totals;
        assert_eq!(totals.requests, served.total());
        assert_eq!(totals.status(404), served.responses("/missing", 404));
        assert_eq!(totals.requests % 7, 0, "a batch is done as a whole");
        let failures: u64 = report.json.errors.iter().map(|error| error.occurrences).sum();
        let as_a_whole = report
            .json
            .errors
            .iter()
            .filter(|error| error.error == "as a whole");
        let as_a_whole: u64 = as_a_whole.map(|error| error.occurrences).sum();
        assert_eq!(as_a_whole, totals.requests / 7);
        assert_eq!(totals.failures, failures);
        let missing = report.json.errors.iter().any(|error| error.name == "/missing");
        assert!(!missing, "they were let pass");
        let connections = served.connections.len();
        if is_http2 {
            assert_eq!(connections, 8, "all of a user's requests share its connection");
        } else {
            assert!((8 * 2..=8 * 6).contains(&connections), "{connections}");
        }
    }
    Ok(())
}

#[test]
fn names_and_dynamic_paths_add_up() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let scenario = r#"
user("Counter", #{ wait: constant(0) })
    .task("count", || { http.get(`/count/${random_int(1, 50)}`, #{ name: "/count/:id" }); })
    .task("follow", || { http.get("/redirect/2"); });
"#;
    let report = LoadRun::new(scenario, target.url())?
        .load(32, 1_000, "2s")
        .run(PATIENCE)?
        .expect_code(0)?;
    let counted = target.stats();
    let visits: u64 = counted
        .paths
        .iter()
        .filter(|path| path.path.starts_with("/count/"))
        .map(|path| path.requests)
        .sum();
    assert_eq!(report.json.count("/count/:id"), visits);
    // A redirect followed is one request reported, and as many received as it has steps.
    for path in ["/redirect/2", "/redirect/1", "/"] {
        assert_eq!(report.json.count("/redirect/2"), counted.requests(path), "{path}");
    }
    assert_eq!(report.json.requests.len(), 2);
    Ok(())
}

/// Verdicts come before a request is counted or long after it, once or again; the script may think for long.
const JUDGES: &str = r#"
user("Judge", #{ wait: constant(0.01) })
    .sequence("cases", [
        || { let r = http.get("/"); r.fail("one"); sleep(0.001); r.fail("two"); },
        || { let r = http.get("/status/404"); r.pass(); sleep(0.001); r.fail("after all"); },
        || { let r = http.get("/status/500"); let n = 0; for i in 0..200000 { n += i; } r.pass(); },
        || { let r = http.get("/json", #{ query: #{ a: "b c" } }); check(r, "in full", r.url.ends_with("/json?a=b+c")); },
        || { let r = http.get("/json"); check(r, "in full", r.url.starts_with("http://") && r.url.ends_with("/json")); },
    ]);
"#;

#[test]
fn a_request_fails_once_whatever_is_said_of_it_and_when() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let report = LoadRun::new(JUDGES, target.url())?
        .load(4, 100, "2s")
        .run(PATIENCE)?
        .expect_code(1)?;
    assert!(report.json.exceptions.is_empty(), "{:?}", report.json.exceptions);
    for (path, fails) in [("/", true), ("/status/404", true), ("/status/500", false)] {
        let request = report.json.request("GET", path);
        let request = request.ok_or_else(|| anyhow::anyhow!("{path} is missing"))?;
        assert!(request.requests > 3, "{path}: {}", request.requests);
        let failures = if fails { request.requests } else { 0 };
        assert_eq!(request.failures, failures, "{path}");
    }
    assert_eq!(report.json.totals.requests, target.stats().total);
    let checks = report.json.all["checks"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    assert!(
        !checks.is_empty() && checks.iter().all(|check| check["failures"] == 0),
        "{checks:?}"
    );
    Ok(())
}

//! What programs see that watch processes: `/metrics` of masters and workers, and their probes.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use katydid_testkit::{
    Accounts, DemoTarget, Fleet, HttpAnswer, HttpCall, Katydid, LoadRun, Page, Running, Scratch, Signal,
    alone, eventually,
};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);

/// Users of every kind of number there is.
const SHOP: &str = r#"
user("Shopper", #{ wait: constant(0.02) })
    .task("look", 9, || {
        let r = http.get("/json", #{ tags: #{ tier: "gold" } });
        check(r, "counted", r.json().counted == true);
        check(r, "impossible", false);
        http.get("/status/404");
        group("basket", || { http.post("/echo", #{ json: #{ sku: 7 } }); });
        counter("items").add(1.5);
        gauge("level").set(3);
        rate("hits").add(true);
        trend("size").add(10);
    })
    .task("throw", 1, || { throw "no luck \"today\""; });
"#;

fn metrics_url(process: &Running) -> Result<String> {
    Ok(format!("http://{}", process.metrics_address()?))
}

fn get(url: &str) -> Result<HttpAnswer> {
    HttpCall::new("GET", url).send()
}

/// Every sample: name with labels, and value.
fn samples(text: &str) -> BTreeMap<String, f64> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap_or(f64::NAN)))
        .collect()
}

/// The sum of the samples of one name.
fn sum(samples: &BTreeMap<String, f64>, name: &str) -> f64 {
    let of_name = |sample: &&String| sample.split('{').next() == Some(name);
    samples
        .iter()
        .filter(|(sample, _)| of_name(sample))
        .map(|(_, value)| value)
        .sum()
}

/// Prometheus's own tool has nothing to say against it.
fn is_clean(text: &str) -> Result<()> {
    let Ok(mut tool) = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
    else {
        ensure!(
            std::env::var_os("CI").is_none(),
            "promtool is missing: cargo xtask test installs it"
        );
        return Ok(());
    };
    tool.stdin
        .take()
        .context("no input")?
        .write_all(text.as_bytes())?;
    let output = tool.wait_with_output()?;
    ensure!(
        output.status.success(),
        "{}{}\n{text}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

#[test]
fn the_totals_are_those_of_the_report_and_of_the_target() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = Page::start(SHOP, target.url(), &["--metrics-port", "0"])?;
    let own_port = metrics_url(&page.process)?;
    let before = samples(&get(&format!("{own_port}/metrics"))?.body);
    assert_eq!(before["katydid_run_state{state=\"ready\"}"], 1.0, "{before:?}");
    assert_eq!(before["katydid_target_users"], 0.0);

    page.post("/swarm", "user_count=8&spawn_rate=100&run_time=3s")?;
    page.wait_for(|stats| stats["state"] == "running")?;
    let during = samples(&get(&format!("{own_port}/metrics"))?.body);
    assert_eq!(during["katydid_target_users"], 8.0);
    assert_eq!(during["katydid_workers{state=\"running\"}"], 1.0);
    page.wait_for(|stats| stats["state"] == "stopped")?;

    let answer = page.get("/metrics")?;
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4");
    is_clean(&answer.body)?;
    let after = samples(&answer.body);
    let report = page.get("/result.json")?.json()?;
    let mut requests = 0.0;
    for path in &target.stats().paths {
        let labels = format!("{{method=\"{}\",name=\"{}\"}}", path.method, path.path);
        let counted = path.requests as f64;
        assert_eq!(after[&format!("katydid_requests_total{labels}")], counted);
        assert_eq!(
            after[&format!("katydid_response_time_seconds_count{labels}")],
            counted
        );
        requests += counted;
    }
    assert!(requests > 300.0, "that is no load: {requests}");
    assert_eq!(sum(&after, "katydid_requests_total"), requests);
    let [opened, reused] =
        ["opened", "reused"].map(|what| after[&format!("katydid_connections_{what}_total")]);
    assert_eq!(opened + reused, requests, "each request had a connection");
    assert_eq!(opened, 8.0, "each user keeps one");
    assert_eq!(report["totals"]["requests"].as_f64(), Some(requests));
    numbers_of_the_scenario(&after, &report)?;
    // The same numbers, whichever door one comes through.
    let elsewhere = samples(&get(&format!("{own_port}/metrics"))?.body);
    let of_run = |samples: &BTreeMap<String, f64>| -> Vec<(String, f64)> {
        samples
            .iter()
            .filter(|(name, _)| name.starts_with("katydid_"))
            .map(|(name, value)| (name.clone(), *value))
            .collect()
    };
    assert_eq!(of_run(&elsewhere), of_run(&after));
    Ok(())
}

/// What the scenario does is in the families it belongs to.
fn numbers_of_the_scenario(after: &BTreeMap<String, f64>, report: &Value) -> Result<()> {
    let failed = after["katydid_requests_total{method=\"GET\",name=\"/status/404\"}"];
    assert_eq!(
        after["katydid_request_failures_total{method=\"GET\",name=\"/status/404\"}"],
        failed
    );
    assert_eq!(after["katydid_responses_total{status=\"404\"}"], failed);
    let looked = after["katydid_requests_total{method=\"GET\",name=\"/json\"}"];
    for (name, value) in [
        ("katydid_checks_total{name=\"counted\",result=\"passed\"}", looked),
        ("katydid_checks_total{name=\"counted\",result=\"failed\"}", 0.0),
        (
            "katydid_checks_total{name=\"impossible\",result=\"failed\"}",
            looked,
        ),
        ("katydid_tag_requests_total{tag=\"tier:gold\"}", looked),
        ("katydid_group_time_seconds_count{name=\"basket\"}", looked),
        ("katydid_custom_total{name=\"items\"}", looked * 1.5),
        ("katydid_custom_value{name=\"level\"}", 3.0),
        (
            "katydid_custom_results_total{name=\"hits\",result=\"true\"}",
            looked,
        ),
        ("katydid_custom_trend_count{name=\"size\"}", looked),
        ("katydid_custom_trend{name=\"size\",quantile=\"0.5\"}", 10.0),
        ("katydid_run_state{state=\"stopped\"}", 1.0),
        ("katydid_run_state{state=\"running\"}", 0.0),
        ("katydid_workers{state=\"ready\"}", 1.0),
        ("katydid_users", 0.0),
        ("katydid_target_users", 0.0),
    ] {
        // A user may have been stopped between the request and what follows it.
        let distance = (after[name] - value).abs();
        let slack = if value == looked || value == looked * 1.5 {
            8.0 * 1.5
        } else {
            0.0
        };
        assert!(distance <= slack, "{name} is {}, not {value}", after[name]);
    }
    assert_eq!(
        after["katydid_exceptions_total"],
        report["exceptions"]
            .as_array()
            .context("no exceptions")?
            .iter()
            .filter_map(|exception| exception["occurrences"].as_f64())
            .sum::<f64>()
    );
    assert!(after["katydid_iterations_total"] >= looked);
    assert!(sum(after, "process_cpu_seconds_total") > 0.0);
    assert!(sum(after, "process_resident_memory_bytes") > 1e6);
    Ok(())
}

/// Buckets are cumulative, and end where all requests are; the sum is that of the times.
#[test]
fn buckets_add_up() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let scenario = r#"
user("Waiter").task("wait", || { http.get("/delay/40", #{ name: "slow" }); http.get("/", #{ name: "fast" }); });
"#;
    let page = Page::start(scenario, target.url(), &[])?;
    page.post("/swarm", "user_count=4&spawn_rate=100&run_time=3s")?;
    page.wait_for(|stats| stats["state"] == "stopped")?;
    let after = samples(&page.get("/metrics")?.body);
    let bucket = |name: &str, bound: &str| {
        after[&format!(
            "katydid_response_time_seconds_bucket{{method=\"GET\",name=\"{name}\",le=\"{bound}\"}}"
        )]
    };
    let count =
        |name: &str| after[&format!("katydid_response_time_seconds_count{{method=\"GET\",name=\"{name}\"}}")];
    for name in ["slow", "fast"] {
        let bounds = [
            "0.0005", "0.001", "0.01", "0.03", "0.05", "0.1", "1", "60", "+Inf",
        ];
        let counts: Vec<f64> = bounds.iter().map(|bound| bucket(name, bound)).collect();
        assert!(counts.is_sorted(), "{name}: {counts:?}");
        assert_eq!(bucket(name, "+Inf"), count(name));
    }
    assert_eq!(
        bucket("slow", "0.03"),
        0.0,
        "nothing that takes 40 ms is faster than 30"
    );
    assert!(bucket("fast", "0.03") > 0.9 * count("fast"), "loopback is fast");
    let total = after["katydid_response_time_seconds_sum{method=\"GET\",name=\"slow\"}"];
    assert!(total >= 0.04 * count("slow"), "{total} s for {}", count("slow"));
    let high = after["katydid_response_time_percentile_seconds{percentile=\"99\"}"];
    assert!((0.04..2.0).contains(&high), "{high}");
    Ok(())
}

#[test]
fn the_pages_login_guards_its_metrics_and_the_port_of_their_own_is_open() -> Result<()> {
    let target = DemoTarget::start()?;
    let accounts = Accounts::new()?;
    let file = accounts.file()?;
    let page = Page::start(SHOP, target.url(), &["--web-login", &file, "--metrics-port", "0"])?;
    assert_eq!(page.get("/metrics")?.status, 401);
    let with_token = HttpCall::new("GET", &format!("{}/metrics", page.url()))
        .header("authorization", &format!("Bearer {}", accounts.viewer))
        .send()?;
    assert_eq!(with_token.status, 200);
    let port = metrics_url(&page.process)?;
    assert!(
        get(&format!("{port}/metrics"))?
            .body
            .contains("katydid_target_users 0")
    );
    assert_eq!(get(&format!("{port}/healthz"))?.status, 200);
    // Nothing else is there, and nothing can be changed.
    assert_eq!(get(&format!("{port}/"))?.status, 404);
    assert_eq!(get(&format!("{port}/stats/requests"))?.status, 404);
    assert_eq!(
        HttpCall::new("POST", &format!("{port}/metrics")).send()?.status,
        405
    );
    Ok(())
}

#[test]
fn a_worker_tells_of_itself_and_is_ready_while_it_belongs_to_a_fleet() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let mut fleet = Fleet::start(
        SHOP,
        target.url(),
        &[
            "-u",
            "4",
            "-r",
            "100",
            "--metrics-port",
            "0",
            "--worker-grace",
            "60s",
        ],
    )?;
    let master = metrics_url(fleet.master())?;
    assert_eq!(get(&format!("{master}/healthz"))?.status, 200);
    assert_eq!(
        get(&format!("{master}/readyz"))?.status,
        503,
        "it waits for workers"
    );
    let mut worker = fleet.worker_with("w1", &["--metrics-port", "0"])?;
    let url = metrics_url(&worker)?;
    eventually!(get(&format!("{url}/readyz"))?.status == 200);
    eventually!(samples(&get(&format!("{url}/metrics"))?.body)["katydid_worker_users"] == 4.0);
    eventually!(get(&format!("{master}/readyz"))?.status == 200);
    let text = get(&format!("{url}/metrics"))?.body;
    is_clean(&text)?;
    let mine = samples(&text);
    assert_eq!(mine["katydid_worker_connected"], 1.0);
    assert_eq!(mine["katydid_worker_draining"], 0.0);
    assert_eq!(mine["katydid_worker_reconnects_total"], 0.0);
    assert!(mine["katydid_worker_deltas_pending"] <= 2.0);
    assert!(mine["process_cpu_seconds_total"] > 0.0);
    let of_master = samples(&get(&format!("{master}/metrics"))?.body);
    assert_eq!(of_master["katydid_target_users"], 4.0);
    assert!(of_master.contains_key("katydid_worker_saturated{worker=\"w1\"}"));

    // Without its master it lives, is not ready, and keeps what it measures.
    fleet.kill_master()?;
    eventually!(get(&format!("{url}/readyz"))?.status == 503);
    assert_eq!(get(&format!("{url}/healthz"))?.status, 200);
    eventually!({
        let alone = samples(&get(&format!("{url}/metrics"))?.body);
        alone["katydid_worker_requests_pending"] > 0.0 && alone["katydid_worker_connected"] == 0.0
    });
    fleet.restart_master()?;
    eventually!(get(&format!("{url}/readyz"))?.status == 200);
    let again = samples(&get(&format!("{url}/metrics"))?.body);
    assert_eq!(again["katydid_worker_reconnects_total"], 1.0);

    // Told to leave it says so until it has left. Its last iterations take a moment, but need not.
    worker.signal(Signal::SIGTERM)?;
    worker.wait(PATIENCE)?.expect_code(0)?;
    fleet.master().signal(Signal::SIGTERM)?;
    let report = fleet.finish(PATIENCE)?;
    assert_eq!(report.json.totals.requests, target.stats().total);
    Ok(())
}

#[test]
fn a_run_without_a_page_has_a_port_too() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let mut run = LoadRun::new(SHOP, target.url())?
        .load(4, 100, "30s")
        .args(["--metrics-port", "0"])
        .start()?;
    let url = metrics_url(run.process())?;
    eventually!(
        samples(&get(&format!("{url}/metrics"))?.body)
            .get("katydid_users")
            .is_some_and(|users| *users == 4.0)
    );
    eventually!(
        sum(
            &samples(&get(&format!("{url}/metrics"))?.body),
            "katydid_requests_total"
        ) > 50.0
    );
    assert_eq!(get(&format!("{url}/readyz"))?.status, 200);
    run.process().signal(Signal::SIGTERM)?;
    let report = run.finish(PATIENCE)?;
    assert_eq!(report.json.totals.requests, target.stats().total);
    Ok(())
}

#[test]
fn ports_that_cannot_be_had_and_flags_that_make_no_sense_are_said() -> Result<()> {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    let port = taken.local_addr()?.port().to_string();
    let folder = Scratch::new()?;
    let file = folder.write("shop.rhai", SHOP)?;
    for role in [&["--headless", "-t", "1s"][..], &["-P", "0"], &["--worker"]] {
        let said = Katydid::new()?
            .args(["-H", "http://127.0.0.1:9", "-f"])
            .arg(&file)
            .args(role)
            .args(["--metrics-port", &port])
            .run_to_end(PATIENCE)?
            .expect_code(2)?;
        said.expect_stderr(&[
            &format!("cannot serve metrics on 127.0.0.1:{port}"),
            "choose another --metrics-port",
        ])?;
    }
    Katydid::new()?
        .args(["--worker", "--metrics-host", "0.0.0.0"])
        .run_to_end(PATIENCE)?
        .expect_code(2)?
        .expect_stderr(&["--metrics-host", "needs --metrics-port"])?;
    Ok(())
}

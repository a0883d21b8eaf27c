//! A real Prometheus scrapes a master and its workers under load, where the monitors say: every expression of rules, dashboard
//! and scaler comes to something, and totals are those of the report.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use katydid_testkit::{
    DemoTarget, Exporter, HttpCall, Katydid, Kustomize, Page, Prometheus, Running, Signal, alone, eventually,
    retry,
};
use serde_json::{Value, json};

use crate::monitoring::{documented, expressions, is_clusters_own, metrics, spelled_out};
use crate::objects::{Objects, list, text};

const PATIENCE: Duration = Duration::from_secs(60);

/// Requests that succeed, fail, are checked and throw.
const SHOP: &str = r#"
user("Shopper", #{ wait: constant(0.05) })
    .task("look", 9, || {
        let r = http.get("/json");
        check(r, "impossible", false);
        http.get("/status/404");
    })
    .task("throw", 1, || { throw "no luck"; });
threshold("failures: rate < 1%");
"#;

/// What a cluster's exporters say of a target, at the n-th visit.
fn cluster(visit: u64) -> String {
    let mut page = String::new();
    let pod = r#"namespace="load-targets",pod="hello-0""#;
    for (name, labels, value) in [
        (
            "container_cpu_usage_seconds_total",
            r#",container="hello""#,
            visit,
        ),
        (
            "container_cpu_cfs_throttled_periods_total",
            r#",container="hello""#,
            visit,
        ),
        (
            "container_cpu_cfs_periods_total",
            r#",container="hello""#,
            10 * visit,
        ),
        (
            "container_memory_working_set_bytes",
            r#",container="hello""#,
            1_000_000,
        ),
        ("kube_pod_container_resource_limits", r#",resource="cpu""#, 1),
        (
            "kube_pod_container_resource_limits",
            r#",resource="memory""#,
            2_000_000,
        ),
        ("kube_pod_status_phase", r#",phase="Running""#, 1),
        ("kube_pod_status_ready", r#",condition="true""#, 1),
        ("http_server_requests_seconds_bucket", r#",le="0.1""#, 5 * visit),
        ("http_server_requests_seconds_bucket", r#",le="+Inf""#, 6 * visit),
    ] {
        // Writing into a string cannot fail.
        let _written = writeln!(page, "{name}{{{pod}{labels}}} {value}");
    }
    page
}

/// A job of a scrape configuration, as the operator would make it of a monitor's endpoint.
fn job(endpoint: &Value, pods: &[(&str, String)]) -> Value {
    let targets: Vec<Value> = pods
        .iter()
        .map(|(pod, address)| json!({"targets": [address], "labels": {"namespace": "katydid", "pod": pod}}))
        .collect();
    json!({
        "job_name": format!("katydid/{}", pods.first().map_or("", |(pod, _)| *pod)),
        "metrics_path": text(endpoint, "/path"),
        "static_configs": targets,
    })
}

/// A master with a page, two workers, and Prometheus looking at them as the manifests say.
struct Watched {
    target: DemoTarget,
    page: Page,
    workers: Vec<Running>,
    prometheus: Prometheus,
    _cluster: Exporter,
}

impl Watched {
    fn start(objects: &Objects) -> Result<Option<Self>> {
        let target = DemoTarget::start()?;
        let arguments = [
            "--master",
            "--master-bind-port",
            "0",
            "--metrics-port",
            "0",
            "-u",
            "20",
            "-r",
            "20",
        ];
        let page = Page::start(SHOP, target.url(), &arguments)?;
        let port = page.fleet_port()?.to_string();
        let workers: Vec<Running> = (0..2)
            .map(|number| {
                Katydid::new()?
                    .args(["--worker", "--threads", "1", "--metrics-port", "0"])
                    .args([
                        "--master-port",
                        &port,
                        "--worker-name",
                        &format!("katydid-worker-{number}"),
                    ])
                    .spawn()
            })
            .collect::<Result<_>>()?;
        page.wait_for(|stats| stats["worker_count"] == 2)?;
        let of_master = objects
            .find("ServiceMonitor", "katydid-master")
            .context("no monitor of the master")?;
        let of_workers = objects
            .find("PodMonitor", "katydid-worker")
            .context("no monitor of workers")?;
        let pods: Vec<(&str, String)> = ["katydid-worker-0", "katydid-worker-1"]
            .into_iter()
            .zip(&workers)
            .map(|(pod, worker)| Ok((pod, worker.metrics_address()?)))
            .collect::<Result<_>>()?;
        let cluster = Exporter::start(cluster)?;
        let config = json!({
            // Of the monitors' five seconds a test has no time for.
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yaml"],
            "scrape_configs": [
                job(&of_master["spec"]["endpoints"][0], &[("katydid-master-0", page.process.metrics_address()?)]),
                job(&of_workers["spec"]["podMetricsEndpoints"][0], &pods),
                {
                    "job_name": "cluster",
                    "honor_labels": true,
                    "static_configs": [{"targets": [cluster.address().to_string()]}],
                },
            ],
        });
        let rules = objects.find("PrometheusRule", "katydid").context("no rules")?;
        // Every second: with the five of the manifests the first result would be late.
        let mut rules = json!({"groups": rules["spec"]["groups"]});
        for group in rules["groups"].as_array_mut().into_iter().flatten() {
            group["interval"] = json!("1s");
        }
        let files = [("rules.yaml", rules.to_string())];
        let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
        let Some(prometheus) = Prometheus::start(&config.to_string(), &files)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            target,
            page,
            workers,
            prometheus,
            _cluster: cluster,
        }))
    }
}

#[test]
fn a_real_prometheus_gets_an_answer_to_every_question() -> Result<()> {
    let _alone = alone();
    let Some(kustomize) = Kustomize::find()? else {
        return Ok(());
    };
    let components = ["prometheus-operator", "keda-prometheus", "grafana-dashboard"];
    let objects = Objects(kustomize.combine("dev", &components)?);
    let mut expressions = expressions()?.context("kubectl was there a moment ago")?;
    // What looks for changes sees them for some seconds only.
    expressions.sort_by_key(|(_, expression)| !expression.contains("changes("));
    let Some(watched) = Watched::start(&objects)? else {
        return Ok(());
    };
    let prometheus = &watched.prometheus;
    let scaler = expressions
        .iter()
        .find(|(place, _)| place == "keda-prometheus")
        .map(|(_, query)| query.clone())
        .context("no query of a scaler")?;
    eventually!(prometheus.sum("sum(up)")? == 4.0);
    assert_eq!(prometheus.sum(&scaler)?, 0.0, "nobody has asked for users yet");
    watched.page.post("/swarm", "user_count=20&spawn_rate=20")?;
    eventually!(prometheus.sum(&scaler)? == 20.0);

    // Under load everything that is no alert comes to something; a rate needs two scrapes.
    let mut silent = Vec::new();
    for (place, expression) in &expressions {
        let is_alert = place.starts_with("Katydid");
        let query = spelled_out(expression)?;
        let answered = retry(PATIENCE, || {
            ensure!(
                is_alert || !prometheus.query(&query)?.is_empty(),
                "nothing comes of it"
            );
            Ok(())
        });
        if let Err(error) = answered {
            silent.push(format!("{place}: {query}: {error:#}"));
        }
    }
    assert!(silent.is_empty(), "{}", silent.join("\n"));
    let rules = prometheus.api("rules")?;
    let unwell: Vec<&Value> = list(&rules, "/groups")
        .flat_map(|group| list(group, "/rules"))
        .filter(|rule| rule["health"] != "ok")
        .collect();
    assert!(unwell.is_empty(), "{unwell:?}");

    totals_are_those_of_the_report(watched, &scaler)
}

fn totals_are_those_of_the_report(mut watched: Watched, scaler: &str) -> Result<()> {
    let prometheus = &watched.prometheus;
    watched.page.post("/stop", "")?;
    watched.page.wait_for(|stats| stats["state"] == "stopped")?;
    let served = watched.target.stats();
    eventually!(
        prometheus.sum("sum(katydid_requests_total)")? == served.total as f64,
        "{} of {}",
        prometheus.sum("sum(katydid_requests_total)")?,
        served.total
    );
    let report = watched.page.get("/result.json")?.json()?;
    assert_eq!(report["totals"]["requests"].as_u64(), Some(served.total));
    assert_eq!(
        prometheus.sum("sum(katydid_request_failures_total)")?,
        report["totals"]["failures"].as_f64().context("no failures")?
    );
    for path in &served.paths {
        let query = format!(
            "katydid_requests_total{{method=\"{}\",name=\"{}\"}}",
            path.method, path.path
        );
        assert_eq!(prometheus.sum(&query)?, path.requests as f64, "{query}");
    }
    assert_eq!(
        prometheus.sum("sum(katydid_response_time_seconds_bucket{le=\"+Inf\"})")?,
        served.total as f64
    );
    eventually!(
        prometheus.sum(scaler)? == 0.0,
        "the scaler may send everybody home"
    );
    for worker in &mut watched.workers {
        worker.signal(Signal::SIGTERM)?;
    }
    for worker in watched.workers {
        worker.wait(PATIENCE)?.expect_code(0)?;
    }
    Ok(())
}

/// The list of names in the README is what the program serves.
#[test]
fn the_documented_numbers_are_those_that_are_served() -> Result<()> {
    let target = DemoTarget::start()?;
    // One of each kind, so that no family is empty.
    let scenario = r#"
user("Everything").task("all", || {
    let r = http.get("/", #{ tags: #{ tier: "gold" } });
    check(r, "fine", true);
    group("group", || {});
    counter("counter").add();
    gauge("gauge").set(1);
    rate("rate").add(true);
    trend("trend").add(1);
    trend("time", #{ time: true }).add(1);
    throw "one";
});
threshold("requests: count > 0");
"#;
    let arguments = ["--master", "--master-bind-port", "0"];
    let page = Page::start(scenario, target.url(), &arguments)?;
    let port = page.fleet_port()?.to_string();
    let worker = Katydid::new()?
        .args(["--worker", "--threads", "1", "--metrics-port", "0"])
        .args(["--master-port", &port])
        .spawn()?;
    page.wait_for(|stats| stats["worker_count"] == 1)?;
    page.post("/swarm", "user_count=1&spawn_rate=1")?;
    page.wait_for(|stats| {
        stats["state"] == "running" && !list(stats, "/stats").any(|row| row["num_requests"] == 0)
    })?;
    // What is measured now is judged with the next second.
    eventually!(page.get("/metrics")?.body.contains("katydid_threshold_ok{"));
    let of_worker = HttpCall::new("GET", &format!("http://{}/metrics", worker.metrics_address()?)).send()?;
    let served: BTreeSet<String> = [page.get("/metrics")?.body, of_worker.body]
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next().map(str::to_owned))
        .collect();
    let documented = documented()?;
    let missing: Vec<_> = served.difference(&documented).collect();
    assert!(missing.is_empty(), "k8s/README.md does not know {missing:?}");
    let gone: Vec<_> = documented.difference(&served).collect();
    assert!(gone.is_empty(), "nobody serves {gone:?}");
    // And expressions ask for nothing else.
    for (place, expression) in expressions()?.unwrap_or_default() {
        for name in metrics(&expression)?
            .into_iter()
            .filter(|name| !is_clusters_own(name))
        {
            let family = ["_bucket", "_sum", "_count"]
                .into_iter()
                .find_map(|end| name.strip_suffix(end));
            let is_served = served.contains(&name)
                || family.is_some_and(|family| served.contains(family))
                || name.contains(':');
            assert!(is_served, "`{place}` asks for {name}, which nobody serves");
        }
    }
    Ok(())
}

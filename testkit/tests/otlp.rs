//! Metrics pushed to a collector of OpenTelemetry: in the end they are what the report says and the target has received;
//! and a collector that does not want them disturbs nobody.

use std::time::Duration;

use anyhow::{Context, Result};
use katydid_testkit::{
    Collector, CollectorManners, DemoTarget, Katydid, Page, Pushed, Report, Scratch, Signal, eventually,
    refused_url,
};

const PATIENCE: Duration = Duration::from_secs(60);
const SHOP: &str = r#"
user("Shopper", #{ wait: constant(0.02) }).task("look", || {
    let r = http.get("/json");
    check(r, "is fine", r.ok);
    check(r, "is a teapot", r.status == 418);
    http.get("/status/503", #{ name: "/broken" });
});
user("Thrower", #{ wait: constant(0.1) }).task("throw", || { throw "no" });
"#;

fn load(folder: &Scratch, target: &DemoTarget, arguments: &[&str]) -> Result<Katydid> {
    let scenario = folder.write("shop.rhai", SHOP)?;
    Ok(Katydid::load(&scenario, target.url())?
        .args(["-u", "6", "-r", "100", "-t", "2s", "--json-file", "report"])
        .args(arguments)
        .in_dir(folder.path()))
}

fn of<'a, T>(points: &'a [(String, T)], attributes: &str) -> Result<&'a T> {
    let found = points.iter().find(|(own, _)| own == attributes);
    found
        .map(|(_, value)| value)
        .with_context(|| format!("no {attributes}"))
}

/// Everything the collector was told last is what the report says.
fn agrees(last: &Pushed, report: &Report, target: &DemoTarget) -> Result<()> {
    let requests = last.numbers("katydid.requests")?;
    let failures = last.numbers("katydid.request.failures")?;
    let times = last.histograms("katydid.response_time")?;
    assert_eq!(requests.len(), report.json.requests.len());
    for entry in &report.json.requests {
        let attributes = format!("method={},name={}", entry.method, entry.name);
        assert_eq!(
            *of(&requests, &attributes)?,
            entry.requests as i64,
            "{attributes}"
        );
        assert_eq!(
            *of(&failures, &attributes)?,
            entry.failures as i64,
            "{attributes}"
        );
        let histogram = of(&times, &attributes)?;
        assert_eq!(histogram.count, entry.requests, "{attributes}");
        assert_eq!(
            histogram.bucket_counts.iter().sum::<u64>(),
            entry.requests,
            "{attributes}"
        );
        assert_eq!(histogram.bucket_counts.len(), histogram.explicit_bounds.len() + 1);
        let (min, max) = (histogram.min.context("no min")?, histogram.max.context("no max")?);
        let mean = histogram.sum.context("no sum")? / histogram.count as f64;
        assert!(min <= mean && mean <= max, "{attributes}: {min} {mean} {max}");
    }
    let sum: i64 = requests.iter().map(|(_, count)| count).sum();
    assert_eq!(sum as u64, target.stats().total);
    let checks = last.numbers("katydid.checks")?;
    let looked = *of(&requests, "method=GET,name=/json")?;
    assert_eq!(*of(&checks, "name=is fine,result=passed")?, looked);
    assert_eq!(*of(&checks, "name=is a teapot,result=failed")?, looked);
    assert_eq!(*of(&checks, "name=is a teapot,result=passed")?, 0);
    assert!(*of(&last.numbers("katydid.exceptions")?, "")? > 0);
    assert_eq!(*of(&last.numbers("katydid.run.state")?, "state=stopped")?, 1);
    assert_eq!(*of(&last.numbers("katydid.run.state")?, "state=running")?, 0);
    assert_eq!(*of(&last.numbers("katydid.target_users")?, "")?, 6);
    Ok(())
}

fn is_last(message: &Pushed) -> bool {
    let states = message.numbers("katydid.run.state");
    states.is_ok_and(|states| states.contains(&("state=stopped".to_owned(), 1)))
}

#[test]
fn the_last_message_is_what_the_report_says() -> Result<()> {
    let target = DemoTarget::start()?;
    let collector = Collector::start(CollectorManners::Takes)?;
    let folder = Scratch::new()?;
    let finished = load(&folder, &target, &["--otlp-endpoint", collector.url()])?
        .env("OTEL_METRIC_EXPORT_INTERVAL", "400")
        .env("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20secret")
        .env("OTEL_RESOURCE_ATTRIBUTES", "team=load")
        .env("OTEL_SERVICE_NAME", "nightly")
        .run_to_end(PATIENCE)?
        .expect_code(1)?;
    assert!(!finished.stderr.contains("a secret"), "{}", finished.stderr);
    let report = Report::read(finished, folder)?;
    let pushed = collector.pushed();
    assert!(pushed.len() >= 3, "{} messages in two seconds", pushed.len());
    for message in &pushed {
        assert_eq!(message.path, "/v1/metrics");
        assert_eq!(message.headers["content-type"], "application/x-protobuf");
        assert_eq!(message.headers["api-key"], "a secret");
        assert!(
            message
                .resource()
                .starts_with("service.name=nightly,team=load,service.version=")
        );
    }
    // Sums only grow, and begin at the same time.
    let totals: Vec<i64> = pushed
        .iter()
        .map(|message| {
            Ok(message
                .numbers("katydid.requests")?
                .iter()
                .map(|(_, count)| count)
                .sum())
        })
        .collect::<Result<_>>()?;
    assert!(totals.is_sorted(), "{totals:?}");
    agrees(pushed.last().context("nothing")?, &report, &target)
}

#[test]
fn messages_are_compressed_for_whoever_wants_it() -> Result<()> {
    let target = DemoTarget::start()?;
    let variable = "OTEL_EXPORTER_OTLP_COMPRESSION";
    for (flag, value, encoding) in [
        (&["--otlp-compression", "gzip"][..], "none", Some("gzip")),
        (&[][..], "gzip", Some("gzip")),
        (&[][..], "none", None),
    ] {
        target.reset();
        let collector = Collector::start(CollectorManners::Takes)?;
        let folder = Scratch::new()?;
        let arguments = [&["--otlp-endpoint", collector.url()][..], flag].concat();
        let finished = load(&folder, &target, &arguments)?
            .env(variable, value)
            .run_to_end(PATIENCE)?
            .expect_code(1)?;
        let report = Report::read(finished, folder)?;
        let pushed = collector.pushed();
        let last = pushed.last().context("nothing")?;
        assert_eq!(last.headers.get("content-encoding").map(String::as_str), encoding);
        agrees(last, &report, &target)?;
    }
    Ok(())
}

#[test]
fn a_variable_is_enough_and_each_run_on_a_page_is_told_to_its_end() -> Result<()> {
    let target = DemoTarget::start()?;
    let collector = Collector::start(CollectorManners::Takes)?;
    let folder = Scratch::new()?;
    let finished = load(&folder, &target, &[])?
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url())
        .run_to_end(PATIENCE)?
        .expect_code(1)?;
    let report = Report::read(finished, folder)?;
    agrees(collector.pushed().last().context("nothing")?, &report, &target)?;

    let collector = Collector::start(CollectorManners::Takes)?;
    let mut page = Page::start(SHOP, target.url(), &["--otlp-endpoint", collector.url()])?;
    eventually!(page.stats()?["state"] == "ready");
    for run in 1..=2 {
        target.reset();
        page.post("/swarm", "user_count=4&spawn_rate=100")?;
        page.wait_for(|stats| stats["user_count"] == 4)?;
        eventually!(target.stats().total > 20);
        page.post("/stop", "")?;
        eventually!(
            collector
                .pushed()
                .iter()
                .filter(|message| is_last(message))
                .count()
                == run
        );
        let last = collector.pushed().pop().context("nothing")?;
        let sum: i64 = last
            .numbers("katydid.requests")?
            .iter()
            .map(|(_, count)| count)
            .sum();
        assert_eq!(sum as u64, target.stats().total);
        eventually!(page.stats()?["state"] == "stopped");
    }
    page.process.signal(Signal::SIGTERM)?;
    page.process.wait(PATIENCE)?;
    Ok(())
}

#[test]
fn a_collector_that_is_not_there_refuses_or_hangs_disturbs_nobody() -> Result<()> {
    let target = DemoTarget::start()?;
    let broken = [
        CollectorManners::Refuses(401),
        CollectorManners::Refuses(503),
        CollectorManners::Hangs,
    ];
    let collectors: Vec<Collector> = broken.into_iter().map(Collector::start).collect::<Result<_>>()?;
    let mut urls: Vec<String> = collectors
        .iter()
        .map(|collector| collector.url().to_owned())
        .collect();
    urls.push(refused_url()?);
    for url in urls {
        target.reset();
        let folder = Scratch::new()?;
        let finished = load(&folder, &target, &["--otlp-endpoint", &url])?
            .env("OTEL_METRIC_EXPORT_INTERVAL", "200")
            .env("OTEL_EXPORTER_OTLP_TIMEOUT", "1000")
            .run_to_end(PATIENCE)?
            .expect_code(1)?;
        let said = finished.stderr.matches("metrics cannot be pushed to").count();
        assert_eq!(said, 1, "{}", finished.stderr);
        assert!(
            finished.elapsed < Duration::from_secs(30),
            "{:?}",
            finished.elapsed
        );
        let report = Report::read(finished, folder)?;
        assert_eq!(report.json.totals.requests, target.stats().total, "{url}");
        assert!(target.stats().total > 50);
    }
    Ok(())
}

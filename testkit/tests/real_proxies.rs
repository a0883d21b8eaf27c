//! Servers and proxies as people have them: HAProxy before a target, tinyproxy and TLS between. What is reported is what
//! each of them logged, and what the target counted.

use std::time::Duration;

use anyhow::{Context, Result};
use katydid_testkit::{DemoTarget, Haproxy, LoadRun, Nginx, Report, Tinyproxy, alone};

const PATIENCE: Duration = Duration::from_secs(60);
const USERS: u32 = 8;

const TASK: &str = r#"http.get("/"); http.post("/echo", #{ body: "hello" }); http.get("/redirect/1"); http.get("/status/404");"#;

fn scenario(http: &str, task: &str) -> String {
    format!("user(\"U\", #{{ wait: constant(0.01), http: #{{ {http} }} }}).task(\"t\", || {{ {task} }});")
}

fn port_of(url: &str) -> Result<u16> {
    let (_, port) = url.rsplit_once(':').context("a port")?;
    Ok(port.parse()?)
}

fn connections(report: &Report, what: &str) -> u64 {
    report.json.all["connections"][what].as_u64().unwrap_or(u64::MAX)
}

/// One run through HAProxy.
fn through_haproxy(http: &str, task: &str, over_tls: bool, protocol: &str) -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let Some(haproxy) = Haproxy::before(port_of(target.url())?)? else {
        return Ok(());
    };
    let host = if over_tls {
        haproxy.tls_url()
    } else {
        haproxy.url()
    };
    let report = LoadRun::new(&scenario(http, task), &host)?
        .env("SSL_CERT_FILE", haproxy.authority_file()?)
        .load(USERS, 1_000, "1s")
        .run(PATIENCE)?
        .expect_code(1)?;
    let served = haproxy.finish()?;
    let counted = target.stats();
    assert!(served.total() > 100, "that is no load: {}", served.total());
    assert_eq!(served.total(), counted.total, "{http}");
    assert_eq!(served.protocols.keys().collect::<Vec<_>>(), [protocol], "{http}");
    for path in ["/echo", "/status/404", "/redirect/1"] {
        let reported: u64 = report
            .json
            .requests
            .iter()
            .filter(|request| request.name == path)
            .map(|request| request.requests)
            .sum();
        assert_eq!(reported, served.requests(path), "{http} {path}");
    }
    let opened = connections(&report, "opened");
    assert_eq!(opened, served.connections.len() as u64, "{http}");
    assert_eq!(opened, u64::from(USERS), "{http}");
    assert_eq!(connections(&report, "reused"), served.total() - opened, "{http}");
    let with_tls = if over_tls { opened } else { 0 };
    assert_eq!(connections(&report, "tls_handshakes"), with_tls, "{http}");
    let of_http2 = if protocol == "HTTP/2.0" { opened } else { 0 };
    assert_eq!(connections(&report, "http2"), of_http2, "{http}");
    Ok(())
}

#[test]
fn haproxy_counts_what_is_reported_over_http2() -> Result<()> {
    let batch = r#"http.batch(["/", "/redirect/1", "/status/404", ["POST", "/echo", #{ body: "x" }]]);"#;
    through_haproxy("", TASK, true, "HTTP/2.0")?;
    through_haproxy("", batch, true, "HTTP/2.0")?;
    through_haproxy("client: \"reqwest\"", TASK, true, "HTTP/2.0")
}

#[test]
fn haproxy_counts_what_is_reported_over_http1() -> Result<()> {
    through_haproxy("", TASK, false, "HTTP/1.1")?;
    through_haproxy("version: \"http1\"", TASK, true, "HTTP/1.1")?;
    through_haproxy("client: \"reqwest\"", TASK, false, "HTTP/1.1")
}

/// A run of users who get `/` through a proxy; the environment says where it is, or the scenario does.
fn through_tinyproxy(proxy: &str, host: &str, env: &[(&str, String)]) -> Result<Report> {
    let http = format!("client: \"reqwest\", proxy: \"{proxy}\"");
    let mut run = LoadRun::new(&scenario(&http, "http.get(\"/\");"), host)?.load(USERS, 1_000, "1s");
    for (name, value) in env {
        run = run.env(name, value);
    }
    run.run(PATIENCE)?.expect_code(0)
}

#[test]
fn tinyproxy_passes_on_what_is_counted() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    for by_environment in [false, true] {
        let Some(tinyproxy) = Tinyproxy::start()? else {
            return Ok(());
        };
        let url = format!("http://127.0.0.1:{}", tinyproxy.port());
        target.reset();
        let report = if by_environment {
            through_tinyproxy("system", target.url(), &[("HTTP_PROXY", url)])?
        } else {
            through_tinyproxy(&url, target.url(), &[])?
        };
        let asked = tinyproxy.finish()?;
        let line = format!("GET {}/ HTTP/1.1", target.url());
        assert!(
            asked.iter().all(|request| *request == line),
            "{:?}",
            asked.first()
        );
        assert!(asked.len() > 50, "that is no load: {}", asked.len());
        assert_eq!(report.json.totals.requests, asked.len() as u64);
        assert_eq!(report.json.totals.requests, target.stats().total);
        assert_eq!(
            connections(&report, "opened") + connections(&report, "reused"),
            asked.len() as u64
        );
    }
    Ok(())
}

#[test]
fn a_tunnel_through_tinyproxy_is_kept() -> Result<()> {
    let _alone = alone();
    for by_environment in [false, true] {
        let Some(nginx) = Nginx::start()? else {
            return Ok(());
        };
        let Some(tinyproxy) = Tinyproxy::start()? else {
            return Ok(());
        };
        let url = format!("http://127.0.0.1:{}", tinyproxy.port());
        let authority = nginx.authority_file()?.display().to_string();
        let trust = ("SSL_CERT_FILE", authority);
        let report = if by_environment {
            through_tinyproxy("system", &nginx.tls_url(), &[trust, ("HTTPS_PROXY", url)])?
        } else {
            through_tinyproxy(&url, &nginx.tls_url(), &[trust])?
        };
        let asked = tinyproxy.finish()?;
        let served = nginx.finish()?;
        assert!(
            asked.iter().all(|line| line.starts_with("CONNECT localhost:")),
            "{asked:?}"
        );
        assert_eq!(asked.len(), USERS as usize, "one tunnel for each user");
        assert_eq!(report.json.totals.requests, served.total());
        assert_eq!(connections(&report, "opened"), served.connections.len() as u64);
        assert_eq!(connections(&report, "tls_handshakes"), u64::from(USERS));
        assert_eq!(connections(&report, "http2"), u64::from(USERS));
        assert_eq!(
            connections(&report, "reused"),
            served.total() - served.connections.len() as u64
        );
    }
    Ok(())
}

#[test]
fn a_proxy_can_be_spoken_to_over_tls() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let Some(tinyproxy) = Tinyproxy::start()? else {
        return Ok(());
    };
    let Some(tls) = Haproxy::tls_before(tinyproxy.port())? else {
        return Ok(());
    };
    let authority = tls.authority_file()?.display().to_string();
    let report = through_tinyproxy(&tls.tls_url(), target.url(), &[("SSL_CERT_FILE", authority)])?;
    let asked = tinyproxy.finish()?;
    assert!(asked.len() > 50, "that is no load: {}", asked.len());
    assert_eq!(report.json.totals.requests, asked.len() as u64);
    assert_eq!(report.json.totals.requests, target.stats().total);
    Ok(())
}

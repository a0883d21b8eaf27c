//! Servers with bad manners: each failure is counted once, explained in few words and grouped; nothing hangs, panics or
//! grows.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use katydid_testkit::{
    Flaw, HostileServer, Lateness, LoadRun, Malformed, Manners, Metronome, Report, TlsServer, alone,
    eventually, refused_url,
};

const PATIENCE: Duration = Duration::from_secs(30);

const GET: &str = r#"user("Client", #{ wait: constant(0.02) }).task("get", || { http.get("/x"); });"#;

/// For servers that leave a client waiting.
const IMPATIENT: &str =
    r#"user("Client", #{ wait: constant(0.02) }).task("get", || { http.get("/x", #{ timeout: 0.3 }); });"#;

const POST: &str =
    r#"user("Client", #{ wait: constant(0.02) }).task("post", || { http.post("/x", #{ body: "b" }); });"#;

/// Four users for half a second: dozens of requests that fail alike.
fn run(scenario: &str, host: &str) -> Result<Report> {
    run_for(scenario, host, "500ms")
}

fn run_for(scenario: &str, host: &str, run_time: &str) -> Result<Report> {
    let report = LoadRun::new(scenario, host)?
        .load(4, 100, run_time)
        .run(PATIENCE)?;
    sound(&report)?;
    Ok(report)
}

/// Whatever the server did: the process is well and its numbers agree with each other.
fn sound(report: &Report) -> Result<()> {
    let (finished, json) = (&report.finished, &report.json);
    ensure!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
    ensure!(
        finished.elapsed < Duration::from_secs(10),
        "it took {} ms",
        finished.elapsed.as_millis()
    );
    let explained: u64 = json.errors.iter().map(|error| error.occurrences).sum();
    ensure!(
        explained == json.totals.failures,
        "{} failures, {explained} explained",
        json.totals.failures
    );
    ensure!(json.exceptions.is_empty(), "{:?}", json.exceptions);
    Ok(())
}

/// What the client reports is what the server has counted, as soon as its thread has had its turn: a client may have read
/// its answer and ended before the server counts it.
fn agrees(reported: u64, counted: impl Fn() -> u64) -> Result<()> {
    eventually!(
        reported == counted(),
        "{reported} reported, {} counted by the server",
        counted()
    );
    Ok(())
}

/// All requests failed for one reason, which has one of these words.
fn all_failed(what: &str, report: &Report, words: &[&str]) {
    let json = &report.json;
    assert_eq!(
        report.finished.code,
        Some(1),
        "{what}: {}",
        report.finished.stderr
    );
    assert!(json.totals.requests > 0, "{what}: nothing was sent");
    assert_eq!(
        json.totals.failures, json.totals.requests,
        "{what}: {:?}",
        json.totals.statuses
    );
    assert!(json.errors.len() <= 2, "{what} is not grouped: {:?}", json.errors);
    let said = |message: &str| words.iter().any(|word| message.to_lowercase().contains(word));
    assert!(
        json.errors.iter().all(|error| said(&error.error)),
        "{what}: none of {words:?} in {:?}",
        json.errors
    );
    let plain =
        |message: &str| !message.contains("Error {") && !message.contains("Os {") && message.len() < 200;
    assert!(
        json.errors.iter().all(|error| plain(&error.error)),
        "{what} is not for people: {:?}",
        json.errors
    );
}

#[test]
fn nobody_listens() -> Result<()> {
    let report = run(GET, &refused_url()?)?;
    all_failed("refused", &report, &["refused"]);
    assert_eq!(report.json.totals.status(0), report.json.totals.requests);
    Ok(())
}

#[test]
fn nobody_has_that_name() -> Result<()> {
    // A machine whose name server does not answer learns of it by the timeout.
    all_failed(
        "no such name",
        &run(IMPATIENT, "http://no-such-host.invalid")?,
        &["resolve", "no response within"],
    );
    Ok(())
}

#[test]
fn answers_that_end_early_or_make_no_sense() -> Result<()> {
    for (manners, words) in [
        (Manners::CloseAtOnce, &["closed", "reset"][..]),
        (Manners::ResetMidBody, &["reset", "closed", "ended"]),
        (Manners::HalfHead, &["closed", "incomplete", "ended", "malformed"]),
        (Manners::ShortBody, &["closed", "incomplete", "ended", "before"]),
        (Manners::BrokenChunks, &["malformed", "chunk", "invalid"]),
        (
            Manners::UnfinishedChunks,
            &["closed", "incomplete", "ended", "before", "chunk"],
        ),
    ] {
        let server = HostileServer::start(manners)?;
        let report = run(GET, &server.url())?;
        let what = format!("{manners:?}");
        all_failed(&what, &report, words);
        // A connection closed without a word of answer may be tried once more.
        let requests = report.json.totals.requests;
        let received = server.counters().requests();
        let most = if manners == Manners::CloseAtOnce {
            0
        } else {
            2 * requests
        };
        assert!(
            received <= most,
            "{what}: {requests} reported, {received} received"
        );
    }
    Ok(())
}

#[test]
fn malformed_heads_of_every_kind() -> Result<()> {
    for kind in Malformed::ALL {
        let server = HostileServer::start(Manners::Malformed(kind))?;
        let report = run(GET, &server.url())?;
        let words = ["malformed", "invalid", "too large", "too many", "header"];
        // 5,000 well-formed headers are a matter of taste; one that is not refused is not wrong.
        if kind == Malformed::ManyHeaders && report.json.totals.failures == 0 {
            continue;
        }
        all_failed(&format!("{kind:?}"), &report, &words);
    }
    Ok(())
}

#[test]
fn redirects_without_end() -> Result<()> {
    let server = HostileServer::start(Manners::RedirectLoop)?;
    let report = run(GET, &server.url())?;
    all_failed("a redirect loop", &report, &["too many redirects"]);
    assert!(server.counters().requests() <= 40 * report.json.totals.requests);
    Ok(())
}

#[test]
fn no_answer_and_slow_answers_time_out() -> Result<()> {
    for manners in [
        Manners::NeverAnswers,
        Manners::Drip {
            every: Duration::from_millis(50),
        },
    ] {
        let server = HostileServer::start(manners)?;
        let metronome = Metronome::start();
        let report = run(IMPATIENT, &server.url())?;
        let late = metronome.stop().worst;
        all_failed(
            &format!("{manners:?}"),
            &report,
            &["no response within", "timed out"],
        );
        agrees(report.json.totals.requests, || server.counters().requests())?;
        let times = report.json.totals.response_time_ms.as_ref().context("no times")?;
        assert!(times.get("min")? >= 299.0, "{times:?}");
        let punctual = times.get("p50")? < 400.0;
        let missed = (!punctual).then(|| anyhow::anyhow!("timeouts of 300 ms: {times:?}"));
        Lateness::judge(&[(missed.map_or(Ok(()), Err), late)], Duration::from_millis(50))?;
    }
    Ok(())
}

#[test]
fn an_answer_byte_by_byte_is_an_answer() -> Result<()> {
    let server = HostileServer::start(Manners::Drip {
        every: Duration::from_millis(2),
    })?;
    let report = run(GET, &server.url())?.expect_code(0)?;
    agrees(report.json.totals.requests, || server.counters().answers())?;
    Ok(())
}

#[test]
fn connections_closed_unannounced_are_replaced_when_that_is_safe() -> Result<()> {
    let _alone = alone();
    let server = HostileServer::start(Manners::CloseUnannounced)?;
    // Long enough for every way in which such a connection ends.
    let report = run_for(GET, &server.url(), "1500ms")?.expect_code(0)?;
    agrees(report.json.totals.requests, || server.counters().answers())?;
    assert!(server.counters().connections() > 4);

    // A POST that may have been acted on is never sent again by itself.
    let server = HostileServer::start(Manners::CloseUnannounced)?;
    let report = run_for(POST, &server.url(), "1500ms")?;
    let totals = &report.json.totals;
    agrees(totals.status(200), || server.counters().answers())?;
    agrees(totals.requests - totals.failures, || server.counters().answers())?;
    assert!(server.counters().requests() <= totals.requests);
    Ok(())
}

/// The largest resident memory while the run goes on.
fn watch_memory(scenario: &str, host: &str, run_time: &str) -> Result<(u64, Report)> {
    let mut running = LoadRun::new(scenario, host)?.load(1, 1, run_time).start()?;
    let mut most = 0;
    while running.process.is_running() {
        most = running
            .process
            .stat()
            .map_or(most, |stat| most.max(stat.resident_bytes));
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok((most, running.finish(PATIENCE)?))
}

#[test]
fn a_gigabyte_nobody_reads_is_counted_and_forgotten() -> Result<()> {
    let _alone = alone();
    let bytes = 1 << 30;
    let server = HostileServer::start(Manners::HugeBody { bytes })?;
    let scenario =
        r#"user("Client", #{ wait: constant(0) }).task("get", || { http.get("/x"); stop_user(); });"#;
    let (most, report) = watch_memory(scenario, &server.url(), "30s")?;
    let report = report.expect_code(0)?;
    assert_eq!(
        (report.json.totals.requests, report.json.totals.bytes_in),
        (1, bytes)
    );
    assert!(most < 100 * 1024 * 1024, "{most} bytes resident");
    Ok(())
}

#[test]
fn a_gigabyte_somebody_reads_is_refused_in_words() -> Result<()> {
    let _alone = alone();
    let server = HostileServer::start(Manners::HugeBody { bytes: 1 << 30 })?;
    let scenario = r#"user("Client", #{ wait: constant(0) }).task("get", || { let t = http.get("/x").text(); stop_user(); });"#;
    let (most, report) = watch_memory(scenario, &server.url(), "2s")?;
    let report = report.expect_code(1)?;
    assert!(most < 200 * 1024 * 1024, "{most} bytes resident");
    assert!(report.json.exception_count() > 0 || report.json.totals.failures > 0);
    Ok(())
}

#[test]
fn bad_certificates_are_named() -> Result<()> {
    for (flaw, trust, words) in [
        (Flaw::None, false, &["issuer", "self-signed", "trusted"][..]),
        (Flaw::SelfSigned, true, &["issuer", "self-signed", "trusted"]),
        (Flaw::Expired, true, &["expired"]),
        (Flaw::WrongName, true, &["not valid for"]),
    ] {
        let server = TlsServer::start(flaw)?;
        let mut load = LoadRun::new(GET, &server.url())?.load(2, 100, "500ms");
        if trust {
            load = load
                .file("authority.pem", server.authority())?
                .env("SSL_CERT_FILE", "authority.pem");
        }
        let report = load.run(PATIENCE)?;
        sound(&report)?;
        all_failed(&format!("{flaw:?}"), &report, words);
        assert_eq!(server.counters().requests(), 0);
    }
    Ok(())
}

#[test]
fn a_trusted_certificate_is_accepted() -> Result<()> {
    let server = TlsServer::start(Flaw::None)?;
    let load = LoadRun::new(GET, &server.url())?
        .load(2, 100, "1s")
        .file("authority.pem", server.authority())?;
    let report = load
        .env("SSL_CERT_FILE", "authority.pem")
        .run(PATIENCE)?
        .expect_code(0)?;
    agrees(report.json.totals.requests, || server.counters().answers())?;
    agrees(2, || server.counters().handshakes())?;
    Ok(())
}

#[test]
fn any_certificate_is_accepted_when_that_is_said_and_it_is_said_aloud() -> Result<()> {
    let server = TlsServer::start(Flaw::SelfSigned)?;
    let scenario = r#"user("Careless", #{ wait: constant(0.02), http: #{ insecure: true } }).task("get", || { http.get("/x"); });"#;
    let report = LoadRun::new(scenario, &server.url())?
        .load(2, 100, "1s")
        .run(PATIENCE)?
        .expect_code(0)?;
    agrees(report.json.totals.requests, || server.counters().answers())?;
    let warned = "certificates were not verified (`insecure: true` of `Careless`)";
    let told = report.json.warnings.iter();
    assert_eq!(
        told.filter(|text| text.starts_with(warned)).count(),
        1,
        "{:?}",
        report.json.warnings
    );
    assert!(
        report.finished.stderr.contains(warned),
        "{}",
        report.finished.stderr
    );
    Ok(())
}

#[test]
fn plain_text_where_tls_was_asked_for() -> Result<()> {
    let server = HostileServer::start(Manners::Malformed(Malformed::Garbage))?;
    // It answers only what looks like a request, so a client's TLS greeting meets silence or a close.
    let talker = HostileServer::start(Manners::CloseAtOnce)?;
    all_failed(
        "no TLS here",
        &run(GET, &talker.tls_url())?,
        &["tls", "closed", "reset"],
    );
    all_failed(
        "silence",
        &run(IMPATIENT, &server.tls_url())?,
        &["no response within", "timed out", "tls"],
    );
    Ok(())
}

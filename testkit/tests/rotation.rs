//! Tokens and certificates that are replaced while a fleet is under load: nothing is restarted for it, nothing is lost.
//!
//! In: secrets mounted as Kubernetes does it. Out: who gets in, what is shown to new connections, what the log says, and
//! totals equal to the target's.

use std::time::Duration;

use anyhow::{Result, ensure};
use katydid_testkit::{
    Certificates, DemoTarget, Flaw, Fleet, HttpCall, Katydid, Mounted, PATIENCE, Page, Running, Signal,
    alone, eventually, retry,
};

const LOOK: &str = r#"user("Visitor", #{ wait: constant(0.05) }).task("look", || { http.get("/"); });"#;
const LOAD: [&str; 6] = ["-u", "8", "-r", "80", "-t", "10m"];

/// The certificates of a fleet's side, by the names cert-manager gives them.
fn secret(certificates: &Certificates) -> [(&str, &str); 3] {
    [
        ("tls.crt", &certificates.certificate),
        ("tls.key", &certificates.key),
        ("ca.crt", &certificates.authority),
    ]
}

/// A worker of a page, with a token.
fn worker(page: &Page, name: &str, token: &str) -> Result<Running> {
    Katydid::new()?
        .args(["--worker", "--master-port", &page.fleet_port()?.to_string()])
        .args(["--threads", "1", "--worker-name", name, "--token", token])
        .spawn()
}

fn says(process: &Running, text: &str) -> Result<()> {
    retry(PATIENCE, || {
        let log = process.stderr();
        ensure!(log.contains(text), "no `{text}` in\n{log}");
        Ok(())
    })
}

/// Ends the run; what was reported is what the target got.
fn end(mut fleet: Fleet, target: &DemoTarget, workers: Vec<Running>) -> Result<()> {
    fleet.master().signal(Signal::SIGINT)?;
    let report = fleet.finish(PATIENCE)?.expect_code(0)?;
    for worker in workers {
        worker.wait(PATIENCE)?.expect_code(0)?;
    }
    assert_eq!(report.json.totals.failures, 0);
    assert_eq!(report.json.totals.requests, target.stats().total);
    Ok(())
}

#[test]
fn a_token_is_replaced_under_load() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let (mut of_master, mut of_worker) = (
        Mounted::new(&[("token", "one\n")])?,
        Mounted::new(&[("token", "one\n")])?,
    );
    let file = of_master.file("token");
    let mut fleet = Fleet::start(
        LOOK,
        target.url(),
        &[&LOAD[..], &["--token-file", &file]].concat(),
    )?;
    let reader = fleet.worker_with("reader", &["--token-file", &of_worker.file("token")])?;
    fleet.wait_for(PATIENCE, "All users spawned")?;

    of_master.swap(&[("token", "two\n")])?;
    fleet.wait_for(PATIENCE, "token has changed and counts from now on")?;
    let young = fleet.worker_with("young", &["--token", "two"])?;
    fleet.wait_for(PATIENCE, "Worker young joined")?;
    let mut old = fleet.worker_with("old", &["--token", "one"])?;
    fleet.wait_for(PATIENCE, "Worker old joined")?;
    fleet.wait_for(PATIENCE, "came with the token before the last change")?;
    old.signal(Signal::SIGTERM)?;
    old.wait(PATIENCE)?.expect_code(0)?;
    of_master.swap(&[("token", "\n")])?;
    fleet.wait_for(
        PATIENCE,
        "token has changed and cannot be used: the file holds no token",
    )?;

    // One that starts now knows no other than the newest: the worker's file has not been replaced yet, and it waits.
    of_master.swap(&[("token", "two\n")])?;
    fleet.kill_master()?;
    fleet.restart_master()?;
    says(&reader, "refused this worker: the token is wrong")?;
    says(&reader, "it is read from")?;
    of_worker.swap(&[("token", "two\n")])?;
    says(&reader, "new content counts from now on")?;
    eventually!(
        reader.stderr().matches("Connected to the master").count() == 2,
        "{}",
        reader.stderr()
    );
    let before = target.stats().total;
    eventually!(target.stats().total > before + 100);
    for said in [fleet.log(), reader.stderr(), young.stderr()] {
        assert!(!said.contains("one\n") && !said.contains("two"), "{said}");
    }
    end(fleet, &target, vec![reader, young])
}

#[test]
fn the_former_token_counts_until_its_grace_is_over() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let mut secret = Mounted::new(&[("token", "one")])?;
    let file = secret.file("token");
    let arguments = ["--master", "--master-bind-port", "0", "--token-file", &file];
    let page = Page::start(
        LOOK,
        target.url(),
        &[&arguments[..], &["--token-grace", "0s"]].concat(),
    )?;
    let patient = worker(&page, "patient", "one")?;
    says(&page.process, "Worker patient joined")?;
    secret.swap(&[("token", "two")])?;
    says(&page.process, "token has changed and counts from now on")?;

    let refused = worker(&page, "late", "one")?;
    let refused = refused.wait(PATIENCE)?.expect_code(1)?;
    refused.expect_stderr(&["the token is wrong", "--token"])?;
    // Who is in stays in: it fetches the scenario over the connection it has.
    page.post("/swarm", "user_count=4&spawn_rate=4")?;
    page.wait_for(|stats| stats["user_count"] == 4)?;
    eventually!(target.stats().total > 20);
    page.post("/stop", "")?;
    page.wait_for(|stats| stats["state"] == "stopped")?;
    let stats = page.stats()?;
    assert!(stats["total_rps"].is_number(), "{stats}");
    assert_eq!(stats["fail_ratio"], 0.0, "{stats}");
    drop(patient);
    Ok(())
}

#[test]
fn certificates_are_replaced_under_load() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let (first, second) = (Certificates::new(Flaw::None)?, Certificates::new(Flaw::None)?);
    let (mut of_master, mut of_worker) = (Mounted::new(&secret(&first))?, Mounted::new(&secret(&first))?);
    let files = |mounted: &Mounted| {
        [
            ("--fleet-tls-cert", "tls.crt"),
            ("--fleet-tls-key", "tls.key"),
            ("--fleet-tls-ca", "ca.crt"),
        ]
        .map(|(flag, name)| [flag.to_owned(), mounted.file(name)])
        .concat()
    };
    let (master_files, worker_files) = (files(&of_master), files(&of_worker));
    let words: Vec<&str> = LOAD
        .into_iter()
        .chain(master_files.iter().map(String::as_str))
        .collect();
    let own: Vec<&str> = worker_files.iter().map(String::as_str).collect();
    let mut fleet = Fleet::start(LOOK, target.url(), &words)?;
    let early = fleet.worker_with("early", &own)?;
    fleet.wait_for(PATIENCE, "All users spawned")?;

    // All three at once, one after the other, and one that makes no sense.
    of_master.swap(&secret(&second))?;
    fleet.wait_for(PATIENCE, "have changed and counts from now on")?;
    let mut stranger = fleet.worker_with("stranger", &own)?;
    says(&stranger, "trying again")?;
    assert!(stranger.is_running());
    drop(stranger);
    let mut broken = second.clone();
    broken.key = first.key.clone();
    of_master.swap(&secret(&broken))?;
    fleet.wait_for(
        PATIENCE,
        "tls.key has changed and cannot be used: certificate and key do not work together",
    )?;

    of_worker.swap(&secret(&second))?;
    let late = fleet.worker_with("late", &own)?;
    fleet.wait_for(PATIENCE, "Worker late joined")?;
    assert_eq!(
        fleet.log().matches("cannot be used").count(),
        1,
        "{}",
        fleet.log()
    );
    assert_eq!(
        early.stderr().matches("Connected").count(),
        1,
        "it stays connected"
    );

    // The first worker, too, comes back with what its files hold by now.
    of_master.swap(&secret(&second))?;
    fleet.kill_master()?;
    fleet.restart_master()?;
    says(&early, "new content counts from now on")?;
    eventually!(
        early.stderr().matches("Connected").count() == 2,
        "{}",
        early.stderr()
    );
    let before = target.stats().total;
    eventually!(target.stats().total > before + 100);
    end(fleet, &target, vec![early, late])
}

#[test]
fn the_page_shows_its_new_certificate_to_whoever_comes_next() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let (first, second) = (Certificates::new(Flaw::None)?, Certificates::new(Flaw::None)?);
    let mut mounted = Mounted::new(&secret(&first))?;
    let (certificate, key) = (mounted.file("tls.crt"), mounted.file("tls.key"));
    let page = Page::start(
        LOOK,
        target.url(),
        &["--tls-cert", &certificate, "--tls-key", &key],
    )?;
    let url = page.url();
    let shows = |to: &Certificates| {
        let call = HttpCall::new("GET", &format!("{url}/healthz")).trusting(&to.authority);
        call.send().is_ok_and(|answer| answer.status == 200)
    };
    assert!(shows(&first) && !shows(&second), "{}", page.process.stderr());
    mounted.swap(&secret(&second))?;
    eventually!(shows(&second), "{}", page.process.stderr());
    assert!(!shows(&first));
    mounted.swap(&[("tls.crt", "nothing"), ("tls.key", &second.key)])?;
    says(
        &page.process,
        "tls.crt has changed and cannot be used: the certificate file holds no certificate",
    )?;
    std::thread::sleep(Duration::from_secs(3));
    assert!(shows(&second));
    let log = page.process.stderr();
    assert_eq!(log.matches("cannot be used").count(), 1, "{log}");
    Ok(())
}

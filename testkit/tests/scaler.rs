//! What a master tells KEDA, and when: from the moment a test is asked for, though there is no worker yet.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use katydid_testkit::{
    Code, DemoTarget, Fleet, Katydid, PATIENCE, Page, ScalerClient, ScalerStream, Signal, eventually, retry,
};

const METADATA: [(&str, &str); 2] = [("scalerAddress", "katydid:5558"), ("usersPerWorker", "20")];
const MASTER: [&str; 5] = ["--master", "--master-bind-port", "0", "--scaler-bind-port", "0"];
/// A minute is forever for something that happens at once.
const AT_ONCE: Duration = Duration::from_secs(60);

const VISITOR: &str = r#"user("Visitor", #{ wait: constant(0.1) }).task("look", || { http.get("/"); });"#;
/// A test that takes its time to begin.
const PREPARED: &str = r#"
on_test_start(|| { sleep(2.0); #{} });
user("Visitor", #{ wait: constant(0.1) }).task("look", || { http.get("/"); });
"#;

#[test]
fn a_test_without_a_worker_brings_one() -> Result<()> {
    let target = DemoTarget::start()?;
    let page = Page::start(VISITOR, target.url(), &MASTER)?;
    let keda = ScalerClient::of(&page.process, &METADATA)?;
    let mut pushed = keda.stream_is_active()?;
    assert!(!keda.next(&mut pushed, AT_ONCE)?, "nothing is asked for");
    assert_eq!(keda.metric_spec()?, [("users".to_owned(), 20.0)]);
    assert_eq!((keda.is_active()?, keda.metric("users")?), (false, 0.0));

    page.post("/swarm", "user_count=45&spawn_rate=45")?;
    assert!(keda.next(&mut pushed, AT_ONCE)?, "said without being asked");
    assert_eq!((keda.is_active()?, keda.metric("users")?), (true, 45.0));
    let shown = page.get("/")?.body;
    assert!(shown.contains("waiting for workers, up to 10m00s"), "{shown}");
    // What is wanted may change before anything runs.
    page.post("/swarm", "user_count=30&spawn_rate=30")?;
    eventually!(keda.metric("users")? == 30.0);

    let mut worker = page.worker("w1", 1)?;
    page.wait_for(|stats| stats["user_count"] == 30)?;
    assert_eq!((keda.is_active()?, keda.metric("users")?), (true, 30.0));
    page.post("/swarm", "user_count=60&spawn_rate=60")?;
    eventually!(keda.metric("users")? == 60.0);
    page.post("/stop", "")?;
    assert!(!keda.next(&mut pushed, AT_ONCE)?, "it is over");
    eventually!(keda.metric("users")? == 0.0);
    worker.signal(Signal::SIGTERM)?;
    worker.wait(PATIENCE)?.expect_code(0)?;
    Ok(())
}

#[test]
fn it_is_wanted_before_on_test_start_has_ended_and_not_when_it_is_called_off() -> Result<()> {
    let target = DemoTarget::start()?;
    let page = Page::start(PREPARED, target.url(), &MASTER)?;
    let keda = ScalerClient::of(&page.process, &METADATA)?;
    let mut pushed = keda.stream_is_active()?;
    assert!(!keda.next(&mut pushed, AT_ONCE)?);
    page.post("/swarm", "user_count=7&spawn_rate=7")?;
    assert!(keda.next(&mut pushed, AT_ONCE)?);
    assert_eq!(keda.metric("users")?, 7.0);
    page.post("/stop", "")?;
    assert!(!keda.next(&mut pushed, AT_ONCE)?);
    assert_eq!(keda.metric("users")?, 0.0);
    Ok(())
}

#[test]
fn a_test_for_which_nobody_comes_ends_and_says_so() -> Result<()> {
    let target = DemoTarget::start()?;
    let patience = ["--expect-workers-max-wait", "1s"];
    let page = Page::start(VISITOR, target.url(), &[&MASTER[..], &patience].concat())?;
    let keda = ScalerClient::of(&page.process, &METADATA)?;
    let mut pushed = keda.stream_is_active()?;
    assert!(!keda.next(&mut pushed, AT_ONCE)?);
    for _ in 0..2 {
        page.post("/swarm", "user_count=5&spawn_rate=5")?;
        assert!(keda.next(&mut pushed, AT_ONCE)?);
        assert!(!keda.next(&mut pushed, AT_ONCE)?, "it gives up");
        let shown = page.get("/")?.body;
        assert!(shown.contains("expected workers were ready within 1s"), "{shown}");
        // The next one can be asked for.
        eventually!(page.stats()?["state"] != "stopping");
    }
    Ok(())
}

#[test]
fn a_master_without_a_page_says_what_its_plan_is() -> Result<()> {
    let target = DemoTarget::start()?;
    let arguments = ["-u", "50", "-r", "50", "-t", "2s", "--scaler-bind-port", "0"];
    let mut fleet = Fleet::start(VISITOR, target.url(), &arguments)?;
    let keda = ScalerClient::of(fleet.master(), &METADATA)?;
    assert_eq!((keda.is_active()?, keda.metric("users")?), (true, 50.0));
    let worker = fleet.worker("w1")?;
    fleet.finish(PATIENCE)?.finished.expect_code(0)?;
    worker.wait(PATIENCE)?.expect_code(0)?;
    Ok(())
}

/// Each question with metadata that makes no sense, and what is said about it.
#[test]
fn questions_that_make_no_sense_are_answered_in_words() -> Result<()> {
    let page = Page::start(VISITOR, "http://127.0.0.1:9", &MASTER)?;
    for (metadata, said) in [
        (&[][..], "`usersPerWorker` is missing"),
        (
            &[("usersPerWorker", "many")][..],
            "is `many`: it is a whole number",
        ),
        (&[("usersPerWorker", "0")][..], "is `0`: it is a whole number"),
    ] {
        let keda = ScalerClient::of(&page.process, metadata)?;
        let errors = [
            keda.is_active().err(),
            keda.stream_is_active().err(),
            keda.metric_spec().err(),
            keda.metric("users").err(),
        ];
        for error in errors {
            let error = error.context("it was answered")?;
            assert_eq!(error.code(), Code::InvalidArgument);
            assert!(error.message().contains(said), "{}", error.message());
        }
    }
    let keda = ScalerClient::of(&page.process, &METADATA)?;
    let error = keda.metric("s0-cpu").err().context("it was answered")?;
    assert_eq!(error.code(), Code::InvalidArgument);
    assert_eq!(
        error.message(),
        "there is no metric `s0-cpu`: the only one is `users`"
    );
    Ok(())
}

#[test]
fn whoever_asks_too_much_gets_nothing_and_disturbs_nobody() -> Result<()> {
    let page = Page::start(VISITOR, "http://127.0.0.1:9", &MASTER)?;
    let keda = ScalerClient::of(&page.process, &METADATA)?;
    let long = "x".repeat(100_000);
    let talker = ScalerClient::of(&page.process, &[METADATA[1], ("more", &long)])?;
    let error = talker.is_active().err().context("it was read")?;
    assert!(
        matches!(error.code(), Code::OutOfRange | Code::ResourceExhausted),
        "{error}"
    );
    // So many streams on one connection wait for each other; so many in all are refused.
    let others: Vec<ScalerClient> = (0..4)
        .map(|_| ScalerClient::of(&page.process, &METADATA))
        .collect::<Result<_>>()?;
    let mut streams: Vec<ScalerStream> = Vec::new();
    let refused = 'all: {
        for other in &others {
            for _ in 0..10 {
                match other.stream_is_active() {
                    Ok(stream) => streams.push(stream),
                    Err(error) => break 'all Some(error),
                }
            }
        }
        None
    };
    assert_eq!(refused.context("all were taken")?.code(), Code::ResourceExhausted);
    assert_eq!(streams.len(), 32);
    assert!(!keda.is_active()?);
    // Places are given back.
    streams.clear();
    retry(PATIENCE, || Ok(keda.stream_is_active().map(drop)?))?;

    // More connections than there is room for are closed; when some have gone there is room again.
    let mut more = Vec::new();
    for _ in 0..40 {
        match ScalerClient::of(&page.process, &METADATA) {
            Ok(client) if client.is_active().is_ok() => more.push(client),
            _ => break,
        }
    }
    ensure!(more.len() < 32, "{} were let in", more.len());
    assert!(!keda.is_active()?, "who was there before stays");
    more.clear();
    retry(PATIENCE, || {
        ScalerClient::of(&page.process, &METADATA)?.is_active()?;
        Ok(())
    })
}

#[test]
fn flags_that_lead_nowhere_are_refused() -> Result<()> {
    for (arguments, said) in [
        (
            &["--headless", "--scaler-bind-port", "0"][..],
            "--scaler-bind-port: needs --master",
        ),
        (
            &["--headless", "--master", "--scaler-bind-host", "0.0.0.0"][..],
            "--scaler-bind-host: needs --scaler-bind-port",
        ),
        (
            &["--headless", "--master", "--scaler-bind-port", "many"][..],
            "--scaler-bind-port: `many` is not a port",
        ),
    ] {
        Katydid::new()?
            .args(arguments)
            .run_to_end(PATIENCE)?
            .expect_code(2)?
            .expect_stderr(&[said])?;
    }
    Ok(())
}

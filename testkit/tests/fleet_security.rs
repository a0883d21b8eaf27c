//! What a master lets in, and what it bears: tokens, certificates, peers with bad manners.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use katydid_protocol::fleet::{Heartbeat, WorkerMessage};
use katydid_protocol::wire::proto;
use katydid_testkit::{
    Certificates, DemoTarget, FakeWorker, Flaw, Fleet, Katydid, Scratch, Signal, alone, raise_open_files,
    retry,
};
use tokio_stream::StreamExt as _;
use tonic::Code;

const PATIENCE: Duration = Duration::from_secs(60);

const LOOK: &str = r#"user("Visitor", #{ wait: constant(0.05) }).task("look", || { http.get("/"); });"#;

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}

fn fake(port: u16) -> FakeWorker {
    FakeWorker {
        name: "fake".to_owned(),
        port,
        names: 1,
        requests: 1,
        window_bytes: FakeWorker::WINDOW_BYTES,
    }
}

#[test]
fn only_workers_with_the_token_get_in_and_the_log_says_so_once() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let load = ["-u", "4", "-r", "4", "-t", "2s", "--token", "s3cret"];
    let mut fleet = Fleet::start(LOOK, target.url(), &load)?;
    for (token, why) in [
        (&["--token", "secret"][..], "the token is wrong"),
        (&[][..], "this master wants a token"),
    ] {
        let refused = fleet.worker_with("stranger", token)?.wait(PATIENCE)?;
        refused.expect_code(1)?.expect_stderr(&[why, "--token"])?;
    }
    // What is logged may be read later than what was done.
    fleet.wait_for(PATIENCE, "refused a worker")?;
    let refusals = |log: &str| log.matches("refused a worker").count();
    assert_eq!(refusals(&fleet.log()), 1, "{}", fleet.log());
    assert!(!fleet.log().contains("s3cret"), "{}", fleet.log());

    let file = fleet.folder().write("token", "s3cret\n")?;
    let path = file.to_str().context("a path")?;
    let worker = fleet.worker_with("friend", &["--token-file", path])?;
    fleet.wait_for(PATIENCE, "Worker friend joined")?;
    let report = fleet.finish(PATIENCE)?.expect_code(0)?;
    worker.wait(PATIENCE)?.expect_code(0)?;
    assert_eq!(report.json.totals.requests, target.stats().total);
    let log = &report.finished.stderr;
    assert!(refusals(log) == 1 && !log.contains("s3cret"), "{log}");
    Ok(())
}

#[test]
fn a_master_that_others_can_reach_wants_a_token_or_to_hear_that_it_is_insecure() -> Result<()> {
    let command = |more: &[&str]| -> Result<Katydid> {
        Ok(Katydid::new()?
            .args([
                "-f",
                "none.rhai",
                "--headless",
                "--master",
                "--master-bind-port",
                "0",
            ])
            .args(["--master-bind-host", "0.0.0.0"])
            .args(more))
    };
    command(&[])?
        .run_to_end(PATIENCE)?
        .expect_code(2)?
        .expect_stderr(&["--master-bind-host", "--token", "--insecure"])?;
    for more in [&["--token", "x"][..], &["--insecure"][..]] {
        // Which gets as far as the scenario that is not there.
        let stopped = command(more)?.run_to_end(PATIENCE)?;
        assert!(stopped.stderr.contains("none.rhai"), "{}", stopped.stderr);
    }
    Ok(())
}

#[test]
fn certificates_protect_both_sides() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let certificates = Certificates::new(Flaw::None)?;
    let folder = Scratch::new()?;
    let file = |name: &str, text: &str| -> Result<String> {
        let path = folder.write(name, text)?;
        Ok(path.to_str().context("a path")?.to_owned())
    };
    let ca = file("ca.pem", &certificates.authority)?;
    let (chain, key) = (
        file("chain.pem", &certificates.certificate)?,
        file("key.pem", &certificates.key)?,
    );
    let own = [
        "--fleet-tls-cert",
        &chain,
        "--fleet-tls-key",
        &key,
        "--fleet-tls-ca",
        &ca,
    ];
    let load = ["-u", "4", "-r", "4", "-t", "2s"];
    let fleet = Fleet::start(LOOK, target.url(), &[&load[..], &own[..]].concat())?;

    let mut plain = fleet.worker_with("plain", &[])?;
    let mut nobody = fleet.worker_with("nobody", &["--fleet-tls-ca", &ca])?;
    for refused in [&plain, &nobody] {
        retry(PATIENCE, || {
            let log = refused.stderr();
            ensure!(log.contains("trying again"), "it has not tried:\n{log}");
            Ok(())
        })?;
    }
    assert!(!fleet.log().contains("joined"), "{}", fleet.log());
    assert!(plain.is_running() && nobody.is_running(), "they go on trying");
    drop((plain, nobody));
    let worker = fleet.worker_with("friend", &own)?;
    let report = fleet.finish(PATIENCE)?.expect_code(0)?;
    worker.wait(PATIENCE)?.expect_code(0)?;
    assert_eq!(report.json.totals.requests, target.stats().total);
    Ok(())
}

#[test]
fn messages_that_make_no_sense_end_their_connection_and_nothing_else() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let load = ["-u", "8", "-r", "8", "-t", "10m"];
    let mut fleet = Fleet::start(LOOK, target.url(), &load)?;
    let worker = fleet.worker("real")?;
    fleet.wait_for(PATIENCE, "All users spawned")?;
    let hello = |fake: &FakeWorker| proto::WorkerMessage::from(&WorkerMessage::Hello(fake.hello()));
    let port = fleet.port();
    runtime()?.block_on(async {
        let line = |bytes: usize| proto::WorkerMessage {
            message: Some(proto::worker_message::Message::Log(proto::LogLine {
                level: "INFO".to_owned(),
                target: String::new(),
                text: "x".repeat(bytes),
                omitted: 0,
            })),
        };
        // Not a hello; nothing at all; a hello of another version.
        for (first, code) in [
            (Some(line(1)), Code::InvalidArgument),
            (None, Code::InvalidArgument),
            (
                Some(proto::WorkerMessage::from(&WorkerMessage::Hello(
                    katydid_protocol::fleet::Hello {
                        protocol: 999,
                        ..fake(port).hello()
                    },
                ))),
                Code::FailedPrecondition,
            ),
        ] {
            let refused = fake(port).client().await?.join(tokio_stream::iter(first)).await;
            let status = refused.err().context("it was let in")?;
            assert_eq!(status.code(), code, "{status}");
        }
        // Longer than a message may be, and longer than a line may be.
        for bytes in [20 * 1024 * 1024, 100 * 1024] {
            let messages =
                tokio_stream::iter([hello(&fake(port)), line(bytes)]).chain(tokio_stream::pending());
            let mut answers = fake(port).client().await?.join(messages).await?.into_inner();
            let ended = tokio::time::timeout(PATIENCE, async {
                while let Ok(Some(_)) = answers.message().await {}
            });
            ended.await.context("a connection stayed open")?;
        }
        anyhow::Ok(())
    })?;
    assert!(fleet.master().is_running());
    fleet.master().signal(Signal::SIGINT)?;
    let report = fleet.finish(PATIENCE)?.expect_code(0)?;
    worker.wait(PATIENCE)?.expect_code(0)?;
    assert_eq!(report.json.totals.requests, target.stats().total);
    assert_eq!(report.json.totals.failures, 0);
    Ok(())
}

/// Sends heartbeats, so many at once with a pause after them, and reads nothing, until it is cut off.
async fn talk_and_never_listen(fake: FakeWorker, at_once: u32, pause: Duration) -> Result<()> {
    const ENOUGH: u32 = 3_000_000;
    let link = fake.join().await?;
    for sent in 0..ENOUGH {
        let heartbeat = WorkerMessage::Heartbeat(Heartbeat::default());
        if link.outgoing.send(heartbeat).await.is_err() {
            return Ok(());
        }
        if sent % at_once == 0 {
            tokio::time::sleep(pause).await;
        }
    }
    anyhow::bail!("it was never cut off")
}

/// Lets a real worker do its work beside one that only talks, and that may be told so many bytes; the master must say
/// `why` that one is cut off.
fn talker(window_bytes: u32, at_once: u32, pause: Duration, why: &[&str]) -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let load = ["-u", "8", "-r", "8", "-t", "2m"];
    let mut fleet = Fleet::start(LOOK, target.url(), &load)?;
    let worker = fleet.worker("real")?;
    fleet.wait_for(PATIENCE, "All users spawned")?;
    let before = fleet.master().stat()?.resident_bytes;
    let fake = FakeWorker {
        window_bytes,
        ..fake(fleet.port())
    };
    runtime()?.block_on(async {
        tokio::time::timeout(PATIENCE, talk_and_never_listen(fake, at_once, pause)).await?
    })?;
    fleet.wait_for(PATIENCE, "Worker fake left")?;
    retry(PATIENCE, || {
        let log = fleet.log();
        ensure!(why.iter().any(|why| log.contains(why)), "none of {why:?}:\n{log}");
        Ok(())
    })?;
    let grown = fleet.master().stat()?.resident_bytes.saturating_sub(before);
    assert!(
        grown < 100 * 1024 * 1024,
        "{grown} bytes for one that does not read"
    );
    // How long it takes to fill every buffer on the way is the machine's.
    fleet.master().signal(Signal::SIGINT)?;
    let report = fleet.finish(PATIENCE)?.expect_code(0)?;
    worker.wait(PATIENCE)?.expect_code(0)?;
    assert_eq!(report.json.totals.requests, target.stats().total);
    Ok(())
}

const UNREAD: &str = "worker fake does not read what it is told";

#[test]
fn a_worker_that_stops_reading_is_cut_off() -> Result<()> {
    // Slower than any master takes it in: HTTP/2 bears some 2,300 small frames that were not taken in yet, which is what
    // comes in two seconds. A few hundred answers fill so small a window and everything before it.
    talker(4_096, 1, Duration::from_millis(1), &[UNREAD])
}

#[test]
fn a_worker_that_says_too_much_is_cut_off() -> Result<()> {
    // Which of the two is noticed first is the machine's.
    let drowned = "worker fake says more than can be listened to";
    talker(
        FakeWorker::WINDOW_BYTES,
        u32::MAX,
        Duration::ZERO,
        &[UNREAD, drowned],
    )
}

#[test]
fn strangers_that_only_talk_do_not_keep_workers_out() -> Result<()> {
    let _alone = alone();
    raise_open_files();
    let target = DemoTarget::start()?;
    let mut fleet = Fleet::start(LOOK, target.url(), &["-u", "8", "-r", "8", "-t", "3s"])?;
    // More than there are places; each begins like a worker and never gets to the point.
    let mut open = Vec::new();
    for _ in 0..4_500 {
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", fleet.port())) {
            let _closed = stream.write_all(b"P");
            open.push(stream);
        }
    }
    fleet.wait_for(PATIENCE, "too many connections")?;
    let worker = fleet.worker("real")?;
    fleet.wait_for(Duration::from_secs(30), "Worker real joined")?;
    let report = fleet.finish(PATIENCE)?.expect_code(0)?;
    worker.wait(PATIENCE)?.expect_code(0)?;
    assert_eq!(report.json.totals.requests, target.stats().total);
    drop(open);
    Ok(())
}

#[test]
fn ten_thousand_connections_do_not_disturb_the_load() -> Result<()> {
    let _alone = alone();
    raise_open_files();
    let target = DemoTarget::start()?;
    let load = ["-u", "8", "-r", "8", "-t", "10m"];
    let mut fleet = Fleet::start(LOOK, target.url(), &load)?;
    let worker = fleet.worker("real")?;
    fleet.wait_for(PATIENCE, "All users spawned")?;
    let before = fleet.master().stat()?.resident_bytes;
    let mut open = Vec::new();
    for number in 0..10_000u32 {
        // Some say nothing, some nonsense; those beyond the limit are closed.
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", fleet.port())) {
            if number.is_multiple_of(2) {
                let _closed = stream.write_all(b"GET / HTTP/1.1\r\n\r\n");
            }
            open.push(stream);
        }
    }
    assert_eq!(open.len(), 10_000);
    let grown = fleet.master().stat()?.resident_bytes.saturating_sub(before);
    assert!(grown < 300 * 1024 * 1024, "{grown} bytes for strangers");
    retry(PATIENCE, || {
        let said = fleet.log().matches("too many connections").count();
        ensure!((1..=3).contains(&said), "said {said} times:\n{}", fleet.log());
        Ok(())
    })?;
    drop(open);
    fleet.master().signal(Signal::SIGINT)?;
    let report = fleet.finish(PATIENCE)?.expect_code(0)?;
    worker.wait(PATIENCE)?.expect_code(0)?;
    assert_eq!(report.json.totals.requests, target.stats().total);
    assert_eq!(report.json.totals.failures, 0);
    Ok(())
}

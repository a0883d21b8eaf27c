//! The harness itself: what the other tests rely on is shown here to hold.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use katydid_testkit::{
    DemoTarget, Flaw, HostileServer, Katydid, Malformed, Manners, Nginx, ProcessStat, Signal, TlsServer,
    eventually, refused_url, retry,
};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};

fn shell(script: &str) -> Katydid {
    Katydid::at(PathBuf::from("/bin/sh")).args(["-c", script])
}

fn connect(url: &str) -> Result<TcpStream> {
    let stream = TcpStream::connect(url.strip_prefix("http://").context(url.to_owned())?)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    Ok(stream)
}

fn ask(stream: &mut TcpStream, path: &str) -> Result<()> {
    Ok(write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")?)
}

/// Everything the server sends to one request until it closes.
fn answer_of(manners: Manners) -> Result<(String, HostileServer)> {
    let server = HostileServer::start(manners)?;
    let mut stream = connect(&server.url())?;
    ask(&mut stream, "/")?;
    let mut answer = Vec::new();
    // A reset ends the answer, too; what came before it stays.
    let _reset = stream.read_to_end(&mut answer);
    Ok((String::from_utf8_lossy(&answer).into_owned(), server))
}

#[test]
fn processes_are_run_to_their_end() -> Result<()> {
    let done = shell("echo out; echo err >&2; exit 3").run_to_end(Duration::from_secs(10))?;
    assert_eq!(
        (done.code, &*done.stdout, &*done.stderr),
        (Some(3), "out\n", "err\n")
    );
    let error = done.expect_code(0).err().context("3 passed for 0")?.to_string();
    assert!(
        error.contains("ended with 3, not 0") && error.contains("err"),
        "{error}"
    );
    Ok(())
}

#[test]
fn the_environment_of_whoever_tests_stays_out() -> Result<()> {
    let done = shell("pwd; env")
        .env("KATYDID_USERS", "7")
        .run_to_end(Duration::from_secs(10))?;
    assert!(
        done.stdout.contains("/katydid-test-"),
        "it runs in a folder of its own"
    );
    assert!(
        done.stdout.contains("KATYDID_USERS=7"),
        "what the test sets arrives"
    );
    assert!(!done.stdout.contains("KATYDID_BIN"));
    Ok(())
}

#[test]
fn a_process_that_takes_too_long_is_ended_and_quoted() -> Result<()> {
    let slow = shell("echo so far; exec sleep 60").spawn()?;
    eventually!(slow.stdout().contains("so far"));
    let error = slow.wait(Duration::from_millis(50)).err();
    let error = error.context("60 s passed in no time")?.to_string();
    assert!(
        error.contains("was not done after") && error.contains("so far"),
        "{error}"
    );
    Ok(())
}

#[test]
fn processes_can_be_looked_at_signalled_and_die_with_their_handle() -> Result<()> {
    let mut running = shell("trap 'exit 9' TERM; echo ready; while :; do sleep 0.01; done").spawn()?;
    eventually!(running.stdout().contains("ready"));
    let stat = running.stat()?;
    assert!(stat.resident_bytes > 100_000 && stat.threads == 1);
    running.signal(Signal::SIGTERM)?;
    assert_eq!(running.wait(Duration::from_secs(10))?.code, Some(9));

    let dropped = shell("exec sleep 60").spawn()?;
    let id = dropped.id();
    drop(dropped);
    assert!(ProcessStat::of(id).is_err());
    Ok(())
}

#[test]
fn waiting_for_what_never_comes_ends_with_the_last_word() {
    let mut attempts = 0;
    let outcome = retry(Duration::from_millis(30), || -> Result<()> {
        attempts += 1;
        ensure!(attempts == 0, "attempt {attempts}");
        Ok(())
    });
    let error = outcome.unwrap_err().to_string();
    assert!(
        error.contains("still after") && error.contains(&format!("attempt {attempts}")),
        "{error}"
    );
}

#[test]
fn the_demo_target_counts_and_stops() -> Result<()> {
    let target = DemoTarget::start()?;
    let mut stream = connect(target.url())?;
    ask(&mut stream, "/spawn/3")?;
    eventually!(target.stats().responses(204) == 1);
    assert_eq!(target.stats().requests("/spawn/:n"), 1);
    assert_eq!(target.spawns().len(), 1);
    target.reset();
    assert_eq!(target.stats().total, 0);
    let url = target.url().to_owned();
    drop(target);
    assert!(connect(&url).is_err());
    Ok(())
}

#[test]
fn nginx_logs_every_request_once() -> Result<()> {
    let Some(nginx) = Nginx::start()? else {
        return Ok(());
    };
    let mut stream = connect(&nginx.url())?;
    for path in ["/", "/", "/nowhere"] {
        ask(&mut stream, path)?;
        let mut answer = [0; 4096];
        ensure!(stream.read(&mut answer)? > 0, "no answer");
    }
    let served = nginx.finish()?;
    assert_eq!(
        (
            served.total(),
            served.responses("/", 200),
            served.responses("/nowhere", 404)
        ),
        (3, 2, 1)
    );
    Ok(())
}

#[test]
fn kind_servers_are_kind_and_nobody_listens_where_nobody_should() -> Result<()> {
    let server = HostileServer::start(Manners::Kind)?;
    let mut stream = connect(&server.url())?;
    for nth in 1..=3 {
        ask(&mut stream, "/")?;
        eventually!(server.counters().answers() == nth);
    }
    assert_eq!(
        (server.counters().connections(), server.counters().open()),
        (1, 1)
    );
    drop(stream);
    eventually!(server.counters().open() == 0);
    assert!(connect(&refused_url()?).is_err());
    Ok(())
}

#[test]
fn hostile_servers_send_what_their_manners_say() -> Result<()> {
    for (manners, ends_with) in [
        (Manners::ResetMidBody, "\r\n\r\n0123456789"),
        (Manners::ShortBody, "\r\n\r\n0123456789"),
        (Manners::HalfHead, "content-le"),
        (Manners::UnfinishedChunks, "def\r\n"),
        (Manners::Malformed(Malformed::Garbage), "ready\r\n\r\n"),
        (
            Manners::Malformed(Malformed::ManyHeaders),
            "content-length: 0\r\n\r\n",
        ),
        (Manners::CloseUnannounced, "ok\n"),
        (Manners::CloseAtOnce, ""),
    ] {
        let (answer, server) = answer_of(manners)?;
        assert!(answer.ends_with(ends_with), "{manners:?}: {answer}");
        eventually!(server.counters().open() == 0, "{manners:?} keeps the connection");
    }
    Ok(())
}

#[test]
fn hostile_servers_take_their_time_and_our_memory() -> Result<()> {
    let silent = HostileServer::start(Manners::NeverAnswers)?;
    let mut stream = connect(&silent.url())?;
    stream.set_read_timeout(Some(Duration::from_millis(50)))?;
    ask(&mut stream, "/")?;
    assert!(stream.read(&mut [0; 16]).is_err(), "it answered");
    eventually!(silent.counters().requests() == 1);

    let slow = HostileServer::start(Manners::Drip {
        every: Duration::from_millis(1),
    })?;
    ask(&mut connect(&slow.url())?, "/")?;
    eventually!(slow.counters().requests() == 1);

    let huge = HostileServer::start(Manners::HugeBody { bytes: 5_000_000 })?;
    let mut stream = connect(&huge.url())?;
    ask(&mut stream, "/")?;
    let mut received = 0;
    while received < 5_000_000 {
        let length = stream.read(&mut [0; 65_536])?;
        ensure!(length > 0, "it closed after {received} bytes");
        received += length;
    }
    eventually!(huge.counters().answers() == 1);
    Ok(())
}

#[test]
fn certificates_are_as_flawed_as_ordered() -> Result<()> {
    for (flaw, accepted, complaint) in [
        (Flaw::None, true, ""),
        (Flaw::SelfSigned, false, "UnknownIssuer"),
        (Flaw::Expired, false, "xpired"),
        (Flaw::WrongName, false, "not valid for name"),
    ] {
        let server = TlsServer::start(flaw)?;
        let handshake = shake_hands(&server);
        assert_eq!(handshake.is_ok(), accepted, "{flaw:?}");
        if let Err(error) = handshake {
            assert!(format!("{error:?}").contains(complaint), "{flaw:?}: {error:?}");
        }
        eventually!(server.counters().handshakes() == u64::from(accepted));
    }
    Ok(())
}

fn shake_hands(server: &TlsServer) -> Result<()> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(server.authority().as_bytes())?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut session = rustls::ClientConnection::new(Arc::new(config), ServerName::try_from("localhost")?)?;
    let mut stream = TcpStream::connect(server.address())?;
    while session.is_handshaking() {
        session.complete_io(&mut stream)?;
    }
    Ok(())
}

//! Secrets that change while the program runs, as those do that Kubernetes mounts: the link in the middle is swapped.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use katydid_testkit::{Accounts, DemoTarget, HttpCall, Mounted, Page, alone, eventually};

const VISITOR: &str = r#"user("Visitor", #{ wait: constant(0.05) }).task("look", || { http.get("/"); });"#;

fn status(page: &Page, token: &str) -> Result<u16> {
    let call = HttpCall::new("GET", &format!("{}/api/v1/run", page.url()));
    let answer = call.header("authorization", &format!("Bearer {token}")).send()?;
    Ok(answer.status)
}

/// Listens to the page's events as a program does; how many bytes have come, and whether more can.
fn listen(page: &Page, token: &str) -> Result<(Arc<AtomicUsize>, std::thread::JoinHandle<()>)> {
    let address = page.url().split_once("://").context("no URL")?.1.to_owned();
    let mut stream = TcpStream::connect(&address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    write!(
        stream,
        "GET /api/v1/events HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\r\n"
    )?;
    let heard = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&heard);
    let thread = std::thread::spawn(move || {
        let mut buffer = [0; 4_096];
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            counter.fetch_add(length, Ordering::Relaxed);
        }
    });
    Ok((heard, thread))
}

#[test]
fn accounts_are_read_again_in_mid_run_and_bad_ones_are_not_taken() -> Result<()> {
    let _alone = alone();
    let (before, after) = (Accounts::new()?, Accounts::new()?);
    let content = |accounts: &Accounts| std::fs::read_to_string(accounts.file()?).context("no file");
    let mut secrets = Mounted::new(&[("users.toml", &content(&before)?)])?;
    let login = secrets.file("users.toml");
    let target = DemoTarget::start()?;
    let arguments = ["--web-login", &login, "-u", "8", "-r", "80", "--autostart"];
    let page = Page::start(VISITOR, target.url(), &arguments)?;
    eventually!(target.stats().total > 0, "{}", page.process.stderr());
    assert_eq!(status(&page, &before.operator)?, 200);
    assert_eq!(status(&page, &after.operator)?, 401);
    let (heard, events) = listen(&page, &before.viewer)?;
    eventually!(heard.load(Ordering::Relaxed) > 1_000);

    secrets.swap(&[("users.toml", &content(&after)?)])?;
    eventually!(
        status(&page, &after.operator)? == 200,
        "{}",
        page.process.stderr()
    );
    assert_eq!(status(&page, &before.operator)?, 401, "who is out is out");
    assert!(
        page.process
            .stderr()
            .contains("users.toml has changed and counts from now on")
    );

    for (bad, why) in [("", "it holds nobody"), ("[[user]]\nname = 1", "invalid type")] {
        secrets.swap(&[("users.toml", bad)])?;
        eventually!(page.process.stderr().contains(why), "{}", page.process.stderr());
        assert_eq!(
            status(&page, &after.operator)?,
            200,
            "what it held before still counts"
        );
    }
    let so_far = heard.load(Ordering::Relaxed);
    eventually!(
        heard.load(Ordering::Relaxed) > so_far,
        "a stream that was open goes on"
    );
    assert!(!events.is_finished());
    let run = HttpCall::new("GET", &format!("{}/api/v1/run", page.url()))
        .header("authorization", &format!("Bearer {}", after.viewer))
        .send()?
        .json()?;
    assert_eq!(
        (&run["state"], &run["failures"]),
        (&"running".into(), &0.into()),
        "{run}"
    );
    drop(page);
    // It ends with the process.
    drop(events.join());
    Ok(())
}

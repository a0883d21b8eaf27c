//! What a connected user who waits costs: at most 20 KiB of resident memory.

use std::time::Duration;

use anyhow::Result;
use katydid_testkit::{DemoTarget, LoadRun, Signal, alone, eventually};

const WAITING: &str = r#"
user("Idler", #{ wait: constant(5) }).task("look", || { http.get("/"); });
"#;

const USERS: u64 = 2_000;

/// Bytes. An unoptimised build keeps more of everything.
fn budget() -> u64 {
    let optimised = std::env::var_os("KATYDID_BIN").is_some() || !cfg!(debug_assertions);
    if optimised { 20 * 1024 } else { 60 * 1024 }
}

/// Resident memory once all users are connected and have had their answer.
fn resident(users: u64) -> Result<u64> {
    let target = DemoTarget::start()?;
    let users_text = users.to_string();
    let mut load = LoadRun::new(WAITING, target.url())?
        .args(["-u", &users_text, "-r", "1000"])
        .start()?;
    eventually!(
        target.stats().responses(200) >= users,
        "{} connected",
        target.stats().connections_accepted
    );
    let resident = load.process.stat()?.resident_bytes;
    load.signal(Signal::SIGINT)?;
    let report = load.finish(Duration::from_secs(20))?.expect_code(0)?;
    assert_eq!(report.json.totals.requests, target.stats().total);
    Ok(resident)
}

#[test]
fn a_waiting_user_is_small() -> Result<()> {
    let _alone = alone();
    let idle = resident(1)?;
    let busy = resident(USERS)?;
    let per_user = busy.saturating_sub(idle) / USERS;
    assert!(
        per_user <= budget(),
        "{per_user} bytes per user: {idle} bytes with one, {busy} with {USERS}"
    );
    Ok(())
}

//! Resident memory per idle connected user: ten thousand users who mostly wait, against one.
//!
//! In: nginx, which says how many connections are really open. Out: the difference per user.

use std::time::Duration;

use anyhow::{Result, bail};

use super::lab::Lab;
use super::measure::median;
use super::nginx::Nginx;
use super::process::Running;
use super::results::Section;
use super::table::Table;
use super::verdict::Verdict;
use super::wire::free_port;
use crate::clock::wait_for;

/// The most a user may cost.
const BUDGET_KIB: f64 = 20.0;
/// After everybody is connected: more than one wait time, so that everybody has come back once.
const SETTLE: Duration = Duration::from_secs(7);
const SPAWN_RATE: u32 = 1_000;

/// Measures.
///
/// # Errors
/// When the users do not get connected in time.
pub(super) fn run(lab: &Lab, users: u32) -> Result<Section> {
    let idle = resident_kib(lab, 1)?;
    let full = resident_kib(lab, users)?;
    let per_user = (full - idle) / f64::from(users - 1);
    let mut table = Table::new(&["users", "resident MiB"]);
    for (users, kib) in [(1, idle), (users, full)] {
        table.row([users.to_string(), format!("{:.1}", kib / 1024.0)]);
    }
    Ok(Section {
        id: "memory",
        title: "Memory per idle connected user".to_owned(),
        method: format!(
            "Users with one keep-alive connection each and 5 s waits, started at {SPAWN_RATE} per second; resident memory of the whole process\n\
             (median of ten readings over 5 s), once nginx has counted all connections and everybody has come back, less that of a\n\
             process with one user."
        ),
        table,
        verdicts: vec![Verdict::judged(
            format!("at most {BUDGET_KIB:.0} KiB per idle connected user"),
            format!("{per_user:.1} KiB"),
            per_user <= BUDGET_KIB,
        )],
        commands: vec![format!(
            "katydid -f idle_users.rhai -H http://127.0.0.1:$PORT -u {users} -r {SPAWN_RATE} --threads 1 --headless --only-summary"
        )],
    })
}

fn resident_kib(lab: &Lab, users: u32) -> Result<f64> {
    let port = free_port()?;
    let mut nginx = Nginx::start(lab, lab.server_core(), port)?;
    let mut command = lab.katydid(&lab.generator_core().to_string(), "idle_users.rhai", port);
    command.args([
        "-u",
        &users.to_string(),
        "-r",
        &SPAWN_RATE.to_string(),
        "--threads",
        "1",
        "-t",
        "120s",
    ]);
    let mut katydid = Running::start("katydid", &mut command, &lab.log("memory"))?;
    let limit = Duration::from_secs(20 + u64::from(2 * users / SPAWN_RATE));
    let connected = wait_for(limit, Duration::from_millis(200), || {
        if !katydid.is_alive() {
            bail!("katydid ended early; it printed:\n{}", katydid.said());
        }
        Ok((nginx.counters()?.connections >= u64::from(users)).then_some(()))
    })?;
    if connected.is_none() {
        let open = nginx.counters()?.connections;
        bail!(
            "only {open} of {users} users were connected after {} s:\n{}",
            limit.as_secs(),
            katydid.said()
        );
    }
    std::thread::sleep(SETTLE);
    let mut readings = Vec::new();
    for _reading in 0..10 {
        readings.push(katydid.resident_bytes()? as f64 / 1024.0);
        std::thread::sleep(Duration::from_millis(500));
    }
    let open = nginx.counters()?.connections;
    if open < u64::from(users) {
        bail!(
            "{} users lost their connections while memory was read",
            u64::from(users) - open
        );
    }
    katydid.stop(Duration::from_secs(20));
    Ok(median(readings))
}

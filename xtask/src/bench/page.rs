//! What the page costs its master: ten people who look at a hundred requests.
//!
//! In: fake workers, which tell numbers of a hundred requests every second, on another core; viewers who do what the page
//! does. Out: the master's CPU time with and without viewers, and what a viewer receives.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::lab::Lab;
use super::process::Running;
use super::results::Section;
use super::table::Table;
use super::verdict::Verdict;
use super::viewers::{VIEWERS, Viewers};
use super::wire::free_port;
use crate::clock::{Stopwatch, wait_for};
use crate::step::Step;
use crate::workspace::Workspace;

const WORKERS: u32 = 10;
const NAMES: u32 = 100;
/// Requests of each name a worker tells in a second.
const REQUESTS: u32 = 10;
const SETTLE: Duration = Duration::from_secs(3);
const MEASURED: Duration = Duration::from_secs(20);
const BUDGET_CORES: f64 = 0.05;
const BUDGET_KIB: f64 = 5.0;

/// What was measured.
struct Found {
    alone: f64,
    watched: f64,
    /// KiB a viewer receives in a second.
    events: f64,
    fragments: f64,
}

/// Measures.
///
/// # Errors
/// When the run does not begin, or the page does not answer.
pub(super) fn run(lab: &Lab, workspace: &Workspace) -> Result<Section> {
    Step::cargo(
        "fake workers",
        &workspace.root,
        "build --profile quick --workspace --bin fake-workers",
    )
    .run()?;
    let found = measure(lab, &workspace.target.join("quick").join("fake-workers"))?;
    let cost = found.watched - found.alone;
    let received = found.events + found.fragments;
    let mut table = Table::new(&[
        "viewers",
        "requests shown",
        "master's cores, nobody looks",
        "ten look",
        "KiB/s per viewer: events",
        "the table",
    ]);
    table.row([
        VIEWERS.to_string(),
        NAMES.to_string(),
        format!("{:.3}", found.alone),
        format!("{:.3}", found.watched),
        format!("{:.1}", found.events),
        format!("{:.1}", found.fragments),
    ]);
    Ok(Section {
        id: "page",
        title: "What the page costs its master".to_owned(),
        method: format!(
            "{WORKERS} fake workers on another core tell {NAMES} requests of different names every second; {VIEWERS} viewers there too\n\
             listen to the page's events and fetch the table of statistics with each tick, as the page does. The master's user and\n\
             system time over {} s without and with them; bytes as received, headers included.",
            MEASURED.as_secs()
        ),
        table,
        verdicts: vec![
            Verdict::judged(
                format!("ten viewers cost at most {BUDGET_CORES} core"),
                format!("{cost:.3} core"),
                cost <= BUDGET_CORES,
            ),
            Verdict::judged(
                format!("at most {BUDGET_KIB:.0} KiB/s per viewer"),
                format!("{received:.1} KiB/s"),
                received <= BUDGET_KIB,
            ),
        ],
        commands: vec![
            format!(
                "katydid -f idle_users.rhai -u 1000 -r 1000 --autostart --master --expect-workers {WORKERS}"
            ),
            format!("fake-workers 5557 {WORKERS} {NAMES} {REQUESTS}"),
        ],
    })
}

fn measure(lab: &Lab, fake_workers: &Path) -> Result<Found> {
    let (port, page) = (free_port()?, free_port()?);
    let mut master = Running::start("katydid --master", &mut master(lab, port, page), &lab.log("page"))?;
    wait_for(Duration::from_secs(20), Duration::from_millis(50), || {
        Ok(master.output().contains("Starting web interface").then_some(()))
    })?;
    let mut command = Command::new("taskset");
    command
        .args(["-c", &lab.server_core().to_string()])
        .arg(fake_workers)
        .arg(port.to_string())
        .args([WORKERS, NAMES, REQUESTS].map(|number| number.to_string()));
    let mut workers = Running::start("fake-workers", &mut command, &lab.log("page-workers"))?;
    let begun = wait_for(Duration::from_secs(60), Duration::from_millis(200), || {
        if !master.is_alive() || !workers.is_alive() {
            bail!("it ended early:\n{}\n{}", master.said(), workers.said());
        }
        Ok(master.output().contains("All users spawned").then_some(()))
    })?;
    begun.with_context(|| format!("{WORKERS} workers did not come to run:\n{}", master.said()))?;
    thread::sleep(SETTLE);
    let alone = cores(&master)?;
    let viewers = Viewers::open(page, lab.server_core());
    thread::sleep(SETTLE);
    let before = viewers.received();
    let watch = Stopwatch::start();
    let watched = cores(&master)?;
    let seconds = watch.elapsed().as_secs_f64();
    let after = viewers.received();
    viewers.close()?;
    let rate = |before: u64, after: u64| (after - before) as f64 / 1024.0 / seconds / f64::from(VIEWERS);
    let limit = Duration::from_secs(60);
    master.wait(limit)?;
    workers.wait(limit)?;
    Ok(Found {
        alone,
        watched,
        events: rate(before.0, after.0),
        fragments: rate(before.1, after.1),
    })
}

/// Cores the process uses.
fn cores(process: &Running) -> Result<f64> {
    let (watch, before) = (Stopwatch::start(), process.cpu_time()?);
    thread::sleep(MEASURED);
    Ok((process.cpu_time()? - before).as_secs_f64() / watch.elapsed().as_secs_f64())
}

fn master(lab: &Lab, port: u16, page: u16) -> Command {
    let mut command = lab.katydid_with_page(&lab.generator_core().to_string(), "idle_users.rhai");
    let run_time = format!("{}s", (2 * (SETTLE + MEASURED)).as_secs() + 10);
    command.args([
        "-H",
        "http://127.0.0.1:9",
        "-u",
        "1000",
        "-r",
        "1000",
        "-t",
        &run_time,
    ]);
    command.args(["--autostart", "--autoquit", "0", "-P", &page.to_string()]);
    command.args(["--master", "--master-bind-port", &port.to_string()]);
    command.args([
        "--expect-workers",
        &WORKERS.to_string(),
        "--expect-workers-max-wait",
        "60s",
    ]);
    command
}

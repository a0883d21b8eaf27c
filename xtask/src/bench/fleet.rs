//! What a fleet costs its master: a thousand workers that tell a hundred requests each, every second.
//!
//! In: fake workers, which speak the protocol and apply no load, on another core. Out: the master's CPU time and memory,
//! and whether it reported what they told it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::lab::Lab;
use super::measure::median;
use super::process::Running;
use super::results::Section;
use super::table::Table;
use super::verdict::Verdict;
use super::wire::free_port;
use crate::clock::{Stopwatch, wait_for};
use crate::step::Step;
use crate::workspace::Workspace;

const WORKERS: u32 = 1_000;
const NAMES: u32 = 100;
/// Requests of each name in a second.
const REQUESTS: u32 = 10;
/// For everybody to have joined and begun.
const SETTLE: Duration = Duration::from_secs(5);
const MEASURED: Duration = Duration::from_secs(20);
const BUDGET_CORES: f64 = 1.0;
const BUDGET_MIB: f64 = 1024.0;
const BUDGET_STOP: Duration = Duration::from_secs(2);

/// What was measured.
struct Found {
    cores: f64,
    median_mib: f64,
    highest_mib: f64,
    /// From the request to stop to the master's end, when reports are written.
    stopped_after: Duration,
    told: u64,
    reported: u64,
}

/// Measures.
///
/// # Errors
/// When the workers do not join, or the run does not come to its end.
pub(super) fn run(lab: &Lab, workspace: &Workspace) -> Result<Section> {
    Step::cargo(
        "fake workers",
        &workspace.root,
        "build --profile quick --workspace --bin fake-workers",
    )
    .run()?;
    let found = measure(lab, &workspace.target.join("quick").join("fake-workers"))?;
    let mut table = Table::new(&[
        "workers",
        "requests told/s",
        "master's cores",
        "MiB, median",
        "MiB, highest",
        "stop to reports, s",
    ]);
    table.row([
        WORKERS.to_string(),
        (WORKERS * NAMES * REQUESTS).to_string(),
        format!("{:.2}", found.cores),
        format!("{:.0}", found.median_mib),
        format!("{:.0}", found.highest_mib),
        format!("{:.2}", found.stopped_after.as_secs_f64()),
    ]);
    Ok(Section {
        id: "fleet",
        title: "What a fleet costs its master".to_owned(),
        method: format!(
            "{WORKERS} fake workers on another core, each telling {NAMES} requests of different names ({REQUESTS} of each) every second; the\n\
             master keeps a journal. Its user and system time over {} s, and its resident memory, read twice a second; then it is told to\n\
             stop, and the time is taken until it has written its reports and ended.",
            MEASURED.as_secs()
        ),
        table,
        verdicts: verdicts(&found),
        commands: vec![
            format!(
                "katydid -f idle_users.rhai -u 10000 -r 10000 --headless --master --expect-workers {WORKERS} --journal journal.db"
            ),
            format!("fake-workers 5557 {WORKERS} {NAMES} {REQUESTS}"),
        ],
    })
}

fn verdicts(found: &Found) -> Vec<Verdict> {
    vec![
        Verdict::judged(
            format!("at most {BUDGET_CORES:.0} core"),
            format!("{:.2} cores", found.cores),
            found.cores <= BUDGET_CORES,
        ),
        Verdict::judged(
            "at most 1 GiB",
            format!("{:.0} MiB", found.highest_mib),
            found.highest_mib <= BUDGET_MIB,
        ),
        Verdict::judged(
            format!("from the stop to all reports at most {} s", BUDGET_STOP.as_secs()),
            format!("{:.2} s", found.stopped_after.as_secs_f64()),
            found.stopped_after <= BUDGET_STOP,
        ),
        Verdict::judged(
            "reported equals told",
            format!("{} of {}", found.reported, found.told),
            found.reported == found.told,
        ),
    ]
}

fn measure(lab: &Lab, fake_workers: &Path) -> Result<Found> {
    let port = free_port()?;
    let mut master = Running::start("katydid --master", &mut master(lab, port), &lab.log("fleet"))?;
    wait_for(Duration::from_secs(20), Duration::from_millis(50), || {
        Ok(master.output().contains("Waiting for workers").then_some(()))
    })?;
    let mut command = Command::new("taskset");
    command
        .args(["-c", &lab.server_core().to_string()])
        .arg(fake_workers)
        .args([
            port.to_string(),
            WORKERS.to_string(),
            NAMES.to_string(),
            REQUESTS.to_string(),
        ]);
    let mut workers = Running::start("fake-workers", &mut command, &lab.log("fake-workers"))?;

    let begun = wait_for(Duration::from_secs(70), Duration::from_millis(200), || {
        if !master.is_alive() || !workers.is_alive() {
            bail!("it ended early:\n{}\n{}", master.said(), workers.said());
        }
        Ok(master.output().contains("All users spawned").then_some(()))
    })?;
    if begun.is_none() {
        bail!("{WORKERS} workers did not come to run:\n{}", master.said());
    }
    std::thread::sleep(SETTLE);
    let (watch, before) = (Stopwatch::start(), master.cpu_time()?);
    let mut readings = Vec::new();
    while watch.elapsed() < MEASURED {
        std::thread::sleep(Duration::from_millis(500));
        readings.push(master.resident_bytes()? as f64 / 1024.0 / 1024.0);
    }
    let cores = (master.cpu_time()? - before).as_secs_f64() / watch.elapsed().as_secs_f64();
    let limit = Duration::from_secs(60);
    master.ask_to_end();
    let asked = Stopwatch::start();
    let ended = master.wait(limit)?;
    let stopped_after = asked.elapsed();
    if ended.code() != Some(0) || workers.wait(limit)?.code() != Some(0) {
        bail!("it did not end well:\n{}\n{}", master.said(), workers.said());
    }
    Ok(Found {
        cores,
        highest_mib: readings.iter().copied().fold(0.0, f64::max),
        median_mib: median(readings),
        stopped_after,
        told: acknowledged(&workers.output())?,
        reported: reported(&lab.scratch.join("fleet.json"))?,
    })
}

fn master(lab: &Lab, port: u16) -> Command {
    let mut command = lab.katydid(&lab.generator_core().to_string(), "idle_users.rhai", port);
    let journal = lab.scratch.join("fleet-journal.db");
    for file in ["", "-wal", "-shm"] {
        // One that is not there is as good as one removed.
        let _absent = std::fs::remove_file(format!("{}{file}", journal.display()));
    }
    command.args(["-u", "10000", "-r", "10000", "--json-file", "fleet"]);
    command.args(["--master", "--master-bind-port", &port.to_string(), "--journal"]);
    command.arg(&journal);
    command.args([
        "--expect-workers",
        &WORKERS.to_string(),
        "--expect-workers-max-wait",
        "60s",
    ]);
    command
}

fn acknowledged(output: &str) -> Result<u64> {
    let last = output.lines().last().context("the fake workers said nothing")?;
    last.trim()
        .parse()
        .with_context(|| format!("the fake workers said {last}"))
}

fn reported(path: &Path) -> Result<u64> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let result: serde_json::Value = serde_json::from_str(&text)?;
    result["totals"]["requests"]
        .as_u64()
        .context("a result without totals")
}

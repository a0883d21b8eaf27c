//! How evenly a fleet starts users: ten thousand at a thousand per second by fourteen workers, timed by the server.
//!
//! In: each user's first request as the demo target saw it arrive. Out: how far from the plan the ramp was as a whole.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use super::lab::Lab;
use super::process::Running;
use super::ramp::lateness;
use super::results::Section;
use super::table::Table;
use super::target::Target;
use super::verdict::Verdict;
use super::wire::free_port;
use crate::clock::wait_for;

const WORKERS: usize = 14;
const RATE: u32 = 1_000;

/// Measures.
///
/// # Errors
/// When users are missing at the target long after the ramp's end.
pub(super) fn run(lab: &Lab, users: u32) -> Result<Section> {
    let arrivals = arrivals(lab, users)?;
    let late = lateness(&arrivals, RATE);
    let off = (late.whole - late.planned).abs() / late.planned * 100.0;
    let mut table = Table::new(&[
        "workers",
        "users started",
        "first to last, s",
        "late: median, ms",
        "p99, ms",
    ]);
    table.row([
        WORKERS.to_string(),
        arrivals.len().to_string(),
        format!("{:.3}", late.whole / 1e3),
        format!("{:.2}", late.median),
        format!("{:.2}", late.p99),
    ]);
    Ok(Section {
        id: "fleet-ramp",
        title: "Starting users at a rate, by a fleet".to_owned(),
        method: format!(
            "{users} users at {RATE} per second by {WORKERS} workers of one load thread each, all on one core; the demo target on another notes\n\
             when each arrives. Lateness is against a plan that starts with the user who was earliest."
        ),
        table,
        verdicts: vec![
            Verdict::judged(
                "every user is started, once",
                format!("{} of {users}", arrivals.len()),
                arrivals.len() == users as usize,
            ),
            Verdict::judged(
                "the last user is started within 1 % of the planned time",
                format!("{off:.2} % off"),
                off <= 1.0,
            ),
        ],
        commands: vec![
            "katydid target --port $PORT".to_owned(),
            format!(
                "katydid -f ramp.rhai -H http://127.0.0.1:$PORT -u {users} -r {RATE} --headless --master --expect-workers {WORKERS}"
            ),
            format!("katydid --worker --threads 1  # {WORKERS} times"),
        ],
    })
}

fn arrivals(lab: &Lab, users: u32) -> Result<Vec<u64>> {
    let target = Target::start(lab, lab.server_core())?;
    let port = free_port()?.to_string();
    let planned = Duration::from_secs_f64(f64::from(users) / f64::from(RATE));
    let core = lab.generator_core().to_string();
    let mut command = lab.katydid(&core, "ramp.rhai", target.port);
    let time = format!("{}s", planned.as_secs() + 60);
    command.args([
        "-u",
        &users.to_string(),
        "-r",
        &RATE.to_string(),
        "-t",
        &time,
        "-s",
        "1s",
    ]);
    command.args([
        "--master",
        "--master-bind-port",
        &port,
        "--expect-workers",
        &WORKERS.to_string(),
    ]);
    let mut master = Running::start("katydid --master", &mut command, &lab.log("fleet-ramp"))?;
    let mut workers = Vec::new();
    for number in 1..=WORKERS {
        let mut command = Command::new("taskset");
        command.args(["-c", &core]).arg(&lab.katydid);
        command.args([
            "--worker",
            "--threads",
            "1",
            "--master-port",
            &port,
            "--worker-name",
        ]);
        command.arg(format!("w{number}")).current_dir(&lab.scratch);
        workers.push(Running::start(
            "katydid --worker",
            &mut command,
            &lab.log(&format!("fleet-ramp-{number}")),
        )?);
    }
    let begun = wait_for(Duration::from_secs(60), Duration::from_millis(100), || {
        Ok(master.output().contains("Ramping to").then_some(()))
    })?;
    if begun.is_none() {
        bail!("{WORKERS} workers did not come to run:\n{}", master.said());
    }
    // The target shares its core with nobody while the ramp runs, questions included.
    std::thread::sleep(planned + Duration::from_secs(2));
    let mut seen = Vec::new();
    wait_for(Duration::from_secs(20), Duration::from_secs(1), || {
        seen = target.arrivals_us()?;
        Ok((seen.len() >= users as usize).then_some(()))
    })?;
    master.stop(Duration::from_secs(30));
    for mut worker in workers {
        worker.stop(Duration::from_secs(10));
    }
    Ok(seen)
}

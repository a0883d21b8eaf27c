//! Two load threads against one: throughput where there are cores for it, CPU time per request anywhere.
//!
//! In: four cores for a fair answer (two for threads, two for servers). Out: both counts side by side, in rounds.

use std::time::Duration;

use anyhow::Result;

use super::lab::Lab;
use super::measure::{AROUND, Turn, figures, median, turn};
use super::nginx::Nginx;
use super::results::Section;
use super::table::Table;
use super::tool::CONNECTIONS;
use super::verdict::Verdict;
use super::wire::free_port;
use crate::terminal;

/// Measures.
///
/// # Errors
/// When Katydid or nginx fails.
pub(super) fn run(lab: &Lab, seconds: u64, rounds: u32) -> Result<Section> {
    let mut turns: [Vec<Turn>; 2] = [Vec::new(), Vec::new()];
    for round in 1..=rounds {
        for (threads, turns) in [1, 2].into_iter().zip(&mut turns) {
            let turn = one_turn(lab, threads, seconds)?;
            let (us, rate) = (turn.cpu_us, turn.per_sec);
            terminal::say(&format!(
                "round {round}: {threads} load thread(s): {us:.2} µs per request, {rate:.0}/s"
            ));
            turns.push(turn);
        }
    }
    let [one, two] = &turns;
    let ratio =
        |value: fn(&Turn) -> f64| median(one.iter().zip(two).map(|(one, two)| value(two) / value(one)));
    let mut table = Table::new(&[
        "load threads",
        "requests/s",
        "CPU µs per request",
        "generator's cores",
        "nginx's cores",
    ]);
    for (threads, turns) in [("1", one), ("2", two)] {
        let [rate, cost, generator, server] = figures(turns);
        table.row([threads.to_owned(), rate, cost, generator, server]);
    }
    let (speed, cost) = (ratio(|turn| turn.per_sec), ratio(|turn| turn.cpu_us));
    let budget = "two load threads give at least 1.8 × the throughput of one";
    let verdict = if enough_cores(lab) {
        Verdict::judged(
            budget,
            format!("{speed:.2} × the throughput, {cost:.2} × the CPU per request"),
            speed >= 1.8,
        )
    } else {
        Verdict::open(
            budget,
            format!(
                "needs four cores; here the second thread shares nginx's: {speed:.2} × the throughput, {cost:.2} × the CPU per request"
            ),
        )
    };
    Ok(Section {
        id: "threads",
        title: "Two load threads against one".to_owned(),
        method: format!(
            "The same one-line task, {CONNECTIONS} users, flat out for {seconds} s, median of {rounds} rounds. With four cores or more each load\n\
             thread and each of two nginx has a core of its own."
        ),
        table,
        verdicts: vec![verdict],
        commands: vec![format!(
            "katydid -f one_line.rhai -H http://127.0.0.1:$PORT -u {CONNECTIONS} -r 1000 --threads 2 --headless --only-summary -t {}s",
            seconds + AROUND
        )],
    })
}

fn enough_cores(lab: &Lab) -> bool {
    lab.machine.cores.len() >= 4
}

fn one_turn(lab: &Lab, threads: usize, seconds: u64) -> Result<Turn> {
    let cores = &lab.machine.cores;
    let port = free_port()?;
    let server_cores = if enough_cores(lab) {
        &cores[2..4]
    } else {
        &cores[1..2]
    };
    let mut servers = Vec::new();
    for &core in server_cores {
        servers.push(Nginx::start(lab, core, port)?);
    }
    let own: Vec<String> = cores[..threads].iter().map(ToString::to_string).collect();
    let mut command = lab.katydid(&own.join(","), "one_line.rhai", port);
    command.args([
        "-u",
        &CONNECTIONS.to_string(),
        "-r",
        "1000",
        "--threads",
        &threads.to_string(),
    ]);
    command.args(["-t", &format!("{}s", seconds + AROUND)]);
    let log = lab.log("threads");
    turn(
        "katydid",
        &mut command,
        &log,
        &mut servers,
        Duration::from_secs(seconds),
    )
}

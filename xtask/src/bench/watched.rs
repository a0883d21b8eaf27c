//! What the page costs the load: CPU time of the load thread per request, with people looking and without a page.
//!
//! In: nginx on another core. Out: both side by side, in rounds.

use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::lab::Lab;
use super::measure::{AROUND, median};
use super::nginx::Nginx;
use super::process::Running;
use super::results::Section;
use super::table::Table;
use super::tool::CONNECTIONS;
use super::verdict::Verdict;
use super::viewers::{VIEWERS, Viewers};
use super::wire::free_port;
use crate::clock::wait_for;
use crate::terminal;

/// What the names of load threads begin with.
const LOAD_THREADS: &str = "katydid-load";
/// Until the load is steady and all viewers look.
const SETTLE: Duration = Duration::from_secs(2);
/// The most the load thread may cost beyond what it costs without a page: what two runs of the same differ by.
const BUDGET: f64 = 1.03;

/// What one turn showed.
#[derive(Debug, Clone, Copy)]
struct Turn {
    /// The load thread's CPU time per request, in µs.
    load_us: f64,
    /// The whole process's.
    all_us: f64,
}

/// Measures.
///
/// # Errors
/// When Katydid or nginx fails, or the page does not answer.
pub(super) fn run(lab: &Lab, seconds: u64, rounds: u32) -> Result<Section> {
    let mut turns: [Vec<Turn>; 2] = [Vec::new(), Vec::new()];
    for round in 1..=rounds {
        for (is_watched, turns) in [false, true].into_iter().zip(&mut turns) {
            let turn = one_turn(lab, is_watched, seconds)?;
            let who = if is_watched { "ten look" } else { "no page" };
            terminal::say(&format!(
                "round {round}: {who}: {:.2} µs per request, {:.2} of them the load thread's",
                turn.all_us, turn.load_us
            ));
            turns.push(turn);
        }
    }
    let [alone, watched] = &turns;
    let ratio = |value: fn(&Turn) -> f64| {
        median(
            alone
                .iter()
                .zip(watched)
                .map(|(alone, watched)| value(watched) / value(alone)),
        )
    };
    let mut table = Table::new(&["", "load thread: CPU µs per request", "the whole process"]);
    for (who, turns) in [("without a page", alone), ("ten people look", watched)] {
        let of = |value: fn(&Turn) -> f64| median(turns.iter().map(value));
        table.row([
            who.to_owned(),
            format!("{:.2}", of(|turn| turn.load_us)),
            format!("{:.2}", of(|turn| turn.all_us)),
        ]);
    }
    let (load, all) = (ratio(|turn| turn.load_us), ratio(|turn| turn.all_us));
    Ok(Section {
        id: "watched",
        title: "What the page costs the load".to_owned(),
        method: format!(
            "The one-line task, {CONNECTIONS} users, flat out for {seconds} s against nginx on another core; without a page, and with one that\n             {VIEWERS} viewers look at. Median of {rounds} rounds."
        ),
        table,
        verdicts: vec![Verdict::judged(
            format!("a request costs the load thread at most {BUDGET} × as much while ten people look"),
            format!("{load:.3} ×, the whole process {all:.3} ×"),
            load <= BUDGET,
        )],
        commands: vec![
            format!(
                "katydid -f one_line.rhai -H http://127.0.0.1:$PORT -u {CONNECTIONS} -r 1000 --threads 1 --headless -t {}s",
                seconds + AROUND
            ),
            format!(
                "katydid -f one_line.rhai -H http://127.0.0.1:$PORT -u {CONNECTIONS} -r 1000 --threads 1 --autostart -t {}s",
                seconds + AROUND
            ),
        ],
    })
}

fn one_turn(lab: &Lab, is_watched: bool, seconds: u64) -> Result<Turn> {
    let (port, page) = (free_port()?, free_port()?);
    let mut server = Nginx::start(lab, lab.server_core(), port)?;
    let log = lab.log("watched");
    let mut katydid = Running::start(
        "katydid",
        &mut command(lab, port, is_watched.then_some(page)),
        &log,
    )?;
    let begun = wait_for(Duration::from_secs(30), Duration::from_millis(50), || {
        if !katydid.is_alive() {
            bail!("it ended early:\n{}", katydid.said());
        }
        Ok(katydid.output().contains("All users spawned").then_some(()))
    })?;
    begun.with_context(|| format!("the run did not begin:\n{}", katydid.said()))?;
    let viewers = is_watched.then(|| Viewers::open(page, lab.server_core()));
    thread::sleep(SETTLE);
    let read = |server: &mut Nginx| -> Result<(f64, Duration, Duration)> {
        let requests = server.counters()?.requests as f64;
        Ok((requests, katydid.cpu_time_of(LOAD_THREADS)?, katydid.cpu_time()?))
    };
    let (requests, load, all) = read(&mut server)?;
    thread::sleep(Duration::from_secs(seconds));
    let after = read(&mut server)?;
    viewers.map_or(Ok(()), Viewers::close)?;
    let served = after.0 - requests;
    let us = |time: Duration| time.as_secs_f64() * 1e6 / served;
    let turn = Turn {
        load_us: us(after.1.saturating_sub(load)),
        all_us: us(after.2.saturating_sub(all)),
    };
    katydid.stop(Duration::from_secs(20));
    Ok(turn)
}

fn command(lab: &Lab, port: u16, page: Option<u16>) -> Command {
    let core = lab.generator_core().to_string();
    let mut command = match page {
        None => lab.katydid(&core, "one_line.rhai", port),
        Some(page) => {
            let mut command = lab.katydid_with_page(&core, "one_line.rhai");
            command.args(["-H", &format!("http://127.0.0.1:{port}")]).args([
                "--autostart",
                "-P",
                &page.to_string(),
            ]);
            command
        }
    };
    command.args([
        "-u",
        &CONNECTIONS.to_string(),
        "-r",
        "1000",
        "--threads",
        "1",
        "-t",
        "15m",
    ]);
    command
}

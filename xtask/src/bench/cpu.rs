//! CPU time per request: Katydid's scripted users beside wrk and the other generators, in rounds.
//!
//! In: the installed generators and nginx on another core. Out: medians, ratios to wrk taken within each round, and
//! whether Katydid's report equals what nginx counted.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::lab::Lab;
use super::measure::{AROUND, Turn, cost_ratio, figures, turn};
use super::nginx::Nginx;
use super::results::Section;
use super::table::Table;
use super::tool::{CONNECTIONS, Kind, Tool, installed};
use super::verdict::Verdict;
use super::wire::free_port;
use crate::terminal;

/// All turns of one generator, one per round.
#[derive(Debug)]
struct Series {
    tool: Tool,
    turns: Vec<Turn>,
}

/// Measures.
///
/// # Errors
/// When Katydid or nginx fails; a peer that fails is left out with a warning.
pub(super) fn run(lab: &Lab, seconds: u64, rounds: u32) -> Result<Section> {
    let (tools, missing) = installed(lab);
    let mut all: Vec<Series> = tools
        .into_iter()
        .map(|tool| Series {
            tool,
            turns: Vec::new(),
        })
        .collect();
    let mut exact = true;
    for round in 1..=rounds {
        // A fresh server each round, so that no generator inherits another's connections.
        let mut left_out = Vec::new();
        for series in &mut all {
            let name = series.tool.kind.label();
            match one_turn(lab, &series.tool, seconds) {
                Ok((turn, reported)) => {
                    exact &= reported.is_none_or(|reported| reported == turn.served);
                    let us = turn.cpu_us;
                    terminal::say(&format!(
                        "round {round}: {name}: {us:.2} µs per request, {:.0}/s",
                        turn.per_sec
                    ));
                    series.turns.push(turn);
                }
                Err(error) if series.tool.kind == Kind::Katydid => return Err(error),
                Err(error) => {
                    terminal::warn(&format!("{name} is left out: {error:#}"));
                    left_out.push(series.tool.kind);
                }
            }
        }
        all.retain(|series| !left_out.contains(&series.tool.kind));
    }
    Ok(Section {
        id: "cpu",
        title: "CPU time per request".to_owned(),
        method: method(seconds, rounds, &missing),
        table: table(&all),
        verdicts: verdicts(&all, exact),
        commands: all
            .iter()
            .map(|series| series.tool.line("$PORT", seconds + AROUND).join(" "))
            .collect(),
    })
}

fn method(seconds: u64, rounds: u32, missing: &[&str]) -> String {
    let absent = if missing.is_empty() {
        String::new()
    } else {
        format!(" Not installed, so not compared: {}.", missing.join(", "))
    };
    format!(
        "Each generator alone on one core, {CONNECTIONS} connections or users, flat out, HTTP/1.1 keep-alive, against nginx on another core\n\
         answering 3 bytes. User and system time of the generator's process over {seconds} s, start-up and final report left out,\n\
         divided by the requests nginx counted meanwhile. Median of {rounds} rounds; the ratio is the median of each round's ratio.{absent}"
    )
}

/// Runs one generator; also what it reported itself, where that is compared.
fn one_turn(lab: &Lab, tool: &Tool, seconds: u64) -> Result<(Turn, Option<u64>)> {
    let port = free_port()?;
    let mut servers = [Nginx::start(lab, lab.server_core(), port)?];
    let json = lab.scratch.join("cpu.json");
    let mut command = tool.command(lab, port, seconds + AROUND, &json);
    let name = tool.kind.label();
    let log = lab.log(&format!("cpu-{}", name.split(',').next().unwrap_or(name)));
    let turn = turn(
        name,
        &mut command,
        &log,
        &mut servers,
        Duration::from_secs(seconds),
    )?;
    let reported = if tool.kind == Kind::Katydid {
        Some(reported_requests(&json)?)
    } else {
        None
    };
    Ok((turn, reported))
}

/// The number of requests in Katydid's own result.
pub(super) fn reported_requests(json: &Path) -> Result<u64> {
    let text =
        std::fs::read_to_string(json).with_context(|| format!("katydid wrote no {}", json.display()))?;
    let result: serde_json::Value = serde_json::from_str(&text).context("katydid's JSON result is broken")?;
    result
        .pointer("/totals/requests")
        .and_then(serde_json::Value::as_u64)
        .context("katydid's JSON result has no total")
}

fn table(all: &[Series]) -> Table {
    let headings = [
        "generator",
        "requests/s",
        "CPU µs per request",
        "× wrk",
        "generator's core",
        "nginx's core",
    ];
    let mut table = Table::new(&headings);
    for series in all {
        let [rate, cost, generator, server] = figures(&series.turns);
        let ratio =
            ratio(all, series.tool.kind, Kind::Wrk).map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        table.row([series.tool.label(), rate, cost, ratio, generator, server]);
    }
    table
}

/// How many times the CPU time of `other` a generator needs: the median over rounds.
fn ratio(all: &[Series], kind: Kind, other: Kind) -> Option<f64> {
    let find = |wanted: Kind| all.iter().find(|series| series.tool.kind == wanted);
    let (one, other) = (find(kind)?, find(other)?);
    Some(cost_ratio(&one.turns, &other.turns))
}

fn verdicts(all: &[Series], exact: bool) -> Vec<Verdict> {
    let budgets = [
        (Kind::Wrk, 1.25, "CPU per request at most 1.25 × wrk's"),
        (Kind::Oha, 1.0, "CPU per request at most oha's"),
        (
            Kind::Locust,
            0.1,
            "CPU per request at most a tenth of Locust's FastHttpUser",
        ),
    ];
    let mut verdicts: Vec<Verdict> = budgets
        .into_iter()
        .map(|(other, limit, budget)| match ratio(all, Kind::Katydid, other) {
            Some(ratio) => Verdict::judged(budget, format!("{ratio:.2} ×"), ratio <= limit),
            None => Verdict::open(budget, "not installed"),
        })
        .collect();
    let served: u64 = all
        .iter()
        .filter(|series| series.tool.kind == Kind::Katydid)
        .flat_map(|series| &series.turns)
        .map(|turn| turn.served)
        .sum();
    let word = if exact {
        "equal in every round"
    } else {
        "they differ"
    };
    verdicts.push(Verdict::judged(
        "requests reported equal requests nginx counted",
        format!("{word}, {served} requests in all"),
        exact,
    ));
    verdicts
}

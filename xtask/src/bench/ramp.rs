//! How evenly users are started: ten thousand at a thousand per second, timed by the server.
//!
//! In: each user's first request as the demo target saw it arrive. Out: how far the last one, and the worst one, were
//! from where the plan has them.

use std::time::Duration;

use anyhow::{Result, bail};

use super::lab::Lab;
use super::process::Running;
use super::results::Section;
use super::table::Table;
use super::target::Target;
use super::verdict::Verdict;
use crate::clock::wait_for;

const RATE: u32 = 1_000;
const LATE_LIMIT_MS: f64 = 20.0;

/// Arrivals against the plan, in ms.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lateness {
    /// From the first user to the last.
    pub(super) whole: f64,
    /// What the plan has for that.
    pub(super) planned: f64,
    /// The latest user, against the plan laid from the earliest.
    pub(super) worst: f64,
    /// The 99th percentile of all users.
    pub(super) p99: f64,
    pub(super) median: f64,
}

/// Measures.
///
/// # Errors
/// When users are missing at the target long after the ramp's end.
pub(super) fn run(lab: &Lab, users: u32) -> Result<Section> {
    let late = lateness(&arrivals(lab, users)?, RATE);
    let mut table = Table::new(&[
        "users started",
        "first to last, s",
        "late: median, ms",
        "p99, ms",
        "worst, ms",
    ]);
    table.row([
        users.to_string(),
        format!("{:.3}", late.whole / 1e3),
        format!("{:.2}", late.median),
        format!("{:.2}", late.p99),
        format!("{:.2}", late.worst),
    ]);
    let off = (late.whole - late.planned).abs() / late.planned * 100.0;
    Ok(Section {
        id: "ramp",
        title: "Starting users at a rate".to_owned(),
        method: format!(
            "{users} users at {RATE} per second, each opening a connection and sending one request at once. The demo target, on another core,\n\
             notes when each arrives; lateness is against a plan that starts with the user who was earliest."
        ),
        table,
        verdicts: vec![
            Verdict::judged(
                "the last user is started within 1 % of the planned time",
                format!("{off:.2} % off"),
                off <= 1.0,
            ),
            Verdict::judged(
                format!("no user is late by more than {LATE_LIMIT_MS:.0} ms"),
                format!("{:.2} ms", late.worst),
                late.worst <= LATE_LIMIT_MS,
            ),
        ],
        commands: vec![
            "katydid target --port $PORT".to_owned(),
            format!(
                "katydid -f ramp.rhai -H http://127.0.0.1:$PORT -u {users} -r {RATE} --threads 1 --headless --only-summary"
            ),
        ],
    })
}

fn arrivals(lab: &Lab, users: u32) -> Result<Vec<u64>> {
    let target = Target::start(lab, lab.server_core())?;
    let planned = Duration::from_secs_f64(f64::from(users) / f64::from(RATE));
    let mut command = lab.katydid(&lab.generator_core().to_string(), "ramp.rhai", target.port);
    let time = format!("{}s", planned.as_secs() + 30);
    command.args([
        "-u",
        &users.to_string(),
        "-r",
        &RATE.to_string(),
        "--threads",
        "1",
        "-t",
        &time,
        "-s",
        "1s",
    ]);
    let mut katydid = Running::start("katydid", &mut command, &lab.log("ramp"))?;
    // The target shares its core with nobody while the ramp runs, questions included.
    std::thread::sleep(planned + Duration::from_secs(2));
    let mut seen = Vec::new();
    let all = wait_for(Duration::from_secs(20), Duration::from_secs(1), || {
        seen = target.arrivals_us()?;
        Ok((seen.len() >= users as usize).then_some(()))
    })?;
    if all.is_none() {
        bail!(
            "only {} of {users} users reached the target:\n{}",
            seen.len(),
            katydid.said()
        );
    }
    katydid.stop(Duration::from_secs(20));
    Ok(seen)
}

/// `arrivals` are sorted and not empty; `rate` of them are planned per second.
pub(super) fn lateness(arrivals_us: &[u64], rate: u32) -> Lateness {
    let step_us = 1e6 / f64::from(rate);
    let offset = |(place, &time): (usize, &u64)| time as f64 - place as f64 * step_us;
    let mut offsets: Vec<f64> = arrivals_us.iter().enumerate().map(offset).collect();
    offsets.sort_by(f64::total_cmp);
    let earliest = offsets.first().copied().unwrap_or(0.0);
    let at = |share: f64| {
        let place = ((offsets.len() as f64 * share).ceil() as usize).clamp(1, offsets.len().max(1)) - 1;
        (offsets.get(place).copied().unwrap_or(0.0) - earliest) / 1e3
    };
    let ends = arrivals_us.first().zip(arrivals_us.last());
    Lateness {
        whole: ends.map_or(0.0, |(first, last)| (last - first) as f64 / 1e3),
        planned: arrivals_us.len().saturating_sub(1) as f64 * step_us / 1e3,
        worst: at(1.0),
        p99: at(0.99),
        median: at(0.5),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_ramp_is_not_late() {
        let even: Vec<u64> = (0..1_000).map(|user| 5_000_000 + user * 1_000).collect();
        let late = lateness(&even, RATE);
        assert_eq!(
            (late.whole, late.planned, late.worst, late.median),
            (999.0, 999.0, 0.0, 0.0)
        );
    }

    #[test]
    fn one_late_user_is_the_worst_and_an_early_first_one_shifts_nothing_away() {
        let mut times: Vec<u64> = (0..1_000).map(|user| user * 1_000).collect();
        times[999] += 30_000;
        let late = lateness(&times, RATE);
        assert_eq!((late.worst, late.p99), (30.0, 0.0));
        let mut all_late_but_one: Vec<u64> = (0..1_000).map(|user| 25_000 + user * 1_000).collect();
        all_late_but_one[0] = 0;
        assert_eq!(lateness(&all_late_but_one, RATE).worst, 25.0);
    }
}

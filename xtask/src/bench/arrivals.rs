//! How exactly arrivals are started: five thousand a second by one load thread, timed by the server.
//!
//! In: each request as the demo target saw it come. Out: how far the rate, and each arrival, were from the plan.

use std::time::Duration;

use anyhow::{Result, bail};

use super::lab::Lab;
use super::process::Running;
use super::ramp::lateness;
use super::results::Section;
use super::table::Table;
use super::target::Target;
use super::verdict::Verdict;
use crate::clock::wait_for;

const RATE: u32 = 5_000;
const SECONDS: u32 = 10;
const START_ERROR_LIMIT_MS: f64 = 2.0;

/// Measures.
///
/// # Errors
/// When arrivals are missing at the target long after the plan's end.
pub(super) fn run(lab: &Lab) -> Result<Section> {
    let seen = arrivals(lab)?;
    let late = lateness(&seen, RATE);
    let planned = (RATE * SECONDS) as usize;
    let rate = seen.len().saturating_sub(1) as f64 / (late.whole / 1e3);
    let off = (rate / f64::from(RATE) - 1.0).abs() * 100.0;
    let mut table = Table::new(&[
        "arrivals",
        "per second",
        "start error: median, ms",
        "p99, ms",
        "worst, ms",
    ]);
    table.row([
        seen.len().to_string(),
        format!("{rate:.1}"),
        format!("{:.2}", late.median),
        format!("{:.2}", late.p99),
        format!("{:.2}", late.worst),
    ]);
    Ok(Section {
        id: "arrivals",
        title: "Arrivals at a rate".to_owned(),
        method: format!(
            "{RATE} arrivals per second for {SECONDS} s by one load thread, one request each. The demo target, on another core, notes when\n\
             each request comes; the start error is against a plan that starts with the arrival that was earliest, so that it\n\
             holds the way to the target and the target's own delays too."
        ),
        table,
        verdicts: vec![
            Verdict::judged(
                "every arrival that was planned has come, and no other",
                format!("{} of {planned}", seen.len()),
                seen.len() == planned,
            ),
            Verdict::judged(
                "the rate is within 0.1 % of the planned one",
                format!("{off:.3} % off"),
                off <= 0.1,
            ),
            Verdict::judged(
                format!("99 % of arrivals start within {START_ERROR_LIMIT_MS:.0} ms of their moment"),
                format!("{:.2} ms", late.p99),
                late.p99 <= START_ERROR_LIMIT_MS,
            ),
        ],
        commands: vec![
            "katydid target --port $PORT".to_owned(),
            "katydid -f arrivals.rhai -H http://127.0.0.1:$PORT --threads 1 --headless --only-summary"
                .to_owned(),
        ],
    })
}

fn arrivals(lab: &Lab) -> Result<Vec<u64>> {
    let target = Target::start(lab, lab.server_core())?;
    let mut command = lab.katydid(&lab.generator_core().to_string(), "arrivals.rhai", target.port);
    let (rate, time) = (format!("rate={RATE}"), format!("time={SECONDS}"));
    command.args(["--threads", "1", "--set", &rate, "--set", &time]);
    let mut katydid = Running::start("katydid", &mut command, &lab.log("arrivals"))?;
    // The target shares its core with nobody while they come, questions included.
    std::thread::sleep(Duration::from_secs(u64::from(SECONDS) + 1));
    let ended = wait_for(Duration::from_secs(20), Duration::from_millis(200), || {
        Ok((!katydid.is_alive()).then_some(()))
    })?;
    if ended.is_none() {
        bail!("the run did not end with its plan:\n{}", katydid.said());
    }
    target.arrivals_us()
}

//! Memory over ten minutes of full load: nothing may grow with the number of requests.

use std::time::Duration;

use anyhow::{Result, bail};

use super::lab::Lab;
use super::measure::median;
use super::nginx::Nginx;
use super::process::Running;
use super::results::Section;
use super::table::Table;
use super::tool::CONNECTIONS;
use super::verdict::Verdict;
use super::wire::free_port;
use crate::clock::Stopwatch;

const WHOLE: Duration = Duration::from_secs(600);
const GROWTH_LIMIT: f64 = 0.05;

/// Measures; takes ten minutes.
///
/// # Errors
/// When Katydid ends before its time.
pub(super) fn run(lab: &Lab) -> Result<Section> {
    let port = free_port()?;
    let mut nginx = Nginx::start(lab, lab.server_core(), port)?;
    let mut command = lab.katydid(&lab.generator_core().to_string(), "one_line.rhai", port);
    let time = format!("{}s", WHOLE.as_secs() + 15);
    command.args([
        "-u",
        &CONNECTIONS.to_string(),
        "-r",
        "1000",
        "--threads",
        "1",
        "-t",
        &time,
    ]);
    let mut katydid = Running::start("katydid", &mut command, &lab.log("flat"))?;
    let watch = Stopwatch::start();
    let mut readings: Vec<(f64, f64)> = Vec::new();
    while watch.elapsed() < WHOLE {
        std::thread::sleep(Duration::from_secs(2));
        if !katydid.is_alive() {
            bail!("katydid ended early; it printed:\n{}", katydid.said());
        }
        readings.push((
            watch.elapsed().as_secs_f64(),
            katydid.resident_bytes()? as f64 / 1024.0 / 1024.0,
        ));
    }
    let requests = nginx.counters()?.requests;
    katydid.stop(Duration::from_secs(20));
    let around = |from: f64, to: f64| {
        median(
            readings
                .iter()
                .filter(|(at, _)| (from..=to).contains(at))
                .map(|&(_, mib)| mib),
        )
    };
    let mut table = Table::new(&["minute", "resident MiB"]);
    for minute in [1, 2, 5, 10] {
        let end = f64::from(minute) * 60.0;
        table.row([
            minute.to_string(),
            format!("{:.2}", around(end - 10.0, end + 2.0)),
        ]);
    }
    let (early, late) = (around(50.0, 62.0), around(590.0, 602.0));
    let growth = late / early - 1.0;
    Ok(Section {
        id: "flat",
        title: "Memory over ten minutes of full load".to_owned(),
        method: format!(
            "{CONNECTIONS} users flat out, one load thread, {requests} requests in all; resident memory of the process, median of the ten\n\
             seconds before each minute's end."
        ),
        table,
        verdicts: vec![Verdict::judged(
            "the tenth minute is within 5 % of the first",
            format!("{:+.1} %", growth * 100.0),
            growth.abs() <= GROWTH_LIMIT,
        )],
        commands: vec![format!(
            "katydid -f one_line.rhai -H http://127.0.0.1:$PORT -u {CONNECTIONS} -r 1000 --threads 1 --headless --only-summary -t {time}"
        )],
    })
}

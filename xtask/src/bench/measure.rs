//! One generator's turn: CPU time per request over a window in which it does nothing but send.
//!
//! In: a command and the server. Out: rates and costs, with requests counted by the server, not by the generator.
//! Start-up (an interpreter's, a compiler's) and the final report lie outside the window, for every generator alike.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::nginx::Nginx;
use super::process::Running;
use crate::clock::{Stopwatch, wait_for};

/// Seconds between the first requests and the window.
const WARM_UP: Duration = Duration::from_secs(1);
/// Seconds a generator runs beyond its window, so that the window's end is well before its own.
pub(super) const AROUND: u64 = 3;
/// The longest a generator may take until it sends: interpreters start slowly.
const START_LIMIT: Duration = Duration::from_secs(30);

/// What a window showed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    /// Requests served per second.
    pub(super) per_sec: f64,
    /// The generator's CPU time per request, in µs.
    pub(super) cpu_us: f64,
    /// The generator's share of a core, 1.0 being all of it.
    pub(super) generator_share: f64,
    /// The server's share of its core (of its cores, when it has several).
    pub(super) server_share: f64,
    /// Requests the servers counted from the generator's start to its end.
    pub(super) served: u64,
}

#[derive(Debug, Clone, Copy)]
struct Reading {
    requests: u64,
    generator: Duration,
    servers: Duration,
    at: Duration,
}

/// Runs `command` against `servers` and measures `window` of it.
///
/// # Errors
/// When the generator fails, sends nothing, or does not end by itself in time.
pub(super) fn turn(
    name: &str,
    command: &mut Command,
    log: &std::path::Path,
    servers: &mut [Nginx],
    window: Duration,
) -> Result<Turn> {
    let before = requests(servers)?;
    let watch = Stopwatch::start();
    let mut generator = Running::start(name, command, log)?;
    let sending = wait_for(START_LIMIT, Duration::from_millis(20), || {
        if !generator.is_alive() {
            bail!(
                "{name} ended before it sent anything; it printed:\n{}",
                generator.said()
            );
        }
        Ok((requests(servers)? > before + 100).then_some(()))
    })?;
    if sending.is_none() {
        bail!(
            "{name} sent nothing within {} s; it printed:\n{}",
            START_LIMIT.as_secs(),
            generator.said()
        );
    }
    std::thread::sleep(WARM_UP);
    let first = reading(&generator, servers, watch)?;
    std::thread::sleep(window);
    let last = reading(&generator, servers, watch)?;
    let status = generator.wait(window + Duration::from_secs(AROUND + 30))?;
    if !status.success() {
        bail!("{name} failed ({status}); it printed:\n{}", generator.said());
    }
    let served = requests(servers)? - before;
    between(&first, &last, served, servers.len())
        .with_context(|| format!("{name} sent nothing while it was measured"))
}

fn requests(servers: &mut [Nginx]) -> Result<u64> {
    servers
        .iter_mut()
        .map(|server| Ok(server.counters()?.requests))
        .sum()
}

fn reading(generator: &Running, servers: &mut [Nginx], watch: Stopwatch) -> Result<Reading> {
    let mut busy = Duration::ZERO;
    for server in servers.iter() {
        busy += server.cpu_time()?;
    }
    Ok(Reading {
        requests: requests(servers)?,
        generator: generator.cpu_time()?,
        servers: busy,
        at: watch.elapsed(),
    })
}

fn between(first: &Reading, last: &Reading, served: u64, cores: usize) -> Option<Turn> {
    let requests = last
        .requests
        .checked_sub(first.requests)
        .filter(|&requests| requests > 0)? as f64;
    let seconds = (last.at.saturating_sub(first.at)).as_secs_f64();
    let generator = last.generator.saturating_sub(first.generator).as_secs_f64();
    let servers = last.servers.saturating_sub(first.servers).as_secs_f64();
    Some(Turn {
        per_sec: requests / seconds,
        cpu_us: generator * 1e6 / requests,
        generator_share: generator / seconds,
        server_share: servers / seconds / cores as f64,
        served,
    })
}

/// The middle of some numbers; of an even count, the mean of the two in the middle; of none, NaN.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// What a table says of some turns, each figure a median: requests per second, CPU time per request in µs, the
/// generator's share of its core and the server's of its own.
pub(super) fn figures(turns: &[Turn]) -> [String; 4] {
    let of = |value: fn(&Turn) -> f64| median(turns.iter().map(value));
    [
        format!("{:.0}", of(|turn| turn.per_sec)),
        format!("{:.2}", of(|turn| turn.cpu_us)),
        format!("{:.0} %", of(|turn| turn.generator_share) * 100.0),
        format!("{:.0} %", of(|turn| turn.server_share) * 100.0),
    ]
}

/// How many times the CPU time per request of `other`, round by round; the median.
pub(super) fn cost_ratio(turns: &[Turn], other: &[Turn]) -> f64 {
    let rounds = turns.iter().zip(other);
    median(rounds.map(|(one, other)| one.cpu_us / other.cpu_us))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(requests: u64, generator_ms: u64, servers_ms: u64, at_ms: u64) -> Reading {
        let ms = Duration::from_millis;
        Reading {
            requests,
            generator: ms(generator_ms),
            servers: ms(servers_ms),
            at: ms(at_ms),
        }
    }

    #[test]
    fn only_what_lies_in_the_window_counts() {
        let first = reading(1_000, 5_000, 300, 6_000);
        let last = reading(101_000, 6_200, 2_300, 8_000);
        let turn = between(&first, &last, 120_000, 2).expect("requests were served");
        assert!((turn.cpu_us - 12.0).abs() < 1e-9);
        assert!((turn.per_sec - 50_000.0).abs() < 1e-6);
        assert!((turn.generator_share - 0.6).abs() < 1e-9);
        assert!((turn.server_share - 0.5).abs() < 1e-9);
        assert_eq!(turn.served, 120_000);
        assert!(between(&first, &first, 0, 1).is_none());
    }

    #[test]
    fn medians_are_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median([]).is_nan());
    }
}

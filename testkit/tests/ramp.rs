//! Users start when the plan says, measured by the server: user k of a ramp arrives k / rate after the first.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use katydid_testkit::{DemoTarget, Lateness, LoadRun, Metronome, alone};

/// Every user says once that it is there.
const ARRIVE: &str = r#"
user("Walker", #{ wait: constant(60) })
    .on_start(|| { http.get(`/spawn/${me.id}`, #{ name: "/spawn/:n" }); })
    .task("rest", || { sleep(60); });
"#;

const RATE: u32 = 1_000;

/// How late the machine's own timers may be for a user's lateness to prove anything.
const TOLERATED: Duration = Duration::from_millis(10);

/// See `accuracy.rs` for why there are attempts: a busy machine is no fault of the ramp.
fn ramp(users: u32, most_attempts: usize) -> Result<()> {
    let _alone = alone();
    let mut attempts = Vec::new();
    for _ in 0..most_attempts {
        let metronome = Metronome::start();
        let on_time = arrivals(users).and_then(|arrivals| is_on_time(&arrivals));
        attempts.push((on_time, metronome.stop().worst));
        if attempts.iter().any(|(on_time, _)| on_time.is_ok()) {
            break;
        }
    }
    Lateness::judge(&attempts, TOLERATED)
}

/// When each user arrived, in µs of the target's clock, in order.
fn arrivals(users: u32) -> Result<Vec<u64>> {
    let target = DemoTarget::start()?;
    let seconds = users / RATE + 1;
    let run = LoadRun::new(ARRIVE, target.url())?
        .args(["-s", "0"])
        .load(users, RATE, &format!("{seconds}s"));
    let report = run.run(Duration::from_secs(60))?.expect_code(0)?;
    ensure!(
        report.json.count("/spawn/:n") == u64::from(users),
        "{} arrived",
        report.json.count("/spawn/:n")
    );
    let spawns = target.spawns();
    let mut numbers: Vec<u64> = spawns.iter().map(|(n, _)| *n).collect();
    numbers.sort_unstable();
    numbers.dedup();
    ensure!(
        numbers.len() == users as usize,
        "users share ids: {} of {users} are distinct",
        numbers.len()
    );
    let mut times: Vec<u64> = spawns.iter().map(|(_, at_us)| *at_us).collect();
    times.sort_unstable();
    Ok(times)
}

fn is_on_time(arrivals: &[u64]) -> Result<()> {
    let interval_us = 1_000_000.0 / f64::from(RATE);
    let late: Vec<f64> = arrivals
        .iter()
        .enumerate()
        .map(|(k, at_us)| *at_us as f64 - k as f64 * interval_us)
        .collect();
    // The ramp's own start is not known here; the median user is on time.
    let mut sorted = late.clone();
    sorted.sort_by(f64::total_cmp);
    let start = sorted[sorted.len() / 2];
    let worst = late.iter().map(|at| (at - start).abs()).fold(0.0, f64::max);
    ensure!(worst <= 20_000.0, "a user is {worst:.0} µs off its time");
    let (first, last) = (
        arrivals.first().context("nobody")?,
        arrivals.last().context("nobody")?,
    );
    let planned = (arrivals.len() - 1) as f64 * interval_us;
    let took = (last - first) as f64;
    ensure!(
        (took - planned).abs() <= planned * 0.01,
        "{took:.0} µs instead of {planned:.0}"
    );
    Ok(())
}

#[test]
fn two_thousand_users_arrive_on_time() -> Result<()> {
    ramp(2_000, 3)
}

#[test]
fn ten_thousand_users_arrive_on_time() -> Result<()> {
    // Which take ten seconds each.
    ramp(10_000, 2)
}

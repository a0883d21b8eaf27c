//! Reported percentiles against delays that are known: within 1 % or 0.3 ms of the truth, whichever is more.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use katydid_testkit::{DemoTarget, JsonResult, JsonTimes, Lateness, LoadRun, Metronome, alone};

/// Delay in ms and how many requests of 200 have it. No reported percentile lies where two delays meet.
const MIX: [(u32, u32); 5] = [(1, 116), (5, 40), (20, 30), (100, 11), (500, 3)];

/// What the percentiles of the whole mix must be: the share in percent up to which a delay reaches.
const TRUTH: [(f64, f64); 10] = [
    (50.0, 1.0),
    (66.0, 5.0),
    (75.0, 5.0),
    (80.0, 20.0),
    (90.0, 20.0),
    (95.0, 100.0),
    (98.0, 100.0),
    (99.0, 500.0),
    (99.9, 500.0),
    (99.99, 500.0),
];

/// Other programs on the machine delay whom they like, which is no fault of the numbers; one clean attempt shows that
/// the numbers are right, and numbers that are wrong are so every time.
const ATTEMPTS: usize = 4;

/// How late the machine's own timers may be for a wrong percentile to prove anything.
const TOLERATED: Duration = Duration::from_micros(300);

/// Percentiles of greater shares are the slowest request or two of all: one late waking makes them wrong.
const EXTREME: f64 = 99.0;

/// How late the machine's own timers may be at the worst for a wrong extreme to prove anything: client and target have
/// a hand in each request, and 5 ms are what such a percentile may be off.
const TOLERATED_ONCE: Duration = Duration::from_millis(1);

const USERS: u32 = 8;

fn scenario() -> String {
    let mut calls = String::new();
    // Interleaved: the delays of one user meet all kinds of the others.
    for round in 0..116 {
        for (ms, count) in MIX {
            if (round + 1) * count / 116 > round * count / 116 {
                calls.push_str(&format!("        http.get(\"/delay/{ms}\");\n"));
            }
        }
    }
    format!(
        "user(\"Patient\", #{{ wait: constant(0) }})\n    .task(\"mix\", || {{\n{calls}        stop_user();\n    }});\n"
    )
}

fn attempt() -> Result<JsonResult> {
    let target = DemoTarget::start()?;
    let run = LoadRun::new(&scenario(), target.url())?.load(USERS, 100, "30s");
    let report = run.run(Duration::from_secs(60))?.expect_code(0)?;
    for (ms, count) in MIX {
        ensure!(
            report.json.count(&format!("/delay/{ms}")) == u64::from(USERS * count),
            "the mix is not as known"
        );
    }
    Ok(report.json)
}

fn close(what: &str, ms: f64, truth: f64) -> Result<()> {
    let tolerance = (truth * 0.01).max(0.3);
    ensure!(
        (ms - truth).abs() <= tolerance,
        "{what}: {ms} ms reported, {truth} ms true"
    );
    Ok(())
}

fn percentiles_are_true(result: &JsonResult, wanted: impl Fn(f64) -> bool) -> Result<()> {
    let times = result.totals.response_time_ms.as_ref().context("no times")?;
    for (share, truth) in TRUTH.into_iter().filter(|(share, _)| wanted(*share)) {
        let (_, ms) = *times
            .percentiles()
            .iter()
            .find(|(known, _)| (known - share).abs() < 1e-9)
            .with_context(|| format!("no p{share}"))?;
        close(&format!("p{share}"), ms, truth)?;
    }
    Ok(())
}

fn medians_are_true(result: &JsonResult) -> Result<()> {
    for (ms, _) in MIX {
        let name = format!("/delay/{ms}");
        let request = result.request("GET", &name).context("a delay is missing")?;
        let median = request
            .response_time_ms
            .as_ref()
            .context("no times")?
            .get("p50")?;
        close(&format!("median of {name}"), median, f64::from(ms))?;
    }
    Ok(())
}

fn is_consistent(times: &JsonTimes) -> Result<()> {
    let (min, max) = (times.get("min")?, times.get("max")?);
    let percentiles = times.percentiles();
    ensure!(percentiles.len() >= 11, "percentiles are missing");
    ensure!(
        percentiles.is_sorted_by(|a, b| a.1 <= b.1),
        "percentiles do not ascend"
    );
    ensure!(
        percentiles.iter().all(|(_, ms)| (min..=max).contains(ms)),
        "percentiles leave [{min}, {max}]"
    );
    ensure!(
        percentiles
            .last()
            .is_some_and(|(share, ms)| *share == 100.0 && *ms == max),
        "p100 is not the maximum"
    );
    Ok(())
}

#[test]
fn percentiles_are_true_and_within_bounds() -> Result<()> {
    let _alone = alone();
    let (mut common, mut extreme) = (Vec::new(), Vec::new());
    for _ in 0..ATTEMPTS {
        let metronome = Metronome::start();
        let result = attempt()?;
        let late = metronome.stop();
        is_consistent(result.totals.response_time_ms.as_ref().context("no times")?)?;
        for request in &result.requests {
            is_consistent(request.response_time_ms.as_ref().context("no times")?)?;
        }
        let accurate =
            percentiles_are_true(&result, |share| share <= EXTREME).and_then(|()| medians_are_true(&result));
        common.push((accurate, late.p99));
        extreme.push((percentiles_are_true(&result, |share| share > EXTREME), late.worst));
        let is_shown = |attempts: &[(Result<()>, Duration)]| attempts.iter().any(|(right, _)| right.is_ok());
        if is_shown(&common) && is_shown(&extreme) {
            break;
        }
    }
    Lateness::judge(&common, TOLERATED)?;
    Lateness::judge(&extreme, TOLERATED_ONCE)
}

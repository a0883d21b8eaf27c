//! Scripts that never end, recurse without end, grow without end, throw or invent names: none harms the others, none
//! outlives the run, each is counted and explained.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use katydid_testkit::{
    DemoTarget, Lateness, LoadRun, Metronome, Report, alone, katydid_bin, katydid_debug_bin,
};

const PATIENCE: Duration = Duration::from_secs(40);

/// See `accuracy.rs`: a busy machine is no fault of the scheduler.
const ATTEMPTS: usize = 4;

/// How much longer than planned users may wait beside those who never stop.
const WAIT_ERROR_MS: f64 = 20.0;

/// How late the machine's own timers may be at the worst for such a wait to prove anything.
const TOLERATED: Duration = Duration::from_millis(20);

fn sound(report: &Report) {
    let stderr = &report.finished.stderr;
    assert!(
        !stderr.contains("panicked") && !stderr.contains("stack overflow"),
        "{stderr}"
    );
    assert!(report.finished.code.is_some(), "a signal ended it: {stderr}");
}

fn has_exception(report: &Report, words: &[&str]) {
    let found = report
        .json
        .exceptions
        .iter()
        .any(|exception| words.iter().all(|word| exception.message.contains(word)));
    assert!(
        found,
        "no exception with {words:?} among {:?}",
        report.json.exceptions
    );
}

/// Intervals between the requests of each waiting user, in ms, less what they should be.
fn wait_errors(target: &DemoTarget, wait_ms: f64) -> Vec<f64> {
    let mut last: std::collections::HashMap<u64, u64> = std::collections::HashMap::new();
    let mut errors = Vec::new();
    for (user, at_us) in target.spawns() {
        if let Some(before) = last.insert(user, at_us) {
            errors.push((at_us - before) as f64 / 1_000.0 - wait_ms);
        }
    }
    errors.sort_by(f64::total_cmp);
    errors
}

/// The 99th percentile of how much longer than planned the waiting users waited, in ms.
fn wait_beside_spinners(spin: &str) -> Result<f64> {
    let scenario = format!(
        r#"
user("Spinner", #{{ fixed_count: 4 }}).task("spin", || {{ {spin} }});
user("Waiter", #{{ wait: constant(0.05) }})
    .task("tick", || {{ http.get(`/spawn/${{me.id}}`, #{{ name: "/spawn/:n" }}); }});
"#
    );
    let target = DemoTarget::start()?;
    let run = LoadRun::new(&scenario, target.url())?
        .load(8, 100, "4s")
        .args(["-s", "1"]);
    let report = run.run(PATIENCE)?.expect_code(0)?;
    sound(&report);
    assert!(
        report.finished.elapsed < Duration::from_secs(12),
        "{} ms",
        report.finished.elapsed.as_millis()
    );
    assert_eq!(report.json.totals.requests, target.stats().total);
    assert_eq!(
        report.json.all["losses"]["killed_iterations"], 4,
        "{:?}",
        report.json.warnings
    );
    let errors = wait_errors(&target, 50.0);
    ensure!(!errors.is_empty(), "the waiting users were stalled");
    Ok(errors[errors.len() * 99 / 100])
}

fn neither_stalls_others_nor_survives_the_stop(spin: &str) -> Result<()> {
    let _alone = alone();
    let mut attempts = Vec::new();
    for _ in 0..ATTEMPTS {
        let metronome = Metronome::start();
        let error = wait_beside_spinners(spin)?;
        // Of a few hundred waits four late ones decide, and one stall makes four waiting users late.
        let late = metronome.stop().worst;
        if error < WAIT_ERROR_MS {
            return Ok(());
        }
        let missed = anyhow::anyhow!("the 99th percentile of wait errors is {error:.1} ms");
        attempts.push((Err(missed), late));
    }
    // The spinners keep every core busy, the metronome's too.
    Lateness::judge(&attempts, TOLERATED)
}

#[test]
fn a_task_that_never_ends_neither_stalls_others_nor_survives_the_stop() -> Result<()> {
    neither_stalls_others_nor_survives_the_stop("loop {}")
}

#[test]
fn nor_does_one_whose_work_is_in_closures_of_native_functions() -> Result<()> {
    neither_stalls_others_nor_survives_the_stop(
        "let a = []; a.pad(100000, 0); loop { a.for_each(|| { let b = []; b.pad(10, 0); b.for_each(|| 0); }); }",
    )
}

fn recursion_ends_as_an_error(program: PathBuf) -> Result<()> {
    let target = DemoTarget::start()?;
    let scenario = r#"
fn dig(n) { dig(n + 1) + 1 }
fn dig_with_data(n) { let a = [n, n]; if n >= 0 { dig_with_data(n + 1) } else { n } }
user("Digger", #{ wait: constant(0.05) }).task("dig", || { dig(0); }).task("deeper", || { dig_with_data(1); });
user("Other", #{ wait: constant(0.05) }).task("look", || { http.get("/"); });
"#;
    let run = LoadRun::of_program(program, scenario, target.url())?.load(8, 100, "2s");
    let report = run.run(PATIENCE)?.expect_code(1)?;
    sound(&report);
    has_exception(&report, &["nest too deeply"]);
    assert_eq!(report.json.totals.requests, target.stats().total);
    assert!(report.json.totals.requests > 10);
    Ok(())
}

#[test]
fn recursion_without_end_is_a_script_error() -> Result<()> {
    let _alone = alone();
    recursion_ends_as_an_error(katydid_bin()?)
}

#[test]
fn recursion_without_end_is_a_script_error_in_an_unoptimised_build_too() -> Result<()> {
    let _alone = alone();
    match katydid_debug_bin() {
        Ok(program) if program.canonicalize()? != katydid_bin()?.canonicalize()? => {
            recursion_ends_as_an_error(program)
        }
        // The other test has shown it for the build there is.
        _ => Ok(()),
    }
}

#[test]
fn values_that_double_for_ever_hit_a_limit() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let scenario = r#"
user("Hoarder", #{ wait: constant(0.5) })
    .task("text", || { let s = "x"; loop { s += s; } })
    .task("list", || { let a = [1]; loop { a += a; } });
"#;
    let mut running = LoadRun::new(scenario, target.url())?.load(2, 100, "3s").start()?;
    let mut most = 0;
    while running.process.is_running() {
        // It may end between the two looks.
        most = running
            .process
            .stat()
            .map_or(most, |stat| most.max(stat.resident_bytes));
        std::thread::sleep(Duration::from_millis(10));
    }
    let report = running.finish(PATIENCE)?.expect_code(1)?;
    sound(&report);
    assert!(!report.json.exceptions.is_empty());
    let limits = |message: &str| {
        ["too long", "too large", "too big", "limit"]
            .iter()
            .any(|word| message.to_lowercase().contains(word))
    };
    assert!(
        report.json.exceptions.iter().all(|e| limits(&e.message)),
        "{:?}",
        report.json.exceptions
    );
    assert!(most < 1024 * 1024 * 1024, "{most} bytes resident");
    Ok(())
}

#[test]
fn users_whose_start_fails_are_counted_and_replaced() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let scenario = r#"
user("Unlucky", #{ fixed_count: 2, wait: constant(0.1) })
    .on_start(|| { http.get("/hungry"); throw "no luck"; })
    .task("never", || { http.get("/never"); });
user("Fine", #{ wait: constant(0.1) }).task("look", || { http.get("/"); });
"#;
    let report = LoadRun::new(scenario, target.url())?
        .load(4, 100, "5s")
        .run(PATIENCE)?
        .expect_code(1)?;
    sound(&report);
    has_exception(&report, &["no luck"]);
    assert_eq!(report.json.count("/never"), 0);
    let attempts = report.json.count("/hungry");
    assert_eq!(
        report.json.exception_count(),
        attempts,
        "each failed start is counted"
    );
    assert!(
        (4..200).contains(&attempts),
        "{attempts} starts: neither lost for good nor without a pause"
    );
    // Between its attempts an unlucky user does not run: whether the one look a second finds it at one is luck.
    let users = report.json.all["users"]["peak"].as_u64().context("no peak")?;
    assert!((2..=4).contains(&users), "{users} users at the peak");
    Ok(())
}

#[test]
fn a_hundred_thousand_names_are_folded_with_a_warning() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let scenario = r#"
user("Inventor", #{ wait: constant(0) })
    .task("invent", || { http.get("/", #{ name: `/n/${random_int(1, 100000)}` }); });
"#;
    let report = LoadRun::new(scenario, target.url())?
        .load(32, 1_000, "4s")
        .run(PATIENCE)?
        .expect_code(0)?;
    sound(&report);
    assert_eq!(report.json.totals.requests, target.stats().total);
    assert!(
        report.json.totals.requests > 3_000,
        "{} requests",
        report.json.totals.requests
    );
    assert!(
        report.json.requests.len() <= 1_001,
        "{} names",
        report.json.requests.len()
    );
    let folded = report.json.count("(other)");
    let own: u64 = report
        .json
        .requests
        .iter()
        .filter(|r| r.name != "(other)")
        .map(|r| r.requests)
        .sum();
    assert!(folded > 0);
    assert_eq!(folded + own, report.json.totals.requests);
    let warned = report
        .json
        .warnings
        .iter()
        .any(|warning| warning.contains("/n/") && warning.contains("name"));
    assert!(warned, "{:?}", report.json.warnings);
    Ok(())
}

#[test]
fn exceptions_are_grouped_with_place_and_count() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let scenario = r#"
user("Thrower", #{ wait: constant(0.02) })
    .task("throw", || {
        let r = http.get("/");
        throw "on purpose";
    });
"#;
    let report = LoadRun::new(scenario, target.url())?
        .load(4, 100, "2s")
        .run(PATIENCE)?
        .expect_code(1)?;
    let [exception] = &report.json.exceptions[..] else {
        anyhow::bail!("{:?}", report.json.exceptions)
    };
    assert!(exception.message.contains("on purpose"));
    assert!(
        exception.traceback.contains("scenario.rhai:5"),
        "{}",
        exception.traceback
    );
    assert_eq!(exception.occurrences, report.json.totals.requests);
    let table = report.csv("exceptions")?;
    assert_eq!(table.columns, ["Count", "Message", "Traceback", "Nodes"]);
    assert_eq!(table.rows.len(), 1);
    assert_eq!(table.rows[0][3], "local");
    Ok(())
}

#[test]
fn the_outside_is_out_of_reach() -> Result<()> {
    let scenario = r#"
const SECRETS = lines("../../../../../../etc/passwd");
user("Thief", #{ wait: constant(1) }).task("look", || { http.get("/"); });
"#;
    let run = LoadRun::new(scenario, "http://127.0.0.1:1")?
        .load(1, 1, "1s")
        .start()?;
    let finished = run.process.wait(PATIENCE)?.expect_code(3)?;
    finished.expect_stderr(&["scenario.rhai:2", "folder"])?;
    Ok(())
}

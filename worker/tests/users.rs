//! Users as the run sees them: started at the rate, stopped in time, replaced, retired; hostile scripts contained.
//!
//! Real threads and real time, kept short; no network.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_types,
    reason = "a test that cannot go on has failed; real processes take real time"
)]

use std::num::NonZeroUsize;
use std::time::{Duration, Instant as WallInstant};

use katydid_protocol::directive::{Directive, Share};
use katydid_protocol::report::{WorkerReport, WorkerStatus};
use katydid_protocol::stats::Delta;
use katydid_scenario_lang::{LoadSettings, Program, SourceFile};
use katydid_worker::{Worker, WorkerHandle, WorkerSettings};

/// A worker under test and everything it has reported.
struct Run {
    worker: WorkerHandle,
    /// Before its users' time began.
    began: WallInstant,
    sum: Delta,
    last: WorkerStatus,
    stop_reasons: Vec<String>,
    sequences: Vec<u64>,
    /// The next row to hand out, for data sets of any name; how many rows were asked for and given back.
    next_row: u64,
    wanted: Vec<u32>,
    returned: u64,
    runtime: tokio::runtime::Runtime,
}

const PATIENCE: Duration = Duration::from_secs(20);

impl Run {
    fn start(threads: usize, script: &str) -> Self {
        Self::start_in(&std::env::temp_dir(), threads, script)
    }

    fn start_in(folder: &std::path::Path, threads: usize, script: &str) -> Self {
        let file = SourceFile {
            name: "test.rhai".to_owned(),
            text: script.to_owned(),
            folder: folder.to_owned(),
        };
        let settings = WorkerSettings {
            program: Program::new(vec![file], LoadSettings::default()),
            name: "local".to_owned(),
            threads: NonZeroUsize::new(threads),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let worker = Worker::start(settings).unwrap();
        let mut run = Self {
            worker,
            began: WallInstant::now(),
            sum: Delta::default(),
            last: WorkerStatus::default(),
            stop_reasons: Vec::new(),
            sequences: Vec::new(),
            next_row: 0,
            wanted: Vec::new(),
            returned: 0,
            runtime,
        };
        run.direct(Directive::Begin {
            elapsed: Duration::ZERO,
            setup: Some("{\"name\":\"shop\",\"sizes\":[1,2]}".into()),
            run_time: None,
            arrivals: None,
        });
        run
    }

    fn direct(&mut self, directive: Directive) {
        self.runtime
            .block_on(self.worker.directives.send(directive))
            .unwrap();
    }

    fn share(&mut self, epoch: u64, users: &[u32], rate: f64) {
        let share = Share {
            epoch,
            plan: epoch,
            users: users.to_vec(),
            from: Duration::ZERO,
            rate,
            offset: 0.0,
            stride: 1.0,
            stop_timeout: Duration::from_secs(1),
            lane: None,
        };
        self.direct(Directive::Share(share));
    }

    /// Takes the next report; `false` when there is none within `patience`, or no more at all.
    fn next(&mut self, patience: Duration) -> bool {
        let reports = &mut self.worker.reports;
        let next = self
            .runtime
            .block_on(async { tokio::time::timeout(patience, reports.recv()).await });
        match next {
            Ok(Some(WorkerReport::Delta { sequence, delta })) => {
                self.sequences.push(sequence);
                self.sum.merge(*delta);
            }
            Ok(Some(WorkerReport::Status(status))) => self.last = status,
            Ok(Some(WorkerReport::StopRequested { reason })) => self.stop_reasons.push(reason),
            Ok(Some(WorkerReport::RowsWanted { data, len, count })) => {
                self.wanted.push(count);
                let end = len.min(self.next_row + u64::from(count));
                let rows = self.next_row..end;
                self.next_row = end;
                self.direct(Directive::Rows {
                    data,
                    rows: vec![rows],
                    exhausted: end == len,
                });
            }
            Ok(Some(WorkerReport::RowsReturned { rows, .. })) => {
                self.returned += rows.iter().map(|rows| rows.end - rows.start).sum::<u64>();
            }
            Ok(Some(WorkerReport::Warning(warning))) => panic!("unexpected warning: {warning}"),
            Ok(Some(WorkerReport::Failed(why))) => panic!("the worker failed: {why}"),
            Ok(Some(WorkerReport::Stopped) | None) | Err(_) => return false,
        }
        true
    }

    fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let began = WallInstant::now();
        while !holds(self) {
            assert!(
                began.elapsed() < PATIENCE,
                "{what}: not within {PATIENCE:?}; last status {:?}",
                self.last
            );
            self.next(Duration::from_millis(200));
        }
    }

    fn run_for(&mut self, time: Duration) {
        let until = WallInstant::now() + time;
        while let Some(left) = until.checked_duration_since(WallInstant::now()) {
            self.next(left);
        }
    }

    /// Stops the users and returns the sum of all deltas and how long the stop took.
    fn stop(mut self, grace: Duration) -> (Delta, Duration) {
        let began = WallInstant::now();
        self.direct(Directive::Stop { grace });
        while self.next(PATIENCE) {}
        let took = began.elapsed();
        assert!(self.last.users.iter().all(|users| *users == 0), "{:?}", self.last);
        assert!(self.sequences.windows(2).all(|pair| pair[0] < pair[1]));
        self.worker.join();
        (self.sum, took)
    }

    fn passes(&self, check: &str) -> u64 {
        self.sum.checks.get(check).map_or(0, |counts| counts.passes)
    }
}

#[test]
fn users_start_at_the_spawn_rate_over_all_threads() {
    let mut run = Run::start(
        2,
        r#"user("A", #{ wait: constant(60) }).on_start(|| { check("started", true); }).task("t", || { });"#,
    );
    run.share(1, &[40], 40.0);
    run.until("all users run", |run| run.last.settled && run.last.users == [40]);
    let took = run.began.elapsed();
    // A user that is stopped before its first iteration has none.
    run.until("all have done their task", |run| run.sum.iterations == 40);
    // The last of 40 users is due after 39/40 s. That nobody is late either is judged where the machine's own timers
    // are watched, by the end-to-end tests of ramps.
    assert!(took >= Duration::from_millis(950) && took < PATIENCE, "{took:?}");
    run.share(2, &[10], 1_000.0);
    run.until("thirty users are gone", |run| {
        run.last.epoch == 2 && run.last.users == [10]
    });
    let (sum, took) = run.stop(Duration::from_secs(5));
    assert_eq!(sum.checks["started"].passes, 40);
    assert_eq!(sum.iterations, 40);
    assert!(
        took < Duration::from_secs(4),
        "users that only wait stop at once, this took {took:?}"
    );
}

#[test]
fn running_iterations_are_finished_within_the_grace() {
    let script = r#"user("A", #{ wait: constant(60) })
        .task("t", || { check("begun", true); sleep(1.5); check("ended", true); })
        .on_stop(|| { check("stopped", true); });"#;
    let mut run = Run::start(1, script);
    run.share(1, &[5], 1_000.0);
    // Which is told within a second: they are not done yet.
    run.until("all have begun", |run| run.passes("begun") == 5);
    let (sum, took) = run.stop(Duration::from_secs(5));
    for check in ["begun", "ended", "stopped"] {
        assert_eq!(sum.checks[check].passes, 5, "{check}");
    }
    assert_eq!(sum.losses.killed_iterations, 0);
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[test]
fn iterations_that_outlive_the_grace_are_ended() {
    let script = r#"user("A", #{})
        .task("t", || { check("begun", true); sleep(60); check("ended", true); })
        .on_stop(|| { check("stopped", true); });"#;
    let mut run = Run::start(1, script);
    run.share(1, &[3], 1_000.0);
    run.until("all have begun", |run| run.passes("begun") == 3);
    let (sum, took) = run.stop(Duration::from_millis(300));
    assert!(!sum.checks.contains_key("ended") && !sum.checks.contains_key("stopped"));
    assert_eq!(
        (sum.losses.killed_iterations, sum.losses.skipped_on_stops),
        (3, 3)
    );
    assert!(
        took >= Duration::from_millis(290) && took < Duration::from_secs(10),
        "{took:?}"
    );
}

#[test]
fn a_script_that_never_yields_neither_stalls_others_nor_survives_the_stop() {
    let script = r#"
        user("Hog", #{ fixed_count: 4 }).task("spin", || { loop { } });
        user("Quick", #{ wait: constant(0.01) }).task("t", || { check("turn", true); });"#;
    let mut run = Run::start(1, script);
    run.share(1, &[4, 10], 1_000.0);
    // A hog that kept the thread to itself would leave the others no turn at all.
    run.until("the others get their turns", |run| run.passes("turn") >= 500);
    let (sum, took) = run.stop(Duration::from_millis(200));
    assert_eq!(sum.losses.killed_iterations, 4);
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn closures_called_by_native_functions_take_turns_and_end_too() {
    // Each of them does next to nothing before the next begins.
    let script = r#"
        user("Hog", #{ fixed_count: 2 }).task("spin", || {
            let many = [];
            many.pad(100000, 0);
            loop { many.for_each(|| { let few = []; few.pad(10, 0); few.for_each(|| 0); }); }
        });
        user("Quick", #{ wait: constant(0.01) }).task("t", || { check("turn", true); });"#;
    let mut run = Run::start(1, script);
    run.share(1, &[2, 10], 1_000.0);
    run.until("the others get their turns", |run| run.passes("turn") >= 500);
    let (sum, took) = run.stop(Duration::from_millis(200));
    assert_eq!(sum.losses.killed_iterations, 2);
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn a_group_that_is_cut_off_is_not_counted() {
    let script = r#"user("A", #{}).task("t", || {
        group("whole", || 1);
        check("begun", true);
        group("half", || sleep(60));
    });"#;
    let mut run = Run::start(1, script);
    run.share(1, &[3], 1_000.0);
    run.until("all have begun", |run| run.passes("begun") == 3);
    let (sum, _) = run.stop(Duration::ZERO);
    assert!(!sum.groups.contains_key("half"));
    assert_eq!(
        (sum.groups["whole"].requests, sum.groups["whole"].failures),
        (3, 0)
    );
}

#[test]
fn unbounded_recursion_is_a_script_error() {
    let script = r#"
        fn deeper(n) { 1 + deeper(n + 1) }
        user("A", #{ wait: constant(0.05) }).task("t", || { check("alive", true); deeper(0); });"#;
    let mut run = Run::start(1, script);
    run.share(1, &[2], 1_000.0);
    run.until("iterations go on", |run| run.passes("alive") >= 6);
    let (sum, _) = run.stop(Duration::from_secs(1));
    let (exception, counts) = sum.exceptions.first_key_value().unwrap();
    assert!(
        exception.message.contains("nest too deep"),
        "{}",
        exception.message
    );
    assert_eq!(counts.counts.occurrences, sum.iterations);
}

#[test]
fn a_string_that_doubles_for_ever_is_a_script_error() {
    let script = r#"user("A", #{ wait: constant(0.05) }).task("t", || { let s = "x"; loop { s += s; } });"#;
    let mut run = Run::start(1, script);
    run.share(1, &[1], 1_000.0);
    run.until("it fails", |run| !run.sum.exceptions.is_empty());
    run.stop(Duration::from_secs(1));
}

#[test]
fn a_user_whose_start_fails_is_counted_and_replaced_after_a_pause() {
    let script = r#"user("A", #{ wait: constant(60) })
        .on_start(|| { if me.id <= 2 { throw "no account"; } check("started", true); })
        .task("t", || {});"#;
    let mut run = Run::start(1, script);
    run.share(1, &[2], 1_000.0);
    run.until("both are replaced", |run| run.passes("started") == 2);
    let (sum, _) = run.stop(Duration::from_secs(1));
    assert_eq!(
        sum.exceptions
            .values()
            .map(|counts| counts.counts.occurrences)
            .sum::<u64>(),
        2
    );
}

#[test]
fn a_user_that_ends_itself_at_its_start_clears_up() {
    let script = r#"user("A", #{ wait: constant(60) })
        .on_start(|| stop_user())
        .on_stop(|| { check("cleared up", true); })
        .task("t", || {});"#;
    let mut run = Run::start(1, script);
    run.share(1, &[2], 1_000.0);
    run.until("both have retired", |run| run.last.retired == [2]);
    let (sum, _) = run.stop(Duration::from_secs(1));
    assert_eq!(sum.checks["cleared up"].passes, 2);
    assert_eq!(sum.iterations, 0);
}

#[test]
fn users_can_retire_and_ask_for_the_end() {
    let script = r#"
        user("Shy", #{ fixed_count: 2 }).task("t", || { check("shy", true); stop_user(); });
        user("Bold", #{ wait: constant(0.01) }).task("t", || { if me.iteration == 3 { stop_test("seen enough"); } });"#;
    let mut run = Run::start(1, script);
    run.share(1, &[2, 1], 1_000.0);
    run.until("one asks for the end", |run| !run.stop_reasons.is_empty());
    run.until("two have retired", |run| run.last.retired == [2, 0]);
    assert_eq!(run.stop_reasons[0], "seen enough");
    let (sum, _) = run.stop(Duration::from_secs(1));
    assert_eq!(sum.checks["shy"].passes, 2);
}

#[test]
fn each_user_has_its_own_state_and_constants_are_shared() {
    let script = r#"
        const STEP = 2;
        user("A", #{ wait: constant(0.01) })
            .on_start(|| { this.n = 0; })
            .task("t", || { this.n += STEP; check("own", this.n == (me.iteration + 1) * 2); });"#;
    let mut run = Run::start(2, script);
    run.share(1, &[6], 1_000.0);
    run.until("they iterate", |run| run.passes("own") > 60);
    let (sum, _) = run.stop(Duration::from_secs(1));
    assert_eq!(sum.checks["own"].failures, 0);
    assert!(sum.exceptions.is_empty(), "{:?}", sum.exceptions);
}

#[test]
fn a_reset_starts_the_next_generation() {
    let script = r#"user("A", #{ wait: constant(0.01) }).task("t", || { check("turn", true); });"#;
    let mut run = Run::start(2, script);
    run.share(1, &[4], 1_000.0);
    run.until("they iterate", |run| run.passes("turn") > 20);
    let before = run.passes("turn");
    run.direct(Directive::ResetStats { generation: 1 });
    run.until("the new generation arrives", |run| run.sum.generation == 1);
    assert!(run.passes("turn") < before + 400);
    let (sum, _) = run.stop(Duration::from_secs(1));
    assert_eq!(sum.generation, 1);
}

#[test]
fn users_of_all_threads_see_the_setup_and_their_changes_stay_their_own() {
    let script = r#"
        fn sizes() { setup.sizes.len() }
        user("A", #{ wait: constant(0.01) }).task("t", || {
            let mine = setup;
            mine.sizes.push(me.id);
            check("seen", setup.name == "shop" && sizes() == 2 && mine.sizes.len() == 3);
        });"#;
    let mut run = Run::start(2, script);
    run.share(1, &[6], 1_000.0);
    run.until("they iterate", |run| run.passes("seen") > 60);
    let (sum, _) = run.stop(Duration::from_secs(1));
    assert_eq!(sum.checks["seen"].failures, 0);
    assert!(sum.exceptions.is_empty(), "{:?}", sum.exceptions);
}

/// A folder with a file of so many lines.
fn rows(count: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let lines: Vec<String> = (0..count).map(|row| row.to_string()).collect();
    std::fs::write(folder.path().join("rows.txt"), lines.join("\n")).unwrap();
    folder
}

#[test]
fn rows_for_once_are_leased_used_once_and_end_their_users() {
    let folder = rows(1_000);
    let script = r#"const ROWS = lines("rows.txt");
        user("A", #{ wait: constant(0) }).task("t", || { check(`row ${ROWS.unique()}`, true); });"#;
    let mut run = Run::start_in(folder.path(), 2, script);
    run.share(1, &[20], 10_000.0);
    run.until("all have retired", |run| run.last.retired == [20]);
    assert!(run.wanted.len() < 40, "leases grow: {:?}", run.wanted);
    let (sum, _) = run.stop(Duration::from_secs(1));
    let rows: Vec<_> = sum
        .checks
        .iter()
        .filter(|(name, _)| name.starts_with("row "))
        .collect();
    let checked: u64 = sum.checks.values().map(|counts| counts.passes).sum();
    assert_eq!(checked, 1_000, "in {} names", rows.len());
    assert!(rows.iter().all(|(_, counts)| counts.passes == 1));
}

#[test]
fn rows_nobody_used_are_given_back_and_nobody_waits_for_ever() {
    let folder = rows(100);
    let script = r#"const ROWS = lines("rows.txt");
        user("A", #{ wait: constant(60) }).task("t", || { ROWS.unique(); check("had one", true); });"#;
    let mut run = Run::start_in(folder.path(), 1, script);
    run.share(1, &[3], 10_000.0);
    run.until("each has one", |run| run.passes("had one") == 3);
    run.direct(Directive::Stop {
        grace: Duration::from_secs(1),
    });
    while run.next(PATIENCE) {}
    assert_eq!(run.returned, run.next_row - 3);
    run.worker.join();

    // A run that never answers: its users end when the grace is over.
    let mut run = Run::start_in(folder.path(), 1, script);
    run.share(1, &[3], 10_000.0);
    std::thread::sleep(Duration::from_millis(200));
    let began = WallInstant::now();
    run.worker.join();
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn rows_in_turn_stay_within_the_workers_partition() {
    let folder = rows(10);
    let script = r#"const ROWS = lines("rows.txt");
        user("A", #{ wait: constant(0.01) }).task("t", || { check("odd", parse_int(ROWS.next()) % 2 == 1); });"#;
    let mut run = Run::start_in(folder.path(), 2, script);
    run.direct(Directive::Partition { index: 1, count: 2 });
    run.share(1, &[4], 10_000.0);
    run.until("they iterate", |run| run.passes("odd") > 40);
    let (sum, _) = run.stop(Duration::from_secs(1));
    assert_eq!(sum.checks["odd"].failures, 0);
}

#[test]
fn a_run_that_goes_away_ends_the_worker() {
    let mut run = Run::start(2, r#"user("A", #{ wait: constant(60) }).task("t", || {});"#);
    run.share(1, &[4], 1_000.0);
    run.run_for(Duration::from_millis(100));
    let began = WallInstant::now();
    run.worker.join();
    assert!(began.elapsed() < Duration::from_secs(10));
}

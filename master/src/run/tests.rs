//! Whole runs against a worker played by the test, in paused time.

use katydid_protocol::report::WorkerStatus;
use katydid_protocol::stats::Delta;
use tokio::time::{Instant, timeout};

use super::*;
use crate::aggregate::sample;

/// The other side of the channels.
struct Worker {
    directives: mpsc::Receiver<Directive>,
    reports: mpsc::Sender<WorkerReport>,
    sequence: u64,
}

impl Worker {
    async fn next(&mut self) -> Directive {
        timeout(Duration::from_secs(3_600), self.directives.recv())
            .await
            .expect("in time")
            .expect("open")
    }

    /// Takes the two directives every run begins with.
    async fn has_begun(&mut self) {
        assert!(matches!(self.next().await, Directive::Begin { .. }));
        assert!(matches!(self.next().await, Directive::Share(_)));
    }

    async fn say(&self, report: WorkerReport) {
        self.reports.send(report).await.unwrap();
    }

    async fn measured(&mut self, delta: Delta) {
        self.sequence += 1;
        self.say(WorkerReport::Delta {
            sequence: self.sequence,
            delta: Box::new(delta),
        })
        .await;
    }

    async fn status(&self, epoch: u64, users: [u32; 2], settled: bool) {
        let retired = vec![0, 0];
        self.say(WorkerReport::Status(WorkerStatus {
            epoch,
            users: users.to_vec(),
            settled,
            retired,
        }))
        .await;
    }
}

fn start(run_time: Option<u64>, reset_stats: bool) -> (RunHandle, Worker) {
    start_with_room(run_time, reset_stats, 8)
}

fn start_with_room(run_time: Option<u64>, reset_stats: bool, room: usize) -> (RunHandle, Worker) {
    let (directives_sender, directives) = mpsc::channel(room);
    let (reports, reports_receiver) = mpsc::channel(room);
    let classes = [("Shopper", 3.0, 0), ("Admin", 1.0, 1)];
    let settings = RunSettings {
        plan: LoadPlan {
            users: 4,
            spawn_rate: 2.0,
            run_time: run_time.map(Duration::from_secs),
            stop_timeout: Duration::from_secs(5),
        },
        info: sample::info(),
        classes: classes
            .map(|(name, weight, fixed_count)| UserClass {
                name: name.to_owned(),
                weight,
                fixed_count,
            })
            .to_vec(),
        reset_stats,
        setup: Some("{\"token\":7}".into()),
    };
    (
        Run::start(settings, directives_sender, reports_receiver),
        Worker {
            directives,
            reports,
            sequence: 0,
        },
    )
}

/// Lets the loop take what was said to it.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

fn requests(snapshot: &Snapshot) -> u64 {
    snapshot.total.stats.requests
}

#[tokio::test(start_paused = true)]
async fn a_run_ramps_measures_and_ends_at_its_run_time() {
    let (handle, mut worker) = start(Some(10), false);
    let started = Instant::now();
    assert_eq!(
        worker.next().await,
        Directive::Begin {
            elapsed: Duration::ZERO,
            setup: Some("{\"token\":7}".into())
        }
    );
    let Directive::Share(share) = worker.next().await else {
        panic!("no share")
    };
    assert_eq!((share.epoch, share.users, share.rate), (1, vec![3, 1], 2.0));
    assert_eq!(handle.snapshots.borrow().state, RunState::Spawning);

    worker.status(1, [3, 1], true).await;
    for second in 0..9 {
        tokio::time::sleep_until(started + Duration::from_secs(second + 1)).await;
        worker.measured(sample::delta(&[(second as u32, 50)])).await;
    }
    settle().await;
    let during = handle.snapshots.borrow().clone();
    assert_eq!((during.state, during.users), (RunState::Running, 4));

    assert_eq!(
        worker.next().await,
        Directive::Stop {
            grace: Duration::from_secs(5)
        }
    );
    assert_eq!(started.elapsed(), Duration::from_secs(10));
    worker.measured(sample::delta(&[(9, 50)])).await;
    tokio::time::advance(Duration::from_millis(300)).await;
    worker.measured(sample::delta(&[(10, 7)])).await;
    worker.say(WorkerReport::Stopped).await;
    let result = handle.finished().await;
    assert_eq!(
        (result.state, requests(&result), result.users),
        (RunState::Stopped, 507, 0)
    );
    assert_eq!(result.stop_reason.as_deref(), Some("--run-time limit reached"));
    assert_eq!(result.warnings, [""; 0]);
    assert_eq!(
        result
            .timeline
            .iter()
            .map(|point| point.requests)
            .collect::<Vec<_>>(),
        [vec![50; 10], vec![7]].concat()
    );
    assert!(result.timeline.iter().take(10).all(|point| point.users == 4));
}

#[tokio::test(start_paused = true)]
async fn snapshots_come_once_a_second_with_steady_rates() {
    let (mut handle, mut worker) = start(None, false);
    let started = Instant::now();
    worker.status(1, [3, 1], true).await;
    settle().await;
    handle.snapshots.mark_unchanged();
    for second in 0u32..15 {
        tokio::time::sleep_until(started + Duration::from_secs(u64::from(second) + 1)).await;
        worker.measured(sample::delta(&[(second, 50)])).await;
        handle.snapshots.changed().await.unwrap();
        let snapshot = handle.snapshots.borrow_and_update().clone();
        assert_eq!(
            snapshot.elapsed,
            Duration::from_millis(1_000 * u64::from(second + 1) + 100)
        );
        assert_eq!(snapshot.total.current_rps, 50.0);
        assert_eq!(snapshot.timeline.len(), second as usize + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_delta_that_comes_again_is_counted_once() {
    let (handle, mut worker) = start(None, false);
    worker.measured(sample::delta(&[(0, 5)])).await;
    worker.sequence -= 1;
    worker.measured(sample::delta(&[(0, 5)])).await;
    worker.measured(sample::delta(&[(0, 2)])).await;
    worker.say(WorkerReport::Stopped).await;
    assert_eq!(requests(&*handle.finished().await), 7);
}

#[tokio::test(start_paused = true)]
async fn the_statistics_are_reset_when_all_users_run() {
    let (handle, mut worker) = start(None, true);
    worker.has_begun().await;
    tokio::time::advance(Duration::from_millis(1_500)).await;
    worker.measured(sample::delta(&[(0, 5), (1, 3)])).await;
    worker.status(1, [3, 1], true).await;
    assert_eq!(worker.next().await, Directive::ResetStats { generation: 1 });
    worker.measured(sample::delta(&[(1, 4)])).await;
    worker
        .measured(Delta {
            generation: 1,
            ..sample::delta(&[(1, 2), (2, 8)])
        })
        .await;
    worker.say(WorkerReport::Stopped).await;
    let result = handle.finished().await;
    assert_eq!(
        (requests(&result), result.counted_from),
        (10, Duration::from_millis(1_500))
    );
}

#[tokio::test(start_paused = true)]
async fn commands_become_shares_and_the_stop() {
    let (handle, mut worker) = start(None, false);
    worker.has_begun().await;
    tokio::time::advance(Duration::from_secs(3)).await;
    handle
        .commands
        .send(RunCommand::AddUsers {
            change: 10,
            spawn_rate: 100.0,
        })
        .await
        .unwrap();
    let Directive::Share(share) = worker.next().await else {
        panic!("no share")
    };
    assert_eq!(
        (share.epoch, share.users, share.from),
        (2, vec![13, 1], Duration::from_secs(3))
    );
    assert_eq!(handle.snapshots.borrow().target_users, 14);
    handle
        .commands
        .send(RunCommand::Stop {
            reason: "interrupted".to_owned(),
        })
        .await
        .unwrap();
    assert!(matches!(worker.next().await, Directive::Stop { .. }));
    worker.say(WorkerReport::Stopped).await;
    assert_eq!(
        handle.finished().await.stop_reason.as_deref(),
        Some("interrupted")
    );
}

#[tokio::test(start_paused = true)]
async fn rows_are_handed_out_once_and_taken_back() {
    let (handle, mut worker) = start(None, false);
    worker.has_begun().await;
    let data: Arc<str> = "csv(a.csv)".into();
    let (given_back, first_of_them) = (3..5, 3..4);
    for (granted, exhausted) in [(0..16, false), (16..20, true)] {
        worker
            .say(WorkerReport::RowsWanted {
                data: data.clone(),
                len: 20,
                count: 16,
            })
            .await;
        let rows = vec![granted];
        assert_eq!(
            worker.next().await,
            Directive::Rows {
                data: data.clone(),
                rows,
                exhausted
            }
        );
    }
    worker
        .say(WorkerReport::RowsReturned {
            data: data.clone(),
            rows: vec![given_back],
        })
        .await;
    worker
        .say(WorkerReport::RowsWanted {
            data: data.clone(),
            len: 20,
            count: 1,
        })
        .await;
    assert_eq!(
        worker.next().await,
        Directive::Rows {
            data,
            rows: vec![first_of_them],
            exhausted: false
        }
    );
    worker.say(WorkerReport::Stopped).await;
    handle.finished().await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_worker_leaves_what_it_had_sent_and_a_warning() {
    let (handle, mut worker) = start(None, false);
    worker.measured(sample::delta(&[(0, 5)])).await;
    drop(worker);
    let result = timeout(Duration::from_secs(1), handle.finished()).await.unwrap();
    assert_eq!((result.state, requests(&result)), (RunState::Stopped, 5));
    assert!(
        result
            .warnings
            .iter()
            .any(|warning| warning.contains("the worker was lost"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_never_confirms_is_not_waited_for_for_ever() {
    let (handle, mut worker) = start(Some(1), false);
    let started = Instant::now();
    worker.measured(sample::delta(&[(0, 5)])).await;
    let result = handle.finished().await;
    assert_eq!(started.elapsed(), Duration::from_secs(1 + 5 + 10));
    assert_eq!(requests(&result), 5);
    assert!(result.warnings[0].contains("did not confirm its end within 15s"));
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn a_worker_too_busy_to_listen_is_still_heard() {
    // Room for one directive only, and nobody takes it: reports must pass nevertheless.
    let (handle, mut worker) = start_with_room(None, false, 1);
    for _ in 0..20 {
        worker.measured(sample::delta(&[(0, 1)])).await;
    }
    handle
        .commands
        .send(RunCommand::SetUsers {
            users: 9,
            spawn_rate: 1.0,
        })
        .await
        .unwrap();
    settle().await;
    assert!(matches!(worker.next().await, Directive::Begin { .. }));
    let Directive::Share(share) = worker.next().await else {
        panic!("no share")
    };
    assert_eq!(share.epoch, 2, "the first share has been overtaken");
    worker.say(WorkerReport::Stopped).await;
    assert_eq!(requests(&*handle.finished().await), 20);
}

#[tokio::test(start_paused = true)]
async fn a_script_can_end_the_run_and_a_worker_can_warn() {
    let (handle, mut worker) = start(None, false);
    worker.has_begun().await;
    for _ in 0..2 {
        worker
            .say(WorkerReport::Warning("too many open files".to_owned()))
            .await;
    }
    worker
        .say(WorkerReport::StopRequested {
            reason: "sold out".to_owned(),
        })
        .await;
    assert!(matches!(worker.next().await, Directive::Stop { .. }));
    worker.say(WorkerReport::Stopped).await;
    let result = handle.finished().await;
    assert_eq!(
        result.stop_reason.as_deref(),
        Some("stopped by the scenario: sold out")
    );
    assert_eq!(result.warnings, ["too many open files"]);
}

#[test]
fn snapshots_are_due_shortly_after_each_full_second() {
    for (elapsed_ms, due_ms) in [
        (0, 1_100),
        (99, 1_100),
        (1_100, 2_100),
        (1_101, 2_100),
        (2_050, 2_100),
        (2_150, 3_100),
    ] {
        assert_eq!(
            next_drawing_after(Duration::from_millis(elapsed_ms)),
            Duration::from_millis(due_ms),
            "after {elapsed_ms} ms"
        );
    }
}

//! Whole runs against workers played by the test, in paused time.

use katydid_protocol::fleet::{Hello, Running, WorkerMessage};
use katydid_protocol::report::{WorkerReport, WorkerStatus};
use katydid_protocol::stats::{Delta, RunState};
use tokio::time::{Instant, timeout};

use super::*;
use crate::aggregate::sample;
use crate::arrival::LinkId;

#[path = "fault_tests.rs"]
mod faults;
#[path = "lobby_tests.rs"]
mod lobby;

#[path = "exactness_tests.rs"]
mod exactness;

/// The other side of a connection.
struct Worker {
    link: LinkId,
    arrivals: mpsc::Sender<Arrival>,
    messages: mpsc::Receiver<MasterMessage>,
    sequence: u64,
}

impl Worker {
    /// Says hello. `running` is the run it goes on with.
    async fn join(arrivals: &mpsc::Sender<Arrival>, link: u64, name: &str, running: Option<Running>) -> Self {
        let (outbox, messages) = mpsc::channel(256);
        let hello = Hello {
            protocol: katydid_protocol::fleet::PROTOCOL_VERSION,
            version: String::new(),
            name: name.to_owned(),
            instance: name.to_owned(),
            cores: 1,
            threads: 1,
            open_files: 1_000,
            running,
        };
        let joined = Arrival::Joined {
            link: LinkId(link),
            hello: Box::new(hello),
            outbox,
        };
        arrivals.send(joined).await.unwrap();
        let mut worker = Self {
            link: LinkId(link),
            arrivals: arrivals.clone(),
            messages,
            sequence: 0,
        };
        assert!(matches!(worker.message().await, MasterMessage::Welcome(_)));
        worker
    }

    async fn message(&mut self) -> MasterMessage {
        timeout(Duration::from_secs(3_600), self.messages.recv())
            .await
            .expect("in time")
            .expect("open")
    }

    /// The next directive; what else is said is passed over.
    async fn next(&mut self) -> Directive {
        loop {
            if let MasterMessage::Directive { run, directive } = self.message().await {
                assert_eq!(&*run, "r");
                return directive;
            }
        }
    }

    async fn said(&self, message: WorkerMessage) {
        let message = Box::new(message);
        let link = self.link;
        self.arrivals.send(Arrival::Said { link, message }).await.unwrap();
    }

    /// Compiles in no time.
    async fn is_ready(&mut self) {
        assert!(matches!(self.message().await, MasterMessage::Prepare(_)));
        self.said(WorkerMessage::Ready { run: "r".into() }).await;
    }

    /// Takes the three directives every run begins with.
    async fn has_begun(&mut self) {
        assert!(matches!(self.next().await, Directive::Begin { .. }));
        assert!(matches!(self.next().await, Directive::Partition { .. }));
        assert!(matches!(self.next().await, Directive::Share(_)));
    }

    async fn say(&self, report: WorkerReport) {
        let run = "r".into();
        self.said(WorkerMessage::Report { run, report }).await;
    }

    async fn beat(&self) {
        self.said(WorkerMessage::Heartbeat(
            katydid_protocol::fleet::Heartbeat::default(),
        ))
        .await;
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

fn settings(workers: u32, run_time: Option<u64>, reset_stats: bool) -> RunSettings {
    let classes = [("Shopper", 3.0, 0), ("Admin", 1.0, 1)];
    RunSettings {
        plan: LoadPlan {
            users: 4,
            spawn_rate: 2.0,
            run_time: run_time.map(Duration::from_secs),
            stop_timeout: Duration::from_secs(5),
            arrivals: None,
        },
        info: RunInfo {
            id: "r".to_owned(),
            ..sample::info()
        },
        classes: classes
            .map(|(name, weight, fixed_count)| UserClass {
                name: name.to_owned(),
                weight,
                fixed_count,
            })
            .to_vec(),
        reset_stats,
        order: Arc::new(RunOrder {
            run: "r".into(),
            ..RunOrder::default()
        }),
        expectations: Expectations {
            workers,
            max_wait: None,
            worker_grace: Duration::from_secs(10),
            master_grace: Duration::from_secs(600),
        },
        setup: Some("{\"token\":7}".into()),
        warnings: Vec::new(),
        thresholds: Vec::new(),
    }
}

/// A run on one worker that is about to begin.
async fn start(run_time: Option<u64>, reset_stats: bool) -> (RunHandle, Worker) {
    let (arrivals, receiver) = mpsc::channel(64);
    let handle = Run::start(settings(1, run_time, reset_stats), Lobby::new(receiver, None));
    let mut worker = Worker::join(&arrivals, 1, "one", None).await;
    worker.is_ready().await;
    (handle, worker)
}

/// Somebody has seen enough.
async fn stop(handle: &RunHandle) {
    let reason = "enough".to_owned();
    handle.commands.send(RunCommand::Stop { reason }).await.unwrap();
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
    let (handle, mut worker) = start(Some(10), false).await;
    let started = Instant::now();
    assert_eq!(
        worker.next().await,
        Directive::Begin {
            elapsed: Duration::ZERO,
            setup: Some("{\"token\":7}".into()),
            run_time: Some(Duration::from_secs(10)),
            arrivals: None,
        }
    );
    assert_eq!(worker.next().await, Directive::Partition { index: 0, count: 1 });
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
    let (mut handle, mut worker) = start(None, false).await;
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
            Duration::from_millis(1_000 * u64::from(second + 1) + 150)
        );
        assert_eq!(snapshot.total.current_rps, 50.0);
        assert_eq!(snapshot.timeline.len(), second as usize + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_statistics_are_reset_when_all_users_run() {
    let (handle, mut worker) = start(None, true).await;
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
    let (handle, mut worker) = start(None, false).await;
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
    // At such a rate the first change waits until everybody has heard of it.
    assert_eq!(
        (share.epoch, share.users, share.from),
        (2, vec![13, 1], Duration::from_millis(3_050))
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
    let (handle, mut worker) = start(None, false).await;
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

#[test]
fn snapshots_are_due_shortly_after_each_full_second() {
    for (elapsed_ms, due_ms) in [
        (0, 1_150),
        (149, 1_150),
        (1_150, 2_150),
        (1_151, 2_150),
        (2_100, 2_150),
        (2_200, 3_150),
    ] {
        assert_eq!(
            next_drawing_after(Duration::from_millis(elapsed_ms)),
            Duration::from_millis(due_ms),
            "after {elapsed_ms} ms"
        );
    }
}

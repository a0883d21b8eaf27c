//! Runs whose workers or master do not do what they should.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_master_that_is_killed_goes_on_from_its_journal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let (arrivals, receiver) = mpsc::channel(64);
    let (journal, found) = Journal::open(&path).unwrap();
    assert!(found.is_none());
    let first = Run::start(settings(1, Some(60), false), Lobby::new(receiver, Some(journal)));
    let mut worker = Worker::join(&arrivals, 1, "one", None).await;
    worker.is_ready().await;
    worker.has_begun().await;
    worker.status(1, [3, 1], true).await;
    worker.measured(sample::delta(&[(0, 5), (1, 7)])).await;
    let safe = MasterMessage::Acknowledge {
        run: "r".into(),
        sequence: 1,
    };
    assert_eq!(worker.message().await, safe, "written, therefore safe");
    worker
        .say(WorkerReport::RowsWanted {
            data: "a".into(),
            len: 20,
            count: 16,
        })
        .await;
    assert!(matches!(worker.next().await, Directive::Rows { .. }));
    tokio::time::sleep(Duration::from_millis(400)).await;
    // Nothing after this was written; a kill leaves no more behind.
    first.task.abort();
    drop(first.task.await);

    let (arrivals, receiver) = mpsc::channel(64);
    let (journal, found) = Journal::open(&path).unwrap();
    let saved = found.expect("a run that has not ended");
    assert_eq!(
        (saved.id(), saved.setup().as_deref()),
        ("r", Some("{\"token\":7}"))
    );
    let second = Run::resume(saved, Lobby::new(receiver, Some(journal)));
    assert_eq!(requests(&second.snapshots.borrow()), 12);
    let running = Running {
        run: "r".into(),
        epoch: 1,
        sequence: 2,
    };
    let mut worker = Worker::join(&arrivals, 9, "one", Some(running)).await;
    // Whether the first one heard of it, nobody knows.
    assert!(matches!(worker.next().await, Directive::Partition { .. }));
    // What it had sent before comes again, and something new.
    worker.measured(sample::delta(&[(0, 5), (1, 7)])).await;
    assert_eq!(worker.message().await, safe);
    worker.measured(sample::delta(&[(2, 3)])).await;
    worker
        .say(WorkerReport::RowsWanted {
            data: "a".into(),
            len: 20,
            count: 16,
        })
        .await;
    let Directive::Rows { rows, exhausted, .. } = worker.next().await else {
        panic!("no rows")
    };
    assert_eq!(
        (rows[0].clone(), rows.len(), exhausted),
        (16..20, 1, true),
        "no row twice"
    );
    stop(&second).await;
    assert!(matches!(worker.next().await, Directive::Stop { .. }));
    worker.say(WorkerReport::Stopped).await;
    let result = second.finished().await;
    assert_eq!((requests(&result), &*result.info.id), (15, "r"));
    assert!(
        result.warnings[0].starts_with("the master was restarted"),
        "{:?}",
        result.warnings
    );
    let in_timeline: u64 = result.timeline.iter().map(|point| point.requests).sum();
    assert_eq!(in_timeline, 15);
    let (_, found) = Journal::open(&path).unwrap();
    assert!(found.is_none(), "the run has ended");
}

#[tokio::test(start_paused = true)]
async fn a_run_found_in_a_journal_knows_its_load_as_it_was_given_last() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let (arrivals, receiver) = mpsc::channel(64);
    let (journal, _) = Journal::open(&path).unwrap();
    let run = Run::start(settings(1, Some(60), false), Lobby::new(receiver, Some(journal)));
    let mut worker = Worker::join(&arrivals, 1, "one", None).await;
    worker.is_ready().await;
    worker.has_begun().await;
    let edit = RunCommand::SetUsers {
        users: 9,
        spawn_rate: 4.0,
    };
    run.commands.send(edit).await.unwrap();
    assert!(matches!(worker.next().await, Directive::Share(_)));
    tokio::time::sleep(Duration::from_millis(400)).await;
    run.task.abort();
    drop(run.task.await);
    let (_, found) = Journal::open(&path).unwrap();
    let wanted = LoadPlan {
        users: 9,
        spawn_rate: 4.0,
        run_time: Some(Duration::from_secs(60)),
        stop_timeout: Duration::from_secs(5),
        arrivals: None,
    };
    assert_eq!(found.expect("a run that has not ended").plan(), wanted);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_does_not_read_loses_its_connection() {
    let (handle, worker) = start(None, false).await;
    for _ in 0..300 {
        worker.beat().await;
    }
    settle().await;
    let Worker { mut messages, .. } = worker;
    let mut read = 0;
    while messages.recv().await.is_some() {
        read += 1;
    }
    assert!(read <= 256, "{read} messages waited");
    drop(handle);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_never_confirms_is_not_waited_for_for_ever() {
    let (handle, mut worker) = start(Some(1), false).await;
    let started = Instant::now();
    worker.measured(sample::delta(&[(0, 5)])).await;
    let finished = tokio::spawn(handle.finished());
    while !finished.is_finished() {
        if worker.arrivals.is_closed() {
            break;
        }
        worker.beat().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let result = finished.await.unwrap();
    assert!(
        (16..=17).contains(&started.elapsed().as_secs()),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(requests(&result), 5);
    assert!(result.warnings[0].contains("no word of its end within 15s"));
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_only_worker_is_lost_keeps_what_it_had_sent_and_fails_in_the_end() {
    let (handle, mut worker) = start(None, false).await;
    let started = Instant::now();
    worker.measured(sample::delta(&[(0, 5)])).await;
    worker
        .arrivals
        .send(Arrival::Left { link: worker.link })
        .await
        .unwrap();
    let result = handle.finished().await;
    assert_eq!((result.state, requests(&result)), (RunState::Failed, 5));
    assert_eq!(
        result.failure,
        Some(katydid_protocol::stats::RunFailure::WorkersMissing)
    );
    assert_eq!(
        started.elapsed(),
        Duration::from_secs(4 + 10),
        "missing, and the grace"
    );
    assert!(
        result
            .warnings
            .iter()
            .any(|warning| warning.starts_with("worker one was lost 4s into the run")),
        "{:?}",
        result.warnings
    );
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_was_silent_is_back_with_its_next_word_and_is_told_to_stop() {
    let (handle, mut worker) = start(None, false).await;
    worker.has_begun().await;
    worker.status(1, [3, 1], true).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(handle.snapshots.borrow().users, 0, "nobody knows");
    // On the connection it had all the time.
    worker.measured(sample::delta(&[(5, 9)])).await;
    settle().await;
    assert_eq!(handle.snapshots.borrow().users, 4);
    stop(&handle).await;
    while !matches!(worker.next().await, Directive::Stop { .. }) {}
    worker.say(WorkerReport::Stopped).await;
    let result = handle.finished().await;
    assert_eq!((result.state, requests(&result)), (RunState::Stopped, 9));
}

#[tokio::test(start_paused = true)]
async fn what_a_worker_measured_while_it_was_cut_off_counts_though_the_run_was_over() {
    let (handle, mut worker) = start(Some(8), false).await;
    worker.has_begun().await;
    worker.status(1, [3, 1], true).await;
    worker.measured(sample::delta(&[(0, 5)])).await;
    tokio::time::sleep(Duration::from_secs(16)).await;
    assert_eq!(handle.snapshots.borrow().state, RunState::Stopping, "it waits");
    let running = Running {
        run: "r".into(),
        epoch: 1,
        sequence: 2,
    };
    let mut again = Worker::join(&worker.arrivals, 2, "one", Some(running)).await;
    again.sequence = worker.sequence;
    assert!(matches!(again.next().await, Directive::Stop { .. }));
    again.measured(sample::delta(&[(1, 7)])).await;
    again.say(WorkerReport::Stopped).await;
    let result = handle.finished().await;
    assert_eq!((result.state, requests(&result)), (RunState::Stopped, 12));
    let forgotten = |warning: &&String| warning.contains("not heard of again");
    assert_eq!(result.warnings.iter().find(forgotten), None);
}

#[tokio::test(start_paused = true)]
async fn deltas_are_acknowledged_once_they_count() {
    let (handle, mut worker) = start(None, false).await;
    worker.has_begun().await;
    worker.measured(sample::delta(&[(0, 5)])).await;
    let acknowledge = |sequence| MasterMessage::Acknowledge {
        run: "r".into(),
        sequence,
    };
    assert_eq!(worker.message().await, acknowledge(1));
    assert_eq!(requests(&handle.snapshots.borrow()), 0, "not drawn yet");
    // The acknowledgement may have been lost: it is said again and counted once.
    worker.sequence -= 1;
    worker.measured(sample::delta(&[(0, 5)])).await;
    assert_eq!(worker.message().await, acknowledge(1));
    worker.say(WorkerReport::Stopped).await;
    assert_eq!(requests(&*handle.finished().await), 5);
}

#[tokio::test(start_paused = true)]
async fn a_delta_that_comes_again_is_counted_once() {
    let (handle, mut worker) = start(None, false).await;
    worker.measured(sample::delta(&[(0, 5)])).await;
    worker.sequence -= 1;
    worker.measured(sample::delta(&[(0, 5)])).await;
    worker.measured(sample::delta(&[(0, 2)])).await;
    worker.say(WorkerReport::Stopped).await;
    assert_eq!(requests(&*handle.finished().await), 7);
}

#[tokio::test(start_paused = true)]
async fn a_script_can_end_the_run_and_a_worker_can_warn() {
    let (handle, mut worker) = start(None, false).await;
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

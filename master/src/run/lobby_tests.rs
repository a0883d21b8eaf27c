//! Several runs, one after the other, on workers that stay.

use super::*;

#[tokio::test(start_paused = true)]
async fn workers_stay_for_the_next_run() {
    let (handle, mut worker) = start(None, false).await;
    worker.has_begun().await;
    stop(&handle).await;
    assert!(matches!(worker.next().await, Directive::Stop { .. }));
    worker.measured(sample::delta(&[(0, 3)])).await;
    worker.say(WorkerReport::Stopped).await;
    let (first, lobby) = handle.over().await;
    assert_eq!((first.state, requests(&first)), (RunState::Stopped, 3));
    loop {
        if let MasterMessage::Dismiss { run } = worker.message().await {
            assert_eq!(&*run, "r");
            break;
        }
    }

    let expectations = settings(1, None, false).expectations;
    let mut second = Run::gather(expectations, lobby.unwrap());
    settle().await;
    let waiting = second.snapshots.borrow().clone();
    assert_eq!((waiting.state, waiting.workers.len()), (RunState::Ready, 1));
    worker.beat().await;
    assert!(matches!(
        worker.message().await,
        MasterMessage::HeartbeatReply { elapsed: None, .. }
    ));
    second.begin(settings(1, Some(3), false));
    worker.is_ready().await;
    worker.has_begun().await;
    worker.sequence = 0;
    worker.measured(sample::delta(&[(0, 5)])).await;
    assert!(matches!(worker.next().await, Directive::Stop { .. }));
    worker.say(WorkerReport::Stopped).await;
    let second = second.finished().await;
    assert_eq!((second.state, requests(&second)), (RunState::Stopped, 5));
    loop {
        if matches!(worker.message().await, MasterMessage::Goodbye) {
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_right_after_the_beginning_is_not_lost() {
    // Which of two things a loop takes first is a matter of luck; it must not matter.
    for _ in 0..16 {
        let (arrivals, receiver) = mpsc::channel(64);
        let expectations = settings(1, None, false).expectations;
        let mut run = Run::gather(expectations, Lobby::new(receiver, None));
        run.begin(settings(1, None, false));
        let edit = RunCommand::SetUsers {
            users: 7,
            spawn_rate: 5.0,
        };
        run.commands.send(edit).await.unwrap();
        let mut worker = Worker::join(&arrivals, 1, "one", None).await;
        worker.is_ready().await;
        worker.has_begun().await;
        settle().await;
        assert_eq!(run.snapshots.borrow().target_users, 7);
    }
}

//! The state machine with several workers that come, go, fall silent and come back.

use super::*;

/// 8 users on two workers, all running.
pub(super) fn two_running() -> Controller {
    let mut controller = gathering(8, 2, false);
    controller.handle(Duration::ZERO, Event::Ready(ONE));
    assert_eq!(controller.standing().state, RunState::Ready);
    controller.handle(Duration::ZERO, Event::Ready(TWO));
    for (id, users) in [(ONE, [2, 2]), (TWO, [4, 0])] {
        controller.handle(secs(4), status_of(id, 1, &users, true, 0));
    }
    assert_eq!(controller.standing().state, RunState::Running);
    controller
}

/// The shares among effects, by worker.
pub(super) fn shares(effects: &[Effect]) -> Vec<(WorkerId, Vec<u32>)> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Tell(id, Order::Directive(Directive::Share(share))) => Some((*id, share.users.clone())),
            _ => None,
        })
        .collect()
}

#[test]
fn a_run_waits_for_the_workers_expected_and_spreads_its_users() {
    let mut controller = gathering(8, 2, false);
    assert_eq!(controller.handle(secs(1), Event::Ready(ONE)), []);
    assert_eq!(controller.deadline(), Some(secs(4)), "the other's silence");
    let effects = controller.handle(secs(2), Event::Ready(TWO));
    assert_eq!(shares(&effects), [(ONE, vec![2, 2]), (TWO, vec![4, 0])]);
    let Some(Effect::Tell(_, Order::Directive(Directive::Share(second)))) = effects.get(6) else {
        panic!("{effects:?}")
    };
    assert_eq!((second.offset, second.stride), (1.0, 2.0), "they take turns");
}

#[test]
fn workers_that_never_come_fail_the_run() {
    let mut controller = gathering(8, 2, false);
    controller.handle(secs(1), Event::Ready(ONE));
    for now in 2..20 {
        beat(&mut controller, now, &[ONE, TWO]);
        assert_eq!(controller.handle(secs(now), Event::Deadline), []);
    }
    assert_eq!(
        controller.handle(secs(20), Event::Deadline),
        [Effect::Publish, Effect::Finish]
    );
    let standing = controller.standing();
    assert_eq!(standing.failure, Some(RunFailure::WorkersMissing));
    assert_eq!(
        standing.stop_reason.as_deref(),
        Some(
            "1 of 2 expected workers were ready within 20s (still preparing: w1); start the others with `katydid \
             --worker --master-host <this machine>`, or raise --expect-workers-max-wait"
        )
    );
}

#[test]
fn a_worker_that_cannot_compile_the_scenario_stops_the_start() {
    let mut controller = gathering(8, 2, false);
    controller.handle(secs(1), Event::Ready(ONE));
    let unable = Event::Unable(TWO, "error: no such file\n".to_owned());
    assert_eq!(
        controller.handle(secs(1), unable),
        [Effect::Publish, Effect::Finish]
    );
    let standing = controller.standing();
    assert_eq!(
        (standing.failure, standing.stop_reason.as_deref()),
        (
            Some(RunFailure::Scenario),
            Some("worker w1 cannot run the scenario:\nerror: no such file")
        )
    );
}

#[test]
fn a_silent_worker_is_missing_and_others_take_over_until_it_is_back() {
    let mut controller = two_running();
    for now in 5..8 {
        beat(&mut controller, now, &[ONE]);
        assert_eq!(controller.handle(secs(now), Event::Deadline), []);
    }
    beat(&mut controller, 8, &[ONE]);
    let effects = controller.handle(secs(8), Event::Deadline);
    assert_eq!(shares(&effects), [(ONE, vec![6, 2])]);
    let standing = controller.standing();
    assert_eq!(
        standing.warnings,
        [
            "worker w1 was lost 8s into the run, after 4.0s without a word; its 4 users move to 1 other worker; unless \
             it comes back, what it measured since its last report is missing from these numbers"
        ]
    );
    assert_eq!(
        standing.workers[1].state,
        katydid_protocol::stats::WorkerState::Missing
    );
    assert_eq!(standing.users_by_class, [2, 2], "nobody knows what it runs");

    let back = Running {
        run: "r".into(),
        epoch: 1,
        sequence: 8,
    };
    let (id, effects) = controller.connect(secs(12), &hello("w1"), Some(&back)).unwrap();
    assert_eq!(id, TWO, "the same process");
    assert_eq!(shares(&effects), [(ONE, vec![2, 2])], "it has kept its own");
    assert!(controller.standing().warnings[1].contains("came back 12s into the run"));
}

#[test]
fn a_worker_in_the_middle_of_the_run_goes_on_whatever_is_known_of_it() {
    let back = Running {
        run: "r".into(),
        epoch: 7,
        sequence: 8,
    };
    // Written down before it had begun, or before it had come at all.
    let mut unknown = two_running();
    let mut given_up = two_running();
    let (late, effects) = given_up.connect(secs(5), &hello("late"), None).unwrap();
    assert_eq!(effects, [Effect::Tell(late, Order::Prepare)]);
    given_up.resume(secs(6));
    for controller in [&mut unknown, &mut given_up] {
        let (id, effects) = controller.connect(secs(7), &hello("late"), Some(&back)).unwrap();
        assert_eq!(id, late);
        let prepares = Effect::Tell(id, Order::Prepare);
        assert!(!effects.contains(&prepares), "its users run");
        assert!(shares(&effects).iter().any(|(to, _)| *to == id), "{effects:?}");
        let epochs = effects.iter().filter_map(|effect| match effect {
            Effect::Tell(_, Order::Directive(Directive::Share(share))) => Some(share.epoch),
            _ => None,
        });
        assert!(epochs.min().unwrap() > 7);
    }
}

#[test]
fn a_worker_whose_users_have_ended_gets_none_when_it_comes_back() {
    let mut controller = two_running();
    controller.handle(secs(6), Event::Draining(TWO));
    controller.handle(secs(7), status_of(ONE, 2, &[6, 2], true, 0));
    controller.handle(secs(8), Event::Stopped(TWO));
    let back = Running {
        run: "r".into(),
        epoch: 2,
        sequence: 8,
    };
    let (id, effects) = controller.connect(secs(9), &hello("w1"), Some(&back)).unwrap();
    let stop = Effect::Tell(TWO, Order::Directive(Directive::Stop { grace: GRACE }));
    assert_eq!((id, effects), (TWO, vec![stop]));
    let effects = controller.handle(secs(9), Event::Stopped(TWO));
    assert_eq!(effects[0], Effect::Tell(TWO, Order::Leave));
}

#[test]
fn time_in_which_nobody_could_be_heard_is_no_silence() {
    let mut controller = two_running();
    controller.overslept(secs(104), secs(100));
    assert_eq!(
        controller.handle(secs(104), Event::Deadline),
        [
            Effect::Tell(ONE, Order::Directive(Directive::Stop { grace: GRACE })),
            Effect::Tell(TWO, Order::Directive(Directive::Stop { grace: GRACE })),
            Effect::Publish
        ]
    );
    assert_eq!(
        controller.standing().stop_reason.as_deref(),
        Some("--run-time limit reached")
    );
    assert_eq!(controller.standing().warnings, [""; 0]);
}

#[test]
fn a_draining_worker_stops_when_others_have_taken_over() {
    let mut controller = two_running();
    let effects = controller.handle(secs(6), Event::Draining(TWO));
    let moves = [(ONE, vec![6, 2]), (TWO, vec![0, 0])];
    assert_eq!(shares(&effects), moves, "side by side");
    let stop_two = Effect::Tell(TWO, Order::Directive(Directive::Stop { grace: GRACE }));
    assert!(!effects.contains(&stop_two));
    let effects = controller.handle(secs(7), status_of(ONE, 2, &[6, 2], true, 0));
    assert_eq!(effects, [stop_two]);
    let effects = controller.handle(secs(8), Event::Stopped(TWO));
    assert_eq!(effects, [Effect::Tell(TWO, Order::Leave), Effect::Publish]);
    assert_eq!(controller.users(), 8);
    assert_eq!(controller.standing().warnings, [""; 0]);
}

#[test]
fn a_worker_that_joins_in_mid_run_takes_its_share() {
    let mut controller = running();
    let (id, effects) = controller.connect(secs(5), &hello("late"), None).unwrap();
    assert_eq!((id, effects), (TWO, vec![Effect::Tell(TWO, Order::Prepare)]));
    let effects = controller.handle(secs(6), Event::Ready(TWO));
    assert_eq!(
        effects[0],
        Effect::Tell(
            TWO,
            Order::Directive(Directive::Begin {
                elapsed: secs(6),
                setup: None,
                run_time: Some(secs(60)),
                arrivals: None,
            })
        )
    );
    let given = shares(&effects);
    let total: u32 = given.iter().flat_map(|(_, users)| users).sum();
    assert_eq!((given.len(), total), (2, 4));
    assert!(given.iter().all(|(_, users)| users.iter().sum::<u32>() == 2));
}

#[test]
fn a_run_without_any_worker_waits_and_then_fails() {
    let mut controller = running();
    assert_eq!(controller.handle(secs(6), Event::Deadline), [Effect::Publish]);
    assert_eq!(controller.deadline(), Some(secs(36)));
    assert_eq!(
        controller.handle(secs(36), Event::Deadline),
        [Effect::Publish, Effect::Finish]
    );
    let standing = controller.standing();
    assert_eq!(standing.failure, Some(RunFailure::WorkersMissing));
    assert_eq!(
        standing.stop_reason.as_deref(),
        Some("all workers were lost and none came back within 30s")
    );
}

#[test]
fn a_saturated_worker_is_said_once_and_counted_each_time() {
    let mut controller = two_running();
    let busy = Heartbeat {
        cpu: 0.97,
        ..Heartbeat::default()
    };
    for now in 5..8 {
        let effects = controller.handle(secs(now), Event::Heartbeat(TWO, busy.clone()));
        assert_eq!(effects, [Effect::Saturated]);
    }
    let standing = controller.standing();
    assert_eq!((standing.warnings.len(), standing.workers[1].saturated), (1, 3));
    assert!(
        standing.warnings[0]
            .starts_with("worker w1 was saturated 5s into the run (it used 97 % of its CPU: use more")
    );
}

#[test]
fn a_controller_written_down_goes_on_where_it_was() {
    let mut controller = two_running();
    let text = serde_json::to_string(&controller).unwrap();
    let mut restored: Controller = serde_json::from_str(&text).unwrap();
    restored.resume(secs(9));
    assert_eq!(restored.state(), RunState::Running);
    assert_eq!(
        restored.deadline(),
        Some(secs(19)),
        "workers get time to find their master"
    );
    let back = Running {
        run: "r".into(),
        epoch: 1,
        sequence: 8,
    };
    for (name, expected) in [("w0", ONE), ("w1", TWO)] {
        let (id, effects) = restored.connect(secs(10), &hello(name), Some(&back)).unwrap();
        assert_eq!((id, shares(&effects)), (expected, vec![]), "nobody moves");
    }
    assert_eq!(
        shares(&restored.handle(secs(11), set_users(16))),
        shares(&controller.handle(secs(11), set_users(16)))
    );
}

#[test]
fn the_last_worker_that_breaks_ends_the_run() {
    let mut controller = running();
    let failed = Event::Failed(ONE, "no memory".to_owned());
    assert_eq!(
        controller.handle(secs(12), failed),
        [Effect::Publish, Effect::Finish]
    );
    let standing = controller.standing();
    assert_eq!(
        (standing.state, standing.failure, standing.stop_reason.as_deref()),
        (
            RunState::Failed,
            Some(RunFailure::WorkerBroke),
            Some("worker w0 failed: no memory")
        )
    );
}

#[test]
fn a_status_with_other_classes_than_the_run_has_does_no_harm() {
    let mut controller = running();
    controller.handle(secs(3), status(1, &[1, 2, 3], true, 0));
    assert_eq!(controller.standing().users_by_class, [1, 2]);
    controller.handle(secs(3), status(1, &[], true, 0));
    assert_eq!(controller.standing().users_by_class, [0, 0]);
}

#[test]
fn a_swarm_set_to_nobody_goes_on() {
    let mut controller = running();
    controller.handle(secs(5), set_users(0));
    assert_eq!(
        controller.handle(secs(6), status(2, &[0, 0], true, 1)),
        [Effect::Publish]
    );
    assert_eq!(controller.standing().state, RunState::Running);
}

#[test]
fn a_drove_of_workers_is_dealt_with_in_one_go() {
    let mut controller = two_running();
    let mut effects = Vec::new();
    for number in 3..=302 {
        let hello = hello(&format!("w{number}"));
        let (id, _) = controller.connect(secs(5), &hello, None).unwrap();
        effects.extend(controller.handle(secs(5), Event::Ready(id)));
    }
    let told = |effects: &[Effect], id: WorkerId| {
        effects
            .iter()
            .filter(|effect| matches!(effect, Effect::Tell(to, Order::Directive(_)) if *to == id))
            .count()
    };
    assert!(told(&effects, ONE) <= 2, "{}", told(&effects, ONE));
    assert_eq!(
        controller.handle(secs(5), Event::Deadline),
        [],
        "nobody is silent"
    );
    let due = secs(5) + Duration::from_millis(100);
    assert_eq!(controller.deadline(), Some(due));
    let effects = controller.handle(due, Event::Deadline);
    assert_eq!(told(&effects, ONE), 2, "its rows and its users");
    let partitions = effects.iter().filter(|effect| {
        matches!(
            effect,
            Effect::Tell(_, Order::Directive(Directive::Partition { count: 302, .. }))
        )
    });
    assert_eq!(partitions.count(), 302);
    let users: u32 = (0..302)
        .filter_map(|id| controller.fleet.last_share(WorkerId(id)))
        .flat_map(|share| &share.users)
        .sum();
    assert_eq!(users, 8);
}

#[test]
fn the_first_time_all_users_run_is_marked_and_no_other() {
    let mut controller = two_running();
    let users = 4;
    let edit = RunCommand::SetUsers {
        users,
        spawn_rate: 4.0,
    };
    controller.handle(secs(5), Event::Command(edit));
    for id in [ONE, TWO] {
        controller.handle(secs(6), status_of(id, 2, &[1, 1], true, 0));
    }
    let marks = controller.standing().marks;
    let kinds: Vec<MarkKind> = marks.iter().map(|mark| mark.kind).collect();
    assert_eq!(kinds, [MarkKind::Steady, MarkKind::Edit]);
    assert_eq!((marks[0].second, marks[0].text.as_str()), (4, "All users run: 8"));
}

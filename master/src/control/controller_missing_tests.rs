//! The state machine with workers that are silent for a while, and at the end of their run.

use katydid_protocol::stats::WorkerState;

use super::several_workers::{shares, two_running};
use super::*;

/// Two workers, the second silent since 4 s and missing since 8 s.
fn one_missing() -> Controller {
    let mut controller = two_running();
    beat(&mut controller, 8, &[ONE]);
    controller.handle(secs(8), Event::Deadline);
    assert_eq!(state_of(&controller, TWO), WorkerState::Missing);
    controller
}

/// The same; its connection ended when it had just been heard of.
fn one_dead() -> Controller {
    let mut controller = two_running();
    controller.handle(secs(5), Event::Disconnected(TWO));
    beat(&mut controller, 8, &[ONE]);
    controller.handle(secs(8), Event::Deadline);
    controller
}

fn state_of(controller: &Controller, id: WorkerId) -> WorkerState {
    controller.standing().workers[id.0 as usize].state
}

fn stop_for(id: WorkerId) -> Effect {
    Effect::Tell(id, Order::Directive(Directive::Stop { grace: GRACE }))
}

fn warnings(controller: &Controller, of: &str) -> Vec<String> {
    let mut warnings = controller.standing().warnings;
    warnings.retain(|warning| warning.contains(of));
    warnings
}

fn back(epoch: u64) -> Running {
    Running {
        run: "r".into(),
        epoch,
        sequence: 8,
    }
}

#[test]
fn any_word_on_the_old_connection_brings_a_missing_worker_back() {
    for word in [
        Event::Heartbeat(TWO, Heartbeat::default()),
        status_of(TWO, 1, &[4, 0], true, 0),
        Event::Warning(TWO, "here".to_owned()),
    ] {
        let mut controller = one_missing();
        assert_eq!(controller.users(), 4, "nobody knows what it runs");
        let effects = controller.handle(secs(10), word);
        assert_eq!(shares(&effects), [(ONE, vec![2, 2])], "it has kept its own");
        assert_eq!(state_of(&controller, TWO), WorkerState::Running);
        assert_eq!(controller.users(), 8);
        assert_eq!(warnings(&controller, "w1 came back 10s into the run").len(), 1);
        // It is watched again.
        beat(&mut controller, 14, &[ONE]);
        controller.handle(secs(14), Event::Deadline);
        assert_eq!(state_of(&controller, TWO), WorkerState::Missing);
    }
    let mut controller = one_missing();
    assert_eq!(shares(&controller.heard(secs(10), TWO)).len(), 1, "a delta");
    assert_eq!(controller.heard(secs(10), TWO), []);
}

#[test]
fn users_that_are_too_many_after_a_return_do_not_stay_at_a_slow_rate() {
    let mut controller = one_missing();
    controller.handle(secs(9), status_of(ONE, 2, &[6, 2], true, 0));
    let effects = controller.handle(secs(10), Event::Heartbeat(TWO, Heartbeat::default()));
    let rates: Vec<f64> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Tell(_, Order::Directive(Directive::Share(share))) => Some(share.rate),
            _ => None,
        })
        .collect();
    // 4 users in 5 s; the plan's rate is 2 a second. More of them may not take longer.
    assert_eq!(rates, [2.0]);
    let mut large = gathering(8_000, 2, false);
    for id in [ONE, TWO] {
        large.handle(Duration::ZERO, Event::Ready(id));
    }
    for (id, users) in [(ONE, [2_000, 2_000]), (TWO, [4_000, 0])] {
        large.handle(secs(4_000), status_of(id, 1, &users, true, 0));
    }
    beat(&mut large, 4_004, &[ONE]);
    large.plan.run_time = None;
    large.handle(secs(4_004), Event::Deadline);
    large.handle(secs(8_000), status_of(ONE, 2, &[6_000, 2_000], true, 0));
    assert_eq!(large.state(), RunState::Running);
    let effects = large.handle(secs(8_001), Event::Heartbeat(TWO, Heartbeat::default()));
    let Some(Effect::Tell(_, Order::Directive(Directive::Share(share)))) = effects
        .iter()
        .find(|effect| matches!(effect, Effect::Tell(ONE, Order::Directive(Directive::Share(_)))))
    else {
        panic!("{effects:?}")
    };
    assert_eq!(share.rate, 800.0, "4,000 users in 5 s");
}

#[test]
fn a_missing_worker_that_is_told_to_end_leaves_in_order() {
    let mut controller = one_missing();
    let effects = controller.handle(secs(10), Event::Draining(TWO));
    assert_eq!(state_of(&controller, TWO), WorkerState::Stopping);
    assert!(!effects.contains(&stop_for(TWO)), "others take over first");
    beat(&mut controller, 12, &[ONE, TWO]);
    let effects = controller.handle(secs(12), Event::Deadline);
    assert!(effects.contains(&stop_for(TWO)), "{effects:?}");
    let effects = controller.handle(secs(13), Event::Stopped(TWO));
    assert_eq!(effects[0], Effect::Tell(TWO, Order::Leave));
}

#[test]
fn a_worker_that_was_leaving_when_it_fell_silent_stops_when_it_is_back() {
    let mut controller = two_running();
    controller.handle(secs(5), Event::Draining(TWO));
    beat(&mut controller, 6, &[ONE]);
    controller.handle(secs(7), Event::Deadline);
    beat(&mut controller, 10, &[ONE]);
    controller.handle(secs(10), Event::Deadline);
    assert_eq!(state_of(&controller, TWO), WorkerState::Missing);
    let effects = controller.handle(secs(11), Event::Heartbeat(TWO, Heartbeat::default()));
    assert_eq!(effects, [stop_for(TWO)]);
}

#[test]
fn a_worker_that_was_silent_while_it_prepared_is_asked_again() {
    let mut controller = gathering(8, 2, false);
    beat(&mut controller, 4, &[ONE]);
    controller.handle(secs(4), Event::Deadline);
    assert_eq!(state_of(&controller, TWO), WorkerState::Stopped);
    let effects = controller.handle(secs(6), Event::Heartbeat(TWO, Heartbeat::default()));
    assert_eq!(effects, [Effect::Tell(TWO, Order::Prepare)]);
    controller.handle(secs(6), Event::Ready(ONE));
    controller.handle(secs(6), Event::Ready(TWO));
    assert_eq!(controller.state(), RunState::Spawning);
}

#[test]
fn a_share_that_was_lost_with_the_connection_is_sent_again() {
    let mut controller = two_running();
    controller.handle(secs(5), set_users(16));
    beat(&mut controller, 8, &[ONE]);
    controller.handle(secs(8), Event::Deadline);
    let (id, effects) = controller.connect(secs(9), &hello("w1"), Some(&back(1))).unwrap();
    assert_eq!(id, TWO);
    let told = shares(&effects);
    assert!(
        told.iter()
            .any(|(id, users)| *id == TWO && users.iter().sum::<u32>() == 8),
        "{told:?}"
    );
}

#[test]
fn a_brief_break_costs_neither_rows_nor_users() {
    let mut controller = two_running();
    controller.handle(secs(5), Event::Disconnected(TWO));
    let (_, effects) = controller.connect(secs(6), &hello("w1"), Some(&back(0))).unwrap();
    let rows = Effect::Tell(TWO, Order::Directive(Directive::Partition { index: 1, count: 2 }));
    assert_eq!(effects[0], rows);
    assert_eq!(shares(&effects), [(TWO, vec![4, 0])]);
    let (_, effects) = controller.connect(secs(7), &hello("w1"), Some(&back(1))).unwrap();
    assert_eq!(effects, [rows], "the share arrived");
}

#[test]
fn the_grace_without_workers_begins_when_the_last_hope_is_gone() {
    for last in [
        Event::Disconnected(TWO),
        Event::Unable(TWO, "no such file".to_owned()),
    ] {
        let mut controller = running();
        controller.connect(secs(3), &hello("late"), None).unwrap();
        beat(&mut controller, 6, &[TWO]);
        controller.handle(secs(6), Event::Deadline);
        assert_eq!(state_of(&controller, ONE), WorkerState::Missing);
        assert_eq!(
            warnings(&controller, "no worker was left"),
            [""; 0],
            "one prepares"
        );
        controller.handle(secs(7), last);
        assert_eq!(
            warnings(&controller, "no worker was left 7s into the run").len(),
            1
        );
        controller.handle(secs(36), Event::Deadline);
        assert_eq!(controller.deadline(), Some(secs(37)));
        controller.handle(secs(37), Event::Deadline);
        assert_eq!(controller.standing().failure, Some(RunFailure::WorkersMissing));
    }
}

#[test]
fn a_stop_waits_for_a_worker_that_is_cut_off() {
    let mut controller = one_missing();
    assert_eq!(
        controller.handle(secs(9), stop("enough")),
        [stop_for(ONE), Effect::Publish]
    );
    assert_eq!(controller.handle(secs(10), Event::Stopped(ONE)), []);
    assert_eq!(controller.handle(secs(12), Event::Deadline), []);
    assert_eq!(controller.deadline(), Some(secs(24)), "15 s after the stop");
    let (_, effects) = controller
        .connect(secs(20), &hello("w1"), Some(&back(1)))
        .unwrap();
    assert_eq!(effects, [stop_for(TWO)]);
    assert_eq!(controller.handle(secs(22), Event::Stopped(TWO)), [Effect::Finish]);
    assert_eq!(warnings(&controller, "not heard of again"), [""; 0]);
}

#[test]
fn a_stop_does_not_wait_for_ever_and_says_for_whom_it_waited() {
    let mut controller = one_missing();
    controller.handle(secs(9), stop("enough"));
    controller.handle(secs(10), Event::Stopped(ONE));
    assert_eq!(controller.handle(secs(23), Event::Deadline), []);
    assert_eq!(controller.handle(secs(24), Event::Deadline), [Effect::Finish]);
    assert_eq!(
        warnings(&controller, "not heard of again"),
        [
            "not heard of again before the end of the run: worker w1 (silent for 20s); what was measured there since the \
             last report is missing from these numbers"
        ]
    );
}

#[test]
fn a_worker_that_comes_back_during_the_stop_gets_its_time_once() {
    let mut controller = one_missing();
    controller.handle(secs(9), stop("enough"));
    controller.handle(secs(10), Event::Stopped(ONE));
    controller.handle(secs(23), Event::Heartbeat(TWO, Heartbeat::default()));
    // The grace of its users, and the time to confirm.
    let due = secs(23) + GRACE + secs(10);
    for now in (26..38).step_by(3) {
        assert_eq!(
            controller.handle(secs(now), status_of(TWO, 1, &[1, 0], false, 0)),
            []
        );
        assert_eq!(controller.handle(secs(now), Event::Deadline), []);
    }
    assert_eq!(controller.handle(due, Event::Deadline), [Effect::Finish]);
    assert_eq!(warnings(&controller, "within 29s of the stop from w1").len(), 1);
}

#[test]
fn nobody_waits_for_the_dead() {
    let mut controller = one_dead();
    assert_eq!(
        controller.handle(secs(12), stop("enough")),
        [stop_for(ONE), Effect::Publish]
    );
    assert_eq!(controller.handle(secs(13), Event::Stopped(ONE)), [Effect::Finish]);
    assert_eq!(warnings(&controller, "not heard of again").len(), 1);

    // One that has just died might still be one whose connection was closed by somebody else.
    let mut controller = one_dead();
    controller.handle(secs(9), stop("enough"));
    assert_eq!(controller.handle(secs(9), Event::Stopped(ONE)), []);
    assert_eq!(controller.deadline(), Some(secs(10)));
    assert_eq!(controller.handle(secs(10), Event::Deadline), [Effect::Finish]);
}

#[test]
fn nobody_waits_for_whom_was_lost_long_ago() {
    let mut controller = one_missing();
    controller.plan.run_time = None;
    beat(&mut controller, 70, &[ONE]);
    controller.handle(secs(70), stop("enough"));
    assert_eq!(controller.handle(secs(71), Event::Stopped(ONE)), [Effect::Finish]);
}

#[test]
fn a_worker_that_falls_silent_while_it_stops_is_waited_for_too() {
    let mut controller = two_running();
    beat(&mut controller, 5, &[ONE, TWO]);
    controller.handle(secs(5), stop("enough"));
    controller.handle(secs(6), Event::Stopped(ONE));
    assert_eq!(controller.handle(secs(9), Event::Deadline), [Effect::Publish]);
    assert_eq!(state_of(&controller, TWO), WorkerState::Missing);
    let (_, effects) = controller
        .connect(secs(11), &hello("w1"), Some(&back(1)))
        .unwrap();
    assert_eq!(effects, [stop_for(TWO)]);
    assert_eq!(controller.handle(secs(12), Event::Stopped(TWO)), [Effect::Finish]);
}

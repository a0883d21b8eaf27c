//! The state machine, event by event, without a runtime.

use katydid_protocol::command::RunCommand;
use katydid_protocol::directive::Share;
use katydid_protocol::fleet::{Heartbeat, Running};
use katydid_protocol::report::WorkerStatus;

use super::*;
use samples::{class, expecting, hello, plan};

#[path = "controller_samples.rs"]
mod samples;

#[path = "controller_fleet_tests.rs"]
mod several_workers;

#[path = "controller_missing_tests.rs"]
mod missing_workers;

#[path = "controller_arrivals_tests.rs"]
mod arrivals;

#[path = "controller_judging_tests.rs"]
mod judging;

const GRACE: Duration = Duration::from_secs(5);
const ONE: WorkerId = WorkerId(0);
const TWO: WorkerId = WorkerId(1);

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A run that wants to begin, and `workers` workers that have said hello.
fn gathering(users: u32, workers: u32, reset_stats: bool) -> Controller {
    let classes = vec![class("A", 3.0, 0), class("B", 1.0, 0)];
    let run_time = Some(secs(60));
    let mut controller = Controller::new(plan(users, run_time), classes, expecting(workers), reset_stats);
    controller.handle(Duration::ZERO, Event::Wanted { setup: None });
    for number in 0..workers {
        let (id, effects) = controller
            .connect(Duration::ZERO, &hello(&format!("w{number}")), None)
            .unwrap();
        assert_eq!(
            (id, effects),
            (WorkerId(number), vec![Effect::Tell(id, Order::Prepare)])
        );
    }
    controller
}

/// A run of 4 users on one worker whose ramp has been ordered.
fn spawning() -> Controller {
    spawning_with(4, false)
}

fn spawning_with(users: u32, reset_stats: bool) -> Controller {
    let mut controller = gathering(users, 1, reset_stats);
    controller.handle(Duration::ZERO, Event::Ready(ONE));
    assert_eq!(controller.standing().state, RunState::Spawning);
    controller
}

/// The same with all users running; the worker goes on saying so until `until`.
fn running() -> Controller {
    let mut controller = spawning();
    controller.handle(secs(2), status(1, &[3, 1], true, 0));
    assert_eq!(controller.standing().state, RunState::Running);
    controller
}

fn stopping() -> Controller {
    let mut controller = running();
    controller.handle(secs(10), stop("enough"));
    controller
}

/// The workers say that they live.
fn beat(controller: &mut Controller, now: u64, ids: &[WorkerId]) {
    for id in ids {
        controller.handle(secs(now), Event::Heartbeat(*id, Heartbeat::default()));
    }
}

fn status(epoch: u64, users: &[u32], settled: bool, retired: u32) -> Event {
    status_of(ONE, epoch, users, settled, retired)
}

fn status_of(id: WorkerId, epoch: u64, users: &[u32], settled: bool, retired: u32) -> Event {
    let status = WorkerStatus {
        epoch,
        users: users.to_vec(),
        settled,
        retired: vec![retired, 0],
    };
    Event::Status(id, status)
}

fn stop(reason: &str) -> Event {
    Event::Command(RunCommand::Stop {
        reason: reason.to_owned(),
    })
}

fn set_users(users: u32) -> Event {
    Event::Command(RunCommand::SetUsers {
        users,
        spawn_rate: 10.0,
    })
}

fn add_users(change: i64) -> Event {
    Event::Command(RunCommand::AddUsers {
        change,
        spawn_rate: 10.0,
    })
}

fn tell(directive: Directive) -> Effect {
    Effect::Tell(ONE, Order::Directive(directive))
}

fn share(epoch: u64, users: &[u32], from: Duration, rate: f64) -> Effect {
    tell(Directive::Share(Share {
        epoch,
        plan: epoch,
        users: users.to_vec(),
        from,
        rate,
        offset: 0.0,
        stride: 1.0,
        stop_timeout: GRACE,
        lane: None,
    }))
}

fn send_stop() -> Effect {
    tell(Directive::Stop { grace: GRACE })
}

fn reset(generation: u32) -> [Effect; 3] {
    [
        Effect::ResetStats { generation },
        tell(Directive::ResetStats { generation }),
        Effect::Publish,
    ]
}

#[test]
fn a_run_begins_with_the_clock_and_the_share() {
    let mut controller = gathering(4, 1, false);
    assert_eq!(controller.standing().state, RunState::Ready);
    let begin = tell(Directive::Begin {
        elapsed: Duration::ZERO,
        setup: None,
        run_time: Some(secs(60)),
        arrivals: None,
    });
    let rows = tell(Directive::Partition { index: 0, count: 1 });
    assert_eq!(
        controller.handle(secs(3), Event::Ready(ONE)),
        [
            Effect::Begin,
            begin,
            rows,
            share(1, &[3, 1], Duration::ZERO, 2.0),
            Effect::Publish
        ]
    );
    assert_eq!(controller.elapsed(secs(5)), secs(2));
    assert_eq!(controller.standing().state, RunState::Spawning);
    assert_eq!(controller.standing().target_users, 4);
}

#[test]
fn the_swarm_runs_once_the_last_share_has_settled() {
    let mut controller = spawning();
    assert_eq!(controller.handle(secs(1), status(1, &[2, 0], false, 0)), []);
    assert_eq!(controller.users(), 2);
    assert_eq!(
        controller.handle(secs(1), status(0, &[3, 1], true, 0)),
        [],
        "an old share settled"
    );
    assert_eq!(controller.standing().state, RunState::Spawning);
    assert_eq!(
        controller.handle(secs(2), status(1, &[3, 1], true, 0)),
        [Effect::Publish]
    );
    assert_eq!(controller.standing().state, RunState::Running);
    assert_eq!(
        controller.handle(secs(3), status(1, &[3, 1], true, 0)),
        [],
        "nothing new"
    );
}

#[test]
fn the_end_of_the_first_ramp_resets_the_statistics_if_asked_to() {
    let mut controller = spawning_with(4, true);
    let effects = controller.handle(secs(2), status(1, &[3, 1], true, 0));
    assert_eq!(effects[..3], reset(1));
    controller.handle(secs(3), set_users(8));
    assert_eq!(
        controller.handle(secs(4), status(2, &[6, 2], true, 0)),
        [Effect::Publish],
        "only the first ramp"
    );
    assert_eq!(
        controller.handle(secs(5), Event::Command(RunCommand::ResetStats)),
        reset(2)
    );
}

#[test]
fn users_can_be_set_and_added_within_bounds() {
    for (event, by_class, target) in [
        (set_users(8), [6, 2], 8),
        (set_users(0), [0, 0], 0),
        (add_users(4), [6, 2], 8),
        (add_users(-3), [1, 0], 1),
        (add_users(-100), [0, 0], 0),
        (add_users(i64::MIN), [0, 0], 0),
        (add_users(i64::MAX), [750_000, 250_000], 1_000_000),
    ] {
        let mut controller = running();
        let effects = controller.handle(secs(7), event.clone());
        let Effect::Tell(_, Order::Directive(Directive::Share(sent))) = &effects[0] else {
            panic!("{event:?} sent no share")
        };
        assert_eq!(
            (sent.epoch, sent.from, sent.users.as_slice()),
            (2, secs(7), by_class.as_slice()),
            "{event:?}"
        );
        let standing = controller.standing();
        assert_eq!(
            (standing.state, standing.target_users),
            (RunState::Spawning, target),
            "{event:?}"
        );
    }
}

#[test]
fn changes_add_up_before_they_are_reached() {
    let mut controller = running();
    controller.handle(secs(7), add_users(1));
    controller.handle(secs(7), add_users(1));
    assert_eq!(controller.standing().target_users, 6);
}

#[test]
fn an_impossible_rate_is_replaced_and_said() {
    for spawn_rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let mut controller = running();
        let effects = controller.handle(
            secs(7),
            Event::Command(RunCommand::SetUsers { users: 1, spawn_rate }),
        );
        assert_eq!(effects[0], share(2, &[1, 0], secs(7), 1.0));
        assert_eq!(controller.standing().warnings.len(), 1);
    }
}

#[test]
fn more_users_than_fixed_counts_allow_are_said() {
    let mut controller = Controller::new(plan(12, None), vec![class("A", 1.0, 5)], expecting(1), false);
    controller.handle(Duration::ZERO, Event::Wanted { setup: None });
    controller.connect(Duration::ZERO, &hello("w"), None).unwrap();
    controller.handle(Duration::ZERO, Event::Ready(ONE));
    let standing = controller.standing();
    assert_eq!(standing.target_users, 5);
    assert_eq!(
        standing.warnings,
        [
            "12 users were asked for, but no class takes more than its fixed count: 5 run; raise a fixed_count or give \
          a class a weight"
        ]
    );
}

#[test]
fn every_way_to_stop_stops_once_and_says_why() {
    for (event, reason) in [
        (stop("interrupted"), "interrupted"),
        (Event::Deadline, "--run-time limit reached"),
        (
            Event::StopRequested("out of stock".to_owned()),
            "stopped by the scenario: out of stock",
        ),
        (Event::StopRequested(String::new()), "stopped by the scenario"),
        (status(1, &[0, 0], true, 4), "all users have finished"),
    ] {
        let mut controller = running();
        beat(&mut controller, 60, &[ONE]);
        let effects = controller.handle(secs(60), event.clone());
        assert_eq!(effects, [send_stop(), Effect::Publish], "{event:?}");
        let standing = controller.standing();
        assert_eq!(
            (standing.state, standing.stop_reason.as_deref()),
            (RunState::Stopping, Some(reason))
        );
        assert_eq!(controller.handle(secs(60), event), []);
        assert_eq!(controller.handle(secs(61), stop("again")), []);
        assert_eq!(controller.standing().stop_reason.as_deref(), Some(reason));
    }
}

#[test]
fn users_that_finish_during_the_ramp_end_the_run_without_a_reset() {
    let mut controller = spawning_with(4, true);
    let effects = controller.handle(secs(2), status(1, &[0, 0], true, 4));
    assert_eq!(effects, [Effect::Publish, send_stop(), Effect::Publish]);
}

#[test]
fn the_deadline_is_the_run_time_and_then_the_patience_with_the_worker() {
    let mut controller = running();
    beat(&mut controller, 59, &[ONE]);
    assert_eq!(controller.handle(secs(59), Event::Deadline), [], "too early");
    assert_eq!(controller.deadline(), Some(secs(60)));
    controller.handle(secs(60), Event::Deadline);
    for now in 61..75 {
        controller.handle(secs(now), status(1, &[0, 1], false, 0));
        assert_eq!(controller.handle(secs(now), Event::Deadline), []);
        assert_eq!(controller.deadline(), Some(secs(75).min(secs(now + 4))));
    }
    assert_eq!(controller.handle(secs(75), Event::Deadline), [Effect::Finish]);
    assert_eq!(controller.deadline(), None);
    assert_eq!(
        controller.standing().warnings,
        [
            "no word of its end within 15s of the stop from w0 (1 user was still running): what was measured there \
             last may be missing from these numbers"
        ]
    );
}

#[test]
fn while_stopping_nothing_is_changed() {
    for event in [
        set_users(3),
        add_users(1),
        Event::Command(RunCommand::ResetStats),
        status(1, &[0, 0], true, 4),
    ] {
        let mut controller = stopping();
        assert_eq!(controller.handle(secs(11), event), []);
        assert_eq!(controller.standing().state, RunState::Stopping);
    }
}

#[test]
fn the_run_is_over_when_the_worker_is() {
    let mut controller = stopping();
    assert_eq!(controller.handle(secs(12), Event::Stopped(ONE)), [Effect::Finish]);
    let standing = controller.standing();
    assert_eq!(
        (standing.state, standing.users_by_class),
        (RunState::Stopped, vec![0, 0])
    );
    assert_eq!(standing.stop_reason.as_deref(), Some("enough"));
    assert_eq!(standing.warnings, [""; 0]);
    assert_eq!(
        controller.handle(secs(13), stop("again")),
        [],
        "nothing happens after the end"
    );
}

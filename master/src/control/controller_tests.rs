//! The state machine, event by event, without a runtime.

use super::*;

const GRACE: Duration = Duration::from_secs(5);

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn class(name: &str, weight: f64, fixed_count: u32) -> UserClass {
    UserClass {
        name: name.to_owned(),
        weight,
        fixed_count,
    }
}

fn plan(users: u32, run_time: Option<Duration>) -> LoadPlan {
    LoadPlan {
        users,
        spawn_rate: 2.0,
        run_time,
        stop_timeout: GRACE,
    }
}

fn ready(users: u32, reset_stats: bool) -> Controller {
    Controller::new(
        plan(users, Some(secs(60))),
        vec![class("A", 3.0, 0), class("B", 1.0, 0)],
        reset_stats,
        None,
    )
}

/// A run of 4 users whose ramp has been ordered.
fn spawning() -> Controller {
    let mut controller = ready(4, false);
    controller.handle(Duration::ZERO, Event::Started);
    controller
}

/// The same with all users running.
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

fn status(epoch: u64, users: &[u32], settled: bool, retired: u32) -> Event {
    Event::Status(WorkerStatus {
        epoch,
        users: users.to_vec(),
        settled,
        retired: vec![retired, 0],
    })
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
        spawn_rate: 100.0,
    })
}

fn share(epoch: u64, users: &[u32], from: Duration, rate: f64) -> Effect {
    let users = users.to_vec();
    let stop_timeout = GRACE;
    Effect::Send(Directive::Share(Share {
        epoch,
        plan: epoch,
        users,
        from,
        rate,
        offset: 0.0,
        stride: 1.0,
        stop_timeout,
    }))
}

fn send_stop() -> Effect {
    Effect::Send(Directive::Stop { grace: GRACE })
}

fn reset(generation: u32) -> [Effect; 3] {
    [
        Effect::Send(Directive::ResetStats { generation }),
        Effect::ResetStats { generation },
        Effect::Publish,
    ]
}

#[test]
fn a_run_begins_with_the_clock_and_the_share() {
    let mut controller = ready(4, false);
    assert_eq!(controller.standing().state, RunState::Ready);
    let begin = Effect::Send(Directive::Begin {
        elapsed: Duration::ZERO,
        setup: None,
    });
    assert_eq!(
        controller.handle(Duration::ZERO, Event::Started),
        [begin, share(1, &[3, 1], Duration::ZERO, 2.0), Effect::Publish]
    );
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
    let mut controller = ready(4, true);
    controller.handle(Duration::ZERO, Event::Started);
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
        (add_users(i64::MAX), [3_221_225_471, 1_073_741_824], u32::MAX),
    ] {
        let mut controller = running();
        let effects = controller.handle(secs(7), event.clone());
        let Effect::Send(Directive::Share(sent)) = &effects[0] else {
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
    let mut controller = Controller::new(plan(12, None), vec![class("A", 1.0, 5)], false, None);
    controller.handle(Duration::ZERO, Event::Started);
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
        (
            Event::WorkerFailed("no memory".to_owned()),
            "the worker failed: no memory",
        ),
        (status(1, &[0, 0], true, 4), "all users have finished"),
    ] {
        let mut controller = running();
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
    let mut controller = ready(4, true);
    controller.handle(Duration::ZERO, Event::Started);
    let effects = controller.handle(secs(2), status(1, &[0, 0], true, 4));
    assert_eq!(effects, [Effect::Publish, send_stop(), Effect::Publish]);
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
fn the_deadline_is_the_run_time_and_then_the_patience_with_the_worker() {
    let mut controller = running();
    assert_eq!(controller.deadline(), Some(secs(60)));
    assert_eq!(controller.handle(secs(59), Event::Deadline), [], "too early");
    controller.handle(secs(60), Event::Deadline);
    assert_eq!(controller.deadline(), Some(secs(75)));
    controller.handle(secs(61), status(1, &[0, 1], false, 0));
    assert_eq!(controller.handle(secs(75), Event::Deadline), [Effect::Finish]);
    assert_eq!(controller.deadline(), None);
    assert_eq!(
        controller.standing().warnings,
        [
            "the worker did not confirm its end within 15s of the stop (1 user was still running): what it measured \
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
    assert_eq!(
        controller.handle(secs(12), Event::WorkerStopped),
        [Effect::Finish]
    );
    let standing = controller.standing();
    assert_eq!(
        (standing.state, standing.users_by_class),
        (RunState::Stopped, vec![0, 0])
    );
    assert_eq!(standing.stop_reason.as_deref(), Some("enough"));
    assert_eq!(standing.warnings, [""; 0]);
    assert_eq!(
        controller.handle(secs(13), Event::WorkerLost),
        [],
        "nothing happens after the end"
    );
}

#[test]
fn a_lost_worker_ends_the_run_with_a_warning() {
    let mut controller = running();
    assert_eq!(controller.handle(secs(12), Event::WorkerLost), [Effect::Finish]);
    let standing = controller.standing();
    assert_eq!(standing.stop_reason.as_deref(), Some("the worker was lost"));
    assert_eq!(standing.warnings.len(), 1);
}

#[test]
fn a_status_with_other_classes_than_the_run_has_does_no_harm() {
    let mut controller = running();
    controller.handle(secs(3), status(1, &[1, 2, 3], true, 0));
    assert_eq!(controller.standing().users_by_class, [1, 2]);
    controller.handle(secs(3), status(1, &[], true, 0));
    assert_eq!(controller.standing().users_by_class, [0, 0]);
}

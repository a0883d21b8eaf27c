//! Runs whose iterations start for arrivals: who gets which of them, and when the run is over.

use katydid_protocol::plan::{ArrivalPlan, ArrivalStage, OnLate, Spacing};

use super::*;

fn stage(seconds: Option<u64>, rate: f64) -> ArrivalStage {
    ArrivalStage {
        duration: seconds.map(secs),
        rate,
        to: rate,
        spacing: Spacing::Constant,
    }
}

/// A run of 20 s with 100 arrivals per second and at most so many users, on workers that are ready.
fn arriving(users: u32, run_time: Option<Duration>, workers: u32) -> (Controller, Vec<Effect>) {
    let plan = LoadPlan {
        arrivals: Some(ArrivalPlan {
            stages: vec![stage(Some(20), 100.0)],
            on_late: OnLate::Start,
        }),
        ..plan(users, run_time)
    };
    let mut controller = Controller::new(plan, vec![class("A", 1.0, 0)], expecting(workers), false);
    for number in 0..workers {
        controller
            .connect(secs(1), &hello(&format!("w{number}")), None)
            .unwrap();
    }
    controller.handle(secs(1), Event::Wanted { setup: None });
    let mut effects = Vec::new();
    for number in 0..workers {
        effects = controller.handle(secs(2), Event::Ready(WorkerId(number)));
    }
    (controller, effects)
}

fn shares(effects: &[Effect]) -> Vec<(WorkerId, Share)> {
    let share = |effect: &Effect| match effect {
        Effect::Tell(id, Order::Directive(Directive::Share(share))) => Some((*id, share.clone())),
        _ => None,
    };
    effects.iter().filter_map(share).collect()
}

#[test]
fn each_arrival_is_one_workers() {
    let (_, effects) = arriving(7, None, 2);
    let shares = shares(&effects);
    assert_eq!(shares.len(), 2);
    let users: u32 = shares.iter().flat_map(|(_, share)| &share.users).sum();
    assert_eq!(users, 7);
    for number in 0..100u64 {
        let has = |share: &&(WorkerId, Share)| {
            let lane = share.1.lane.as_ref().unwrap();
            lane.before(number + 1) > lane.before(number)
        };
        assert_eq!(shares.iter().filter(has).count(), 1, "{number}");
    }
}

#[test]
fn who_may_have_no_users_gets_no_arrivals() {
    let (_, effects) = arriving(1, None, 2);
    let places: Vec<usize> = shares(&effects)
        .iter()
        .map(|(_, share)| share.lane.as_ref().unwrap().places.len())
        .collect();
    assert_eq!(places, [1, 0]);
}

#[test]
fn a_worker_that_leaves_is_told_to_end_when_others_have_what_is_due() {
    let (mut controller, _) = arriving(10, None, 2);
    let effects = controller.handle(secs(12), Event::Draining(ONE));
    let shares = shares(&effects);
    // 10 s into the run, and 50 ms ahead; the plan began 50 ms late.
    let firsts: Vec<u64> = shares
        .iter()
        .map(|(_, share)| share.lane.as_ref().unwrap().first)
        .collect();
    assert_eq!(firsts, [1_000, 1_000]);
    let of = |id: WorkerId| {
        shares
            .iter()
            .find(|(to, _)| *to == id)
            .map(|(_, share)| share.clone())
            .unwrap()
    };
    assert_eq!((of(ONE).users, of(ONE).lane.unwrap().places), (vec![0], vec![]));
    let stops = |effects: &[Effect]| {
        effects.iter().any(|effect| {
            matches!(
                effect,
                Effect::Tell(ONE, Order::Directive(Directive::Stop { .. }))
            )
        })
    };
    assert!(!stops(&effects));
    let status = |settled| WorkerStatus {
        epoch: of(TWO).epoch,
        users: vec![10],
        settled,
        retired: vec![0],
    };
    assert!(!stops(
        &controller.handle(secs(12), Event::Status(TWO, status(false)))
    ));
    assert!(stops(
        &controller.handle(secs(12), Event::Status(TWO, status(true)))
    ));
}

#[test]
fn the_run_ends_with_the_plan_or_with_its_time() {
    let (mut controller, effects) = arriving(5, None, 1);
    // It began at 2 s, the plan 50 ms later; and it ends 50 ms after that.
    let end = secs(22) + Duration::from_millis(100);
    assert_eq!(controller.deadline(), Some(end).min(controller.deadline()));
    let begun = effects.iter().find_map(|effect| match effect {
        Effect::Tell(
            _,
            Order::Directive(Directive::Begin {
                run_time, arrivals, ..
            }),
        ) => Some((*run_time, arrivals.clone())),
        _ => None,
    });
    let (run_time, arrivals) = begun.unwrap();
    assert_eq!(run_time, Some(secs(20) + Duration::from_millis(100)));
    assert_eq!(arrivals.unwrap().stages, [stage(Some(20), 100.0)]);
    controller.handle(end, Event::Deadline);
    assert_eq!(controller.state(), RunState::Stopping);
    assert_eq!(
        controller.standing().stop_reason.as_deref(),
        Some("the plan of arrivals is over")
    );

    let (controller, effects) = arriving(5, Some(secs(3)), 1);
    let cut = effects.iter().find_map(|effect| match effect {
        Effect::Tell(_, Order::Directive(Directive::Begin { arrivals, .. })) => arrivals.clone(),
        _ => None,
    });
    assert_eq!(
        cut.unwrap().stages,
        [stage(Some(3), 100.0)],
        "nothing arrives after the end"
    );
    assert!(
        controller
            .deadline()
            .is_some_and(|at| at <= secs(5) + Duration::from_millis(100))
    );
}

#[test]
fn people_change_how_many_users_there_may_be() {
    let (mut controller, _) = arriving(5, None, 1);
    let wish = RunCommand::SetUsers {
        users: 50,
        spawn_rate: 1.0,
    };
    let effects = controller.handle(secs(4), Event::Command(wish));
    let (_, share) = shares(&effects).remove(0);
    assert_eq!(share.users, [50]);
    assert!(share.due(49) < secs(3), "at once: {:?}", share.due(49));
    let text = controller.standing().marks.last().map(|mark| mark.text.clone());
    assert_eq!(text.as_deref(), Some("Edited: at most 50 users"));
}

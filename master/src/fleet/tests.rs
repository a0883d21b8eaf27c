//! The fleet by itself: who runs what, over any history of joins, leaves and plans.

use katydid_protocol::fleet::PROTOCOL_VERSION;
use katydid_protocol::report::WorkerStatus;
use proptest::prelude::*;

use super::*;

fn hello(name: &str, threads: u32) -> Hello {
    Hello {
        protocol: PROTOCOL_VERSION,
        version: String::new(),
        name: name.to_owned(),
        instance: format!("instance of {name}"),
        cores: threads,
        threads,
        open_files: 1_000,
        running: None,
    }
}

fn goal(users: &[u32], plan: u64) -> Goal {
    Goal {
        users: users.to_vec(),
        rate: 100.0,
        stop_timeout: Duration::ZERO,
        plan,
    }
}

fn joined(fleet: &mut Fleet, name: &str, threads: u32) -> WorkerId {
    let Joined::New(id) = fleet.join(Duration::ZERO, &hello(name, threads), false) else {
        panic!("{name} is no new worker")
    };
    fleet.get_mut(id).unwrap().presence = Presence::Active;
    id
}

/// What everybody who runs users has been told to run, per class.
fn told(fleet: &Fleet) -> Vec<u32> {
    let mut sum = vec![0; 2];
    for member in fleet.iter().filter(|member| member.presence == Presence::Active) {
        for (total, users) in sum.iter_mut().zip(member.progress.goal()) {
            *total += users;
        }
    }
    sum
}

#[test]
fn names_are_made_unique_and_processes_are_recognised() {
    let mut fleet = Fleet::default();
    let one = joined(&mut fleet, "pod", 1);
    let Joined::New(two) = fleet.join(
        Duration::ZERO,
        &Hello {
            instance: "another".to_owned(),
            ..hello("pod", 1)
        },
        false,
    ) else {
        panic!("no new worker")
    };
    assert_eq!(fleet.get(one).unwrap().name, "pod");
    assert_eq!(fleet.get(two).unwrap().name, "pod-2");
    assert_eq!(
        fleet.join(Duration::ZERO, &hello("pod", 1), false),
        Joined::Back(one)
    );
    fleet.get_mut(one).unwrap().presence = Presence::Gone;
    let again = fleet.join(Duration::ZERO, &hello("pod", 1), true);
    assert_eq!(again, Joined::Back(one), "it goes on with the run");
    assert!(matches!(
        fleet.join(Duration::ZERO, &hello("pod", 1), false),
        Joined::New(_)
    ));
}

#[test]
fn the_fleet_has_an_end() {
    let mut fleet = Fleet::default();
    for number in 0..MAX_WORKERS {
        joined(&mut fleet, &number.to_string(), 1);
    }
    assert_eq!(
        fleet.join(Duration::ZERO, &hello("one more", 1), false),
        Joined::Full
    );
}

#[test]
fn workers_with_more_threads_run_more_users() {
    let mut fleet = Fleet::default();
    let small = joined(&mut fleet, "small", 1);
    let large = joined(&mut fleet, "large", 3);
    let shares = fleet.redistribute(Duration::ZERO, &goal(&[80, 0], 1), None, None);
    let users: Vec<_> = shares
        .iter()
        .map(|(id, share)| (*id, share.users.clone()))
        .collect();
    assert_eq!(users, [(small, vec![20, 0]), (large, vec![60, 0])]);
}

#[test]
fn a_ramp_keeps_its_rate_when_a_worker_joins_in_the_middle() {
    let mut fleet = Fleet::default();
    joined(&mut fleet, "a", 1);
    fleet.redistribute(Duration::ZERO, &goal(&[1_000, 0], 1), None, None);
    joined(&mut fleet, "b", 1);
    let now = Duration::from_millis(4_005);
    let shares = fleet.redistribute(now, &goal(&[1_000, 0], 1), None, None);
    // The first was due at 50 ms, when everybody knew of it; 396 have been started by then, the next is due at 4.01 s.
    let mut due: Vec<Duration> = shares
        .iter()
        .zip([104, 500])
        .flat_map(|((_, share), changes)| (0..changes).map(|k| share.due(k)))
        .collect();
    due.sort();
    assert!(due[603] <= Duration::from_millis(10_050), "{:?}", due[603]);
    assert_eq!(due[0], Duration::from_millis(4_010));
    assert!(
        due.windows(2)
            .all(|pair| pair[1].saturating_sub(pair[0]) <= Duration::from_millis(20))
    );
}

#[test]
fn users_that_ended_by_themselves_on_a_worker_that_left_are_not_replaced_in_the_same_plan() {
    let mut fleet = Fleet::default();
    let gone = joined(&mut fleet, "gone", 1);
    joined(&mut fleet, "stays", 1);
    fleet.redistribute(Duration::ZERO, &goal(&[10, 0], 1), None, None);
    fleet.get_mut(gone).unwrap().status.retired = vec![3, 0];
    fleet.keep_retired(gone, 1);
    fleet.get_mut(gone).unwrap().presence = Presence::Gone;
    fleet.redistribute(Duration::from_secs(1), &goal(&[10, 0], 1), None, None);
    assert_eq!(told(&fleet), [7, 0]);
    fleet.redistribute(Duration::from_secs(2), &goal(&[10, 0], 2), None, None);
    assert_eq!(told(&fleet), [10, 0]);
}

/// What may happen to a fleet.
#[derive(Debug, Clone)]
enum Step {
    Join(u32),
    Leave(usize),
    Lose(usize),
    Plan(u32, u32),
    Wait(u16),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1u32..9).prop_map(Step::Join),
        2 => any::<usize>().prop_map(Step::Leave),
        1 => any::<usize>().prop_map(Step::Lose),
        2 => (0u32..300, 0u32..50).prop_map(|(a, b)| Step::Plan(a, b)),
        2 => any::<u16>().prop_map(Step::Wait),
    ]
}

proptest! {
    /// Whatever happens, those who run users have been told to run exactly what is wanted, in shares of rising epochs,
    /// and a worker whose part has not changed is left alone.
    #[test]
    fn the_total_is_kept_over_any_history(steps in prop::collection::vec(any_step(), 1..60)) {
        let mut fleet = Fleet::default();
        let mut now = Duration::ZERO;
        let mut wanted = goal(&[40, 4], 1);
        let mut names = 0u32;
        let mut epoch = 0;
        for step in steps {
            let active: Vec<WorkerId> =
                fleet.iter().filter(|member| member.presence == Presence::Active).map(|member| member.id).collect();
            match step {
                Step::Join(threads) => {
                    names += 1;
                    joined(&mut fleet, &names.to_string(), threads);
                }
                Step::Leave(which) | Step::Lose(which) if !active.is_empty() => {
                    let id = active[which % active.len()];
                    let is_loss = matches!(step, Step::Lose(_));
                    fleet.get_mut(id).unwrap().presence = if is_loss { Presence::Missing } else { Presence::Draining };
                }
                Step::Plan(a, b) => {
                    wanted = goal(&[a, b], wanted.plan + 1);
                }
                Step::Wait(ms) => now += Duration::from_millis(u64::from(ms)),
                Step::Leave(_) | Step::Lose(_) => {}
            }
            let shares = fleet.redistribute(now, &wanted, None, None);
            if fleet.count(Presence::Active) > 0 {
                prop_assert_eq!(told(&fleet), wanted.users.clone());
            } else {
                prop_assert!(shares.iter().all(|(_, share)| share.users == [0, 0]), "only leaving ones");
            }
            for (_, share) in &shares {
                prop_assert!(share.epoch > epoch, "epochs rise");
                prop_assert!(share.offset >= 0.0 && share.stride >= 1.0);
                prop_assert!(share.from >= now);
            }
            // Whoever was told something says sooner or later how it is.
            for (id, share) in &shares {
                if share.users.iter().sum::<u32>() % 2 == 0 {
                    let status = WorkerStatus {
                        epoch: share.epoch,
                        users: share.users.clone(),
                        settled: share.users[0] % 3 != 0,
                        retired: vec![],
                    };
                    fleet.status(*id, status);
                }
            }
            prop_assert!(fleet.sums_are_right());
            epoch = shares.iter().map(|(_, share)| share.epoch).max().unwrap_or(epoch);
            // Asked again, nothing is left to do: what is under way goes on.
            let settled: Vec<bool> = fleet
                .iter()
                .filter(|member| matches!(member.presence, Presence::Active | Presence::Draining))
                .map(|member| member.progress.users_at(now) == member.progress.goal())
                .collect();
            if settled.iter().all(|is| *is) {
                prop_assert!(fleet.redistribute(now, &wanted, None, None).is_empty());
            }
        }
    }
}

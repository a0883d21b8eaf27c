//! What a journal does to its run: disks that are full for a moment or for good, names without end.

use katydid_protocol::stats::{MAX_NAMES, RequestDelta, RequestKey, RunFailure, RunState};

use super::super::*;
use super::world::{Disk, Step, World};
use crate::journal::Journal;

/// A run with one worker.
fn world(folder: &tempfile::TempDir) -> World {
    World::new(folder.path().join("journal.db"))
}

fn snapshot(world: &mut World) -> Arc<Snapshot> {
    world.run().draw();
    world.run().picture.borrow().clone()
}

fn acknowledged(world: &World) -> u64 {
    world.workers[0].acknowledged.values().sum()
}

fn steps(world: &mut World, steps: &[Step]) {
    steps.iter().for_each(|step| world.step(*step));
}

/// Nine samples are on their way into the journal.
const NINE: [Step; 4] = [Step::Measure(0, 9), Step::Send(0), Step::Deliver(0), Step::Commit];

#[test]
fn a_disk_that_is_full_for_a_moment_costs_nothing() {
    for disk in [Disk::Full, Disk::Broken] {
        let folder = tempfile::tempdir().unwrap();
        let mut world = world(&folder);
        world.step(Step::Disk(disk));
        steps(&mut world, &NINE);
        steps(
            &mut world,
            &[
                Step::Receive(0),
                Step::Measure(0, 4),
                Step::Wait(2),
                Step::Commit,
                Step::Receive(0),
            ],
        );
        assert_eq!(
            (acknowledged(&world), requests(&snapshot(&mut world))),
            (0, 0),
            "{disk:?}"
        );
        steps(
            &mut world,
            &[
                Step::Disk(Disk::Well),
                Step::Wait(1),
                Step::Commit,
                Step::Receive(0),
            ],
        );
        assert_eq!(
            (acknowledged(&world), requests(&snapshot(&mut world))),
            (9, 9),
            "{disk:?}"
        );
        assert_eq!(snapshot(&mut world).warnings, [""; 0]);
        steps(
            &mut world,
            &[
                Step::Kill,
                Step::Connect(0),
                Step::Receive(0),
                Step::Send(0),
                Step::Deliver(0),
                Step::Commit,
            ],
        );
        assert_eq!(requests(&snapshot(&mut world)), 13);
    }
}

#[test]
fn a_journal_that_stays_unwritable_is_given_up_and_people_are_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = world(&folder);
    world.step(Step::Disk(Disk::Broken));
    steps(&mut world, &NINE);
    steps(&mut world, &[Step::Wait(3), Step::Commit]);
    assert_eq!(requests(&snapshot(&mut world)), 0, "it may be a moment");
    steps(&mut world, &[Step::Wait(3), Step::Commit, Step::Receive(0)]);
    assert_eq!((acknowledged(&world), requests(&snapshot(&mut world))), (9, 9));
    // From here on it counts at once.
    steps(
        &mut world,
        &[
            Step::Measure(0, 4),
            Step::Send(0),
            Step::Deliver(0),
            Step::Save,
            Step::Receive(0),
        ],
    );
    assert_eq!((acknowledged(&world), requests(&snapshot(&mut world))), (13, 13));
    let warnings = snapshot(&mut world).warnings.clone();
    let about = warnings
        .iter()
        .filter(|warning| warning.contains("went on without its journal"));
    assert_eq!(about.count(), 1, "{warnings:?}");
    // Once the disk is well, nobody can go on with what is half a run.
    world.step(Step::Disk(Disk::Well));
    world.run().safe.disown();
    let path = world.path.clone();
    drop(world);
    assert!(Journal::open(&path).unwrap().1.is_none());
}

#[test]
fn what_cannot_be_written_at_the_end_is_in_the_result() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = world(&folder);
    world.step(Step::Disk(Disk::Broken));
    steps(&mut world, &NINE);
    world.run().commit_last();
    assert_eq!(requests(&snapshot(&mut world)), 9);
}

fn hand_over() -> RunCommand {
    RunCommand::HandOver {
        reason: "told to".to_owned(),
    }
}

#[test]
fn a_run_that_is_handed_over_is_in_the_journal_with_what_had_arrived() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = world(&folder);
    // Arrived, not written yet.
    steps(&mut world, &NINE[..3]);
    world.run().ordered(hand_over());
    assert!(world.run().handed_over && world.run().finished);
    world.run().safe.let_go();
    let (_journal, saved) = Journal::open(&world.path).unwrap();
    let mut saved = saved.unwrap();
    assert_eq!(saved.controller.state(), RunState::Spawning);
    let standing = saved.controller.standing();
    let stats = saved
        .stats
        .snapshot(&saved.constants.info, Duration::ZERO, standing);
    assert_eq!(requests(&stats), 9);
}

#[test]
fn a_run_whose_journal_was_given_up_is_cut_short_rather_than_handed_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = world(&folder);
    world.step(Step::Disk(Disk::Broken));
    steps(&mut world, &NINE);
    steps(&mut world, &[Step::Wait(6), Step::Commit]);
    world.run().ordered(hand_over());
    assert!(!world.run().handed_over);
    let snapshot = snapshot(&mut world);
    assert_eq!(
        (snapshot.state, snapshot.failure, snapshot.stop_reason.as_deref()),
        (RunState::Stopping, Some(RunFailure::CutShort), Some("told to"))
    );
}

#[test]
fn a_run_that_is_ending_is_neither_handed_over_nor_cut_short() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = world(&folder);
    let reason = "enough".to_owned();
    world.run().ordered(RunCommand::Stop { reason });
    world.run().ordered(hand_over());
    let reason = "too late".to_owned();
    world.run().ordered(RunCommand::CutShort { reason });
    assert!(!world.run().handed_over);
    let snapshot = snapshot(&mut world);
    assert_eq!((snapshot.state, snapshot.failure), (RunState::Stopping, None));
    assert_eq!(snapshot.stop_reason.as_deref(), Some("enough"));
}

#[test]
fn rows_that_cannot_be_written_down_are_not_handed_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = world(&folder);
    let ask = [Step::WantRows(0), Step::Deliver(0), Step::Receive(0)];
    world.step(Step::Disk(Disk::Broken));
    steps(&mut world, &ask);
    assert!(world.workers[0].stock.is_empty());
    steps(&mut world, &[Step::Disk(Disk::Well), Step::Save]);
    steps(&mut world, &ask);
    assert_eq!(world.workers[0].stock, [0, 1, 2]);
}

#[test]
fn names_without_end_neither_fill_the_journal_nor_damage_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = world(&folder);
    world.step(Step::Join);
    for round in 1..=2 {
        for worker in 0..2 {
            let one = RequestDelta {
                requests: 1,
                ..RequestDelta::default()
            };
            let requests = (0..40_000).map(|number| {
                (
                    RequestKey::new("GET", &format!("/{worker}/{round}/{number}")),
                    one.clone(),
                )
            });
            let delta = Box::new(Delta {
                requests: requests.collect(),
                ..Delta::default()
            });
            world.workers[worker].say(WorkerReport::Delta {
                sequence: round,
                delta,
            });
            // What else it has to say comes first.
            steps(&mut world, &[Step::Deliver(worker); 3]);
        }
        world.step(Step::Commit);
    }
    let before = snapshot(&mut world);
    let bytes = std::fs::metadata(&world.path).unwrap().len();
    assert!(bytes < 4_000_000, "{bytes} bytes");
    world.step(Step::Kill);
    let after = snapshot(&mut world);
    for snapshot in [before, after] {
        assert_eq!(
            (requests(&snapshot), snapshot.requests.len()),
            (160_000, MAX_NAMES + 1)
        );
        assert_eq!(snapshot.losses.folded_requests, 159_000);
    }
}

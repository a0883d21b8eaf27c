//! Exactly once, whatever happens: workers that obey the protocol, and a master that is killed and started again.

use proptest::prelude::*;

use world::{Disk, Step, World, any_step};

#[path = "journal_tests.rs"]
mod journal;
#[path = "model_worker.rs"]
mod model;
#[path = "model_world.rs"]
mod world;

proptest! {
    // Every case opens a database several times.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_sample_counts_exactly_once(steps in prop::collection::vec(any_step(), 0..250)) {
        let folder = tempfile::tempdir().unwrap();
        let mut world = World::new(folder.path().join("journal.db"));
        for step in steps {
            world.step(step);
        }
        world.settle();
        world.check(true);
        world.step(Step::Kill);
        world.check(true);
    }
}

/// Steps that have gone wrong once, or are known to be delicate, each by itself.
fn after(steps: &[Step]) {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new(folder.path().join("journal.db"));
    steps.iter().for_each(|step| world.step(*step));
    world.settle();
    world.check(true);
    world.step(Step::Kill);
    world.check(true);
}

#[test]
fn a_delta_written_before_control_knew_its_worker_counts_once() {
    after(&[
        Step::Save,
        Step::Join,
        Step::Receive(1),
        Step::Deliver(1),
        Step::Receive(1),
        Step::Measure(1, 7),
        Step::Send(1),
        Step::Deliver(1),
        Step::Commit,
        Step::Measure(1, 5),
        Step::Kill,
        // Another one, who comes first, gets the number that was not written down.
        Step::Join,
        Step::Receive(2),
        Step::Deliver(2),
        Step::Receive(2),
        Step::Measure(2, 3),
        Step::Send(2),
        Step::Deliver(2),
        Step::Commit,
    ]);
}

/// Samples of a worker that are counted.
fn counted(worker: usize) -> [Step; 5] {
    [
        Step::Measure(worker, 9),
        Step::Send(worker),
        Step::Deliver(worker),
        Step::Commit,
        Step::Receive(worker),
    ]
}

#[test]
fn a_reset_outlives_the_master() {
    let reset = [Step::Reset, Step::Receive(0)];
    let kill = [Step::Kill, Step::Connect(0), Step::Receive(0)];
    after(&[&counted(0)[..], &reset, &kill].concat());
    after(&[&counted(0)[..], &reset, &counted(0), &kill, &counted(0)].concat());
}

#[test]
fn a_reset_that_could_not_be_written_is_one_for_all_workers() {
    let mut world = vec![Step::Join, Step::Receive(1), Step::Deliver(1), Step::Receive(1)];
    world.extend(counted(0));
    world.extend(counted(1));
    // Only one of them hears of it before the master is killed.
    world.extend([
        Step::Disk(Disk::Broken),
        Step::Cut(1, true),
        Step::Reset,
        Step::Receive(0),
        Step::Kill,
    ]);
    for worker in [0, 1] {
        world.extend([Step::Connect(worker), Step::Receive(worker)]);
    }
    world.extend(counted(0));
    world.extend([Step::Receive(1)]);
    world.extend(counted(1));
    after(&world);
}

#[test]
fn rows_returned_once_more_after_a_restart_go_to_nobody_twice() {
    let mut steps = vec![
        Step::Save,
        Step::Join,
        Step::Receive(1),
        Step::Deliver(1),
        Step::Receive(1),
        Step::WantRows(1),
        Step::Deliver(1),
        Step::Receive(1),
        Step::Drain(1),
        Step::Deliver(1),
        Step::Wait(2),
        Step::Receive(1),
        // Its rows arrive, its last word does not.
        Step::Deliver(1),
        Step::WantRows(0),
        Step::Deliver(0),
        Step::Receive(0),
        Step::UseRow(0),
        Step::UseRow(0),
        Step::UseRow(0),
        Step::Kill,
        // Another one gets its number.
        Step::Join,
        Step::Connect(1),
        Step::Receive(1),
        Step::Deliver(1),
        Step::Deliver(1),
        Step::Receive(0),
        Step::Connect(0),
        Step::Receive(0),
        Step::WantRows(0),
        Step::Deliver(0),
        Step::Receive(0),
    ];
    steps.extend([Step::UseRow(0); 3]);
    after(&steps);
}

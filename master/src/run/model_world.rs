//! A master, its workers and all that may happen to them, step by step.
//!
//! The master is the real run, driven by hand, with a journal on disk; a kill drops it and opens the file again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use proptest::prelude::*;
use tokio::runtime::{Builder, Runtime};

use super::super::*;
use super::model::{DATA, Life, Model, ROWS};
use crate::journal::Journal;

/// What may happen.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Measure(usize, u8),
    Send(usize),
    Deliver(usize),
    Receive(usize),
    Commit,
    Save,
    /// A connection breaks; the master hears of it, or not yet.
    Cut(usize, bool),
    Connect(usize),
    Join,
    /// A worker is killed.
    Die(usize),
    Drain(usize),
    /// The master is killed and started again.
    Kill,
    Reset,
    WantRows(usize),
    UseRow(usize),
    /// Nobody is heard of for so many seconds.
    Wait(u8),
    /// How the disk is from now on.
    Disk(Disk),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Disk {
    Well,
    /// The journal cannot grow.
    Full,
    /// Nothing can be written.
    Broken,
}

pub(super) fn any_step() -> impl Strategy<Value = Step> {
    let worker = || 0usize..4;
    prop_oneof![
        12 => (worker(), 1u8..20).prop_map(|(worker, count)| Step::Measure(worker, count)),
        12 => worker().prop_map(Step::Send),
        20 => worker().prop_map(Step::Deliver),
        16 => worker().prop_map(Step::Receive),
        8 => Just(Step::Commit),
        3 => Just(Step::Save),
        3 => (worker(), any::<bool>()).prop_map(|(worker, heard)| Step::Cut(worker, heard)),
        6 => worker().prop_map(Step::Connect),
        2 => Just(Step::Join),
        1 => worker().prop_map(Step::Die),
        2 => worker().prop_map(Step::Drain),
        3 => Just(Step::Kill),
        1 => Just(Step::Reset),
        4 => worker().prop_map(Step::WantRows),
        4 => worker().prop_map(Step::UseRow),
        1 => (1u8..6).prop_map(Step::Wait),
        2 => prop_oneof![2 => Just(Disk::Well), 1 => Just(Disk::Full), 1 => Just(Disk::Broken)].prop_map(Step::Disk),
    ]
}

pub(super) struct World {
    runtime: Runtime,
    pub(super) path: PathBuf,
    /// `None` only while it is killed.
    run: Option<Run>,
    pub(super) workers: Vec<Model>,
    links: u64,
    used: BTreeSet<u64>,
}

impl World {
    /// A run that has begun on one worker.
    pub(super) fn new(path: PathBuf) -> Self {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let run = {
            let _inside = runtime.enter();
            begun_run(&path)
        };
        let mut world = Self {
            runtime,
            path,
            run: Some(run),
            workers: Vec::new(),
            links: 0,
            used: BTreeSet::new(),
        };
        world.step(Step::Join);
        for _ in 0..2 {
            world.step(Step::Receive(0));
            world.step(Step::Deliver(0));
        }
        world.step(Step::Receive(0));
        assert_eq!(world.workers[0].life, Life::Running);
        world
    }

    pub(super) fn run(&mut self) -> &mut Run {
        self.run.as_mut().unwrap()
    }

    pub(super) fn step(&mut self, step: Step) {
        let handle = self.runtime.handle().clone();
        let _inside = handle.enter();
        let count = self.workers.len().max(1);
        match step {
            Step::Measure(worker, samples) => self.workers[worker % count].measure(samples.into()),
            Step::Send(worker) => self.workers[worker % count].send(),
            Step::Deliver(worker) => self.deliver(worker % count),
            Step::Receive(worker) => self.receive(worker % count),
            Step::Commit => self.run().commit(),
            Step::Save => self.run().save(),
            Step::Cut(worker, heard) => self.cut(worker % count, heard),
            Step::Connect(worker) => self.connect(worker % count),
            Step::Join if self.workers.len() < 8 => {
                self.workers.push(Model::new(self.workers.len()));
                self.connect(self.workers.len() - 1);
            }
            Step::Join => {}
            Step::Die(worker) => {
                self.workers[worker % count].life = Life::Dead;
                self.cut(worker % count, true);
            }
            Step::Drain(worker) => {
                let worker = &mut self.workers[worker % count];
                if worker.has_begun() && !std::mem::replace(&mut worker.is_draining, true) {
                    worker.up.push_back(WorkerMessage::Draining);
                }
            }
            Step::Kill => self.kill(),
            Step::Reset => self.run().happened(Event::Command(RunCommand::ResetStats)),
            Step::WantRows(worker) => {
                let worker = &mut self.workers[worker % count];
                if worker.life == Life::Running && worker.is_welcome {
                    worker.say(WorkerReport::RowsWanted {
                        data: DATA.into(),
                        len: ROWS,
                        count: 3,
                    });
                }
            }
            Step::UseRow(worker) => {
                if let Some(row) = self.workers[worker % count].stock.pop() {
                    assert!(self.used.insert(row), "row {row} was used twice");
                }
            }
            Step::Wait(seconds) => {
                drop(_inside);
                let time = Duration::from_secs(seconds.into());
                self.runtime.block_on(tokio::time::advance(time));
                let _inside = handle.enter();
                self.run().happened(Event::Deadline);
            }
            Step::Disk(disk) => {
                let journal = self.run().safe.journal();
                journal.refuse(matches!(disk, Disk::Broken));
                // Fewer than there are means: not one more.
                let pages = if matches!(disk, Disk::Full) { 1 } else { 1_000_000 };
                journal.limit_pages(pages);
            }
        }
    }

    fn deliver(&mut self, worker: usize) {
        let Some(message) = self.workers[worker].up.pop_front() else {
            return;
        };
        let said = Arrival::Said {
            link: LinkId(self.workers[worker].link),
            message: Box::new(message),
        };
        self.run().arrived(said);
    }

    fn receive(&mut self, worker: usize) {
        self.workers[worker].receive();
        if self.workers[worker].life == Life::Left {
            self.cut(worker, true);
        }
    }

    /// Whatever is on the connection, either way, is gone.
    fn cut(&mut self, worker: usize, heard: bool) {
        let model = &mut self.workers[worker];
        model.up.clear();
        model.inbox = None;
        model.is_welcome = false;
        let link = LinkId(model.link);
        if heard {
            self.run().arrived(Arrival::Left { link });
        }
    }

    fn connect(&mut self, worker: usize) {
        self.links += 1;
        let link = self.links;
        let model = &mut self.workers[worker];
        let is_connected = model.inbox.as_ref().is_some_and(|inbox| !inbox.is_closed());
        if !model.is_there() || is_connected {
            return;
        }
        let (outbox, inbox) = mpsc::channel(256);
        let name = format!("w{worker}");
        model.up.clear();
        (model.link, model.inbox, model.is_welcome) = (link, Some(inbox), false);
        let running = model.has_begun().then(|| Running {
            run: "r".into(),
            epoch: 0,
            sequence: model.sequence,
        });
        let hello = Hello {
            protocol: katydid_protocol::fleet::PROTOCOL_VERSION,
            version: String::new(),
            instance: format!("instance of {name}"),
            name,
            cores: 1,
            threads: 1,
            open_files: 1_000,
            running,
        };
        self.run().arrived(Arrival::Joined {
            link: LinkId(link),
            hello: Box::new(hello),
            outbox,
        });
    }

    /// Nothing but the file is left of the master.
    fn kill(&mut self) {
        if !self.run().safe.is_kept() {
            // With a journal that was given up there is nothing to go on with, and people have been told.
            return;
        }
        self.run = None;
        let (journal, saved) = Journal::open(&self.path).unwrap();
        self.run = Some(Run::revive(saved.expect("a run that goes on"), Some(journal)));
        self.check(false);
    }

    /// In the end everything gets through.
    pub(super) fn settle(&mut self) {
        self.step(Step::Disk(Disk::Well));
        for round in 0..40 {
            for worker in 0..self.workers.len() {
                if round % 10 == 0 {
                    self.step(Step::Cut(worker, round % 20 == 0));
                }
                self.step(Step::Connect(worker));
                self.step(Step::Receive(worker));
                self.step(Step::Send(worker));
                let beat = WorkerMessage::Heartbeat(katydid_protocol::fleet::Heartbeat::default());
                self.workers[worker].up.push_back(beat);
                while !self.workers[worker].up.is_empty() {
                    self.step(Step::Deliver(worker));
                }
            }
            self.step(Step::Commit);
            self.step(Step::Save);
            self.step(Step::Wait(1));
        }
    }

    /// No sample counts twice; and, when everything got `through`, none is missing.
    pub(super) fn check(&mut self, through: bool) {
        let generation = self.run().controller.generation();
        self.run().draw();
        let snapshot = self.run().picture.borrow().clone();
        for worker in &self.workers {
            let name = worker.name();
            let mut rows = snapshot.requests.iter();
            let row = rows.find(|row| *row.stats.key.name == *name);
            let counted = row.map_or(0, |row| row.stats.requests);
            let of = |counts: &BTreeMap<u32, u64>| counts.get(&generation).copied().unwrap_or(0);
            let (measured, safe) = (of(&worker.measured), of(&worker.acknowledged));
            assert!(counted <= measured, "{name}: {counted} of {measured}");
            // One that knows of a reset the master does not know of, for want of disk, has forgotten what was before it.
            if !through || worker.generation > generation {
                continue;
            }
            if worker.life == Life::Dead {
                assert!(
                    counted >= safe,
                    "{name}: {counted} of {safe} that were acknowledged"
                );
            } else {
                assert_eq!(counted, measured, "{name} measured, generation {generation}");
                assert!(
                    !worker.is_draining || worker.life == Life::Left,
                    "{name} could not leave"
                );
            }
        }
    }
}

/// A run that waits for its first worker.
fn begun_run(path: &std::path::Path) -> Run {
    let (journal, found) = Journal::open(path).unwrap();
    assert!(found.is_none());
    let mut settings = settings(1, None, false);
    settings.expectations.worker_grace = Duration::from_secs(1_000_000);
    let controller = Controller::new(
        LoadPlan::nothing(),
        Vec::new(),
        settings.expectations.clone(),
        false,
    );
    let info = Arc::new(settings.info.clone());
    let mut run = Run::assemble(RunClock::start(), info, None, controller, Some(journal));
    run.assign(settings);
    run
}

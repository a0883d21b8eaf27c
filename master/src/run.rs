//! A run from its start to its final numbers: the loop between people, control, the workers and the aggregate.
//!
//! In: commands, and what workers say. Out: directives to workers, acknowledgements of what they measured, and a
//! snapshot on a `watch` once a second, at every change of state, and at the end. What is decided is decided by
//! `control`, what is counted by `aggregate`, what survives is in the `journal`; here is only what waits.

mod batch;
mod ending;
mod handle;
mod hearing;
mod judging;
mod keeping;
mod links;
mod safe;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use katydid_protocol::command::RunCommand;
use katydid_protocol::directive::Directive;
use katydid_protocol::fleet::{MasterMessage, RunOrder};
use katydid_protocol::plan::{LoadPlan, UserClass};
use katydid_protocol::stats::{RunInfo, Snapshot};
use katydid_protocol::threshold::Threshold;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep_until;

use crate::aggregate::RunStats;
use crate::arrival::Arrival;
use crate::clock::RunClock;
use crate::control::{Controller, Effect, Event, Expectations, Order};
use crate::fleet::WorkerId;
use crate::intake::Intake;
use crate::journal::{Journal, Saved};
use crate::lobby::{Lobby, Waiting};
use crate::rows::RowLedger;
use batch::Batch;
pub use handle::RunHandle;
use links::Links;
use safe::{Safe, Unwritten};

/// Commands waiting to be obeyed; who sends more waits until the run has taken one.
const COMMANDS: usize = 16;
/// How long after each full second its snapshot is drawn, so that the deltas sent at that second are in it.
const DRAWING_LAG: Duration = Duration::from_millis(150);
/// How long deltas are collected before they are written together.
const BATCH_TIME: Duration = Duration::from_millis(25);
/// Time between two writings of control's state, unless something decisive happens.
const SAVE_EVERY: Duration = Duration::from_millis(250);

/// The loop turns every second; when it did not for so long, this process was kept from running, and the silence of
/// workers meanwhile is not theirs.
const OVERSLEPT: Duration = Duration::from_secs(2);

/// What a run needs to begin.
#[derive(Debug, Clone)]
pub struct RunSettings {
    /// The load to apply.
    pub plan: LoadPlan,
    /// What the run is about; its `started_at` is replaced by the moment the run's clock starts.
    pub info: RunInfo,
    /// The classes users are spread over, in the order of `info.classes`.
    pub classes: Vec<UserClass>,
    /// Whether to zero the statistics when all users have been started for the first time.
    pub reset_stats: bool,
    /// What workers need.
    pub order: Arc<RunOrder>,
    /// The workers to wait for.
    pub expectations: Expectations,
    /// What `on_test_start` returned, as JSON.
    pub setup: Option<Arc<str>>,
    /// What people should know before they trust the numbers.
    pub warnings: Vec<String>,
    /// What the run is judged by; at most [`MAX_THRESHOLDS`](katydid_protocol::threshold::MAX_THRESHOLDS).
    pub thresholds: Vec<Threshold>,
}

/// A test run.
#[derive(Debug)]
pub struct Run {
    clock: RunClock,
    info: Arc<RunInfo>,
    /// What workers prepare; `None` while nothing is wanted of them.
    order: Option<Arc<RunOrder>>,
    controller: Controller,
    intake: Intake,
    rows: RowLedger,
    batch: Batch,
    stats: RunStats,
    links: Links,
    safe: Safe,
    unwritten: Unwritten,
    /// Whether another master has begun the run.
    is_resumed: bool,
    /// When control's state is written next, if it has changed.
    save_at: Option<Duration>,
    picture: watch::Sender<Arc<Snapshot>>,
    /// When the last second's snapshot was drawn, by the run's clock.
    drawn: Duration,
    finished: bool,
    /// Whether it is another master that will end it.
    handed_over: bool,
}

// === impl Run ===

impl Run {
    /// Lets workers come, until [`RunHandle::begin`] says what for; must be called within a tokio runtime.
    #[must_use]
    pub fn gather(expectations: Expectations, lobby: Lobby) -> RunHandle {
        let info = Arc::new(RunInfo {
            id: String::new(),
            scenarios: Vec::new(),
            host: None,
            classes: Vec::new(),
            started_at: crate::clock::now(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            plan: None,
            parameters: BTreeMap::new(),
            system: String::new(),
        });
        let controller = Controller::new(LoadPlan::nothing(), Vec::new(), expectations, false);
        let run = Self::assemble(RunClock::start(), info, None, controller, lobby.journal);
        run.spawn(lobby.arrivals, lobby.waiting)
    }

    /// Starts a run on the workers that are there and those that arrive; must be called within a tokio runtime.
    ///
    /// The run goes on until its plan, a command, the scenario or the loss of all workers ends it; await
    /// [`RunHandle::finished`] for its result.
    #[must_use]
    pub fn start(settings: RunSettings, lobby: Lobby) -> RunHandle {
        let mut run = Self::gather(settings.expectations.clone(), lobby);
        run.begin(settings);
        run
    }

    /// Goes on with a run whose master has ended before it.
    #[must_use]
    pub fn resume(saved: Saved, lobby: Lobby) -> RunHandle {
        let Lobby {
            arrivals,
            waiting,
            journal,
        } = lobby;
        Self::revive(saved, journal).spawn(arrivals, waiting)
    }

    fn revive(saved: Saved, journal: Option<Journal>) -> Self {
        let elapsed = saved.elapsed();
        let clock = RunClock::reading(elapsed);
        let Saved {
            constants,
            controller,
            intake,
            rows,
            stats,
        } = saved;
        let order = Some(constants.order);
        let mut run = Self {
            intake,
            rows,
            stats,
            is_resumed: true,
            ..Self::assemble(clock, constants.info, order, controller, journal)
        };
        run.controller.resume(elapsed);
        run.drawn = elapsed;
        run.save_at = Some(elapsed);
        run.draw();
        run
    }

    fn assemble(
        clock: RunClock,
        info: Arc<RunInfo>,
        order: Option<Arc<RunOrder>>,
        controller: Controller,
        journal: Option<Journal>,
    ) -> Self {
        let mut stats = RunStats::new();
        let first = Arc::new(stats.snapshot(&info, Duration::ZERO, controller.standing()));
        Self {
            clock,
            info,
            order,
            controller,
            intake: Intake::default(),
            rows: RowLedger::default(),
            batch: Batch::default(),
            stats,
            links: Links::default(),
            safe: Safe::new(journal),
            unwritten: Unwritten::default(),
            is_resumed: false,
            save_at: None,
            picture: watch::Sender::new(first),
            drawn: Duration::ZERO,
            finished: false,
            handed_over: false,
        }
    }

    fn spawn(mut self, arrivals: mpsc::Receiver<Arrival>, waiting: Vec<Waiting>) -> RunHandle {
        for worker in waiting {
            self.inherit(worker);
        }
        self.draw();
        let snapshots = self.picture.subscribe();
        let (commands_sender, commands) = mpsc::channel(COMMANDS);
        let (begin, beginning) = oneshot::channel();
        RunHandle {
            commands: commands_sender,
            snapshots,
            beginning: Some(begin),
            task: tokio::spawn(self.drive(arrivals, commands, beginning)),
        }
    }

    /// What the run is about is known from now on.
    fn assign(&mut self, settings: RunSettings) {
        let RunSettings {
            plan,
            info,
            classes,
            reset_stats,
            order,
            expectations,
            setup,
            warnings,
            thresholds: rules,
        } = settings;
        warnings.into_iter().for_each(|text| self.controller.warn(text));
        self.info = Arc::new(RunInfo {
            started_at: crate::clock::now(),
            plan: Some(plan.clone()),
            ..info
        });
        self.order = Some(order);
        let rules = self.be_judged_by(rules);
        self.controller
            .assign(plan, classes, expectations, reset_stats, rules);
        self.happened(Event::Wanted { setup });
        self.draw();
    }

    async fn drive(
        mut self,
        mut arrivals: mpsc::Receiver<Arrival>,
        mut commands: mpsc::Receiver<RunCommand>,
        mut beginning: oneshot::Receiver<Box<RunSettings>>,
    ) -> (Arc<Snapshot>, Lobby) {
        let (mut people_listen, mut workers_arrive) = (true, true);
        let mut begins = self.order.is_none();
        let mut awake = self.clock.elapsed();
        while !self.finished {
            let due = [
                self.controller.deadline(),
                self.batch.due(),
                self.save_at,
                Some(self.next_drawing()),
            ];
            let due = due.into_iter().flatten().min().unwrap_or(Duration::MAX);
            tokio::select! {
                arrival = arrivals.recv(), if workers_arrive => match arrival {
                    Some(arrival) => self.arrived(arrival),
                    None => workers_arrive = false,
                },
                // What is asked of a run is asked after it has been told to begin.
                command = commands.recv(), if people_listen && !begins => match command {
                    Some(command) => self.ordered(command),
                    None => people_listen = false,
                },
                settings = &mut beginning, if begins => {
                    begins = false;
                    match settings {
                        Ok(settings) => self.assign(*settings),
                        // Nobody is left who could say what for.
                        Err(_) => self.finished = true,
                    }
                }
                () = sleep_until(self.clock.at(due)) => {}
            }
            let now = self.clock.elapsed();
            let asleep = now.saturating_sub(awake);
            if asleep > OVERSLEPT {
                self.controller.overslept(now, asleep);
            }
            awake = now;
            if self.batch.due().is_some_and(|due| due <= now) {
                self.commit();
            }
            if self.controller.deadline().is_some_and(|due| due <= now) {
                // What has arrived and was not looked at yet is no silence.
                for _ in 0..arrivals.len() {
                    if let Ok(arrival) = arrivals.try_recv() {
                        self.arrived(arrival);
                    }
                }
                self.happened(Event::Deadline);
            }
            if self.save_at.is_some_and(|due| due <= now) {
                self.save();
            }
            if self.next_drawing() <= now {
                self.drawn = now.saturating_sub(self.began());
                self.safe.disown();
                self.judge(false);
                self.draw();
            }
        }
        if self.handed_over {
            self.let_go(arrivals)
        } else {
            self.end(arrivals)
        }
    }

    /// Lets control decide, and does what it decided.
    fn happened(&mut self, event: Event) {
        let now = self.clock.elapsed();
        let effects = self.controller.handle(now, event);
        self.perform(effects);
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        if !effects.is_empty() {
            let soon = self.clock.elapsed() + SAVE_EVERY;
            self.save_at = Some(self.save_at.unwrap_or(soon).min(soon));
        }
        for effect in effects {
            match effect {
                Effect::Begin => self.begin(),
                Effect::Tell(id, order) => self.tell(id, order),
                Effect::ResetStats { generation } => self.reset(generation),
                Effect::Saturated => self.stats.saturated(self.elapsed()),
                Effect::Publish => self.draw(),
                Effect::Finish => self.finished = true,
            }
        }
    }

    fn tell(&mut self, id: WorkerId, order: Order) {
        let Some(ours) = &self.order else {
            // Before anything is wanted of workers, all they are told is that they may leave.
            if order == Order::Leave {
                self.links.tell(id, MasterMessage::Leave);
            }
            return;
        };
        let run = Arc::clone(&ours.run);
        let message = match order {
            Order::Prepare => MasterMessage::Prepare(Arc::clone(ours)),
            Order::Directive(mut directive) => {
                if let Directive::Begin { elapsed, .. } = &mut directive {
                    *elapsed = self.controller.elapsed(self.clock.elapsed());
                }
                MasterMessage::Directive { run, directive }
            }
            Order::Dismiss => MasterMessage::Dismiss { run },
            Order::Leave => MasterMessage::Leave,
        };
        self.links.tell(id, message);
    }

    /// The loop's clock at the moment the run's read 0; while there is no run, at its own.
    fn began(&self) -> Duration {
        self.controller.began().unwrap_or_default()
    }

    /// When the next second's snapshot is due, by the loop's clock.
    fn next_drawing(&self) -> Duration {
        self.began() + next_drawing_after(self.drawn)
    }

    /// The run's clock: 0 until it begins.
    fn elapsed(&self) -> Duration {
        self.controller.elapsed(self.clock.elapsed())
    }

    fn draw(&mut self) {
        let snapshot = self.look();
        self.picture.send_replace(Arc::new(snapshot));
    }

    fn look(&mut self) -> Snapshot {
        let (elapsed, standing) = (self.elapsed(), self.controller.standing());
        self.stats.snapshot(&self.info, elapsed, standing)
    }
}

/// The next moment a snapshot is due: shortly after the next full second.
fn next_drawing_after(elapsed: Duration) -> Duration {
    Duration::from_secs(elapsed.saturating_sub(DRAWING_LAG).as_secs() + 1) + DRAWING_LAG
}

#[cfg(test)]
#[path = "run/tests.rs"]
mod tests;

//! A run from its start to its final numbers: the loop between people, control, the worker and the aggregate.
//!
//! In: commands, and the worker's reports. Out: directives to the worker, and a snapshot on a `watch` once a second, at
//! every change of state, and at the end. What is decided is decided by `control`, what is counted by `aggregate`;
//! here is only what waits.

mod outbox;

use std::sync::Arc;
use std::time::Duration;

use katydid_protocol::command::RunCommand;
use katydid_protocol::directive::Directive;
use katydid_protocol::plan::{LoadPlan, UserClass};
use katydid_protocol::report::WorkerReport;
use katydid_protocol::stats::{RunInfo, RunState, Snapshot};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep_until;
use tracing::{debug, error};

use crate::aggregate::RunStats;
use crate::clock::RunClock;
use crate::control::{Controller, Effect, Event};
use crate::intake::{Intake, WorkerId};
use crate::rows::RowLedger;
use outbox::Outbox;

/// Commands waiting to be obeyed; who sends more waits until the run has taken one.
const COMMANDS: usize = 16;
/// How long after each full second its snapshot is drawn, so that the deltas sent at that second are in it.
const DRAWING_LAG: Duration = Duration::from_millis(100);

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
    /// What `on_test_start` returned, as JSON: every user sees it as `setup`.
    pub setup: Option<Arc<str>>,
}

/// A test run.
#[derive(Debug)]
pub struct Run {
    clock: RunClock,
    info: Arc<RunInfo>,
    controller: Controller,
    intake: Intake,
    stats: RunStats,
    rows: RowLedger,
    outbox: Outbox,
    picture: watch::Sender<Arc<Snapshot>>,
    finished: bool,
}

/// What a person, a page or a signal holds of a run.
#[derive(Debug)]
pub struct RunHandle {
    /// Wishes; obeyed in order. Sending fails once the run is over.
    pub commands: mpsc::Sender<RunCommand>,
    /// The run as it is now; its last value is the result.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    task: JoinHandle<Arc<Snapshot>>,
}

/// The loop's ends of all channels.
#[derive(Debug)]
struct Channels {
    directives: mpsc::Sender<Directive>,
    reports: mpsc::Receiver<WorkerReport>,
    commands: mpsc::Receiver<RunCommand>,
}

// === impl Run ===

impl Run {
    /// Starts a run on the worker behind `directives` and `reports`; must be called within a tokio runtime.
    ///
    /// The run goes on until its plan, a command, the scenario or the loss of the worker ends it; await
    /// [`RunHandle::finished`] for its result.
    #[must_use]
    pub fn start(
        settings: RunSettings,
        directives: mpsc::Sender<Directive>,
        reports: mpsc::Receiver<WorkerReport>,
    ) -> RunHandle {
        let clock = RunClock::start();
        let info = Arc::new(RunInfo {
            started_at: clock.started_at(),
            ..settings.info
        });
        let controller = Controller::new(
            settings.plan,
            settings.classes,
            settings.reset_stats,
            settings.setup,
        );
        let mut stats = RunStats::new();
        let first = Arc::new(stats.snapshot(&info, Duration::ZERO, controller.standing()));
        let (picture, snapshots) = watch::channel(first);
        let (commands_sender, commands) = mpsc::channel(COMMANDS);
        let run = Self {
            clock,
            info,
            controller,
            intake: Intake::default(),
            stats,
            rows: RowLedger::default(),
            outbox: Outbox::default(),
            picture,
            finished: false,
        };
        let task = tokio::spawn(run.drive(Channels {
            directives,
            reports,
            commands,
        }));
        RunHandle {
            commands: commands_sender,
            snapshots,
            task,
        }
    }

    async fn drive(mut self, mut channels: Channels) -> Arc<Snapshot> {
        let mut people_listen = true;
        let mut next_drawing = next_drawing_after(Duration::ZERO);
        self.happened(Event::Started);
        while !self.finished {
            let deadline = self.controller.deadline();
            tokio::select! {
                // Waiting for room here, beside the reports, means that a worker which is itself waiting to be heard
                // can never be in a deadlock with the run.
                room = channels.directives.reserve(), if !self.outbox.is_empty() => match room {
                    Ok(room) => self.send(room),
                    Err(_) => self.worker_is_deaf(),
                },
                report = channels.reports.recv() => match report {
                    Some(report) => self.report(report),
                    None => self.happened(Event::WorkerLost),
                },
                command = channels.commands.recv(), if people_listen => match command {
                    Some(command) => self.happened(Event::Command(command)),
                    None => people_listen = false,
                },
                () = sleep_until(self.clock.at(next_drawing)) => {
                    self.draw();
                    next_drawing = next_drawing_after(self.clock.elapsed());
                }
                () = sleep_until(self.clock.at(deadline.unwrap_or(Duration::MAX))), if deadline.is_some() => {
                    self.happened(Event::Deadline);
                }
            }
        }
        self.take_the_rest(&mut channels.reports);
        self.draw();
        self.picture.borrow().clone()
    }

    /// Lets control decide, and does what it decided.
    fn happened(&mut self, event: Event) {
        let now = self.clock.elapsed();
        for effect in self.controller.handle(now, event) {
            match effect {
                Effect::Send(directive) => self.outbox.push(directive),
                Effect::ResetStats { generation } => self.stats.reset(now, generation),
                Effect::Publish => self.draw(),
                Effect::Finish => self.finished = true,
            }
        }
    }

    fn report(&mut self, report: WorkerReport) {
        match report {
            WorkerReport::Delta { sequence, delta } => {
                if self.intake.admit(WorkerId::LOCAL, sequence) {
                    self.stats.apply(self.clock.elapsed(), &delta);
                } else {
                    debug!("delta {sequence} came again and is not counted again");
                }
            }
            WorkerReport::Status(status) => {
                self.happened(Event::Status(status));
                self.stats.advance(self.clock.elapsed(), self.controller.users());
            }
            WorkerReport::StopRequested { reason } => self.happened(Event::StopRequested(reason)),
            WorkerReport::RowsWanted { data, len, count } => {
                let (rows, exhausted) = self.rows.grant(&data, len, count);
                self.outbox.push(Directive::Rows {
                    data,
                    rows,
                    exhausted,
                });
            }
            WorkerReport::RowsReturned { data, rows } => self.rows.take_back(&data, rows),
            WorkerReport::Warning(text) => self.happened(Event::Warning(text)),
            WorkerReport::Stopped => self.happened(Event::WorkerStopped),
            WorkerReport::Failed(why) => self.happened(Event::WorkerFailed(why)),
        }
    }

    fn send(&mut self, room: mpsc::Permit<'_, Directive>) {
        if let Some(mut directive) = self.outbox.pop() {
            if let Directive::Begin { elapsed, .. } = &mut directive {
                *elapsed = self.clock.elapsed();
            }
            room.send(directive);
        }
    }

    /// The worker has dropped its end: it is gone, or about to say goodbye.
    fn worker_is_deaf(&mut self) {
        self.outbox.clear();
        if self.controller.standing().state != RunState::Stopping {
            self.happened(Event::WorkerFailed("it takes no more orders".to_owned()));
        }
    }

    /// Counts what has arrived and was not looked at yet.
    fn take_the_rest(&mut self, reports: &mut mpsc::Receiver<WorkerReport>) {
        reports.close();
        while let Ok(report) = reports.try_recv() {
            if matches!(report, WorkerReport::Delta { .. }) {
                self.report(report);
            }
        }
    }

    fn draw(&mut self) {
        let snapshot = self
            .stats
            .snapshot(&self.info, self.clock.elapsed(), self.controller.standing());
        self.picture.send_replace(Arc::new(snapshot));
    }
}

// === impl RunHandle ===

impl RunHandle {
    /// The run's result: everything the worker has measured, after it has ended all users.
    ///
    /// Never fails: what went wrong on the way is among the result's warnings. Dropping the future leaves the run to
    /// itself.
    pub async fn finished(self) -> Arc<Snapshot> {
        let Self {
            commands,
            snapshots,
            task,
        } = self;
        let result = task.await;
        drop(commands);
        result.unwrap_or_else(|failure| {
            error!("the run ended abnormally: {failure}");
            let mut last = Snapshot::clone(&snapshots.borrow());
            last.state = RunState::Stopped;
            last.warnings.push(
                "the run ended abnormally: these numbers are those of its last second; the log says more, please \
                 report it"
                    .to_owned(),
            );
            last.stop_reason.get_or_insert_with(|| "the run ended abnormally".to_owned());
            Arc::new(last)
        })
    }
}

/// The next moment a snapshot is due: shortly after the next full second.
fn next_drawing_after(elapsed: Duration) -> Duration {
    Duration::from_secs(elapsed.saturating_sub(DRAWING_LAG).as_secs() + 1) + DRAWING_LAG
}

#[cfg(test)]
#[path = "run/tests.rs"]
mod tests;

//! What a stage is at: waiting for somebody to ask for a run, starting one, or running it.
//!
//! In: what goes on. Out: the next thing that happens to it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::Context;
use katydid_master::{Lobby, RunHandle};
use katydid_protocol::command::RunCommand;
use katydid_protocol::fleet::RunOrder;
use katydid_protocol::plan::LoadPlan;
use katydid_protocol::stage::{Granted, common_host};
use katydid_protocol::stats::{RunState, Snapshot, WorkerState};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::super::reports::{CsvTask, Reports};
use super::super::{Session, class_infos};

type Over = Pin<Box<dyn Future<Output = (Arc<Snapshot>, Option<Lobby>)> + Send>>;

/// What goes on.
#[derive(Debug)]
pub(super) enum Act {
    /// Workers may come; no run is asked for.
    Waiting(RunHandle),
    /// `on_test_start` runs.
    Starting(Box<Starting>),
    /// A run is under way: its workers prepare, or load is applied.
    Running(Box<Running>),
    /// A moment from one to another.
    Between,
}

/// A run that was asked for.
#[derive(Debug)]
pub(super) struct Starting {
    pub(super) run: RunHandle,
    pub(super) session: Arc<Session>,
    /// As the session has it, unless it was edited since.
    pub(super) plan: LoadPlan,
    pub(super) reports: Reports,
    pub(super) id: String,
    pub(super) order: Arc<RunOrder>,
    pub(super) setup: Setup,
}

/// `on_test_start`: what it returned.
pub(super) type Setup = JoinHandle<Result<Option<Arc<str>>, anyhow::Error>>;

/// A run under way.
pub(super) struct Running {
    pub(super) id: String,
    pub(super) session: Arc<Session>,
    pub(super) setup: Option<Arc<str>>,
    pub(super) reports: Reports,
    pub(super) csv: Option<CsvTask>,
    pub(super) commands: mpsc::Sender<RunCommand>,
    pub(super) snapshots: watch::Receiver<Arc<Snapshot>>,
    /// Whether it was told to end: it hears no more commands, though its snapshots may not show that yet.
    told_to_stop: bool,
    over: Over,
}

/// Something happened to an act.
#[derive(Debug)]
pub(super) enum News {
    /// There are new numbers.
    Snapshot,
    /// `on_test_start` has ended, well or not.
    Setup(Result<Option<Arc<str>>, anyhow::Error>),
    /// The run is over; its workers are there for the next, unless it broke down.
    Over(Arc<Snapshot>, Option<Box<Lobby>>),
}

impl Running {
    pub(super) fn new(
        id: String,
        session: Arc<Session>,
        setup: Option<Arc<str>>,
        mut reports: Reports,
        run: RunHandle,
    ) -> Self {
        Self {
            id,
            session,
            setup,
            csv: reports.follow(run.snapshots.clone()),
            reports,
            commands: run.commands.clone(),
            snapshots: run.snapshots.clone(),
            told_to_stop: false,
            over: Box::pin(run.over()),
        }
    }

    /// Ends it, and lets running iterations finish.
    pub(super) async fn stop(&mut self, reason: String) {
        self.obey(RunCommand::Stop { reason }).await;
    }

    /// Does what ends it, or its being here.
    pub(super) async fn obey(&mut self, command: RunCommand) {
        self.told_to_stop = true;
        // A run that does not listen is over.
        drop(self.commands.send(command).await);
    }

    /// Whether it ends and changes no more.
    pub(super) fn is_stopping(&self) -> bool {
        let state = self.snapshots.borrow().state;
        self.told_to_stop || state == RunState::Stopping || state.is_over()
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("setup", &self.setup)
            .finish_non_exhaustive()
    }
}

impl Act {
    /// Waits for what happens next. Cancel safe.
    pub(super) async fn news(&mut self) -> News {
        match self {
            Self::Waiting(run) => changed(&mut run.snapshots).await,
            Self::Starting(starting) => {
                let ended = (&mut starting.setup).await;
                News::Setup(
                    ended
                        .context("on_test_start could not run")
                        .and_then(|result| result.context("on_test_start failed")),
                )
            }
            Self::Running(running) => tokio::select! {
                biased;
                (snapshot, lobby) = &mut running.over => News::Over(snapshot, lobby.map(Box::new)),
                news = changed(&mut running.snapshots) => news,
            },
            Self::Between => std::future::pending().await,
        }
    }

    /// The numbers of the moment.
    pub(super) fn snapshot(&self) -> Option<Arc<Snapshot>> {
        match self {
            Self::Waiting(run) => Some(Arc::clone(&run.snapshots.borrow())),
            Self::Starting(starting) => Some(Arc::clone(&starting.run.snapshots.borrow())),
            Self::Running(running) => Some(Arc::clone(&running.snapshots.borrow())),
            Self::Between => None,
        }
    }

    /// Whether a run was asked for and has not begun.
    pub(super) fn is_starting(&self) -> bool {
        match self {
            Self::Waiting(_) | Self::Between => false,
            Self::Starting(_) => true,
            Self::Running(running) => running.snapshots.borrow().state == RunState::Ready,
        }
    }

    /// Whether the run has its final numbers and is not put away yet.
    pub(super) fn is_ending(&self) -> bool {
        matches!(self, Self::Running(running) if running.snapshots.borrow().state.is_over())
    }

    /// Whether a run comes to its end and changes no more.
    pub(super) fn is_stopping(&self) -> bool {
        matches!(self, Self::Running(running) if running.is_stopping())
    }

    /// The run that was asked for or is under way.
    pub(super) fn run(&self) -> Option<Granted> {
        let (id, session) = match self {
            Self::Waiting(_) | Self::Between => return None,
            Self::Starting(starting) => (&starting.id, &starting.session),
            Self::Running(running) => (&running.id, &running.session),
        };
        Some(Granted {
            id: id.clone(),
            host: common_host(&class_infos(&session.declarations.classes)).map(str::to_owned),
            is_new: false,
        })
    }

    /// Workers there are; `known` were the last time somebody counted.
    pub(super) fn workers(&self, known: u32) -> u32 {
        let Some(snapshot) = self.snapshot() else {
            return known;
        };
        let count = |is_gone: fn(WorkerState) -> bool| {
            let present = snapshot.workers.iter().filter(|worker| !is_gone(worker.state));
            u32::try_from(present.count()).unwrap_or(u32::MAX)
        };
        if snapshot.state == RunState::Stopping || snapshot.state.is_over() {
            // Whoever has ended its users takes part no more, but is there for the next run.
            known.min(count(|state| state == WorkerState::Missing))
        } else {
            count(|state| matches!(state, WorkerState::Missing | WorkerState::Stopped))
        }
    }
}

async fn changed(snapshots: &mut watch::Receiver<Arc<Snapshot>>) -> News {
    if snapshots.changed().await.is_err() {
        // It will say no more; how it ended is told elsewhere.
        std::future::pending::<()>().await;
    }
    snapshots.mark_unchanged();
    News::Snapshot
}

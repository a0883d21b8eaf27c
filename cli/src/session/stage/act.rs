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
use katydid_protocol::stats::{RunState, Snapshot, WorkerState};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::super::Session;
use super::super::reports::{CsvTask, Reports};

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
    pub(super) reports: Reports,
    pub(super) id: String,
    pub(super) order: Arc<RunOrder>,
    pub(super) setup: JoinHandle<Result<Option<Arc<str>>, anyhow::Error>>,
}

/// A run under way.
pub(super) struct Running {
    pub(super) session: Arc<Session>,
    pub(super) setup: Option<Arc<str>>,
    pub(super) reports: Reports,
    pub(super) csv: Option<CsvTask>,
    pub(super) commands: mpsc::Sender<RunCommand>,
    pub(super) snapshots: watch::Receiver<Arc<Snapshot>>,
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
        session: Arc<Session>,
        setup: Option<Arc<str>>,
        mut reports: Reports,
        run: RunHandle,
    ) -> Self {
        Self {
            session,
            setup,
            csv: reports.follow(run.snapshots.clone()),
            reports,
            commands: run.commands.clone(),
            snapshots: run.snapshots.clone(),
            over: Box::pin(run.over()),
        }
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

    /// Workers there are.
    pub(super) fn workers(&self) -> u32 {
        let gone = |state| matches!(state, WorkerState::Missing | WorkerState::Stopped);
        let Some(snapshot) = self.snapshot() else {
            return 0;
        };
        let present = snapshot.workers.iter().filter(|worker| !gone(worker.state));
        u32::try_from(present.count()).unwrap_or(u32::MAX)
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

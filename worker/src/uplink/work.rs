//! What a worker is busy with for its master: nothing, getting ready for a run, or the run.
//!
//! In: directives, and reports of the run's agent. Out: messages for the master, through the courier.

use std::sync::Arc;
use std::time::Duration;

use katydid_protocol::directive::Directive;
use katydid_protocol::fleet::{RunId, Running, WorkerMessage};
use katydid_protocol::report::WorkerReport;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::warn;

use super::courier::Courier;
use crate::worker::WorkerHandle;

/// How long load threads may take to end.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What a worker is busy with.
#[derive(Debug)]
pub(super) enum Work {
    Nothing,
    Preparing {
        run: RunId,
        task: JoinHandle<Result<WorkerHandle, String>>,
    },
    Run(Box<Assignment>),
}

/// A run this worker takes part in.
#[derive(Debug)]
pub(super) struct Assignment {
    pub(super) run: RunId,
    pub(super) worker: WorkerHandle,
    pub(super) courier: Courier,
    /// Whether it has begun here.
    pub(super) begun: bool,
    pub(super) epoch: u64,
    pub(super) users: u32,
    /// When the run is to end, if that is planned and has not been told to the agent.
    pub(super) ends_at: Option<Instant>,
    /// For users that are stopped then.
    pub(super) stop_timeout: Duration,
    /// Whether the agent may still say something.
    pub(super) reports_open: bool,
}

/// Something came of it.
#[derive(Debug)]
pub(super) enum WorkNews {
    /// Getting ready has ended, well or not.
    Prepared(Result<WorkerHandle, String>),
    /// The run's agent says something; `None` when it has ended.
    Report(Option<WorkerReport>),
}

impl Assignment {
    /// A run that has not begun.
    pub(super) fn new(run: RunId, worker: WorkerHandle) -> Self {
        Self {
            run,
            worker,
            courier: Courier::default(),
            begun: false,
            epoch: 0,
            users: 0,
            ends_at: None,
            stop_timeout: Duration::ZERO,
            reports_open: true,
        }
    }
}

impl Work {
    /// Waits for what comes of it.
    pub(super) async fn news(&mut self) -> WorkNews {
        match self {
            Self::Preparing { task, .. } => WorkNews::Prepared(
                task.await
                    .unwrap_or_else(|_| Err("it broke down while it was starting".to_owned())),
            ),
            Self::Run(work) if work.reports_open => WorkNews::Report(work.worker.reports.recv().await),
            Self::Run(_) | Self::Nothing => std::future::pending().await,
        }
    }

    /// The run under way, once it has begun.
    pub(super) fn begun(&self) -> Option<&Assignment> {
        match self {
            Self::Run(work) if work.begun => Some(work),
            _ => None,
        }
    }

    /// What the master is told of it at each new connection.
    pub(super) fn running(&self) -> Option<Running> {
        self.begun().map(|work| Running {
            run: Arc::clone(&work.run),
            epoch: work.epoch,
            sequence: work.courier.sequence(),
        })
    }

    /// Users running.
    pub(super) fn users(&self) -> u32 {
        match self {
            Self::Run(work) => work.users,
            _ => 0,
        }
    }

    /// Requests measured that are not known to be safe.
    pub(super) fn unsent(&self) -> u64 {
        match self {
            Self::Run(work) => work.courier.requests(),
            _ => 0,
        }
    }

    /// Deltas that are not known to be safe.
    pub(super) fn pending(&self) -> u32 {
        match self {
            Self::Run(work) => work.courier.pending(),
            _ => 0,
        }
    }

    /// Whether there is something to tell the master.
    pub(super) fn has_next(&self) -> bool {
        matches!(self, Self::Run(work) if work.courier.has_next())
    }

    /// What to tell it next.
    pub(super) fn next_message(&mut self) -> Option<WorkerMessage> {
        let Self::Run(work) = self else {
            return None;
        };
        let report = work.courier.next()?;
        Some(WorkerMessage::Report {
            run: Arc::clone(&work.run),
            report,
        })
    }

    /// Takes what the agent says.
    pub(super) fn take(&mut self, report: Option<WorkerReport>) {
        let Self::Run(work) = self else {
            return;
        };
        match report {
            Some(report) => {
                if let WorkerReport::Status(status) = &report {
                    work.users = status.total_users();
                }
                work.courier.take(report);
            }
            None => work.reports_open = false,
        }
    }

    /// Tells the agent what the master wants, which was `late` when it arrived.
    pub(super) async fn direct(&mut self, run: &RunId, mut directive: Directive, late: Duration) {
        let Self::Run(work) = self else {
            return;
        };
        if work.run != *run {
            return;
        }
        match &mut directive {
            Directive::Begin {
                elapsed, run_time, ..
            } => {
                *elapsed += late;
                work.begun = true;
                let left = run_time.map(|end| end.saturating_sub(*elapsed));
                work.ends_at = left.and_then(|left| Instant::now().checked_add(left));
            }
            Directive::Share(share) => {
                work.epoch = work.epoch.max(share.epoch);
                work.stop_timeout = share.stop_timeout;
            }
            Directive::Rows { data, .. } => work.courier.answered(data),
            Directive::Stop { .. } => work.ends_at = None,
            _ => {}
        }
        // The agent always listens; when it has ended there is nothing to direct.
        drop(work.worker.directives.send(directive).await);
    }

    /// Ends the run's users when its planned end has come and there is no master to say so. What they measured is kept
    /// for it.
    pub(super) async fn end_as_planned(&mut self) {
        let Self::Run(work) = self else {
            return;
        };
        if work.ends_at.is_none_or(|end| end > Instant::now()) {
            return;
        }
        warn!("The run's time is over and the master cannot be heard: ending the users here");
        work.ends_at = None;
        let grace = work.stop_timeout;
        drop(work.worker.directives.send(Directive::Stop { grace }).await);
    }

    /// Ends what there is, users at once, and goes on with `next`.
    pub(super) async fn replace(&mut self, next: Self) {
        match std::mem::replace(self, next) {
            Self::Nothing => {}
            Self::Preparing { task, .. } => task.abort(),
            Self::Run(work) => {
                // A script that computes without pause keeps its thread; nobody waits for that.
                let joined = tokio::task::spawn_blocking(move || work.worker.join());
                if tokio::time::timeout(LAST_WORDS, joined).await.is_err() {
                    warn!(
                        "a load thread does not end, because a script computes without pause; leaving it behind"
                    );
                }
            }
        }
    }
}

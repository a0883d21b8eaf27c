//! What others hold of a run: its beginning, wishes in, snapshots out, and in the end the result.

use std::sync::Arc;

use katydid_protocol::command::RunCommand;
use katydid_protocol::stats::{RunState, Snapshot};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tracing::error;

use super::RunSettings;
use crate::lobby::Lobby;

/// What a person, a page or a signal holds of a run.
#[derive(Debug)]
pub struct RunHandle {
    /// Wishes; obeyed in order. Sending fails once the run is over.
    pub commands: mpsc::Sender<RunCommand>,
    /// The run as it is now; its last value is the result.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// Taken when it is told to begin.
    pub(super) beginning: Option<oneshot::Sender<Box<RunSettings>>>,
    pub(super) task: JoinHandle<(Arc<Snapshot>, Lobby)>,
}

impl RunHandle {
    /// Lets workers prepare, and the run begin once they are ready; without effect the second time.
    pub fn begin(&mut self, settings: RunSettings) {
        if let Some(beginning) = self.beginning.take() {
            // It listens until it is over; then there is nothing to begin.
            drop(beginning.send(Box::new(settings)));
        }
    }

    /// The run's result: everything the workers have measured, after they have ended all users. Workers are told that
    /// they may end.
    ///
    /// Never fails: what went wrong on the way is among the result's warnings. Dropping the future leaves the run to
    /// itself.
    pub async fn finished(self) -> Arc<Snapshot> {
        let (result, lobby) = self.over().await;
        if let Some(lobby) = lobby {
            lobby.close();
        }
        result
    }

    /// The run's result as [`Self::finished`] has it, and its workers for the next run; `None` after a breakdown.
    ///
    /// A run that was handed over is not over: its state says so, and no workers are left here.
    pub async fn over(self) -> (Arc<Snapshot>, Option<Lobby>) {
        let Self {
            commands,
            snapshots,
            beginning,
            task,
        } = self;
        // One that was never told to begin ends with that.
        drop(beginning);
        let result = task.await;
        drop(commands);
        match result {
            Ok((snapshot, lobby)) => (snapshot, Some(lobby)),
            Err(failure) => {
                error!("the run ended abnormally: {failure}");
                let mut last = Snapshot::clone(&snapshots.borrow());
                last.state = RunState::Failed;
                last.warnings.push(
                    "the run ended abnormally: these numbers are those of its last second; the log says more, please \
                     report it"
                        .to_owned(),
                );
                last.stop_reason
                    .get_or_insert_with(|| "the run ended abnormally".to_owned());
                (Arc::new(last), None)
            }
        }
    }
}

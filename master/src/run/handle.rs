//! What others hold of a run: wishes in, snapshots out, and in the end the result.

use std::sync::Arc;

use katydid_protocol::command::RunCommand;
use katydid_protocol::stats::{RunState, Snapshot};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing::error;

/// What a person, a page or a signal holds of a run.
#[derive(Debug)]
pub struct RunHandle {
    /// Wishes; obeyed in order. Sending fails once the run is over.
    pub commands: mpsc::Sender<RunCommand>,
    /// The run as it is now; its last value is the result.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    pub(super) task: JoinHandle<Arc<Snapshot>>,
}

impl RunHandle {
    /// The run's result: everything the workers have measured, after they have ended all users.
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
            last.state = RunState::Failed;
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

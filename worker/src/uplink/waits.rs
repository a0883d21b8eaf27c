//! The things a worker's loop waits for, each of which may not be there.

use katydid_protocol::fleet::{LogLine, MasterMessage, WorkerMessage};
use tokio::sync::{mpsc, watch};

use super::connect::{Link, next};

pub(super) async fn send(link: Option<&Link>, message: WorkerMessage) {
    if let Some(link) = link {
        // If it fails, the connection is gone, which its other half says too.
        drop(link.outgoing.send(message).await);
    }
}

pub(super) async fn some<T>(future: &mut Option<std::pin::Pin<Box<dyn Future<Output = T> + Send>>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

pub(super) async fn message(link: &mut Option<Link>) -> Result<Option<MasterMessage>, String> {
    match link {
        Some(link) => next(&mut link.incoming).await,
        None => std::future::pending().await,
    }
}

pub(super) async fn place(
    outgoing: Option<mpsc::Sender<WorkerMessage>>,
) -> Option<mpsc::OwnedPermit<WorkerMessage>> {
    match outgoing {
        Some(outgoing) => outgoing.reserve_owned().await.ok(),
        None => std::future::pending().await,
    }
}

pub(super) async fn line(log: &mut Option<mpsc::Receiver<LogLine>>) -> Option<LogLine> {
    match log {
        Some(log) => log.recv().await,
        None => std::future::pending().await,
    }
}

/// Waits until somebody wants the worker to leave; for ever when nobody can.
pub(super) async fn wanted(drain: &mut watch::Receiver<bool>) {
    if drain.wait_for(|leave| *leave).await.is_err() {
        std::future::pending().await
    }
}

//! The connections of workers: which is whose, and what goes out on them.
//!
//! A worker that does not read what it is told loses its connection; it may come back and is told anew.

use std::collections::BTreeMap;

use katydid_protocol::fleet::{Hello, MasterMessage};
use tokio::sync::mpsc;
use tracing::warn;

use crate::arrival::LinkId;
use crate::fleet::WorkerId;
use crate::intake::Instance;
use crate::lobby::Waiting;

/// The open connections.
#[derive(Debug, Default)]
pub(super) struct Links {
    open: BTreeMap<WorkerId, Waiting>,
    workers: BTreeMap<LinkId, WorkerId>,
}

impl Links {
    /// A worker's connection; an older one of the same worker is closed.
    pub(super) fn open(
        &mut self,
        id: WorkerId,
        link: LinkId,
        hello: Hello,
        outbox: mpsc::Sender<MasterMessage>,
    ) {
        let worker = Waiting { link, hello, outbox };
        if let Some(old) = self.open.insert(id, worker) {
            self.workers.remove(&old.link);
        }
        self.workers.insert(link, id);
    }

    /// Whose connection it is.
    pub(super) fn worker(&self, link: LinkId) -> Option<WorkerId> {
        self.workers.get(&link).copied()
    }

    /// The process of a worker that is connected.
    pub(super) fn instance(&self, id: WorkerId) -> Option<Instance> {
        let worker = self.open.get(&id)?;
        Some(worker.hello.instance.as_str().into())
    }

    /// A connection has ended; whose it was, unless that one has another by now.
    pub(super) fn close(&mut self, link: LinkId) -> Option<WorkerId> {
        let id = self.workers.remove(&link)?;
        self.open.remove(&id);
        Some(id)
    }

    /// Sends a message to everybody.
    pub(super) fn tell_all(&mut self, message: &MasterMessage) {
        let ids: Vec<WorkerId> = self.open.keys().copied().collect();
        for id in ids {
            self.tell(id, message.clone());
        }
    }

    /// Sends a message to a worker that is connected.
    pub(super) fn tell(&mut self, id: WorkerId, message: MasterMessage) {
        let Some(worker) = self.open.get_mut(&id) else {
            return;
        };
        if let Err(mpsc::error::TrySendError::Full(_)) = worker.outbox.try_send(message) {
            let name = &worker.hello.name;
            warn!("worker {name} does not read what it is told: closing its connection");
            // One that leads nowhere: the server sees that the connection is wanted no longer, and says when it has ended.
            worker.outbox = mpsc::channel(1).0;
        }
    }

    /// All connections, in the order their workers joined.
    pub(super) fn part(self) -> Vec<Waiting> {
        self.open.into_values().collect()
    }
}

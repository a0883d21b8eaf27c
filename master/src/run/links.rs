//! The connections of workers: which is whose, and what goes out on them.
//!
//! A worker that does not read what it is told loses its connection; it may come back and is told anew.

use std::collections::HashMap;

use katydid_protocol::fleet::MasterMessage;
use tokio::sync::mpsc;
use tracing::warn;

use crate::arrival::LinkId;
use crate::fleet::WorkerId;

/// The open connections.
#[derive(Debug, Default)]
pub(super) struct Links {
    outboxes: HashMap<WorkerId, (LinkId, mpsc::Sender<MasterMessage>)>,
    workers: HashMap<LinkId, WorkerId>,
}

impl Links {
    /// A worker's connection; an older one of the same worker is closed.
    pub(super) fn open(&mut self, link: LinkId, id: WorkerId, outbox: mpsc::Sender<MasterMessage>) {
        if let Some((old, _)) = self.outboxes.insert(id, (link, outbox)) {
            self.workers.remove(&old);
        }
        self.workers.insert(link, id);
    }

    /// Whose connection it is.
    pub(super) fn worker(&self, link: LinkId) -> Option<WorkerId> {
        self.workers.get(&link).copied()
    }

    /// A connection has ended; whose it was, unless that one has another by now.
    pub(super) fn close(&mut self, link: LinkId) -> Option<WorkerId> {
        let id = self.workers.remove(&link)?;
        self.outboxes.remove(&id);
        Some(id)
    }

    /// Sends a message to everybody.
    pub(super) fn tell_all(&mut self, message: &MasterMessage) {
        let ids: Vec<WorkerId> = self.outboxes.keys().copied().collect();
        for id in ids {
            self.tell(id, message.clone());
        }
    }

    /// Sends a message to a worker that is connected.
    pub(super) fn tell(&mut self, id: WorkerId, message: MasterMessage) {
        let Some((link, outbox)) = self.outboxes.get(&id) else {
            return;
        };
        if let Err(mpsc::error::TrySendError::Full(_)) = outbox.try_send(message) {
            warn!("a worker does not read what it is told: closing its connection");
            self.workers.remove(link);
            self.outboxes.remove(&id);
        }
    }
}

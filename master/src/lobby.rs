//! Workers between two runs: connected, welcomed, with nothing to do.
//!
//! In: the door's arrivals, and what a run that is over leaves behind. Out: everything the next run begins with; or, at
//! the very end, goodbye.

use katydid_protocol::fleet::{Hello, MasterMessage};
use tokio::sync::mpsc;

use crate::arrival::{Arrival, LinkId};
use crate::journal::Journal;

/// What passes from one run to the next.
#[derive(Debug)]
pub struct Lobby {
    pub(crate) arrivals: mpsc::Receiver<Arrival>,
    pub(crate) waiting: Vec<Waiting>,
    pub(crate) journal: Option<Journal>,
}

/// A worker that is connected and has been welcomed.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) link: LinkId,
    /// As it said it, but under the name it was given.
    pub(crate) hello: Hello,
    pub(crate) outbox: mpsc::Sender<MasterMessage>,
}

impl Lobby {
    /// Nobody has come yet.
    #[must_use]
    pub fn new(arrivals: mpsc::Receiver<Arrival>, journal: Option<Journal>) -> Self {
        Self {
            arrivals,
            waiting: Vec::new(),
            journal,
        }
    }

    /// There will be no other run: workers may end.
    pub fn close(self) {
        for worker in &self.waiting {
            // One that does not read or has gone needs no goodbye.
            drop(worker.outbox.try_send(MasterMessage::Goodbye));
        }
    }
}

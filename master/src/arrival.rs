//! What comes from the fleet's connections to the run.

use katydid_protocol::fleet::{Hello, MasterMessage, WorkerMessage};
use tokio::sync::mpsc;

/// A connection's number; never given twice in a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

/// News of a connection.
#[derive(Debug)]
pub enum Arrival {
    /// A worker says hello.
    Joined {
        /// The connection.
        link: LinkId,
        /// Who it is.
        hello: Box<Hello>,
        /// Where messages to it go; the connection ends when this is dropped.
        outbox: mpsc::Sender<MasterMessage>,
    },
    /// It says something.
    Said {
        /// The connection.
        link: LinkId,
        /// What.
        message: Box<WorkerMessage>,
    },
    /// Its connection has ended.
    Left {
        /// The connection.
        link: LinkId,
    },
}

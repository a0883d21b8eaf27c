//! What can happen to a run, and what control wants done about it.

use std::sync::Arc;

use katydid_protocol::command::RunCommand;
use katydid_protocol::directive::Directive;
use katydid_protocol::fleet::Heartbeat;
use katydid_protocol::report::WorkerStatus;

use crate::fleet::WorkerId;

/// Something happened.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// The run may begin, as soon as the workers it waits for are ready.
    Wanted {
        /// What `on_test_start` returned, as JSON.
        setup: Option<Arc<str>>,
    },
    /// A person wishes something.
    Command(RunCommand),
    /// A worker could begin.
    Ready(WorkerId),
    /// A worker cannot run the scenario, for this reason.
    Unable(WorkerId, String),
    /// A worker's connection has ended.
    Disconnected(WorkerId),
    /// A worker was told to end and wants others to take over.
    Draining(WorkerId),
    /// How a worker's machine is.
    Heartbeat(WorkerId, Heartbeat),
    /// A worker says how many users run.
    Status(WorkerId, WorkerStatus),
    /// A script asks for the end.
    StopRequested(String),
    /// A worker has something to say to people.
    Warning(WorkerId, String),
    /// A worker has ended all users and sent everything.
    Stopped(WorkerId),
    /// A worker cannot go on, for this reason.
    Failed(WorkerId, String),
    /// The moment [`Controller::deadline`](super::Controller::deadline) named has come.
    Deadline,
}

impl Event {
    /// The worker whose words these are; `None` when they are nobody's.
    pub(super) fn speaker(&self) -> Option<WorkerId> {
        match self {
            Self::Ready(id)
            | Self::Unable(id, _)
            | Self::Draining(id)
            | Self::Heartbeat(id, _)
            | Self::Status(id, _)
            | Self::Warning(id, _)
            | Self::Stopped(id)
            | Self::Failed(id, _) => Some(*id),
            Self::Wanted { .. }
            | Self::Command(_)
            | Self::Disconnected(_)
            | Self::StopRequested(_)
            | Self::Deadline => None,
        }
    }
}

/// Something is to be done, in this order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    /// The run begins: its clock starts.
    Begin,
    /// Tell a worker.
    Tell(WorkerId, Order),
    /// Forget what was aggregated; only deltas of this generation count from now on.
    ResetStats {
        /// See [`Directive::ResetStats`].
        generation: u32,
    },
    /// This second's response times are partly the generator's own.
    Saturated,
    /// Show the new state at once.
    Publish,
    /// The run is over: what has been received is the result.
    Finish,
}

/// What a worker is told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Order {
    /// Fetch and compile the run's scenario.
    Prepare,
    /// Obey.
    Directive(Directive),
    /// The run is over for this worker.
    Dismiss,
    /// It has left in order and may end.
    Leave,
}

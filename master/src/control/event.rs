//! What can happen to a run, and what control wants done about it.

use katydid_protocol::command::RunCommand;
use katydid_protocol::directive::Directive;
use katydid_protocol::report::WorkerStatus;

/// Something happened.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// The run begins.
    Started,
    /// A person wishes something.
    Command(RunCommand),
    /// The worker says how many users run.
    Status(WorkerStatus),
    /// A script asks for the end.
    StopRequested(String),
    /// The worker has something to say to people.
    Warning(String),
    /// The worker has ended all users and sent everything.
    WorkerStopped,
    /// The worker cannot go on, for this reason.
    WorkerFailed(String),
    /// The worker went away without a word.
    WorkerLost,
    /// The moment [`Controller::deadline`](super::Controller::deadline) named has come.
    Deadline,
}

/// Something is to be done, in this order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    /// Tell the worker.
    Send(Directive),
    /// Forget what was aggregated; only deltas of this generation count from now on.
    ResetStats {
        /// See [`Directive::ResetStats`].
        generation: u32,
    },
    /// Show the new state at once.
    Publish,
    /// The run is over: what has been received is the result.
    Finish,
}

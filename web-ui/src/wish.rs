//! What people ask for on the page or through an API, on its way to whoever conducts the runs.
//!
//! In: checked requests. Out: one answer each; whoever asked has gone when nobody takes it.

use katydid_protocol::command::RunCommand;
use katydid_protocol::stage::{Refusal, SourceProblem, StartRequest};
use tokio::sync::oneshot;

/// Something asked for.
#[derive(Debug)]
pub enum Wish {
    /// A run; while one is under way, other numbers of users.
    Start(Box<StartRequest>, oneshot::Sender<Result<(), Refusal>>),
    /// Something the run under way can do at once.
    Command(RunCommand),
    /// The end of the run under way, or of its beginning.
    Stop,
    /// Whether this text could be the scenario.
    Check(String, oneshot::Sender<Checked>),
    /// This text as the scenario of the next run.
    Save(String, oneshot::Sender<Checked>),
}

/// What became of a scenario's text: what it declares, in a sentence, or what is wrong with it.
pub type Checked = Result<String, Vec<SourceProblem>>;

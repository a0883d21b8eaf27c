//! What people ask for on the page or through an API, on its way to whoever conducts the runs.
//!
//! In: checked requests. Out: one answer each; whoever asked has gone when nobody takes it.

use katydid_protocol::command::RunCommand;
use katydid_protocol::stage::{EditRequest, Granted, Refusal, SourceProblem, StartRequest};
use tokio::sync::oneshot;

/// Something asked for.
#[derive(Debug)]
pub enum Wish {
    /// A run; refused while there is one.
    Start(Box<StartRequest>, oneshot::Sender<Answer>),
    /// Other numbers of users for the run under way; refused while there is none.
    Edit(EditRequest, oneshot::Sender<Answer>),
    /// What Locust's `/swarm` means: a run, or while there is one other numbers of users for it, with the host it has.
    Swarm(Box<StartRequest>, oneshot::Sender<Answer>),
    /// Something the run under way can do at once.
    Command(RunCommand),
    /// The end of the run under way, or of its beginning.
    Stop,
    /// Whether this text could be the scenario.
    Check(String, oneshot::Sender<Checked>),
    /// This text as the scenario of the next run.
    Save(String, oneshot::Sender<Saved>),
}

impl Wish {
    /// Whether whoever asked has given up: granting it now would surprise them, and whoever asked since.
    #[must_use]
    pub fn is_forgotten(&self) -> bool {
        match self {
            Self::Start(_, answer) | Self::Edit(_, answer) | Self::Swarm(_, answer) => answer.is_closed(),
            Self::Check(_, answer) => answer.is_closed(),
            Self::Save(_, answer) => answer.is_closed(),
            Self::Command(_) | Self::Stop => false,
        }
    }
}

/// What became of a wish that concerns a run.
pub type Answer = Result<Granted, Refusal>;

/// What became of a scenario's text: what it declares, in a sentence, or what is wrong with it.
pub type Checked = Result<String, Vec<SourceProblem>>;

/// What became of a scenario's text that was to be the next run's: what it declares, in a sentence, or why it is not.
pub type Saved = Result<String, Unsaved>;

/// Why a text is not the scenario of the next run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsaved {
    /// Not now.
    Refused(Refusal),
    /// It is wrong.
    Wrong(Vec<SourceProblem>),
}

//! The last a run does here: it is over, or another master will direct it.
//!
//! In: a run whose loop has ended, or the wish to hand it over. Out: the result, and what the next run begins with. A run that is
//! handed over leaves its journal as it is, closed, and its workers are told nothing: to them it looks like a master that
//! was lost, so they keep the load up and look for the next.

use std::sync::Arc;

use katydid_protocol::command::RunCommand;
use katydid_protocol::fleet::MasterMessage;
use katydid_protocol::format;
use katydid_protocol::stats::{RunState, Snapshot};
use tokio::sync::mpsc;
use tracing::{info, warn};

use super::Run;
use crate::arrival::Arrival;
use crate::lobby::Lobby;

impl Run {
    /// The command to obey instead, unless this was the wish to hand over and it can be done.
    pub(super) fn unless_handed_over(&mut self, command: RunCommand) -> Option<RunCommand> {
        let RunCommand::HandOver { reason } = command else {
            return Some(command);
        };
        match self.controller.state() {
            RunState::Stopping | RunState::Stopped | RunState::Failed => {
                info!("{reason}: the run is ending already and is not handed over");
                return None;
            }
            RunState::Ready => info!("{reason}: the run has not begun; the next master can begin it"),
            RunState::Spawning | RunState::Running if !self.safe.is_kept() => {
                warn!("{reason}: there is no journal another master could go on from");
                return Some(RunCommand::CutShort { reason });
            }
            RunState::Spawning | RunState::Running => {
                // What cannot be written now is not acknowledged: workers keep it for the next master.
                self.commit();
                self.save();
                let grace = format::duration(self.controller.master_grace());
                info!(
                    "{reason}: run {} is left to the next master on this journal; workers keep the load up for up to \
                     {grace}",
                    self.info.id
                );
            }
        }
        self.handed_over = true;
        self.finished = true;
        None
    }

    /// The run is over: what was measured is counted, and workers are there for the next.
    pub(super) fn end(mut self, mut arrivals: mpsc::Receiver<Arrival>) -> (Arc<Snapshot>, Lobby) {
        while let Ok(arrival) = arrivals.try_recv() {
            self.arrived_late(arrival);
        }
        self.commit_last();
        self.judge(true);
        if let Some(order) = &self.order {
            let run = Arc::clone(&order.run);
            self.links.tell_all(&MasterMessage::Dismiss { run });
        }
        // Who sees that the run is over may end this process.
        let journal = self.safe.end();
        self.draw();
        let result = self.picture.borrow().clone();
        let lobby = Lobby {
            arrivals,
            waiting: self.links.part(),
            journal,
        };
        (result, lobby)
    }

    /// The run goes on without this process. Nobody is told: what workers say from now on they say again to the next.
    pub(super) fn let_go(mut self, arrivals: mpsc::Receiver<Arrival>) -> (Arc<Snapshot>, Lobby) {
        // Closed before anybody can see that it was handed over: the next master may open it at once.
        self.safe.let_go();
        self.draw();
        let lobby = Lobby {
            arrivals,
            waiting: Vec::new(),
            journal: None,
        };
        (self.picture.borrow().clone(), lobby)
    }
}

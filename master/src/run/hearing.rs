//! What a run makes of what its workers say.
//!
//! In: arrivals. Out: events for control, batches of deltas, answers.

use std::time::Duration;

use katydid_protocol::fleet::{Hello, MasterMessage, RunId, Welcome, WorkerMessage};
use katydid_protocol::report::WorkerReport;
use tracing::debug;

use super::Run;
use crate::arrival::Arrival;
use crate::control::Event;
use crate::fleet::WorkerId;
use crate::lobby::Waiting;

impl Run {
    /// Somebody of the fleet is heard of.
    pub(super) fn arrived(&mut self, arrival: Arrival) {
        let now = self.clock.elapsed();
        match arrival {
            Arrival::Joined { link, hello, outbox } => {
                let running = hello
                    .running
                    .as_ref()
                    .filter(|running| self.is_ours(&running.run))
                    .cloned();
                match self.controller.connect(now, &hello, running.as_ref()) {
                    Ok((id, effects)) => {
                        let other = hello.running.clone().filter(|_| running.is_none());
                        let hello = Hello {
                            name: self.controller.name(id),
                            running: None,
                            ..*hello
                        };
                        self.links.open(id, link, hello, outbox);
                        self.links.tell(id, self.welcome(id));
                        if let Some(other) = other {
                            self.links.tell(id, MasterMessage::Dismiss { run: other.run });
                        }
                        self.perform(effects);
                    }
                    Err(why) => {
                        let refusal = MasterMessage::Refused { why, retry: true };
                        drop(outbox.try_send(refusal));
                    }
                }
            }
            Arrival::Said { link, message } => {
                if let Some(id) = self.links.worker(link) {
                    self.said(id, *message);
                }
            }
            Arrival::Left { link } => {
                if let Some(id) = self.links.close(link) {
                    self.happened(Event::Disconnected(id));
                }
            }
        }
    }

    /// Somebody who was there before this run.
    pub(super) fn inherit(&mut self, worker: Waiting) {
        let now = self.clock.elapsed();
        let Waiting { link, hello, outbox } = worker;
        if let Ok((id, effects)) = self.controller.connect(now, &hello, None) {
            self.links.open(id, link, hello, outbox);
            self.perform(effects);
        }
    }

    /// What arrived after the run's end counts too, and who came is there for the next one.
    pub(super) fn arrived_late(&mut self, arrival: Arrival) {
        let Arrival::Said { link, message } = arrival else {
            return self.arrived(arrival);
        };
        let Some(id) = self.links.worker(link) else {
            return;
        };
        match *message {
            WorkerMessage::Report {
                run,
                report: WorkerReport::Delta { sequence, delta },
            } if self.is_ours(&run) => self.measured(id, sequence, *delta),
            WorkerMessage::Draining => self.links.tell(id, MasterMessage::Leave),
            _ => {}
        }
    }

    fn said(&mut self, id: WorkerId, message: WorkerMessage) {
        let back = self.controller.heard(self.clock.elapsed(), id);
        self.perform(back);
        match message {
            WorkerMessage::Hello(_) => {}
            WorkerMessage::Ready { run } if self.is_ours(&run) => self.happened(Event::Ready(id)),
            WorkerMessage::Unable { run, why } if self.is_ours(&run) => {
                self.happened(Event::Unable(id, why));
            }
            WorkerMessage::Report { run, report } if self.is_ours(&run) => self.report(id, report),
            WorkerMessage::Ready { run }
            | WorkerMessage::Unable { run, .. }
            | WorkerMessage::Report { run, .. } => {
                debug!("a word about another run, {run}, is ignored");
            }
            WorkerMessage::Heartbeat(heartbeat) => {
                let number = heartbeat.number;
                let elapsed = self.controller.began().map(|_| self.elapsed());
                self.links
                    .tell(id, MasterMessage::HeartbeatReply { number, elapsed });
                self.happened(Event::Heartbeat(id, heartbeat));
            }
            WorkerMessage::Draining => self.happened(Event::Draining(id)),
            WorkerMessage::Log(line) => {
                let name = self.controller.name(id);
                crate::worker_log::write(&name, &line);
            }
        }
    }

    fn report(&mut self, id: WorkerId, report: WorkerReport) {
        match report {
            WorkerReport::Delta { sequence, delta } => self.measured(id, sequence, *delta),
            WorkerReport::Status(status) => {
                self.happened(Event::Status(id, status));
                self.stats.advance(self.elapsed(), self.controller.users());
            }
            WorkerReport::StopRequested { reason } => self.happened(Event::StopRequested(reason)),
            WorkerReport::RowsWanted { data, len, count } => self.grant(id, data, len, count),
            WorkerReport::RowsReturned { data, rows } => {
                if let Some(instance) = self.links.instance(id) {
                    self.rows.take_back(&instance, &data, rows);
                    self.save_rows();
                }
            }
            WorkerReport::Warning(text) => self.happened(Event::Warning(id, text)),
            WorkerReport::Stopped => {
                self.commit();
                self.happened(Event::Stopped(id));
            }
            WorkerReport::Failed(why) => self.happened(Event::Failed(id, why)),
        }
    }

    fn is_ours(&self, run: &RunId) -> bool {
        self.order.as_ref().is_some_and(|order| order.run == *run)
    }

    fn welcome(&self, id: WorkerId) -> MasterMessage {
        MasterMessage::Welcome(Welcome {
            name: self.controller.name(id),
            heartbeat_every: Duration::from_secs(1),
            master_grace: self.controller.master_grace(),
        })
    }
}

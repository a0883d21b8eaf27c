//! What a run makes of what its workers say.
//!
//! In: arrivals. Out: events for control, batches of deltas, answers.

use std::sync::Arc;
use std::time::Duration;

use katydid_protocol::fleet::{MasterMessage, Welcome, WorkerMessage};
use katydid_protocol::report::WorkerReport;
use tracing::debug;

use super::Run;
use crate::arrival::Arrival;
use crate::control::Event;
use crate::fleet::WorkerId;

impl Run {
    /// Somebody of the fleet is heard of.
    pub(super) fn arrived(&mut self, arrival: Arrival) {
        let now = self.clock.elapsed();
        match arrival {
            Arrival::Joined { link, hello, outbox } => {
                let running = hello
                    .running
                    .as_ref()
                    .filter(|running| running.run == self.order.run);
                match self.controller.connect(now, &hello, running) {
                    Ok((id, effects)) => {
                        self.links.open(link, id, outbox);
                        self.links.tell(id, self.welcome(id));
                        if let Some(other) = &hello.running
                            && running.is_none()
                        {
                            let run = Arc::clone(&other.run);
                            self.links.tell(id, MasterMessage::Dismiss { run });
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

    fn said(&mut self, id: WorkerId, message: WorkerMessage) {
        self.controller.heard(self.clock.elapsed(), id);
        match message {
            WorkerMessage::Hello(_) => {}
            WorkerMessage::Ready { run } if run == self.order.run => self.happened(Event::Ready(id)),
            WorkerMessage::Unable { run, why } if run == self.order.run => {
                self.happened(Event::Unable(id, why));
            }
            WorkerMessage::Report { run, report } if run == self.order.run => self.report(id, report),
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
            WorkerReport::Delta { sequence, delta } => {
                if self.intake.has(id, sequence) {
                    debug!("delta {sequence} came again and is not counted again");
                    self.acknowledge(id, sequence);
                } else {
                    self.batch.add(self.clock.elapsed(), id, sequence, *delta);
                    if self.journal.is_none() {
                        self.commit();
                    }
                }
            }
            WorkerReport::Status(status) => {
                self.happened(Event::Status(id, status));
                self.stats.advance(self.elapsed(), self.controller.users());
            }
            WorkerReport::StopRequested { reason } => self.happened(Event::StopRequested(reason)),
            WorkerReport::RowsWanted { data, len, count } => self.grant(id, data, len, count),
            WorkerReport::RowsReturned { data, rows } => {
                self.rows.take_back(id, &data, rows);
                self.save_rows();
            }
            WorkerReport::Warning(text) => self.happened(Event::Warning(id, text)),
            WorkerReport::Stopped => {
                self.commit();
                self.happened(Event::Stopped(id));
            }
            WorkerReport::Failed(why) => self.happened(Event::Failed(id, why)),
        }
    }

    fn welcome(&self, id: WorkerId) -> MasterMessage {
        MasterMessage::Welcome(Welcome {
            name: self.controller.name(id),
            heartbeat_every: Duration::from_secs(1),
            master_grace: self.controller.master_grace(),
        })
    }
}

//! What a run must not lose, on its way into the journal and the statistics.
//!
//! In: batches of deltas, rows asked for, where control stands. Out: written first, then counted, acknowledged or handed
//! out. What cannot be written waits; how long, and what becomes of it then, is the business of [`Safe`](super::safe::Safe).

use std::sync::Arc;
use std::time::Duration;

use katydid_protocol::command::RunCommand;
use katydid_protocol::directive::Directive;
use katydid_protocol::fleet::MasterMessage;
use katydid_protocol::stats::{Delta, RunInfo, RunState};

use super::Run;
use super::batch::Arrived;
use super::safe::{Kind, WRITE_AGAIN};
use crate::control::{Event, Order};
use crate::fleet::WorkerId;
use crate::journal::Constants;

impl Run {
    /// Hands out rows that may be used once; a master that is restarted knows that they are gone.
    pub(super) fn grant(&mut self, id: WorkerId, data: Arc<str>, len: u64, count: u32) {
        let (rows, exhausted) = self.rows.grant(&data, len, count);
        if !self.save_rows() {
            // A worker that gets no answer asks again.
            return self.rows.keep(&data, rows);
        }
        let directive = Directive::Rows {
            data,
            rows,
            exhausted,
        };
        self.tell(id, Order::Directive(directive));
    }

    /// Whether the rows handed out are written down.
    pub(super) fn save_rows(&mut self) -> bool {
        let (now, rows) = (self.clock.elapsed(), &self.rows);
        let written = self
            .safe
            .write(now, Kind::Rows, |journal| journal.save_rows(rows));
        self.unwritten.rows = !written;
        self.heed_journal();
        written
    }

    /// A worker's delta: counted with the next batch, acknowledged at once if it has been counted before.
    pub(super) fn measured(&mut self, id: WorkerId, sequence: u64, mut delta: Delta) {
        let Some(instance) = self.links.instance(id) else {
            return;
        };
        if self.intake.has(&instance, sequence) {
            tracing::debug!("delta {sequence} came again and is not counted again");
            return self.acknowledge(id, sequence);
        }
        let generation = self.controller.generation();
        if delta.generation > generation {
            // A reset by the master before this one, which could not write it down any more, is a reset; a worker alone
            // can zero nothing.
            if self.is_resumed {
                let now = self.clock.elapsed();
                let effects = self.controller.learn_generation(now, delta.generation);
                self.perform(effects);
            } else {
                delta.generation = generation;
            }
        }
        delta.come_from(&self.controller.name(id).into());
        let one = Arrived {
            id,
            instance,
            sequence,
        };
        self.batch.add(self.clock.elapsed(), one, delta);
        if !self.safe.is_kept() {
            self.commit();
        }
    }

    /// Makes the deltas collected part of the truth: written first, then counted, then acknowledged.
    pub(super) fn commit(&mut self) {
        let Some((mut delta, arrived)) = self.batch.take() else {
            return;
        };
        self.stats.fold(&mut delta);
        // Written now, it would be truncated together with what was measured before the reset.
        if self.unwritten.reset {
            self.save();
        }
        let (now, elapsed, stats) = (self.clock.elapsed(), self.elapsed(), &self.stats);
        let admission = self
            .intake
            .with(arrived.iter().map(|one| (&one.instance, one.sequence)));
        let written = !self.unwritten.reset
            && self.safe.write(now, Kind::Deltas, |journal| {
                journal.commit(&delta, &admission, stats, elapsed)
            });
        self.heed_journal();
        if !written {
            return self.batch.put_back(now + WRITE_AGAIN, delta, arrived);
        }
        self.intake.admit(admission);
        self.stats.apply(elapsed, &delta);
        for Arrived { id, sequence, .. } in arrived {
            self.acknowledge(id, sequence);
        }
        self.safe.shorten(&self.stats);
    }

    /// The last batch: there is no later one it could go with.
    pub(super) fn commit_last(&mut self) {
        self.commit();
        if self.batch.due().is_some() {
            self.safe.stop_writing();
            self.commit();
        }
    }

    /// The statistics begin anew, here and in the journal.
    pub(super) fn reset(&mut self, generation: u32) {
        self.stats.reset(self.elapsed(), generation);
        self.unwritten.reset = true;
        self.save();
    }

    pub(super) fn acknowledge(&mut self, id: WorkerId, sequence: u64) {
        if let Some(order) = &self.order {
            let run = Arc::clone(&order.run);
            self.links.tell(id, MasterMessage::Acknowledge { run, sequence });
        }
    }

    /// The run's clock starts, and the journal has a run.
    pub(super) fn begin(&mut self) {
        self.drawn = Duration::ZERO;
        self.info = Arc::new(RunInfo {
            started_at: crate::clock::now(),
            ..RunInfo::clone(&self.info)
        });
        let Some(order) = &self.order else {
            return;
        };
        let constants = Constants {
            info: Arc::clone(&self.info),
            order: Arc::clone(order),
        };
        let controller = &self.controller;
        if let Err(failure) = self.safe.begin(|journal| journal.begin(&constants, controller)) {
            self.safe.lose(format!(
                "{failure}; this run does not survive a restart of the master"
            ));
        }
        self.heed_journal();
    }

    /// Writes where control stands, and what else could not be written before.
    pub(super) fn save(&mut self) {
        self.save_at = None;
        if self.controller.state() == RunState::Ready {
            self.unwritten.reset = false;
            return;
        }
        let (now, controller, stats) = (self.clock.elapsed(), &self.controller, &self.stats);
        let rows = self.unwritten.rows;
        if self.unwritten.reset {
            let written = self
                .safe
                .write(now, Kind::Control, |journal| journal.reset(stats, controller));
            self.unwritten.reset = !written;
        } else {
            // If it fails it is due again.
            self.safe
                .write(now, Kind::Control, |journal| journal.save(controller));
        }
        if rows {
            self.save_rows();
        }
        self.heed_journal();
    }

    /// People have decided something: it is written down before anybody can see that it was done.
    pub(super) fn ordered(&mut self, command: RunCommand) {
        let Some(command) = self.unless_handed_over(command) else {
            return;
        };
        let now = self.clock.elapsed();
        let effects = self.controller.handle(now, Event::Command(command));
        self.save();
        self.perform(effects);
    }

    /// What cannot be written is tried again, and people are told when it is given up.
    fn heed_journal(&mut self) {
        if let Some(text) = self.safe.news() {
            self.controller.warn(text);
        }
        if self.safe.is_failing() {
            let again = self.clock.elapsed() + WRITE_AGAIN;
            self.save_at = Some(self.save_at.map_or(again, |due| due.min(again)));
        }
    }
}

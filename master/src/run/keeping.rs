//! What a run must not lose, on its way into the journal and the statistics.
//!
//! In: batches of deltas, rows asked for, where control stands. Out: written first, then counted, acknowledged or handed
//! out. A journal that cannot be written is told in the log and keeps no run from going on.

use std::sync::Arc;

use katydid_protocol::directive::Directive;
use katydid_protocol::fleet::MasterMessage;
use katydid_protocol::stats::{RunInfo, RunState};
use std::time::Duration;
use tracing::error;

use super::Run;
use crate::control::Order;
use crate::fleet::WorkerId;
use crate::journal::Constants;

impl Run {
    /// Hands out rows that may be used once; a master that is restarted knows that they are gone.
    pub(super) fn grant(&mut self, id: WorkerId, data: Arc<str>, len: u64, count: u32) {
        let (rows, exhausted) = self.rows.grant(&data, len, count);
        self.save_rows();
        let directive = Directive::Rows {
            data,
            rows,
            exhausted,
        };
        self.tell(id, Order::Directive(directive));
    }

    pub(super) fn save_rows(&mut self) {
        if let Some(journal) = &mut self.journal
            && let Err(failure) = journal.save_rows(&self.rows)
        {
            error!("{failure}; a master that is restarted now could hand out rows again");
        }
    }

    /// Makes the deltas collected part of the truth: written first, then counted, then acknowledged.
    pub(super) fn commit(&mut self) {
        let Some((delta, arrived)) = self.batch.take() else {
            return;
        };
        for (id, sequence) in &arrived {
            self.intake.admit(*id, *sequence);
        }
        if let Some(journal) = &mut self.journal
            && let Err(failure) = journal.commit(delta.clone(), &self.intake)
        {
            // The numbers of this process stay right; only a restart would miss some.
            error!("{failure}; a master that is restarted now would not know of what was measured last");
        }
        let elapsed = self.elapsed();
        self.stats.apply(elapsed, &delta);
        for (id, sequence) in arrived {
            self.acknowledge(id, sequence);
        }
        if let Some(journal) = &mut self.journal
            && journal.is_long()
            && let Err(failure) = journal.compact(&self.stats.timeline_image())
        {
            error!("{failure}");
        }
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
        if let (Some(journal), Some(order)) = (&mut self.journal, &self.order) {
            let constants = Constants {
                info: Arc::clone(&self.info),
                order: Arc::clone(order),
            };
            if let Err(failure) = journal.begin(&constants, &self.controller) {
                error!("{failure}; this run will not survive a restart of the master");
                self.journal = None;
            }
        }
    }

    pub(super) fn save(&mut self) {
        self.save_at = None;
        if self.controller.state() == RunState::Ready {
            return;
        }
        if let Some(journal) = &mut self.journal
            && let Err(failure) = journal.save(&self.controller)
        {
            error!("{failure}");
        }
    }
}

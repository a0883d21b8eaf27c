//! Workers that were missing and are heard of again, on a new connection or on the one they had all the time.
//!
//! In: signs of life. Out: what such a worker missed, and the users that move back to it.

use std::time::Duration;

use katydid_protocol::directive::Directive;
use katydid_protocol::format;
use katydid_protocol::stats::RunState;

use super::joining::JOIN_PACE;
use super::{Controller, directive};
use crate::control::Effect;
use crate::fleet::{Presence, WorkerId};

impl Controller {
    /// A worker has said something, whatever it was: one that was missing is back.
    pub(crate) fn heard(&mut self, now: Duration, id: WorkerId) -> Vec<Effect> {
        if self.state.is_over() {
            return Vec::new();
        }
        match self.fleet.heard(id, now) {
            None => Vec::new(),
            Some(Presence::Preparing | Presence::Ready) => self.welcome_back(now, id, None),
            // What it was told before it fell silent is still on its connection.
            Some(_) => self.returned(now, id, None),
        }
    }

    /// A worker that was missing goes on with its part of the run. `epoch` is that of the last share it knows of, when
    /// its connection is new and a later one may have been lost.
    pub(super) fn returned(&mut self, now: Duration, id: WorkerId, epoch: Option<u64>) -> Vec<Effect> {
        let Some(member) = self.fleet.get_mut(id) else {
            return Vec::new();
        };
        let lost_as = member.lost_as.take();
        // Whoever was leaving has been replaced meanwhile.
        let was_leaving = matches!(lost_as, Some(Presence::Draining | Presence::Stopping));
        let ends = was_leaving || member.ended || self.state == RunState::Stopping;
        member.presence = if ends {
            Presence::Stopping
        } else {
            Presence::Active
        };
        self.warnings.add(format!(
            "worker {} came back {} into the run; nothing it measured meanwhile is missing",
            self.name(id),
            format::duration(self.elapsed(now))
        ));
        if ends {
            if lost_as != Some(Presence::Stopping) {
                // Once for each worker: one that comes and goes must not keep the run from ending.
                self.give_up_at = self.give_up_at.max(self.confirmed_by(now));
            }
            self.awaits_until = None;
            return self.tell_to_stop(id);
        }
        self.abandoned_since = None;
        let mut effects = self.generation_for(id);
        if let Some(epoch) = epoch {
            effects.extend(self.share_missed(id, epoch));
        }
        effects.extend(self.rearrange(now, Some(JOIN_PACE)));
        effects.push(Effect::Publish);
        effects
    }

    /// Which rows of shared data are a worker's own: nobody knows whether it heard of the last change.
    pub(super) fn rows_missed(&self, id: WorkerId) -> Vec<Effect> {
        let mut partition = self.partition();
        partition.retain(|effect| matches!(effect, Effect::Tell(to, _) if *to == id));
        partition
    }

    /// The last share of a worker, if it knows only of earlier ones.
    pub(super) fn share_missed(&self, id: WorkerId, epoch: u64) -> Option<Effect> {
        let share = self.fleet.last_share(id).filter(|share| share.epoch > epoch)?;
        Some(directive(id, Directive::Share(share.clone())))
    }
}

//! Who has not been heard of for how long.
//!
//! In: signs of life, readings of the master's clock. Out: workers that are missing from now on, and those that are
//! heard of again, be it on the connection they had: a process that was stopped for a while keeps it.

use std::time::Duration;

use katydid_protocol::fleet::Heartbeat;

use super::{Fleet, Member, Presence, WorkerId};

/// Time without a sign of life after which a worker counts as missing.
const MISSING_AFTER: Duration = Duration::from_secs(4);

/// A connection that ends sooner after the last word was ended by the worker's machine; a network that is gone takes
/// longer to be noticed.
const HANGS_UP_WITHIN: Duration = Duration::from_secs(2);

impl Fleet {
    /// A worker's connection has ended.
    pub(crate) fn disconnected(&mut self, id: WorkerId, now: Duration) -> Option<&mut Member> {
        let member = self.get_mut(id)?;
        member.connected = false;
        member.hung_up = now.saturating_sub(member.heard) < HANGS_UP_WITHIN;
        // A worker that runs users gets its time to come back; its silence began with its last word.
        member.heard = member.heard.min(now);
        Some(member)
    }

    /// A sign of life; what the worker was doing when it fell silent, if this is the first one since then.
    pub(crate) fn heard(&mut self, id: WorkerId, now: Duration) -> Option<Presence> {
        let member = self.members.get_mut(&id)?;
        member.heard = now;
        let lost_as = member.lost_as?;
        self.watch_from(now);
        Some(lost_as)
    }

    /// How a worker's machine is.
    pub(crate) fn heartbeat(&mut self, id: WorkerId, heartbeat: Heartbeat, is_saturated: bool) {
        if let Some(member) = self.members.get_mut(&id) {
            member.saturated += u64::from(is_saturated);
            member.heartbeat = heartbeat;
        }
    }

    /// Workers that have become silent for too long; from now on they are missing.
    pub(crate) fn silent(&mut self, now: Duration) -> Vec<WorkerId> {
        let mut missing = Vec::new();
        self.sums = None;
        for member in self.members.values_mut() {
            let watched = !matches!(member.presence, Presence::Missing | Presence::Gone);
            if watched && now.saturating_sub(member.heard) >= MISSING_AFTER {
                member.lost_as = Some(member.presence);
                member.presence = match member.presence {
                    // Nobody waits for one that had nothing to do.
                    Presence::Preparing | Presence::Ready => Presence::Gone,
                    _ => Presence::Missing,
                };
                missing.push(member.id);
            }
        }
        self.silence_due = self
            .iter()
            .filter(|member| !matches!(member.presence, Presence::Missing | Presence::Gone))
            .map(|member| member.heard + MISSING_AFTER)
            .min();
        missing
    }

    /// When [`Self::silent`] is to look next: not later than the moment at which a worker would be missing. Signs of
    /// life only put that off, so nobody needs to look at all workers at each of them.
    pub(crate) fn next_silence(&self) -> Option<Duration> {
        self.silence_due
    }

    pub(super) fn watch_from(&mut self, now: Duration) {
        let due = now + MISSING_AFTER;
        self.silence_due = Some(self.silence_due.map_or(due, |before| before.min(due)));
    }

    /// A restarted master: nobody is connected, and their silence counts from `from` on.
    pub(crate) fn reconnecting(&mut self, from: Duration) {
        for member in self.iter_mut() {
            member.connected = false;
            member.heard = from;
            if matches!(member.presence, Presence::Preparing | Presence::Ready) {
                member.presence = Presence::Gone;
            }
            if member.presence == Presence::Gone {
                member.lost_as = None;
            }
        }
        self.watch_from(from);
    }
}

//! Workers that leave: in order, without a word, or because they broke.
//!
//! In: what they say or do not say any more. Out: who takes over their users, and what people should know.

use std::time::Duration;

use katydid_protocol::directive::Directive;
use katydid_protocol::format;
use katydid_protocol::stats::{MarkKind, RunFailure, RunState};
use tracing::info;

use super::{Controller, directive};
use crate::control::{Effect, Order};
use crate::fleet::{Presence, WorkerId};

/// Longest time a leaving worker waits for others to have taken over.
const HANDOVER: Duration = Duration::from_secs(2);
/// Time within which users that move to a leaving worker's heirs do so.
const DRAIN_PACE: f64 = 1.0;

impl Controller {
    pub(super) fn disconnected(&mut self, now: Duration, id: WorkerId) -> Vec<Effect> {
        let Some(member) = self.fleet.disconnected(id, now) else {
            return Vec::new();
        };
        if matches!(member.presence, Presence::Preparing | Presence::Ready) {
            member.presence = Presence::Gone;
            info!("Worker {} left", member.name);
        }
        if member.presence == Presence::Gone {
            // Whoever comes on another connection is new.
            member.lost_as = None;
        }
        self.notice_emptiness(now);
        Vec::new()
    }

    pub(super) fn draining(&mut self, now: Duration, id: WorkerId) -> Vec<Effect> {
        let elapsed = self.elapsed(now);
        let Some(member) = self.fleet.get_mut(id) else {
            return Vec::new();
        };
        match member.presence {
            Presence::Preparing | Presence::Ready | Presence::Gone => {
                member.presence = Presence::Gone;
                self.notice_emptiness(now);
                vec![Effect::Tell(id, Order::Leave)]
            }
            Presence::Active => {
                member.presence = Presence::Draining;
                member.draining_since = elapsed;
                self.handover_due.get_or_insert(elapsed + HANDOVER);
                let (name, users) = (member.name.clone(), member.users());
                info!("Worker {name} leaves: its {users} users move to others");
                self.mark(now, MarkKind::WorkerLost, format!("Worker {name} leaves"));
                let mut effects = self.rearrange(now, Some(DRAIN_PACE));
                effects.extend(self.hand_over(now));
                effects.push(Effect::Publish);
                effects
            }
            // One that was missing is back before its words are looked at.
            Presence::Draining | Presence::Stopping | Presence::Missing => Vec::new(),
        }
    }

    /// Tells leaving workers to end their users once others have taken over.
    pub(super) fn hand_over(&mut self, now: Duration) -> Vec<Effect> {
        let Some(due) = self.handover_due else {
            return Vec::new();
        };
        let elapsed = self.elapsed(now);
        let nobody_else = self.fleet.active() == 0;
        let taken_over = nobody_else || (self.rearrangement.is_none() && self.fleet.is_settled());
        if !taken_over && elapsed < due {
            return Vec::new();
        }
        self.handover_due = None;
        let grace = self.plan.stop_timeout;
        let mut effects = Vec::new();
        for member in self.fleet.iter_mut() {
            if member.presence != Presence::Draining {
                continue;
            }
            let due = member.draining_since + HANDOVER;
            if taken_over || elapsed >= due {
                member.presence = Presence::Stopping;
                effects.push(directive(member.id, Directive::Stop { grace }));
            } else {
                self.handover_due = Some(self.handover_due.map_or(due, |before| before.min(due)));
            }
        }
        effects
    }

    pub(super) fn worker_stopped(&mut self, now: Duration, id: WorkerId) -> Vec<Effect> {
        if self.state != RunState::Stopping {
            self.fleet.keep_retired(id, self.goal.plan);
        }
        let Some(member) = self.fleet.get_mut(id) else {
            return Vec::new();
        };
        let asked = matches!(member.presence, Presence::Stopping);
        member.presence = Presence::Gone;
        member.ended = true;
        // A worker that says so has no users left, whatever its last status was.
        member.status.users.fill(0);
        if self.state == RunState::Stopping {
            return self.finish_when_all_have_stopped(now);
        }
        let mut effects = vec![Effect::Tell(id, Order::Leave), Effect::Publish];
        if !asked {
            effects.extend(self.rearrange(now, None));
        }
        self.notice_emptiness(now);
        effects
    }

    pub(super) fn worker_failed(&mut self, now: Duration, id: WorkerId, why: &str) -> Vec<Effect> {
        let name = self.name(id);
        let users = self.fleet.get(id).map_or(0, crate::fleet::Member::users);
        if let Some(member) = self.fleet.get_mut(id) {
            member.presence = Presence::Gone;
            member.ended = true;
            member.status.users.fill(0);
        }
        self.mark(now, MarkKind::WorkerLost, format!("Worker {name} failed: {why}"));
        self.warnings.add(format!(
            "worker {name} failed {} into the run with {users} users: {why}",
            format::duration(self.elapsed(now))
        ));
        if self.state == RunState::Stopping {
            return self.finish_when_all_have_stopped(now);
        }
        if self.fleet.count(Presence::Active) == 0 {
            let why = format!("worker {name} failed: {why}");
            return self.fail(now, RunFailure::WorkerBroke, why);
        }
        self.rearrange(now, None)
    }

    /// Workers that have been silent for too long are missing: others take over what they ran.
    pub(super) fn lose_the_silent(&mut self, now: Duration) -> Vec<Effect> {
        let lost = self.fleet.silent(now);
        if lost.is_empty() {
            return Vec::new();
        }
        let heirs = self.fleet.count(Presence::Active);
        let at = format::duration(self.elapsed(now));
        let mut names = Vec::new();
        for id in lost {
            let Some(member) = self
                .fleet
                .get(id)
                .filter(|member| member.presence == Presence::Missing)
            else {
                continue;
            };
            let users = member.users();
            let silent = now.saturating_sub(member.heard).as_secs_f64();
            let what_became = match (self.state, heirs) {
                (RunState::Stopping, _) => String::new(),
                (_, 0) => "; no worker is left".to_owned(),
                (_, 1) => format!("; its {users} users move to 1 other worker"),
                (_, _) => format!("; its {users} users move to {heirs} other workers"),
            };
            self.warnings.add(format!(
                "worker {} was lost {at} into the run, after {silent:.1}s without a word{what_became}; unless it comes \
                 back, what it measured since its last report is missing from these numbers",
                member.name
            ));
            names.push(member.name.to_string());
        }
        if !names.is_empty() {
            self.mark(now, MarkKind::WorkerLost, format!("Lost: {}", names.join(", ")));
        }
        self.notice_emptiness(now);
        let mut effects = self.rearrange(now, None);
        effects.push(Effect::Publish);
        if self.state == RunState::Stopping {
            effects.extend(self.finish_when_all_have_stopped(now));
        }
        effects
    }

    /// Without a worker the run waits, but not for ever.
    pub(super) fn notice_emptiness(&mut self, now: Duration) {
        let running = matches!(self.state, RunState::Spawning | RunState::Running);
        let hopeful = [Presence::Active, Presence::Draining, Presence::Preparing];
        let nobody = hopeful.iter().all(|presence| self.fleet.count(*presence) == 0);
        if running && nobody && self.abandoned_since.is_none() {
            self.abandoned_since = Some(self.elapsed(now));
            self.warnings.add(format!(
                "no worker was left {} into the run: nothing was running until one came",
                format::duration(self.elapsed(now))
            ));
        }
    }
}

//! What the run's state machine knows of its workers: their health and their users.
//!
//! In: heartbeats, statuses. Out: whether all users run, whether it shows that a worker is overloaded.

use std::time::Duration;

use katydid_protocol::fleet::Heartbeat;
use katydid_protocol::format;
use katydid_protocol::report::WorkerStatus;
use katydid_protocol::stats::{MarkKind, RunState};
use tracing::info;

use super::Controller;
use crate::control::Effect;
use crate::fleet::{Presence, WorkerId};

impl Controller {
    /// Nobody could be heard for so long.
    pub(crate) fn overslept(&mut self, now: Duration, asleep: Duration) {
        self.unheard_at = Some(self.elapsed(now));
        for member in self.fleet.iter_mut() {
            member.heard += asleep;
        }
    }

    pub(super) fn heartbeat(&mut self, now: Duration, id: WorkerId, heartbeat: Heartbeat) -> Vec<Effect> {
        let running = matches!(self.state, RunState::Spawning | RunState::Running);
        let at = format::duration(self.elapsed(now));
        let Some(member) = self.fleet.get(id) else {
            return Vec::new();
        };
        let saturated = running && member.presence == Presence::Active && heartbeat.is_saturated();
        let warning = (saturated && member.saturated == 0).then(|| {
            format!(
                "worker {} was saturated {at} into the run ({}): response times measured in such seconds are partly \
                 the load generator's own",
                member.name,
                why_saturated(&heartbeat)
            )
        });
        self.fleet.heartbeat(id, heartbeat, saturated);
        if let Some(warning) = warning {
            self.warnings.add(warning);
        }
        if saturated {
            vec![Effect::Saturated]
        } else {
            Vec::new()
        }
    }

    pub(super) fn status(&mut self, now: Duration, id: WorkerId, status: WorkerStatus) -> Vec<Effect> {
        self.fleet.status(id, status);
        if !matches!(self.state, RunState::Spawning | RunState::Running) {
            return Vec::new();
        }
        let mut effects = self.hand_over(now);
        if !self.fleet.is_settled() {
            return effects;
        }
        if self.state == RunState::Spawning {
            self.state = RunState::Running;
            effects.push(Effect::Publish);
            if self.plan.arrivals.is_none() {
                info!(
                    "All users spawned: {} ({} total users)",
                    self.users_in_words(),
                    self.users()
                );
            }
            if self.plan.arrivals.is_none() && !self.marks.has(MarkKind::Steady) {
                let users = format::count(u64::from(self.users()));
                self.mark(now, MarkKind::Steady, format!("All users run: {users}"));
            }
        }
        let target: u32 = self.goal.users.iter().sum();
        // Users whose start failed are absent too, but they are replaced after a pause.
        if self.users() == 0 && target > 0 && self.fleet.retired() >= target {
            effects.extend(self.stop(now, "all users have finished".to_owned()));
        } else if std::mem::take(&mut self.reset_when_spawned) {
            effects.splice(0..0, self.reset_stats(now));
        }
        effects
    }

    pub(super) fn said_by(&self, id: WorkerId, text: String) -> String {
        if self.fleet.iter().count() > 1 {
            format!("worker {}: {text}", self.name(id))
        } else {
            text
        }
    }

    pub(crate) fn name(&self, id: WorkerId) -> String {
        self.fleet
            .get(id)
            .map_or_else(|| format!("number {}", id.0), |member| member.name.clone())
    }
}

/// What kept a worker from measuring its target alone, and what helps.
fn why_saturated(heartbeat: &Heartbeat) -> String {
    let percent = heartbeat.cpu * 100.0;
    let late = heartbeat.lag_us as f64 / 1_000.0;
    if heartbeat.cpu > Heartbeat::SATURATED_CPU {
        format!("it used {percent:.0} % of its CPU: use more workers or cores, or fewer users")
    } else if heartbeat.throttled_us > 0 {
        let throttled = heartbeat.throttled_us as f64 / 1_000.0;
        format!(
            "its CPU quota kept it from running for {throttled:.0} ms of a second, with {percent:.0} % of the CPU used: \
             raise the quota"
        )
    } else {
        format!(
            "it was up to {late:.0} ms late with {percent:.0} % of its CPU used: something else keeps this machine busy, \
             or a script computes for long"
        )
    }
}

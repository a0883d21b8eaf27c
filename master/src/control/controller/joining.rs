//! Workers that join, and those that come back.
//!
//! In: hellos, and whether the scenario could be compiled. Out: what they are told, and who gives users to them.

use std::time::Duration;

use katydid_protocol::directive::Directive;
use katydid_protocol::fleet::{Hello, Running};
use katydid_protocol::format;
use katydid_protocol::plan::ArrivalPlan;
use katydid_protocol::report::WorkerStatus;
use katydid_protocol::stats::{RunFailure, RunState};
use std::sync::Arc;
use tracing::info;

use super::{Controller, directive};
use crate::control::{Effect, Order};
use crate::fleet::{Joined, MAX_WORKERS, Presence, WorkerId};

/// Time within which users move to a worker that joins.
pub(super) const JOIN_PACE: f64 = 5.0;
/// How long a restarted master waits for workers to find it again before their silence counts.
const REUNION: Duration = Duration::from_secs(6);

impl Controller {
    /// A worker says hello. `running` is what it says it goes on with of this very run.
    ///
    /// # Errors
    ///
    /// Why it cannot join.
    pub(crate) fn connect(
        &mut self,
        now: Duration,
        hello: &Hello,
        running: Option<&Running>,
    ) -> Result<(WorkerId, Vec<Effect>), String> {
        match self.fleet.join(now, hello, running.is_some()) {
            Joined::Full => Err(format!("the fleet is full: it has {MAX_WORKERS} workers")),
            Joined::New(id) => {
                info!(
                    "Worker {} joined ({} threads, {} workers now)",
                    self.name(id),
                    hello.threads,
                    self.fleet.iter().filter(|member| member.connected).count()
                );
                let effects = match running {
                    Some(_) => self.welcome_back(now, id, running),
                    None => self.welcome_new(id),
                };
                Ok((id, effects))
            }
            Joined::Back(id) => Ok((id, self.welcome_back(now, id, running))),
        }
    }

    /// Goes on after a restart: nobody is connected yet.
    pub(crate) fn resume(&mut self, now: Duration) {
        self.zero = Duration::ZERO;
        self.fleet.reconnecting(now + REUNION);
        if let Some(pending) = &mut self.rearrangement {
            pending.due = now + REUNION;
        }
        self.warnings.add(format!(
            "the master was restarted {} into the run and went on with it",
            format::duration(self.elapsed(now))
        ));
    }

    fn welcome_new(&self, id: WorkerId) -> Vec<Effect> {
        if self.state == RunState::Stopping || self.state.is_over() {
            return Vec::new();
        }
        if !self.wanted {
            // Whoever is about to start a test waits for this.
            return vec![Effect::Publish];
        }
        vec![Effect::Tell(id, Order::Prepare)]
    }

    /// The run is wanted: whoever is there gets ready.
    pub(super) fn prepare_all(&mut self, now: Duration) -> Vec<Effect> {
        let mut effects: Vec<Effect> = self
            .fleet
            .iter()
            .filter(|member| member.presence == Presence::Preparing)
            .map(|member| Effect::Tell(member.id, Order::Prepare))
            .collect();
        effects.extend(self.begin_if_possible(now));
        effects
    }

    /// When a run that is wanted waits for workers no longer, by the master's clock.
    pub(super) fn gives_up_waiting(&self) -> Option<Duration> {
        let limit = self.expected.max_wait.filter(|_| self.wanted)?;
        Some(self.wanted_since + limit)
    }

    pub(super) fn welcome_back(
        &mut self,
        now: Duration,
        id: WorkerId,
        running: Option<&Running>,
    ) -> Vec<Effect> {
        let Some(member) = self.fleet.get_mut(id) else {
            return Vec::new();
        };
        let (was, ended) = (member.presence, member.ended);
        let Some(running) = running else {
            // It has nothing of this run (any more): it starts as a new one does.
            member.presence = Presence::Preparing;
            member.lost_as = None;
            member.status = WorkerStatus::default();
            member.progress = Default::default();
            let mut effects = self.welcome_new(id);
            if self.state == RunState::Stopping {
                effects.extend(self.finish_when_all_have_stopped(now));
            } else if matches!(was, Presence::Active | Presence::Missing) {
                effects.extend(self.rearrange(now, None));
            }
            return effects;
        };
        self.fleet.not_before(running.epoch);
        match was {
            Presence::Missing => self.returned(now, id, Some(running.epoch)),
            Presence::Draining | Presence::Stopping => self.tell_to_stop(id),
            // One whose users have ended says its last words again, which perhaps nobody has heard.
            _ if ended || self.state == RunState::Stopping => {
                if let Some(member) = self.fleet.get_mut(id) {
                    member.presence = Presence::Stopping;
                }
                self.tell_to_stop(id)
            }
            Presence::Preparing | Presence::Ready | Presence::Gone => self.go_on(now, id),
            _ => {
                let mut effects = self.generation_for(id);
                effects.extend(self.rows_missed(id));
                effects.extend(self.share_missed(id, running.epoch));
                effects
            }
        }
    }

    /// A worker runs users although it has not begun as far as is known here: control was written down before it did. Its
    /// users and its sequences go on.
    fn go_on(&mut self, now: Duration, id: WorkerId) -> Vec<Effect> {
        if let Some(member) = self.fleet.get_mut(id) {
            member.presence = Presence::Active;
            member.lost_as = None;
        }
        self.abandoned_since = None;
        let mut effects = self.generation_for(id);
        effects.extend(self.rearrange(now, Some(JOIN_PACE)));
        effects.push(Effect::Publish);
        effects
    }

    /// A reset may have happened while the worker could not hear of it; one it knows of already it ignores.
    pub(super) fn generation_for(&self, id: WorkerId) -> Vec<Effect> {
        let generation = self.generation;
        if generation == 0 {
            return Vec::new();
        }
        vec![directive(id, Directive::ResetStats { generation })]
    }

    pub(super) fn tell_to_stop(&self, id: WorkerId) -> Vec<Effect> {
        let grace = self.plan.stop_timeout;
        let mut effects = self.generation_for(id);
        effects.push(directive(id, Directive::Stop { grace }));
        effects
    }

    /// How a worker begins now.
    pub(super) fn beginning(&self, now: Duration) -> Directive {
        Directive::Begin {
            elapsed: self.elapsed(now),
            setup: self.setup.clone(),
            run_time: self.plan.ends_at(),
            arrivals: self.arrivals_within_the_run().map(Arc::new),
        }
    }

    /// Nothing arrives after the end.
    fn arrivals_within_the_run(&self) -> Option<ArrivalPlan> {
        let arrivals = self.plan.arrivals.as_ref()?;
        let run_time = self.plan.run_time;
        Some(run_time.map_or_else(|| arrivals.clone(), |time| arrivals.within(time)))
    }

    pub(super) fn worker_ready(&mut self, now: Duration, id: WorkerId) -> Vec<Effect> {
        let state = self.state;
        let begin = self.beginning(now);
        let Some(member) = self.fleet.get_mut(id) else {
            return Vec::new();
        };
        if member.presence != Presence::Preparing {
            return Vec::new();
        }
        match state {
            RunState::Ready => {
                member.presence = Presence::Ready;
                self.begin_if_possible(now)
            }
            RunState::Spawning | RunState::Running => {
                member.presence = Presence::Active;
                self.abandoned_since = None;
                let mut effects = vec![directive(id, begin)];
                effects.extend(self.generation_for(id));
                effects.extend(self.rearrange(now, Some(JOIN_PACE)));
                effects.push(Effect::Publish);
                effects
            }
            _ => vec![Effect::Tell(id, Order::Dismiss)],
        }
    }

    pub(super) fn worker_unable(&mut self, now: Duration, id: WorkerId, why: &str) -> Vec<Effect> {
        let name = self.name(id);
        if let Some(member) = self.fleet.get_mut(id) {
            member.presence = Presence::Gone;
        }
        if self.state == RunState::Ready {
            let why = format!("worker {name} cannot run the scenario:\n{}", why.trim_end());
            return self.fail(now, RunFailure::Scenario, why);
        }
        self.warnings.add(format!(
            "worker {name}, which joined {} into the run, cannot run the scenario and takes no part: {why}",
            format::duration(self.elapsed(now))
        ));
        self.notice_emptiness(now);
        Vec::new()
    }
}

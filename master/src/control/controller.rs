//! The run's state machine: ready → spawning ⇄ running → stopping → stopped, or failed.
//!
//! In: [`Event`]s, each with the reading of the master's clock. Out: [`Effect`]s for the loop to perform. What the
//! workers do about the plan is decided by [`Fleet`]; here is when, and what becomes of the run.

mod awaiting;
mod commands;
mod ending;
mod joining;
mod judging;
mod leaving;
mod readings;
mod returning;
mod spreading;
mod workers;

use std::time::Duration;

use katydid_protocol::directive::Directive;
use katydid_protocol::format;
use katydid_protocol::plan::{LoadPlan, UserClass};
use katydid_protocol::stats::{MarkKind, RunFailure, RunState};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tracing::info;

use super::marks::Marks;
use super::warnings::Warnings;
use super::{Effect, Event, Order};
use crate::fleet::{Fleet, Goal, Presence, WorkerId};
use crate::thresholds::Thresholds;
use spreading::Rearrangement;

/// Time workers have, after the grace of their users, to send their last delta and confirm their end.
const CONFIRMATION: Duration = Duration::from_secs(10);

/// What a run wants of its fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectations {
    /// Workers that must be ready before the run begins; at least 1.
    pub workers: u32,
    /// How long to wait for them; `None` for ever.
    pub max_wait: Option<Duration>,
    /// How long a run goes on without any worker before it fails.
    pub worker_grace: Duration,
    /// How long workers go on without a master.
    pub master_grace: Duration,
}

/// Decides; does nothing itself. Serialisable, so that a restarted master goes on where it was.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Controller {
    plan: LoadPlan,
    classes: Vec<UserClass>,
    expected: Expectations,
    state: RunState,
    /// The run may begin once enough workers are ready.
    wanted: bool,
    /// Since when, by the master's clock.
    #[serde(skip)]
    wanted_since: Duration,
    setup: Option<Arc<str>>,
    /// The master's clock when the run's began.
    #[serde(skip)]
    zero: Duration,
    /// Where the swarm is to go.
    goal: Goal,
    fleet: Fleet,
    /// When the last rearrangement was, by the master's clock.
    #[serde(skip)]
    rearranged: Option<Duration>,
    /// The next one, when workers come or go faster than it is worth to deal with each of them.
    rearrangement: Option<Rearrangement>,
    /// When the first of the leaving workers has waited for others long enough, by the run's clock.
    handover_due: Option<Duration>,
    /// Of the statistics.
    generation: u32,
    /// Whether the end of the ramp shall zero the statistics; once.
    reset_when_spawned: bool,
    /// When the run was told to stop, by its own clock; meaningful while stopping, as are the next two.
    #[serde(default)]
    stopping_since: Duration,
    /// When to give up waiting for workers.
    give_up_at: Duration,
    /// Until when the end waits for missing workers alone, since all others have stopped.
    #[serde(default)]
    awaits_until: Option<Duration>,
    /// Since when there has been no worker at all, by the run's clock.
    abandoned_since: Option<Duration>,
    stop_reason: Option<String>,
    failure: Option<RunFailure>,
    warnings: Warnings,
    marks: Marks,
    /// What the run is judged by, and where that stands.
    #[serde(default)]
    thresholds: Thresholds,
    /// When the fleet was last seen with somebody unheard, by the run's clock.
    #[serde(skip)]
    unheard_at: Option<Duration>,
}

impl Controller {
    /// A run that has not begun.
    pub(crate) fn new(
        plan: LoadPlan,
        classes: Vec<UserClass>,
        expected: Expectations,
        reset_stats: bool,
    ) -> Self {
        let goal = Goal {
            users: vec![0; classes.len()],
            rate: 1.0,
            stop_timeout: plan.stop_timeout,
            plan: 0,
        };
        Self {
            plan,
            classes,
            expected,
            state: RunState::Ready,
            wanted: false,
            wanted_since: Duration::ZERO,
            setup: None,
            zero: Duration::ZERO,
            goal,
            fleet: Fleet::default(),
            rearranged: None,
            rearrangement: None,
            handover_due: None,
            generation: 0,
            reset_when_spawned: reset_stats,
            stopping_since: Duration::ZERO,
            give_up_at: Duration::ZERO,
            awaits_until: None,
            abandoned_since: None,
            stop_reason: None,
            failure: None,
            warnings: Warnings::default(),
            marks: Marks::default(),
            thresholds: Thresholds::default(),
            unheard_at: None,
        }
    }

    /// What the run is about; before anything else is asked of it.
    pub(crate) fn assign(
        &mut self,
        plan: LoadPlan,
        classes: Vec<UserClass>,
        expected: Expectations,
        reset_stats: bool,
        thresholds: Thresholds,
    ) {
        self.thresholds = thresholds;
        self.goal.users = vec![0; classes.len()];
        self.goal.stop_timeout = plan.stop_timeout;
        self.plan = plan;
        self.classes = classes;
        self.expected = expected;
        self.reset_when_spawned = reset_stats;
    }

    /// What is to be done about an event that happened when the master's clock read `now`.
    pub(crate) fn handle(&mut self, now: Duration, event: Event) -> Vec<Effect> {
        if self.state.is_over() {
            return Vec::new();
        }
        let mut effects = match event.speaker() {
            Some(id) => self.heard(now, id),
            None => Vec::new(),
        };
        if !self.state.is_over() {
            effects.extend(self.decide(now, event));
        }
        effects
    }

    fn decide(&mut self, now: Duration, event: Event) -> Vec<Effect> {
        match event {
            Event::Wanted { setup } => {
                self.wanted = true;
                self.wanted_since = now;
                self.setup = setup;
                self.prepare_all(now)
            }
            Event::Command(command) => self.command(now, command),
            Event::Ready(id) => self.worker_ready(now, id),
            Event::Unable(id, why) => self.worker_unable(now, id, &why),
            Event::Disconnected(id) => self.disconnected(now, id),
            Event::Draining(id) => self.draining(now, id),
            Event::Heartbeat(id, heartbeat) => self.heartbeat(now, id, heartbeat),
            Event::Status(id, status) => self.status(now, id, status),
            Event::StopRequested(said) if said.is_empty() => {
                self.stop(now, "stopped by the scenario".to_owned())
            }
            Event::StopRequested(said) => self.stop(now, format!("stopped by the scenario: {said}")),
            Event::Warning(id, text) => {
                let text = self.said_by(id, text);
                self.warnings.add(text);
                Vec::new()
            }
            Event::Stopped(id) => self.worker_stopped(now, id),
            Event::Failed(id, why) => self.worker_failed(now, id, &why),
            Event::Deadline => self.deadline_passed(now),
        }
    }

    /// When [`Event::Deadline`] is due, by the master's clock.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let own = match self.state {
            RunState::Ready => self.gives_up_waiting(),
            RunState::Spawning | RunState::Running => self.plan.ends_at().map(|end| self.zero + end),
            RunState::Stopping => {
                let due = self.awaits_until.unwrap_or(self.give_up_at);
                Some(self.zero + due.min(self.give_up_at))
            }
            RunState::Stopped | RunState::Failed => return None,
        };
        let alone = self
            .abandoned_since
            .map(|since| self.zero + since + self.expected.worker_grace);
        let rearrange = self.rearrangement.as_ref().map(|pending| pending.due);
        let handover = self.handover_due.map(|due| self.zero + due);
        [own, alone, rearrange, handover, self.fleet.next_silence()]
            .into_iter()
            .flatten()
            .min()
    }

    /// The run's clock when the master's reads `now`; 0 before the run.
    pub(crate) fn elapsed(&self, now: Duration) -> Duration {
        if self.state == RunState::Ready {
            Duration::ZERO
        } else {
            now.saturating_sub(self.zero)
        }
    }

    /// The master's clock when the run's began; `None` before.
    pub(crate) fn began(&self) -> Option<Duration> {
        (self.state != RunState::Ready).then_some(self.zero)
    }

    /// Something people should know before they trust the numbers.
    pub(crate) fn warn(&mut self, text: String) {
        self.warnings.add(text);
    }

    /// Begins when it is wanted and everybody expected is there.
    fn begin_if_possible(&mut self, now: Duration) -> Vec<Effect> {
        let ready = self.fleet.count(Presence::Ready);
        let expected = self.expected.workers.max(1) as usize;
        if self.state != RunState::Ready || !self.wanted {
            return Vec::new();
        }
        if ready < expected {
            if expected > 1 {
                info!("{ready} of {expected} workers are ready");
            }
            return Vec::new();
        }
        match self.plan.length() {
            Some(limit) => info!("Run time limit set to {}", format::duration(limit)),
            None => info!("No run time limit set, use CTRL+C to interrupt"),
        }
        self.zero = now;
        self.state = RunState::Spawning;
        let mut effects = vec![Effect::Begin];
        let begin = self.beginning(now);
        for member in self.fleet.iter_mut() {
            if member.presence == Presence::Ready {
                member.presence = Presence::Active;
                effects.push(directive(member.id, begin.clone()));
            }
        }
        let (users, rate) = (self.plan.users, self.plan.spawn_rate);
        effects.extend(self.partition());
        effects.extend(self.go_to(now, users, rate));
        effects
    }

    fn stop(&mut self, now: Duration, reason: String) -> Vec<Effect> {
        if self.state == RunState::Stopping {
            return Vec::new();
        }
        info!("{reason}, shutting down");
        self.mark(now, MarkKind::Stop, format!("Stopping: {reason}"));
        let began = self.state != RunState::Ready;
        self.state = RunState::Stopping;
        self.stop_reason = Some(reason);
        if !began {
            return self.finish(now);
        }
        let grace = self.plan.stop_timeout;
        self.stopping_since = self.elapsed(now);
        // Nobody needs to come any more.
        self.abandoned_since = None;
        self.give_up_at = self.confirmed_by(now).max(self.missing_by());
        let mut effects = self.tell_all(&Directive::Stop { grace });
        for member in self.fleet.iter_mut() {
            if member.takes_part() {
                member.presence = Presence::Stopping;
            }
        }
        effects.push(Effect::Publish);
        effects.extend(self.finish_when_all_have_stopped(now));
        effects
    }

    fn deadline_passed(&mut self, now: Duration) -> Vec<Effect> {
        let mut effects = self.lose_the_silent(now);
        effects.extend(self.rearrange_if_due(now));
        effects.extend(self.hand_over(now));
        let elapsed = self.elapsed(now);
        match self.state {
            RunState::Ready => {
                if self.gives_up_waiting().is_some_and(|limit| now >= limit) {
                    effects.extend(self.nobody_came(now));
                }
            }
            RunState::Spawning | RunState::Running => {
                let grace = self.expected.worker_grace;
                if self.plan.ends_at().is_some_and(|end| elapsed >= end) {
                    let reason = match &self.plan.arrivals {
                        None => "--run-time limit reached",
                        Some(_) => "the plan of arrivals is over",
                    };
                    effects.extend(self.stop(now, reason.to_owned()));
                } else if self.abandoned_since.is_some_and(|since| elapsed >= since + grace) {
                    let waited = format::duration(grace);
                    effects.extend(self.fail(
                        now,
                        RunFailure::WorkersMissing,
                        format!("all workers were lost and none came back within {waited}"),
                    ));
                }
            }
            RunState::Stopping if elapsed >= self.give_up_at => effects.extend(self.give_up(now)),
            RunState::Stopping => effects.extend(self.finish_when_all_have_stopped(now)),
            RunState::Stopped | RunState::Failed => {}
        }
        effects
    }

    /// The same directive for everybody who takes part.
    fn tell_all(&self, what: &Directive) -> Vec<Effect> {
        self.fleet
            .iter()
            .filter(|member| member.takes_part())
            .map(|member| directive(member.id, what.clone()))
            .collect()
    }

    /// `{"Shopper": 9, "Admin": 1}`, as Locust logs it.
    fn users_in_words(&self) -> String {
        let users = self.fleet.users_by_class(self.classes.len());
        let classes: Vec<_> = self
            .classes
            .iter()
            .zip(users)
            .map(|(class, users)| format!("\"{}\": {users}", class.name))
            .collect();
        format!("{{{}}}", classes.join(", "))
    }
}

fn directive(id: WorkerId, directive: Directive) -> Effect {
    Effect::Tell(id, Order::Directive(directive))
}

#[cfg(test)]
#[path = "controller_tests.rs"]
mod tests;

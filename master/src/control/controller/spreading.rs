//! Who runs which users and which rows of data: the swarm's goal, spread over the workers there are.
//!
//! In: users wanted, workers that came or went. Out: shares and partitions for those concerned; in one go when many
//! workers come or go together, since each change concerns all others.

use std::time::Duration;

use katydid_protocol::directive::Directive;
use katydid_protocol::format;
use katydid_protocol::plan::{MAX_USERS, distribute};
use katydid_protocol::stats::RunState;
use serde::{Deserialize, Serialize};
use tracing::info;

use super::{Controller, directive};
use crate::control::Effect;
use crate::fleet::{Presence, WorkerId};

/// Shortest time between two rearrangements.
const REARRANGE_EVERY: Duration = Duration::from_millis(100);

/// The spawn rate when users come for arrivals: whoever is needed is there.
const AT_ONCE: f64 = 1e9;

/// Users and rows that are to be spread over the workers anew.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Rearrangement {
    /// By the master's clock.
    #[serde(skip)]
    pub(super) due: Duration,
    /// Time within which users move, in seconds; `None` at the plan's rate.
    pub(super) pace: Option<f64>,
}

impl Controller {
    /// Starts or stops users until `users` run.
    pub(super) fn go_to(&mut self, now: Duration, users: u32, spawn_rate: f64) -> Vec<Effect> {
        let rate = if self.plan.arrivals.is_some() {
            AT_ONCE
        } else if spawn_rate.is_finite() && spawn_rate > 0.0 {
            spawn_rate
        } else {
            self.warnings.add(format!(
                "a spawn rate of {spawn_rate} is impossible: using 1 user per second"
            ));
            1.0
        };
        if users > MAX_USERS {
            let most = format::count(u64::from(MAX_USERS));
            self.warnings.add(format!(
                "{} users were asked for: a run has {most} at most",
                format::count(u64::from(users))
            ));
        }
        let users = users.min(MAX_USERS);
        if self.state == RunState::Ready {
            // Nothing runs yet: this is what it begins with.
            self.plan.users = users;
            if self.plan.arrivals.is_none() {
                self.plan.spawn_rate = rate;
            }
            return vec![Effect::Publish];
        }
        let by_class = distribute(&self.classes, users);
        let target: u32 = by_class.iter().sum();
        if target < users {
            self.warnings.add(format!(
                "{} users were asked for, but no class takes more than its fixed count: {} run; raise a fixed_count \
                 or give a class a weight",
                format::count(u64::from(users)),
                format::count(u64::from(target)),
            ));
        }
        match &self.plan.arrivals {
            None => info!("Ramping to {target} users at a rate of {rate:.2} per second"),
            Some(_) => info!("Up to {target} users for what arrives"),
        }
        self.goal.plan += 1;
        self.goal.users = by_class;
        self.goal.rate = rate;
        self.state = RunState::Spawning;
        let mut effects = self.spread(now, None);
        effects.push(Effect::Publish);
        effects
    }

    /// Spreads users and rows anew, since workers came or went; soon, if that has just been done.
    pub(super) fn rearrange(&mut self, now: Duration, pace: Option<f64>) -> Vec<Effect> {
        let due = self.rearranged.map_or(now, |last| last + REARRANGE_EVERY);
        if due > now {
            let before = self.rearrangement.take().and_then(|pending| pending.pace);
            let pace = match (before, pace) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (pace, None) | (None, pace) => pace,
            };
            self.rearrangement = Some(Rearrangement { due, pace });
            return Vec::new();
        }
        self.rearranged = Some(now);
        self.rearrangement = None;
        let mut effects = self.partition();
        effects.extend(self.spread(now, pace));
        effects
    }

    pub(super) fn rearrange_if_due(&mut self, now: Duration) -> Vec<Effect> {
        match &self.rearrangement {
            Some(pending) if pending.due <= now => {
                let pace = pending.pace;
                self.rearranged = None;
                self.rearrange(now, pace)
            }
            _ => Vec::new(),
        }
    }

    /// Tells each worker which rows of shared data are its own.
    pub(super) fn partition(&self) -> Vec<Effect> {
        let active: Vec<WorkerId> = self
            .fleet
            .iter()
            .filter(|member| member.presence == Presence::Active)
            .map(|member| member.id)
            .collect();
        let count = u32::try_from(active.len()).unwrap_or(u32::MAX);
        active
            .iter()
            .zip(0u32..)
            .map(|(id, index)| directive(*id, Directive::Partition { index, count }))
            .collect()
    }

    /// Spreads the users wanted over the workers there are; those that only move do so within `pace` seconds.
    pub(super) fn spread(&mut self, now: Duration, pace: Option<f64>) -> Vec<Effect> {
        if !matches!(self.state, RunState::Spawning | RunState::Running) {
            return Vec::new();
        }
        // In the middle of a ramp everything goes on at its rate.
        let pace = pace.filter(|_| self.state == RunState::Running);
        let elapsed = self.elapsed(now);
        self.fleet
            .redistribute(elapsed, &self.goal, pace, self.plan.arrivals.as_ref())
            .into_iter()
            .map(|(id, share)| directive(id, Directive::Share(share)))
            .collect()
    }
}

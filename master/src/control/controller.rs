//! The run's state machine: ready → spawning ⇄ running → stopping → stopped.
//!
//! In: [`Event`]s, each with the reading of the run's clock. Out: [`Effect`]s for the loop to perform. A plan becomes
//! one share here; with a fleet, dispatch spreads it over workers at this place.

use std::sync::Arc;
use std::time::Duration;

use katydid_protocol::command::RunCommand;
use katydid_protocol::directive::{Directive, Share};
use katydid_protocol::format;
use katydid_protocol::plan::{LoadPlan, UserClass, distribute};
use katydid_protocol::report::WorkerStatus;
use katydid_protocol::stats::RunState;
use tracing::info;

use super::standing::Standing;
use super::warnings::Warnings;
use super::{Effect, Event};

/// Time a worker has, after the grace of its users, to send its last delta and confirm its end.
const CONFIRMATION: Duration = Duration::from_secs(10);

/// Decides; does nothing itself.
#[derive(Debug)]
pub(crate) struct Controller {
    plan: LoadPlan,
    classes: Vec<UserClass>,
    state: RunState,
    /// Users wanted in the end, over all classes.
    target_users: u32,
    users_by_class: Vec<u32>,
    /// Of the last share sent.
    epoch: u64,
    /// Of the statistics.
    generation: u32,
    /// Whether the end of the ramp shall zero the statistics; once.
    reset_when_spawned: bool,
    /// When to give up waiting for the worker; meaningful while stopping.
    give_up_at: Duration,
    stop_reason: Option<String>,
    warnings: Warnings,
    /// What every user sees as `setup`, as JSON.
    setup: Option<Arc<str>>,
}

impl Controller {
    /// A run that has not begun.
    pub(crate) fn new(
        plan: LoadPlan,
        classes: Vec<UserClass>,
        reset_stats: bool,
        setup: Option<Arc<str>>,
    ) -> Self {
        Self {
            users_by_class: vec![0; classes.len()],
            plan,
            classes,
            state: RunState::Ready,
            target_users: 0,
            epoch: 0,
            generation: 0,
            reset_when_spawned: reset_stats,
            give_up_at: Duration::ZERO,
            stop_reason: None,
            warnings: Warnings::default(),
            setup,
        }
    }

    /// What is to be done about an event that happened when the run's clock read `now`.
    pub(crate) fn handle(&mut self, now: Duration, event: Event) -> Vec<Effect> {
        if self.state == RunState::Stopped {
            return Vec::new();
        }
        match event {
            Event::Started => self.start(now),
            Event::Command(command) => self.command(now, command),
            Event::Status(status) => self.status(now, status),
            Event::StopRequested(said) if said.is_empty() => {
                self.stop(now, "stopped by the scenario".to_owned())
            }
            Event::StopRequested(said) => self.stop(now, format!("stopped by the scenario: {said}")),
            Event::Warning(text) => {
                self.warnings.add(text);
                Vec::new()
            }
            Event::WorkerStopped => self.worker_stopped(),
            Event::WorkerFailed(why) => {
                self.warnings.add(format!("the worker failed: {why}"));
                self.stop(now, format!("the worker failed: {why}"))
            }
            Event::WorkerLost => self.worker_lost(),
            Event::Deadline => self.deadline_passed(now),
        }
    }

    /// When [`Event::Deadline`] is due, by the run's clock.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        match self.state {
            RunState::Ready | RunState::Spawning | RunState::Running => self.plan.run_time,
            RunState::Stopping => Some(self.give_up_at),
            RunState::Stopped => None,
        }
    }

    /// Users running now.
    pub(crate) fn users(&self) -> u32 {
        self.users_by_class.iter().sum()
    }

    /// Where the run stands.
    pub(crate) fn standing(&self) -> Standing {
        Standing {
            state: self.state,
            users_by_class: self.users_by_class.clone(),
            target_users: self.target_users,
            warnings: self.warnings.shown(),
            stop_reason: self.stop_reason.clone(),
        }
    }

    fn start(&mut self, now: Duration) -> Vec<Effect> {
        match self.plan.run_time {
            Some(limit) => info!("Run time limit set to {}", format::duration(limit)),
            None => info!("No run time limit set, use CTRL+C to interrupt"),
        }
        let begin = Effect::Send(Directive::Begin {
            elapsed: now,
            setup: self.setup.clone(),
        });
        let (users, rate) = (self.plan.users, self.plan.spawn_rate);
        std::iter::once(begin)
            .chain(self.go_to(now, users, rate))
            .collect()
    }

    fn command(&mut self, now: Duration, command: RunCommand) -> Vec<Effect> {
        match command {
            RunCommand::Stop { reason } => self.stop(now, reason),
            _ if self.state == RunState::Stopping => {
                info!("The run is stopping: changes are ignored");
                Vec::new()
            }
            RunCommand::SetUsers { users, spawn_rate } => self.go_to(now, users, spawn_rate),
            RunCommand::AddUsers { change, spawn_rate } => {
                let wanted = i64::from(self.target_users)
                    .saturating_add(change)
                    .clamp(0, i64::from(u32::MAX));
                self.go_to(now, u32::try_from(wanted).unwrap_or(u32::MAX), spawn_rate)
            }
            RunCommand::ResetStats => self.reset_stats(),
        }
    }

    /// Starts or stops users until `users` run.
    fn go_to(&mut self, now: Duration, users: u32, spawn_rate: f64) -> Vec<Effect> {
        let rate = if spawn_rate.is_finite() && spawn_rate > 0.0 {
            spawn_rate
        } else {
            self.warnings.add(format!(
                "a spawn rate of {spawn_rate} is impossible: using 1 user per second"
            ));
            1.0
        };
        let by_class = distribute(&self.classes, users);
        self.target_users = by_class.iter().sum();
        if self.target_users < users {
            self.warnings.add(format!(
                "{} users were asked for, but no class takes more than its fixed count: {} run; raise a fixed_count \
                 or give a class a weight",
                format::count(u64::from(users)),
                format::count(u64::from(self.target_users)),
            ));
        }
        info!(
            "Ramping to {} users at a rate of {rate:.2} per second",
            self.target_users
        );
        self.epoch += 1;
        self.state = RunState::Spawning;
        let share = Share {
            epoch: self.epoch,
            plan: self.epoch,
            users: by_class,
            from: now,
            rate,
            offset: 0.0,
            stride: 1.0,
            stop_timeout: self.plan.stop_timeout,
        };
        vec![Effect::Send(Directive::Share(share)), Effect::Publish]
    }

    fn reset_stats(&mut self) -> Vec<Effect> {
        info!("Resetting the statistics");
        self.generation += 1;
        let generation = self.generation;
        vec![
            Effect::Send(Directive::ResetStats { generation }),
            Effect::ResetStats { generation },
            Effect::Publish,
        ]
    }

    fn status(&mut self, now: Duration, status: WorkerStatus) -> Vec<Effect> {
        let retired: u32 = status
            .retired
            .iter()
            .fold(0, |sum, count| sum.saturating_add(*count));
        let reached = status.settled && status.epoch == self.epoch;
        self.users_by_class = status.users;
        self.users_by_class.resize(self.classes.len(), 0);
        if !reached || self.state == RunState::Stopping {
            return Vec::new();
        }
        let mut effects = Vec::new();
        if self.state == RunState::Spawning {
            self.state = RunState::Running;
            effects.push(Effect::Publish);
            info!(
                "All users spawned: {} ({} total users)",
                self.users_in_words(),
                self.users()
            );
        }
        // Users whose start failed are absent too, but they are replaced after a pause.
        if self.users() == 0 && self.target_users > 0 && retired >= self.target_users {
            effects.extend(self.stop(now, "all users have finished".to_owned()));
        } else if std::mem::take(&mut self.reset_when_spawned) {
            effects.splice(0..0, self.reset_stats());
        }
        effects
    }

    fn stop(&mut self, now: Duration, reason: String) -> Vec<Effect> {
        if self.state == RunState::Stopping {
            return Vec::new();
        }
        info!("{reason}, shutting down");
        self.state = RunState::Stopping;
        self.stop_reason = Some(reason);
        let grace = self.plan.stop_timeout;
        self.give_up_at = now.saturating_add(grace).saturating_add(CONFIRMATION);
        vec![Effect::Send(Directive::Stop { grace }), Effect::Publish]
    }

    fn deadline_passed(&mut self, now: Duration) -> Vec<Effect> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return Vec::new();
        }
        if self.state != RunState::Stopping {
            return self.stop(now, "--run-time limit reached".to_owned());
        }
        let waited = format::duration(self.plan.stop_timeout.saturating_add(CONFIRMATION));
        let running = match self.users() {
            0 => String::new(),
            1 => " (1 user was still running)".to_owned(),
            users => format!(" ({} users were still running)", format::count(u64::from(users))),
        };
        self.warnings.add(format!(
            "the worker did not confirm its end within {waited} of the stop{running}: what it measured last may be \
             missing from these numbers"
        ));
        self.finish()
    }

    fn worker_stopped(&mut self) -> Vec<Effect> {
        // A worker that says so has no users left, whatever its last status was.
        self.users_by_class.fill(0);
        self.stop_reason
            .get_or_insert_with(|| "the worker stopped".to_owned());
        self.finish()
    }

    fn worker_lost(&mut self) -> Vec<Effect> {
        self.warnings.add(
            "the worker was lost: it ended without a word, and what it measured in its last second may be missing \
             from these numbers"
                .to_owned(),
        );
        self.users_by_class.fill(0);
        self.stop_reason
            .get_or_insert_with(|| "the worker was lost".to_owned());
        self.finish()
    }

    fn finish(&mut self) -> Vec<Effect> {
        self.state = RunState::Stopped;
        vec![Effect::Finish]
    }

    /// `{"Shopper": 9, "Admin": 1}`, as Locust logs it.
    fn users_in_words(&self) -> String {
        let classes = self.classes.iter().zip(&self.users_by_class);
        let classes: Vec<_> = classes
            .map(|(class, users)| format!("\"{}\": {users}", class.name))
            .collect();
        format!("{{{}}}", classes.join(", "))
    }
}

#[cfg(test)]
#[path = "controller_tests.rs"]
mod tests;

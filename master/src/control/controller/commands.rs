//! What people ask of a run under way.
//!
//! In: commands. Out: other numbers of users, statistics that start anew, the end; and a mark in the charts.

use std::time::Duration;

use katydid_protocol::command::RunCommand;
use katydid_protocol::directive::Directive;
use katydid_protocol::format;
use katydid_protocol::stats::{MarkKind, RunFailure, RunState};
use tracing::info;

use super::Controller;
use crate::control::Effect;

impl Controller {
    pub(super) fn command(&mut self, now: Duration, command: RunCommand) -> Vec<Effect> {
        match command {
            RunCommand::Stop { reason } => self.stop(now, reason),
            // Whatever the end it is coming to, it comes to that.
            RunCommand::CutShort { .. } if self.state == RunState::Stopping => Vec::new(),
            RunCommand::CutShort { reason } => {
                self.failure = Some(RunFailure::CutShort);
                self.stop(now, reason)
            }
            // Control goes on as it is, in another process: see the loop.
            RunCommand::HandOver { .. } => Vec::new(),
            _ if self.state == RunState::Stopping => {
                info!("The run is stopping: changes are ignored");
                Vec::new()
            }
            RunCommand::SetUsers { users, spawn_rate } => self.edit(now, users, spawn_rate),
            RunCommand::AddUsers { change, spawn_rate } => {
                let wanted = i64::from(self.target_users())
                    .saturating_add(change)
                    .clamp(0, i64::from(u32::MAX));
                self.edit(now, u32::try_from(wanted).unwrap_or(u32::MAX), spawn_rate)
            }
            // Before the run begins nothing has been counted, and workers that begin later know of no reset.
            RunCommand::ResetStats if self.state == RunState::Ready => Vec::new(),
            RunCommand::ResetStats => self.reset_stats(now),
        }
    }

    /// Somebody wants other numbers of users.
    fn edit(&mut self, now: Duration, users: u32, spawn_rate: f64) -> Vec<Effect> {
        let count = format::count(users.into());
        let text = match &self.plan.arrivals {
            None => format!("Edited: {count} users, {spawn_rate} per second"),
            Some(_) => format!("Edited: at most {count} users"),
        };
        self.mark(now, MarkKind::Edit, text);
        self.go_to(now, users, spawn_rate)
    }

    /// Remembers what happened, once there is something to happen to.
    pub(super) fn mark(&mut self, now: Duration, kind: MarkKind, text: String) {
        if self.state != RunState::Ready {
            self.marks.add(self.elapsed(now), kind, text);
        }
    }

    pub(super) fn reset_stats(&mut self, now: Duration) -> Vec<Effect> {
        info!("Resetting the statistics");
        self.mark(now, MarkKind::Reset, "Statistics reset".to_owned());
        self.start_generation(now, self.generation.saturating_add(1))
    }

    /// A worker knows of a reset that the master before this one could not write down any more.
    pub(crate) fn learn_generation(&mut self, now: Duration, generation: u32) -> Vec<Effect> {
        if generation <= self.generation {
            return Vec::new();
        }
        info!("Workers have heard of a reset that is not in the journal: the statistics are reset now");
        self.start_generation(now, generation)
    }

    /// What is reset here is written down before any worker hears of it: none knows more than a master that is restarted.
    fn start_generation(&mut self, now: Duration, generation: u32) -> Vec<Effect> {
        self.thresholds.reset(self.elapsed(now));
        self.generation = generation;
        let mut effects = vec![Effect::ResetStats { generation }];
        effects.extend(self.tell_all(&Directive::ResetStats { generation }));
        effects.push(Effect::Publish);
        effects
    }
}

//! What people ask of a run under way.
//!
//! In: commands. Out: other numbers of users, statistics that start anew, the end; and a mark in the charts.

use std::time::Duration;

use katydid_protocol::command::RunCommand;
use katydid_protocol::directive::Directive;
use katydid_protocol::format;
use katydid_protocol::stats::{MarkKind, RunState};
use tracing::info;

use super::Controller;
use crate::control::Effect;

impl Controller {
    pub(super) fn command(&mut self, now: Duration, command: RunCommand) -> Vec<Effect> {
        match command {
            RunCommand::Stop { reason } => self.stop(now, reason),
            _ if self.state == RunState::Stopping => {
                info!("The run is stopping: changes are ignored");
                Vec::new()
            }
            RunCommand::SetUsers { users, spawn_rate } => self.edit(now, users, spawn_rate),
            RunCommand::AddUsers { change, spawn_rate } => {
                let target: u32 = self.goal.users.iter().sum();
                let wanted = i64::from(target)
                    .saturating_add(change)
                    .clamp(0, i64::from(u32::MAX));
                self.edit(now, u32::try_from(wanted).unwrap_or(u32::MAX), spawn_rate)
            }
            RunCommand::ResetStats => self.reset_stats(now),
        }
    }

    /// Somebody wants other numbers of users.
    fn edit(&mut self, now: Duration, users: u32, spawn_rate: f64) -> Vec<Effect> {
        let text = format!(
            "Edited: {} users, {spawn_rate} per second",
            format::count(users.into())
        );
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
        self.generation += 1;
        let generation = self.generation;
        let mut effects = self.tell_all(&Directive::ResetStats { generation });
        effects.extend([Effect::ResetStats { generation }, Effect::Publish]);
        effects
    }
}

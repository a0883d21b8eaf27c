//! How a run ends when it does not end by itself: nobody came, everybody is lost, somebody never answers.

use std::time::Duration;

use katydid_protocol::format;
use katydid_protocol::stats::{RunFailure, RunState};

use super::{CONFIRMATION, Controller};
use crate::control::Effect;
use crate::fleet::Presence;

impl Controller {
    /// When a worker that is told to stop now must have confirmed its end, by the run's clock.
    pub(super) fn confirmed_by(&self, now: Duration) -> Duration {
        self.elapsed(now)
            .saturating_add(self.plan.stop_timeout)
            .saturating_add(CONFIRMATION)
    }

    pub(super) fn give_up(&mut self, now: Duration) -> Vec<Effect> {
        let waited = format::duration(self.give_up_at.saturating_sub(self.stopping_since));
        let late: Vec<String> = self
            .fleet
            .iter()
            .filter(|member| member.presence == Presence::Stopping)
            .map(|member| match member.users() {
                0 => member.name.clone(),
                1 => format!("{} (1 user was still running)", member.name),
                users => format!(
                    "{} ({} users were still running)",
                    member.name,
                    format::count(u64::from(users))
                ),
            })
            .collect();
        if !late.is_empty() {
            self.warnings.add(format!(
                "no word of its end within {waited} of the stop from {}: what was measured there last may be missing \
                 from these numbers",
                late.join(", ")
            ));
        }
        self.finish(now)
    }

    /// Ends at once, for a reason nobody wished.
    pub(super) fn fail(&mut self, now: Duration, failure: RunFailure, why: String) -> Vec<Effect> {
        tracing::error!("{why}");
        self.failure = Some(failure);
        self.stop_reason.get_or_insert(why);
        let mut effects = vec![Effect::Publish];
        effects.extend(self.finish(now));
        effects
    }

    pub(super) fn finish(&mut self, now: Duration) -> Vec<Effect> {
        self.tell_of_the_missing(now);
        self.state = if self.failure.is_some() {
            RunState::Failed
        } else {
            RunState::Stopped
        };
        vec![Effect::Finish]
    }

    pub(super) fn finish_when_all_have_stopped(&mut self, now: Duration) -> Vec<Effect> {
        let all = !self.fleet.iter().any(crate::fleet::Member::takes_part);
        if !all {
            self.awaits_until = None;
        } else if !self.awaits_the_missing(now) {
            return self.finish(now);
        }
        Vec::new()
    }

    pub(super) fn nobody_came(&mut self, now: Duration) -> Vec<Effect> {
        let expected = self.expected.workers.max(1);
        let ready = self.fleet.count(Presence::Ready);
        let waited = format::duration(self.expected.max_wait.unwrap_or_default());
        let names: Vec<&str> = self
            .fleet
            .iter()
            .filter(|member| member.presence == Presence::Preparing)
            .map(|member| member.name.as_str())
            .collect();
        let still = if names.is_empty() {
            String::new()
        } else {
            format!(" (still preparing: {})", names.join(", "))
        };
        self.fail(
            now,
            RunFailure::WorkersMissing,
            format!(
                "{ready} of {expected} expected workers were ready within {waited}{still}; start the others with \
                 `katydid --worker --master-host <this machine>`, or raise --expect-workers-max-wait"
            ),
        )
    }
}

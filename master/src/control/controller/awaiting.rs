//! The missing workers at a run's end: how long it waits for them, and what is said of those that did not come back.
//!
//! In: how long each has been silent, and how its connection ended. Out: until when to wait; a line of the log, a warning.
//! A worker that is cut off goes on, and what it measures meanwhile belongs to the run; one that has died has nothing to
//! say any more, and nobody should have to wait for it.

use std::time::Duration;

use katydid_protocol::format;
use tracing::info;

use super::Controller;
use crate::fleet::{Member, Presence};

/// How long the end of a run waits for workers that are silent: they try to connect every 4.5 s at least, which may take
/// 5 s, and then they have something to say.
const AWAITED_FOR: Duration = Duration::from_secs(15);
/// Whoever had been silent for longer when the run was told to stop is waited for no more: that it is lost has been said.
const LOST_FOR_GOOD: Duration = Duration::from_secs(60);
/// Whoever hung up and has been silent for so long has died: a living one connects again at once.
const DEAD_AFTER: Duration = Duration::from_secs(6);
/// Names said; of more their number is enough.
const MAX_NAMES: usize = 10;

impl Controller {
    /// When the run stops waiting for missing workers at the latest, by its own clock.
    pub(super) fn missing_by(&self) -> Duration {
        let by = self.fleet.iter().filter_map(|member| self.awaited_until(member));
        by.max().unwrap_or_default()
    }

    /// Whether the end of the run waits for workers that are missing.
    pub(super) fn awaits_the_missing(&mut self, now: Duration) -> bool {
        let elapsed = self.elapsed(now);
        let due = self.missing_by().min(self.give_up_at);
        let was = self.awaits_until.take();
        if due <= elapsed {
            return false;
        }
        self.awaits_until = Some(due);
        if was.is_none() {
            let awaited = |member: &&Member| self.awaited_until(member).is_some_and(|due| due > elapsed);
            info!(
                "Waiting up to {} for {}, to tell what was measured there; CTRL+C again ends without it",
                format::duration(due.saturating_sub(elapsed)),
                self.silences(now, awaited)
            );
        }
        true
    }

    /// Those that are missing when the run is over.
    pub(super) fn tell_of_the_missing(&mut self, now: Duration) {
        if self.fleet.count(Presence::Missing) == 0 {
            return;
        }
        let missing = self.silences(now, |member| member.presence == Presence::Missing);
        self.warnings.add(format!(
            "not heard of again before the end of the run: {missing}; what was measured there since the last report is \
             missing from these numbers"
        ));
    }

    /// How long a worker is waited for, by the run's clock; `None` when it is not missing, or not any more.
    fn awaited_until(&self, member: &Member) -> Option<Duration> {
        if member.presence != Presence::Missing {
            return None;
        }
        let heard = self.elapsed(member.heard);
        if self.stopping_since.saturating_sub(heard) > LOST_FOR_GOOD {
            return None;
        }
        let limit = self.stopping_since + AWAITED_FOR;
        Some(if member.hung_up {
            limit.min(heard + DEAD_AFTER)
        } else {
            limit
        })
    }

    /// `worker a (silent for 8s), worker b (silent for 9s)`.
    fn silences(&self, now: Duration, which: impl Fn(&&Member) -> bool) -> String {
        let all: Vec<&Member> = self.fleet.iter().filter(which).collect();
        let mut said: Vec<String> = all
            .iter()
            .take(MAX_NAMES)
            .map(|member| {
                let silent = Duration::from_secs(now.saturating_sub(member.heard).as_secs());
                format!("worker {} (silent for {})", member.name, format::duration(silent))
            })
            .collect();
        let more = all.len().saturating_sub(MAX_NAMES);
        if more > 0 {
            said.push(format!("{more} more"));
        }
        said.join(", ")
    }
}

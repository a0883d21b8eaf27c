//! What thresholds do to a run: they are judged every second, and may end it.

use std::time::Duration;

use katydid_protocol::stats::{MarkKind, RunState, Snapshot};
use tracing::warn;

use super::Controller;
use crate::control::Effect;
use crate::fleet::Presence;
use crate::thresholds::{Phase, Reading, Thresholds};

/// A worker that runs users says something every second.
const UNHEARD_AFTER: Duration = Duration::from_secs(2);
/// How long what a worker held back takes to arrive once it is heard again.
const CATCHING_UP: Duration = Duration::from_secs(2);

impl Controller {
    /// What the run is judged by.
    pub(crate) fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// Judges the run by what was read; what is to be done about it, and whether people should hear of it.
    pub(crate) fn judge(
        &mut self,
        now: Duration,
        readings: &[Reading],
        is_last: bool,
    ) -> (Vec<Effect>, bool) {
        let phase = match self.state {
            _ if is_last => Phase::Last,
            RunState::Spawning | RunState::Running => Phase::Running,
            RunState::Stopping | RunState::Stopped | RunState::Failed => Phase::Stopping,
            RunState::Ready => return (Vec::new(), false),
        };
        let elapsed = self.elapsed(now);
        if self.is_somebody_unheard(now) {
            self.unheard_at = Some(elapsed);
        }
        let heard_for = self.unheard_at.map_or(Duration::MAX, |at| {
            elapsed.saturating_sub(at).saturating_sub(CATCHING_UP)
        });
        let news = self.thresholds.judge(elapsed, heard_for, readings, phase);
        for said in &news.failed {
            warn!("{said}");
            self.mark(now, MarkKind::Threshold, capitalised(said));
        }
        let effects = news.abort.map(|reason| self.stop(now, reason));
        (effects.unwrap_or_default(), !news.failed.is_empty())
    }

    /// Whether something that is measured now arrives later: a window would hold too little, and then too much.
    fn is_somebody_unheard(&self, now: Duration) -> bool {
        let is_unheard = |member: &crate::fleet::Member| {
            let is_silent = now.saturating_sub(member.heard) > UNHEARD_AFTER;
            member.presence == Presence::Active && (!member.connected || is_silent)
        };
        self.abandoned_since.is_some() || self.fleet.iter().any(is_unheard)
    }

    /// Says what was probably meant by rules that nothing was measured for.
    pub(crate) fn explain_thresholds(&mut self, snapshot: &Snapshot) {
        self.thresholds.explain(snapshot);
    }
}

/// As the other marks begin.
fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(chars).collect()
}

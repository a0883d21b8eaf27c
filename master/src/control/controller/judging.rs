//! What thresholds do to a run: they are judged every second, and may end it.

use std::time::Duration;

use katydid_protocol::stats::{MarkKind, RunState, Snapshot};
use tracing::warn;

use super::Controller;
use crate::control::Effect;
use crate::thresholds::{Phase, Reading, Thresholds};

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
        let news = self.thresholds.judge(self.elapsed(now), readings, phase);
        for said in &news.failed {
            warn!("{said}");
            self.mark(now, MarkKind::Threshold, capitalised(said));
        }
        let effects = news.abort.map(|reason| self.stop(now, reason));
        (effects.unwrap_or_default(), !news.failed.is_empty())
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

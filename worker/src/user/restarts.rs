//! When users whose `on_start` failed are replaced: after a pause that grows while no start succeeds.
//!
//! In: starts that failed or succeeded. Out: moments. Users that fail together wait for the same time: a hundred failures
//! of one moment say no more than one of them.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

/// The pause after the first failure; doubles with each round of failures.
const SHORTEST: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(30);

/// The pauses of one user class on one thread.
#[derive(Debug, Default)]
pub(crate) struct Restarts {
    /// The pause of the present round, and until when failures belong to it.
    round: Cell<Option<(Duration, Instant)>>,
}

impl Restarts {
    /// A start has failed; when its replacement is due.
    pub(super) fn failed(&self, now: Instant) -> Instant {
        let pause = match self.round.get() {
            Some((pause, until)) if now < until => pause,
            Some((pause, _)) => (pause * 2).min(LONGEST),
            None => SHORTEST,
        };
        if self.round.get().is_none_or(|(_, until)| now >= until) {
            self.round.set(Some((pause, now + pause)));
        }
        now + pause
    }

    /// A start has succeeded: the next failure is the first again.
    pub(super) fn succeeded(&self) {
        self.round.set(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_by_rounds_of_failures_and_start_over_after_a_success() {
        let restarts = Restarts::default();
        let began = Instant::now();
        let at = |ms: u64| began + Duration::from_millis(ms);
        for user in 0..100 {
            assert_eq!(restarts.failed(at(user)), at(1_000 + user), "one round");
        }
        assert_eq!(restarts.failed(at(1_000)), at(3_000));
        assert_eq!(restarts.failed(at(1_500)), at(3_500));
        let mut now = at(3_000);
        for _ in 0..10 {
            now = restarts.failed(now);
        }
        assert_eq!(restarts.failed(now), now + LONGEST);
        restarts.succeeded();
        assert_eq!(restarts.failed(now), now + SHORTEST);
    }
}

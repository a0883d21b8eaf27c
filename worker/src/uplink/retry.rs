//! When to try to connect again, and how often to say that it does not work.

use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

/// The first pause between two attempts to connect; doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause: a master that is back is found within this.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// Time between two lines of the log about a master that is not there.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);

/// When to try to connect again.
#[derive(Debug)]
pub(super) struct Retry {
    pub(super) next: Instant,
    pause: Duration,
    pub(super) gone_since: Option<Instant>,
    refused_since: Option<Instant>,
    complained: Option<Instant>,
}

impl Retry {
    pub(super) fn new() -> Self {
        Self {
            next: Instant::now(),
            pause: FIRST_PAUSE,
            gone_since: None,
            refused_since: None,
            complained: None,
        }
    }

    pub(super) fn is_due(&self) -> bool {
        self.next <= Instant::now()
    }

    pub(super) fn succeeded(&mut self) {
        *self = Self::new();
    }

    pub(super) fn gone_for(&self) -> Duration {
        self.gone_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// A connection broke.
    pub(super) fn lost(&mut self, why: Option<String>) {
        let why = why.unwrap_or_else(|| "it closed the connection".to_owned());
        self.failed(&format!("the connection to the master was lost ({why})"));
    }

    /// The master did not like the token, which may be another one soon; for how long it has said so.
    pub(super) fn refused(&mut self, why: &str, master: &str) -> Duration {
        let since = self.refused_since.unwrap_or_else(Instant::now);
        self.failed(&format!("the master at {master} refused this worker: {why}"));
        self.refused_since = Some(since);
        since.elapsed()
    }

    /// An attempt failed: the next comes after a pause, which is longer each time and never quite the same, so that a
    /// fleet does not come back all at once.
    pub(super) fn failed(&mut self, why: &str) {
        let now = Instant::now();
        self.gone_since.get_or_insert(now);
        self.refused_since = None;
        if self.complained.is_none_or(|at| at.elapsed() >= COMPLAIN_EVERY) {
            self.complained = Some(now);
            warn!("{why}; trying again");
        }
        self.next = now + self.pause.mul_f64(0.5 + fastrand::f64());
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn refusals_are_counted_from_the_first_of_a_row() {
        let mut retry = Retry::new();
        assert_eq!(retry.refused("no", "there"), Duration::ZERO);
        tokio::time::advance(Duration::from_secs(7)).await;
        assert_eq!(retry.refused("no", "there"), Duration::from_secs(7));
        retry.failed("nobody there");
        assert_eq!(retry.refused("no", "there"), Duration::ZERO);
        assert_eq!(retry.gone_for(), Duration::from_secs(7));
    }
}

//! Waits that end on time: within about a tenth of a millisecond, where tokio's own timer rounds up to the next
//! millisecond.
//!
//! In: a moment. Out: a future that is ready just after it. The long part of a wait is tokio's; the last two
//! milliseconds are handed to a thread that sleeps on the kernel's high-resolution clock, so nothing spins.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

/// What is left for the thread: tokio's timer is up to 1 ms late, plus the time its thread needs to get a core.
const LAST_PART: Duration = Duration::from_millis(2);

/// The thread and its queue; the thread ends when this is dropped.
#[derive(Debug)]
pub(crate) struct PreciseTimer {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    /// Never holds more than the waits that end within [`LAST_PART`].
    waits: BinaryHeap<Reverse<Wait>>,
    closed: bool,
}

#[derive(Debug)]
struct Wait {
    at: Instant,
    done: oneshot::Sender<()>,
}

// === impl PreciseTimer ===

impl PreciseTimer {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// When the system refuses another thread.
    pub(crate) fn start() -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let own = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("target-timer".to_owned())
            .spawn(move || own.run())?;
        Ok(Self { shared })
    }

    /// Ready just after `at`. Dropping the future cancels the wait.
    pub(crate) async fn sleep_until(&self, at: Instant) {
        if let Some(early) = at.checked_sub(LAST_PART)
            && early > Instant::now()
        {
            tokio::time::sleep_until(early).await;
        }
        if at <= Instant::now() {
            return;
        }
        let (done, is_done) = oneshot::channel();
        self.shared.lock().waits.push(Reverse(Wait { at, done }));
        self.shared.changed.notify_one();
        // An error means that the timer is being dropped; then nobody waits for the answer.
        let _closed = is_done.await;
    }
}

impl Drop for PreciseTimer {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_one();
    }
}

// === impl Shared ===

impl Shared {
    fn run(&self) {
        no_timer_slack();
        let mut queue = self.lock();
        while !queue.closed {
            let now = Instant::now();
            let Some(Reverse(next)) = queue.waits.peek() else {
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            if next.at > now {
                let left = next.at - now;
                queue = self
                    .changed
                    .wait_timeout(queue, left)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0;
            } else if let Some(Reverse(due)) = queue.waits.pop() {
                // The waiter may be gone.
                let _gone = due.done.send(());
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Wait ===

impl PartialEq for Wait {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Wait {}

impl PartialOrd for Wait {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Wait {
    fn cmp(&self, other: &Self) -> Ordering {
        self.at.cmp(&other.at)
    }
}

/// By default Linux may wake a sleeper 50 µs late to save power.
#[cfg(target_os = "linux")]
fn no_timer_slack() {
    if let Err(error) = nix::sys::prctl::set_timerslack(1) {
        tracing::debug!(%error, "timers stay coarse");
    }
}

#[cfg(not(target_os = "linux"))]
fn no_timer_slack() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waits_are_never_short_and_mostly_on_time() {
        let timer = PreciseTimer::start().unwrap();
        let mut rounds = Vec::new();
        // A round on a machine that does something else proves nothing; a good one shows what the timer can do.
        for _ in 0..10 {
            let mut overshoots = Vec::new();
            for n in 0..60_u64 {
                let span = Duration::from_micros(100 + n * 97);
                let started = Instant::now();
                timer.sleep_until(started + span).await;
                let waited = started.elapsed();
                assert!(waited >= span);
                overshoots.push(waited - span);
            }
            overshoots.sort();
            // The best quarter tells what the timer can do; the rest what else the machine does.
            rounds.push(overshoots[15]);
            if overshoots[15] < Duration::from_micros(500) {
                return;
            }
        }
        panic!("overshoots in ten rounds: {rounds:?}");
    }

    #[tokio::test]
    async fn a_cancelled_wait_does_no_harm() {
        let timer = PreciseTimer::start().unwrap();
        let far = Instant::now() + Duration::from_secs(60);
        assert!(
            tokio::time::timeout(Duration::ZERO, timer.sleep_until(far))
                .await
                .is_err()
        );
        timer.sleep_until(Instant::now() + Duration::from_millis(1)).await;
    }
}

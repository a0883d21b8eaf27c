//! A limit for a piece of work that almost always finishes long before it.
//!
//! A timer is registered with the runtime once and then left alone: it is moved only when it goes off too early, which
//! costs a user one wake-up per timeout instead of a registration per request.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use tokio::time::{Instant, Sleep, sleep_until};

/// A timer kept between exchanges.
pub(super) type Timer = Option<Pin<Box<Sleep>>>;

/// Runs `work` until it is done or `deadline` has passed, in which case the answer is `None`.
pub(super) async fn within<F: Future>(
    mut work: Pin<&mut F>,
    deadline: Option<Instant>,
    timer: &mut Timer,
) -> Option<F::Output> {
    poll_fn(|context| {
        if let Poll::Ready(output) = work.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        let Some(deadline) = deadline else {
            return Poll::Pending;
        };
        let sleep = timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() > deadline || sleep.is_elapsed() && sleep.deadline() < deadline {
            sleep.as_mut().reset(deadline);
        }
        while sleep.as_mut().poll(context).is_ready() {
            if sleep.deadline() >= deadline {
                return Poll::Ready(None);
            }
            sleep.as_mut().reset(deadline);
        }
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::pin::pin;
    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_timer_serves_many_deadlines() {
        let mut timer: Timer = None;
        let second = Duration::from_secs(1);
        // Far, then near, then far again; each at its own time.
        for limit in [60, 2, 30, 30, 1] {
            let start = Instant::now();
            let work = pin!(pending::<()>());
            assert_eq!(within(work, Some(start + second * limit), &mut timer).await, None);
            assert_eq!(start.elapsed().as_secs(), u64::from(limit));
        }
        // Work that is done in time, across a moment at which the old timer goes off.
        for _ in 0..5 {
            let start = Instant::now();
            let work = pin!(sleep(second * 7));
            assert_eq!(
                within(work, Some(start + second * 10), &mut timer).await,
                Some(())
            );
            assert_eq!(start.elapsed().as_secs(), 7);
        }
        let work = pin!(sleep(second * 7));
        assert_eq!(within(work, None, &mut timer).await, Some(()));
    }
}

//! How a user is told to end: first politely, then by force.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::{Poll, Waker};

/// How urgently a user shall end. Only ever rises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum StopLevel {
    /// Go on.
    #[default]
    Run,
    /// Finish the running iteration; do not start another.
    Finish,
    /// End the running iteration now. Requests the target has already received are still awaited, briefly.
    Kill,
}

/// A user's stop signal; its one waiter is the user's own task.
#[derive(Debug, Default)]
pub(crate) struct StopSignal {
    level: Cell<StopLevel>,
    waker: RefCell<Option<Waker>>,
}

impl StopSignal {
    /// The level now.
    #[inline]
    pub(crate) fn level(&self) -> StopLevel {
        self.level.get()
    }

    /// Raises the level and wakes the user.
    pub(crate) fn raise(&self, level: StopLevel) {
        if level > self.level.get() {
            self.level.set(level);
            let waker = self.waker.borrow_mut().take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    /// Polls `future` until it is done (`Some`) or the level has been reached (`None`), the future coming first.
    pub(crate) async fn unless<F: Future + Unpin>(
        &self,
        level: StopLevel,
        mut future: F,
    ) -> Option<F::Output> {
        poll_fn(move |context| {
            if let Poll::Ready(output) = std::pin::Pin::new(&mut future).poll(context) {
                return Poll::Ready(Some(output));
            }
            if self.level.get() >= level {
                return Poll::Ready(None);
            }
            let mut waker = self.waker.borrow_mut();
            // The same task polls every time, so this clones once in a user's life.
            if !waker
                .as_ref()
                .is_some_and(|known| known.will_wake(context.waker()))
            {
                *waker = Some(context.waker().clone());
            }
            Poll::Pending
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::rc::Rc;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_done_wins_over_a_stop() {
        let stop = StopSignal::default();
        stop.raise(StopLevel::Kill);
        assert_eq!(stop.unless(StopLevel::Finish, ready(7)).await, Some(7));
        assert_eq!(stop.unless(StopLevel::Finish, pending::<()>()).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiting_user_is_woken_and_only_by_its_level() {
        let stop = Rc::new(StopSignal::default());
        let local = tokio::task::LocalSet::new();
        let waiter = {
            let stop = Rc::clone(&stop);
            local.spawn_local(async move { stop.unless(StopLevel::Kill, pending::<()>()).await })
        };
        local
            .run_until(async {
                tokio::time::sleep(Duration::from_millis(1)).await;
                stop.raise(StopLevel::Finish);
                tokio::time::sleep(Duration::from_millis(1)).await;
                assert!(!waiter.is_finished());
                stop.raise(StopLevel::Kill);
                assert_eq!(waiter.await.unwrap(), None);
            })
            .await;
        stop.raise(StopLevel::Finish);
        assert_eq!(stop.level(), StopLevel::Kill, "the level never falls");
    }
}

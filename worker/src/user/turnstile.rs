//! Lets scripts that compute for long take turns, one time slice per turn of the event loop.
//!
//! Without it, n such scripts would hold up everybody else on the thread for n slices in a row.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use tokio::sync::oneshot;

/// One at a time, first come first served.
#[derive(Debug, Default)]
pub(crate) struct Turnstile {
    taken: Cell<bool>,
    queue: RefCell<VecDeque<oneshot::Sender<()>>>,
}

/// A turn; ends when dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    turnstile: Rc<Turnstile>,
}

impl Turnstile {
    /// Waits for a turn, letting everything else on the thread run first.
    pub(crate) async fn turn(self: &Rc<Self>) -> Turn {
        if self.taken.replace(true) {
            let (sender, receiver) = oneshot::channel();
            self.queue.borrow_mut().push_back(sender);
            // The turn is handed over together with the message. A sender is never dropped unsent.
            let _ = receiver.await;
        }
        let turn = Turn {
            turnstile: Rc::clone(self),
        };
        // The event loop looks at sockets and timers before it comes back here.
        tokio::task::yield_now().await;
        turn
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        loop {
            let next = self.turnstile.queue.borrow_mut().pop_front();
            let Some(waiter) = next else {
                self.turnstile.taken.set(false);
                return;
            };
            // A waiter that is gone is passed over.
            if waiter.send(()).is_ok() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn turns_are_taken_in_order_and_survive_waiters_that_leave() {
        let turnstile = Rc::new(Turnstile::default());
        let order = Rc::new(RefCell::new(Vec::new()));
        let local = tokio::task::LocalSet::new();
        local
            .run_until(async {
                let first = turnstile.turn().await;
                let mut waiting = Vec::new();
                for number in 0..4 {
                    let (turnstile, order) = (Rc::clone(&turnstile), Rc::clone(&order));
                    waiting.push(tokio::task::spawn_local(async move {
                        let _turn = turnstile.turn().await;
                        order.borrow_mut().push(number);
                    }));
                    tokio::task::yield_now().await;
                }
                waiting[1].abort();
                tokio::task::yield_now().await;
                drop(first);
                for waiter in waiting {
                    let _ = waiter.await;
                }
            })
            .await;
        assert_eq!(*order.borrow(), [0, 2, 3]);
        assert!(!turnstile.taken.get());
    }
}

//! Coroutine stacks: borrowed while an iteration runs, shared by all users of a thread.
//!
//! Ten thousand users that mostly wait need a few dozen stacks. The number of stacks in use is bounded, because each
//! costs two of the kernel's memory maps; iterations beyond the bound queue and are counted.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use corosensei::stack::DefaultStack;
use tokio::sync::Notify;

/// Bytes of one stack. Only what is touched takes memory. Unoptimised code needs several times the stack.
pub(crate) const STACK_BYTES: usize = if cfg!(debug_assertions) { 4 << 20 } else { 1 << 20 };
/// Stacks kept for reuse; those beyond are given back to the system.
const MAX_FREE: usize = 1_024;
/// Kernel maps left for everything but stacks.
const MAPS_RESERVED: usize = 10_000;
/// The kernel's default for `vm.max_map_count`.
const DEFAULT_MAX_MAPS: usize = 65_530;

/// A load thread's stacks.
pub(crate) struct StackPool {
    free: RefCell<Vec<DefaultStack>>,
    in_use: Cell<usize>,
    limit: Cell<usize>,
    returned: Notify,
}

/// A stack on loan; goes back to the pool when given back or dropped with the iteration.
pub(crate) struct Loan {
    pool: Rc<StackPool>,
    stack: Option<DefaultStack>,
}

impl fmt::Debug for StackPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StackPool")
            .field("in_use", &self.in_use)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Loan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loan")
            .field("here", &self.stack.is_some())
            .finish_non_exhaustive()
    }
}

impl StackPool {
    /// A pool of at most `limit` stacks in use at a time.
    pub(crate) fn new(limit: usize) -> Rc<Self> {
        Rc::new(Self {
            free: RefCell::default(),
            in_use: Cell::new(0),
            limit: Cell::new(limit.max(1)),
            returned: Notify::new(),
        })
    }

    /// How many stacks each of `threads` threads may use at a time on this machine.
    pub(crate) fn machine_limit(threads: usize) -> usize {
        let maps = std::fs::read_to_string("/proc/sys/vm/max_map_count")
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(DEFAULT_MAX_MAPS);
        (maps.saturating_sub(MAPS_RESERVED) / 2 / threads.max(1)).max(64)
    }

    /// A stack at once, if there is one.
    #[inline]
    pub(crate) fn try_lend(self: &Rc<Self>) -> Option<Loan> {
        let stack = self.free.borrow_mut().pop().or_else(|| self.allocate())?;
        self.in_use.set(self.in_use.get() + 1);
        Some(Loan {
            pool: Rc::clone(self),
            stack: Some(stack),
        })
    }

    /// A stack as soon as one is returned.
    pub(crate) async fn lend(self: &Rc<Self>) -> Loan {
        loop {
            if let Some(loan) = self.try_lend() {
                return loan;
            }
            self.returned.notified().await;
        }
    }

    fn allocate(&self) -> Option<DefaultStack> {
        if self.in_use.get() >= self.limit.get() {
            return None;
        }
        match DefaultStack::new(STACK_BYTES) {
            Ok(stack) => Some(stack),
            Err(_) => {
                // The system has no more; from now on make do with what there is.
                self.limit.set(self.in_use.get().max(1));
                None
            }
        }
    }
}

impl Loan {
    /// Takes the stack out, to build a coroutine on it; [`Loan::give_back`] puts it in again.
    pub(crate) fn take(&mut self) -> Option<DefaultStack> {
        self.stack.take()
    }

    /// Puts the stack in again.
    pub(crate) fn give_back(&mut self, stack: DefaultStack) {
        self.stack = Some(stack);
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        let pool = &self.pool;
        pool.in_use.set(pool.in_use.get() - 1);
        if let Some(stack) = self.stack.take() {
            let mut free = pool.free.borrow_mut();
            if free.len() < MAX_FREE {
                free.push(stack);
            }
        }
        pool.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn stacks_are_reused_and_bounded() {
        let pool = StackPool::new(2);
        let first = pool.lend().await;
        let second = pool.lend().await;
        assert!(pool.try_lend().is_none());
        drop(first);
        let third = pool.lend().await;
        assert!(pool.try_lend().is_none());
        drop((second, third));
        assert_eq!(pool.in_use.get(), 0);
        assert_eq!(pool.free.borrow().len(), 2, "two stacks served three loans");
    }

    #[test]
    fn every_machine_allows_some_stacks() {
        assert!(StackPool::machine_limit(1) >= 64);
        assert!(StackPool::machine_limit(1_000_000) >= 64);
    }
}

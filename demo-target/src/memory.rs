//! The appetite of `/hungry`: memory that is really touched, and never more in all than a fixed amount.
//!
//! In: a request's wish to eat. Out: a [`Meal`] that keeps its memory until dropped, or one already digested when too
//! many are held at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What one request allocates.
const MEAL_BYTES: usize = 2 * 1024 * 1024;

/// How many meals may be held at a time: 128 MiB in all.
const MEALS_HELD: usize = 64;

const PAGE: usize = 4096;

/// Hands out memory.
#[derive(Debug, Default)]
pub(crate) struct Larder {
    held: AtomicUsize,
}

/// Memory held by one request.
#[derive(Debug)]
pub(crate) struct Meal {
    memory: Vec<u8>,
    larder: Option<Arc<Larder>>,
}

impl Larder {
    /// Allocates and touches [`MEAL_BYTES`].
    pub(crate) fn eat(self: &Arc<Self>) -> Meal {
        let mut memory = vec![0_u8; MEAL_BYTES];
        for (page, byte) in memory.iter_mut().step_by(PAGE).enumerate() {
            *byte = page as u8 | 1;
        }
        let held_before = self.held.fetch_add(1, Ordering::Relaxed);
        if held_before < MEALS_HELD {
            return Meal {
                memory,
                larder: Some(Arc::clone(self)),
            };
        }
        self.held.fetch_sub(1, Ordering::Relaxed);
        // The work is done all the same; only the memory does not stay.
        Meal {
            memory: Vec::new(),
            larder: None,
        }
    }
}

impl Meal {
    /// Bytes held; 0 when too many meals are held already.
    pub(crate) fn held_bytes(&self) -> usize {
        self.memory.len()
    }
}

impl Drop for Meal {
    fn drop(&mut self) {
        if let Some(larder) = &self.larder {
            larder.held.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_limit_is_held_and_it_comes_back() {
        let larder = Arc::new(Larder::default());
        let meals: Vec<_> = (0..MEALS_HELD + 5).map(|_| larder.eat()).collect();
        let held: usize = meals.iter().map(Meal::held_bytes).sum();
        assert_eq!(held, MEALS_HELD * MEAL_BYTES);
        drop(meals);
        assert_eq!(larder.eat().held_bytes(), MEAL_BYTES);
    }
}

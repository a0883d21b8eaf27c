//! One measuring test at a time.
//!
//! In: a test that measures, or that uses every core. Out: a guard; while it lives no other test of the same program
//! holds one. Tests in other programs are kept apart by the test runner's configuration.

use std::sync::{Mutex, MutexGuard, PoisonError};

static TURN: Mutex<()> = Mutex::new(());

/// Held while a test needs the machine for itself.
#[derive(Debug)]
pub struct Alone {
    _turn: MutexGuard<'static, ()>,
}

/// Waits for its turn.
#[must_use]
pub fn alone() -> Alone {
    // A test that failed while it had its turn says so itself.
    Alone {
        _turn: TURN.lock().unwrap_or_else(PoisonError::into_inner),
    }
}

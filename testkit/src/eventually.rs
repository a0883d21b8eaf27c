//! Assertions about what will be true soon.
//!
//! In: a condition. Out: success as soon as it holds; otherwise, when patience ends, a failure with the last value seen.
//! Patience is long since it costs nothing when things go well, and machines can be busy.

use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::Instant;

/// How long [`eventually!`](crate::eventually!) waits unless told otherwise.
pub const PATIENCE: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(5);

/// Calls `attempt` until it returns `Ok`, for `patience` at most, and returns its last error otherwise.
///
/// # Errors
///
/// The last error, with how long was waited.
pub fn retry<T>(patience: Duration, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    let started = Instant::now();
    loop {
        match attempt() {
            Ok(value) => return Ok(value),
            Err(error) if started.elapsed() >= patience => {
                bail!("still after {} ms: {error:#}", started.elapsed().as_millis())
            }
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

/// Asserts, within a function that returns `anyhow::Result`, that a condition comes true within [`PATIENCE`].
///
/// `eventually!(server.requests() == 3)`, `eventually!(condition, "said as in format!: {}", value)`.
#[macro_export]
macro_rules! eventually {
    ($condition:expr $(,)?) => {
        $crate::eventually!($condition, "not true: {}", stringify!($condition))
    };
    ($condition:expr, $($message:tt)+) => {
        $crate::retry($crate::PATIENCE, || {
            if $condition { Ok(()) } else { Err(anyhow::anyhow!($($message)+)) }
        })?
    };
}

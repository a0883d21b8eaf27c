//! Decides which requests of `/flaky` fail: exactly the stated share, spread evenly.
//!
//! In: a share. Out: yes or no per request. Counting rather than rolling dice makes the share exact over any stretch of
//! requests, so a test can expect a number.

use std::sync::atomic::{AtomicU64, Ordering};

/// Past 2^32 requests the product below would lose its fraction; the pattern starts anew before that.
const PERIOD: u64 = 1 << 32;

/// The failures of one path.
#[derive(Debug)]
pub(crate) struct Flaky {
    rate: f64,
    seen: AtomicU64,
}

impl Flaky {
    /// Fails `rate` (0 to 1) of all requests.
    pub(crate) fn new(rate: f64) -> Self {
        Self {
            rate,
            seen: AtomicU64::new(0),
        }
    }

    /// Whether the next request fails.
    pub(crate) fn fails(&self) -> bool {
        let nth = self.seen.fetch_add(1, Ordering::Relaxed) % PERIOD;
        let failures_before = (nth as f64 * self.rate).floor();
        let failures_after = ((nth + 1) as f64 * self.rate).floor();
        failures_after > failures_before
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_share_is_exact_over_any_stretch(rate in 0.0f64..=1.0, stretch in 1u32..5_000, skipped in 0u32..1_000) {
            let flaky = Flaky::new(rate);
            for _ in 0..skipped {
                flaky.fails();
            }
            let failures = (0..stretch).filter(|_| flaky.fails()).count();
            prop_assert!((failures as f64 - f64::from(stretch) * rate).abs() <= 1.0 + 1e-6);
        }
    }
}

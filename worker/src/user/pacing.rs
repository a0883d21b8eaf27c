//! When a user's next iteration starts: wait times, and the planned starts of paced users.

use std::time::Duration;

use fastrand::Rng;
use katydid_scenario_lang::WaitTime;
use tokio::time::Instant;

/// An idle user that starts this much after its planned moment is on time: timers have a granularity of 1 ms, and that
/// is no delay a target has caused.
const TIMER_SLACK: Duration = Duration::from_millis(2);
/// Waits longer than this are cut to it; the clock must not overflow on an exponential draw.
const LONGEST_WAIT: Duration = Duration::from_secs(10 * 365 * 86_400);

/// A user's pacing.
#[derive(Debug)]
pub(crate) struct Pacing {
    wait: WaitTime,
    /// The planned start of the next iteration, for paced users.
    planned: Option<Instant>,
}

/// An iteration's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Start {
    /// When to start; in the past for a user that is late.
    pub(crate) at: Instant,
    /// Whether the user's plan fixes the moment, so that lateness counts as response time.
    pub(crate) planned: bool,
}

impl Pacing {
    /// The pacing of a user whose first iteration starts now.
    pub(crate) fn new(wait: WaitTime) -> Self {
        Self { wait, planned: None }
    }

    /// Notes the start of the first iteration: planned starts count from here.
    pub(crate) fn begin(&mut self, now: Instant) {
        if matches!(self.wait, WaitTime::Pacing(_)) {
            self.planned = Some(now);
        }
    }

    /// The start of the iteration after the one that has just ended.
    ///
    /// A paced user keeps to its plan: planned starts are one period apart whatever happens in between, and one that
    /// was missed is made up for at once. Its requests' response times count from the planned start, so that a slow
    /// target cannot hide behind the users it holds up.
    pub(crate) fn next(&mut self, now: Instant, random: &mut Rng) -> Start {
        match self.wait {
            WaitTime::Pacing(period) => {
                let at = self.planned.unwrap_or(now) + period.min(LONGEST_WAIT);
                self.planned = Some(at);
                Start { at, planned: true }
            }
            WaitTime::Constant(_) | WaitTime::Between(..) | WaitTime::Poisson { .. } => Start {
                at: now + self.pause(random),
                planned: false,
            },
        }
    }

    /// A wait between two steps of a sequence: drawn like any other, but never a planned start.
    pub(crate) fn pause(&self, random: &mut Rng) -> Duration {
        let pause = match self.wait {
            WaitTime::Constant(pause) => pause,
            WaitTime::Between(low, high) => low + high.saturating_sub(low).mul_f64(random.f64()),
            // The inverse of the exponential distribution; 1 - u keeps ln from 0.
            WaitTime::Poisson { per_sec } => {
                let seconds = -(1.0 - random.f64()).ln() / per_sec;
                Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_WAIT)
            }
            WaitTime::Pacing(_) => Duration::ZERO,
        };
        pause.min(LONGEST_WAIT)
    }
}

impl Start {
    /// How late an iteration that starts `now` is, for a user that was idle (or busy) at its planned start.
    pub(crate) fn lateness(self, now: Instant, was_idle: bool) -> Duration {
        if !self.planned {
            return Duration::ZERO;
        }
        let late = now.saturating_duration_since(self.at);
        if was_idle && late <= TIMER_SLACK {
            Duration::ZERO
        } else {
            late
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paced_users_keep_their_plan() {
        let (mut random, zero) = (fastrand::Rng::with_seed(1), Instant::now());
        let period = Duration::from_secs(1);
        let mut pacing = Pacing::new(WaitTime::Pacing(period));
        pacing.begin(zero);
        assert_eq!(pacing.next(zero + period / 2, &mut random).at, zero + period);
        // An iteration of 2.5 periods: the two missed starts are made up for, and counted as late.
        let second = pacing.next(zero + period * 7 / 2, &mut random);
        assert_eq!(second.at, zero + period * 2);
        assert_eq!(second.lateness(zero + period * 7 / 2, false), period * 3 / 2);
        assert_eq!(pacing.next(zero + period * 4, &mut random).at, zero + period * 3);
    }

    #[test]
    fn the_timer_of_an_idle_user_is_not_lateness() {
        let at = Instant::now();
        let start = Start { at, planned: true };
        assert_eq!(
            start.lateness(at + Duration::from_millis(1), true),
            Duration::ZERO
        );
        assert_eq!(
            start.lateness(at + Duration::from_millis(1), false),
            Duration::from_millis(1)
        );
        assert_eq!(
            start.lateness(at + Duration::from_millis(30), true),
            Duration::from_millis(30)
        );
        assert_eq!(
            Start { at, planned: false }.lateness(at + Duration::from_secs(1), false),
            Duration::ZERO
        );
    }

    proptest! {
        #[test]
        fn waits_lie_within_their_bounds(low_ms in 0u64..5_000, more_ms in 0u64..5_000, seed in any::<u64>()) {
            let (low, high) = (Duration::from_millis(low_ms), Duration::from_millis(low_ms + more_ms));
            let mut random = fastrand::Rng::with_seed(seed);
            let now = Instant::now();
            let mut pacing = Pacing::new(WaitTime::Between(low, high));
            for _ in 0..50 {
                let wait = pacing.next(now, &mut random).at - now;
                prop_assert!(wait >= low && wait <= high);
            }
        }

        #[test]
        fn poisson_waits_have_the_right_mean(per_sec in 0.1f64..1_000.0, seed in any::<u64>()) {
            let mut random = fastrand::Rng::with_seed(seed);
            let pacing = Pacing::new(WaitTime::Poisson { per_sec });
            let n = 20_000;
            let sum: f64 = (0..n).map(|_| pacing.pause(&mut random).as_secs_f64()).sum();
            // The mean of n exponential draws lies within 6 standard errors of 1/rate.
            let mean = sum / f64::from(n);
            prop_assert!((mean * per_sec - 1.0).abs() < 6.0 / f64::from(n).sqrt());
        }

        #[test]
        fn planned_starts_are_one_period_apart(ends_ms in prop::collection::vec(0u64..10_000, 1..50)) {
            let (mut random, zero) = (fastrand::Rng::with_seed(1), Instant::now());
            let period = Duration::from_millis(700);
            let mut pacing = Pacing::new(WaitTime::Pacing(period));
            pacing.begin(zero);
            for (k, end) in ends_ms.iter().enumerate() {
                let start = pacing.next(zero + Duration::from_millis(*end), &mut random);
                prop_assert_eq!(start.at, zero + period * (k as u32 + 1));
            }
        }
    }
}

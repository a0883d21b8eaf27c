//! Rates of the moment: counts of the last seconds, second by second.
//!
//! In: counts per second of the run's clock, late ones included. Out: requests and failures per second over the last
//! ten full seconds, falling to 0 when nothing arrives any more.

use std::time::Duration;

use katydid_protocol::stats::SecondCounts;

use crate::clock::second_of;

/// Seconds a rate of the moment looks back.
const WINDOW: u32 = 10;
/// Seconds kept: the window, and those that are not complete yet.
const SLOTS: u32 = 16;
/// Without a delta for this long a worker has nothing to tell: its last seconds are as complete as they will be.
const QUIET: Duration = Duration::from_secs(2);

/// Counts of the last seconds.
#[derive(Debug, Clone, Default)]
pub(crate) struct RecentSeconds {
    slots: [SecondCounts; SLOTS as usize],
}

/// The seconds `start..end` of the run's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    start: u32,
    end: u32,
}

// === impl RecentSeconds ===

impl RecentSeconds {
    /// Adds to a second; one that has long passed is left out, it is in no window any more.
    pub(crate) fn add(&mut self, counts: SecondCounts) {
        let slot = &mut self.slots[(counts.second % SLOTS) as usize];
        if slot.second < counts.second {
            *slot = counts;
        } else if slot.second == counts.second {
            slot.merge(counts);
        }
    }

    /// Requests and failures per second over a window.
    pub(crate) fn rates(&self, window: Window) -> (f64, f64) {
        if window.is_empty() {
            return (0.0, 0.0);
        }
        let (requests, failures) = self
            .slots
            .iter()
            .filter(|slot| (window.start..window.end).contains(&slot.second))
            .fold((0, 0), |(requests, failures), slot| {
                (requests + slot.requests, failures + slot.failures)
            });
        let seconds = f64::from(window.end - window.start);
        (requests as f64 / seconds, failures as f64 / seconds)
    }
}

// === impl Window ===

impl Window {
    /// The last ten full seconds at `now`, as far as they were counted and have been heard of.
    pub(crate) fn last(now: Duration, last_delta_at: Option<Duration>, counted_from: Duration) -> Self {
        let end = complete_until(now, last_delta_at);
        let first_full = second_of(counted_from) + u32::from(counted_from.subsec_nanos() > 0);
        Self {
            start: end.saturating_sub(WINDOW).max(first_full),
            end,
        }
    }

    fn is_empty(self) -> bool {
        self.start >= self.end
    }
}

/// The first second about which a delta may still tell something at `now`.
///
/// A delta sent at 7.3 s holds all of second 6 and the beginning of second 7, wherever in its second the worker sends.
pub(crate) fn complete_until(now: Duration, last_delta_at: Option<Duration>) -> u32 {
    match last_delta_at {
        Some(at) if now.saturating_sub(at) < QUIET => second_of(at.min(now)),
        _ => second_of(now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    /// 100 requests and 10 failures in each of the seconds.
    fn busy(seconds: std::ops::Range<u32>) -> RecentSeconds {
        let mut recent = RecentSeconds::default();
        for second in seconds {
            recent.add(SecondCounts {
                second,
                requests: 60,
                failures: 10,
                late: 0,
            });
            recent.add(SecondCounts {
                second,
                requests: 40,
                failures: 0,
                late: 0,
            });
        }
        recent
    }

    fn rps(recent: &RecentSeconds, now: f64, last_delta_at: f64) -> f64 {
        recent
            .rates(Window::last(secs(now), Some(secs(last_delta_at)), Duration::ZERO))
            .0
    }

    #[test]
    fn the_rate_is_steady_from_the_first_full_second_on() {
        for seconds in 1..50 {
            let recent = busy(0..seconds);
            let now = f64::from(seconds) + 0.1;
            let window = Window::last(secs(now), Some(secs(now - 0.1)), Duration::ZERO);
            assert_eq!(recent.rates(window), (100.0, 10.0), "at {now}");
        }
    }

    #[test]
    fn seconds_not_heard_of_to_their_end_are_left_out() {
        let mut recent = busy(0..20);
        // The worker sends in the middle of its seconds: half of second 20 has arrived at 21.1.
        recent.add(SecondCounts {
            second: 20,
            requests: 50,
            failures: 0,
            late: 0,
        });
        assert_eq!(rps(&recent, 21.1, 20.5), 100.0);
    }

    #[test]
    fn nothing_is_known_before_a_second_is_full() {
        assert_eq!(rps(&busy(0..1), 0.5, 0.4), 0.0);
        assert_eq!(
            RecentSeconds::default().rates(Window::last(secs(0.0), None, Duration::ZERO)),
            (0.0, 0.0)
        );
    }

    #[test]
    fn the_rate_decays_to_zero_when_traffic_stops() {
        let recent = busy(0..20);
        let rates: Vec<f64> = (20..=31).map(|now| rps(&recent, f64::from(now), 20.0)).collect();
        assert_eq!(
            rates,
            [
                100.0, 100.0, 80.0, 70.0, 60.0, 50.0, 40.0, 30.0, 20.0, 10.0, 0.0, 0.0
            ]
        );
    }

    #[test]
    fn after_a_reset_only_full_seconds_since_count() {
        let mut recent = RecentSeconds::default();
        recent.add(SecondCounts {
            second: 5,
            requests: 30,
            failures: 0,
            late: 0,
        });
        recent.add(SecondCounts {
            second: 6,
            requests: 100,
            failures: 0,
            late: 0,
        });
        assert_eq!(
            recent.rates(Window::last(secs(6.0), Some(secs(6.0)), secs(5.7))),
            (0.0, 0.0)
        );
        assert_eq!(
            recent.rates(Window::last(secs(7.0), Some(secs(7.0)), secs(5.7))),
            (100.0, 0.0)
        );
    }

    #[test]
    fn a_late_second_still_counts_and_a_long_past_one_does_not_disturb() {
        let mut recent = busy(15..20);
        recent.add(SecondCounts {
            second: 14,
            requests: 100,
            failures: 10,
            late: 0,
        });
        recent.add(SecondCounts {
            second: 3,
            requests: 1_000_000,
            failures: 0,
            late: 0,
        });
        assert_eq!(rps(&recent, 20.0, 20.0), 60.0);
    }
}

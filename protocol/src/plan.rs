//! What load to apply: the run's plan and the user classes it is spread over.
//!
//! In: numbers a person typed or a scenario declared. Out: a [`LoadPlan`] the run follows, and for any total the
//! number of users of each class ([`distribute`]).

mod arrivals;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use arrivals::{
    ARRIVALS_BEGIN, ArrivalPlan, ArrivalStage, MAX_ARRIVAL_RATE, MAX_STAGES, OnLate, Spacing,
};

/// Users of a run at most; each is dispatched by itself.
pub const MAX_USERS: u32 = 1_000_000;

/// The load one run applies: a number of users reached at a spawn rate, or arrivals, for a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadPlan {
    /// Users running once everybody has been started; with arrivals, users there may be at most.
    pub users: u32,
    /// Users started (or stopped) per second; finite and above 0.
    pub spawn_rate: f64,
    /// Time from the start of the run to its planned end; `None` runs until somebody stops it, or arrivals are over.
    pub run_time: Option<Duration>,
    /// Grace for running iterations when users are stopped.
    pub stop_timeout: Duration,
    /// When iterations start, if not whenever a user is done with the last one.
    #[serde(default)]
    pub arrivals: Option<ArrivalPlan>,
}

impl LoadPlan {
    /// No load at all.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            users: 0,
            spawn_rate: 1.0,
            run_time: None,
            stop_timeout: Duration::ZERO,
            arrivals: None,
        }
    }

    /// How long the run lasts if nobody stops it: its run time, or that of all arrivals if they take less.
    #[must_use]
    pub fn length(&self) -> Option<Duration> {
        let arrivals = self.arrivals.as_ref().and_then(ArrivalPlan::duration);
        [self.run_time, arrivals].into_iter().flatten().min()
    }

    /// The run clock's reading at which the run ends by itself: with arrivals a moment after the last of them, so that it
    /// starts even if its worker is busy.
    #[must_use]
    pub fn ends_at(&self) -> Option<Duration> {
        let begins = if self.arrivals.is_some() {
            2 * ARRIVALS_BEGIN
        } else {
            Duration::ZERO
        };
        self.length().map(|length| length.saturating_add(begins))
    }
}

/// A user class as far as spreading users over classes is concerned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UserClass {
    /// The class's name in the scenario; unique within a run.
    pub name: String,
    /// Share of the users among the classes without a fixed count; 0 and above.
    pub weight: f64,
    /// Exactly this many users, served before any weighted class; 0 means "by weight".
    pub fixed_count: u32,
}

/// How many users of each class make up `total`: fixed counts first, the rest by weight.
///
/// Deterministic: fixed counts are served in the order of the classes; the rest is split by the method of the largest
/// remainder, ties going to the earlier class. The sum is `total`, except when no class has weight left to take the
/// rest; then it is the sum of the fixed counts.
#[must_use]
pub fn distribute(classes: &[UserClass], total: u32) -> Vec<u32> {
    let mut counts = vec![0u32; classes.len()];
    let mut rest = total;
    for (count, class) in counts.iter_mut().zip(classes) {
        *count = class.fixed_count.min(rest);
        rest -= *count;
    }
    let weight_of = |class: &UserClass| {
        if class.fixed_count > 0 {
            0.0
        } else {
            class.weight.max(0.0)
        }
    };
    let weight_sum: f64 = classes.iter().map(weight_of).sum();
    if rest == 0 || weight_sum <= 0.0 {
        return counts;
    }
    let mut remainders = Vec::new();
    let mut given = 0u32;
    for (index, class) in classes.iter().enumerate() {
        let ideal = f64::from(rest) * weight_of(class) / weight_sum;
        let whole = ideal.floor();
        counts[index] += whole as u32;
        given += whole as u32;
        if weight_of(class) > 0.0 {
            remainders.push((ideal - whole, index));
        }
    }
    remainders.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    for (_, index) in remainders
        .iter()
        .cycle()
        .take(rest.saturating_sub(given) as usize)
    {
        counts[*index] += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn class(weight: f64, fixed_count: u32) -> UserClass {
        UserClass {
            name: String::new(),
            weight,
            fixed_count,
        }
    }

    #[test]
    fn splits_by_weight_with_the_largest_remainder_first() {
        assert_eq!(distribute(&[class(5.0, 0), class(1.0, 0)], 12), [10, 2]);
        assert_eq!(
            distribute(&[class(1.0, 0), class(1.0, 0), class(1.0, 0)], 10),
            [4, 3, 3]
        );
        assert_eq!(distribute(&[class(3.0, 0), class(1.0, 0)], 1), [1, 0]);
    }

    #[test]
    fn serves_fixed_counts_first() {
        assert_eq!(distribute(&[class(1.0, 0), class(1.0, 3)], 5), [2, 3]);
        assert_eq!(distribute(&[class(1.0, 0), class(1.0, 3)], 2), [0, 2]);
        assert_eq!(distribute(&[class(1.0, 4), class(1.0, 3)], 100), [4, 3]);
    }

    #[test]
    fn a_weight_of_zero_gets_nobody() {
        assert_eq!(distribute(&[class(0.0, 0), class(1.0, 0)], 7), [0, 7]);
        assert_eq!(distribute(&[class(0.0, 0)], 7), [0]);
    }

    proptest! {
        #[test]
        fn the_total_is_kept_and_nobody_is_a_user_away_from_the_ideal(
            weights in prop::collection::vec(0.01f64..100.0, 1..20),
            total in 0u32..100_000,
        ) {
            let classes: Vec<_> = weights.iter().map(|w| class(*w, 0)).collect();
            let counts = distribute(&classes, total);
            prop_assert_eq!(counts.iter().sum::<u32>(), total);
            let sum: f64 = weights.iter().sum();
            for (count, weight) in counts.iter().zip(&weights) {
                prop_assert!((f64::from(*count) - f64::from(total) * weight / sum).abs() < 1.0 + 1e-6);
            }
            prop_assert_eq!(distribute(&classes, total), counts);
        }
    }
}

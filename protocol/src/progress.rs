//! Where a place is on its way to its share, by the clock alone.
//!
//! In: the shares a place was given. Out: how many users of each class it runs at a moment if it follows them, so that
//! a change of plans in the middle of a ramp can go on from there without asking.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::directive::Share;
use crate::dispatch::interleave;

/// The way of one place.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    before: Vec<u32>,
    share: Option<Share>,
}

/// The changes from some users to others: classes to start and classes to stop a user of, each in order.
///
/// Starts and stops go on side by side, each at the share's rate, so that the total passes smoothly from the old to
/// the new.
#[must_use]
pub fn changes(from: &[u32], to: &[u32]) -> (Vec<usize>, Vec<usize>) {
    let surplus = |of: &[u32], over: &[u32]| -> Vec<u32> {
        (0..of.len().max(over.len()))
            .map(|class| {
                let at = |users: &[u32]| users.get(class).copied().unwrap_or(0);
                at(of).saturating_sub(at(over))
            })
            .collect()
    };
    (interleave(&surplus(to, from)), interleave(&surplus(from, to)))
}

impl Progress {
    /// A place that runs `users` and follows no share.
    #[must_use]
    pub fn standing(users: Vec<u32>) -> Self {
        Self {
            before: users,
            share: None,
        }
    }

    /// Users per class when the run's clock reads `now`.
    #[must_use]
    pub fn users_at(&self, now: Duration) -> Vec<u32> {
        let Some(share) = &self.share else {
            return self.before.clone();
        };
        let (starts, stops) = changes(&self.before, &share.users);
        let mut users = self.before.clone();
        users.resize(self.before.len().max(share.users.len()), 0);
        for class in &starts[..due_by(share, now, starts.len())] {
            users[*class] += 1;
        }
        for class in &stops[..due_by(share, now, stops.len())] {
            users[*class] -= 1;
        }
        users
    }

    /// Users per class once everything has happened.
    #[must_use]
    pub fn goal(&self) -> &[u32] {
        self.share.as_ref().map_or(&self.before, |share| &share.users)
    }

    /// The share followed.
    #[must_use]
    pub fn share(&self) -> Option<&Share> {
        self.share.as_ref()
    }

    /// From `now` on another share is followed.
    pub fn follow(&mut self, share: Share, now: Duration) {
        self.before = self.users_at(now);
        self.share = Some(share);
    }
}

/// How many of `count` changes are due by `now`.
fn due_by(share: &Share, now: Duration, count: usize) -> usize {
    let mut low = 0;
    let mut high = count;
    while low < high {
        let middle = usize::midpoint(low, high);
        if share.due(u32::try_from(middle).unwrap_or(u32::MAX)) <= now {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn share(users: &[u32], from: u64, rate: f64) -> Share {
        Share {
            epoch: 1,
            plan: 1,
            users: users.to_vec(),
            from: Duration::from_secs(from),
            rate,
            offset: 0.0,
            stride: 1.0,
            stop_timeout: Duration::ZERO,
            lane: None,
        }
    }

    #[test]
    fn a_ramp_is_followed_by_the_clock() {
        let mut progress = Progress::standing(vec![0, 0]);
        progress.follow(share(&[2, 4], 10, 2.0), Duration::from_secs(10));
        assert_eq!(progress.users_at(Duration::from_secs(9)), [0, 0]);
        assert_eq!(progress.users_at(Duration::from_secs(10)), [0, 1]);
        assert_eq!(progress.users_at(Duration::from_secs(11)), [1, 2]);
        assert_eq!(progress.users_at(Duration::from_secs(100)), [2, 4]);
        // The other way round from the middle.
        progress.follow(share(&[0, 0], 11, 1.0), Duration::from_secs(11));
        assert_eq!(progress.users_at(Duration::from_secs(12)), [0, 1]);
        assert_eq!(progress.users_at(Duration::from_secs(13)), [0, 0]);
        assert_eq!(progress.goal(), [0, 0]);
    }

    proptest! {
        #[test]
        fn it_never_leaves_the_way_between_the_two(
            before in prop::collection::vec(0u32..50, 3), after in prop::collection::vec(0u32..50, 3),
            at in 0u64..60,
        ) {
            let mut progress = Progress::standing(before.clone());
            progress.follow(share(&after, 5, 3.0), Duration::ZERO);
            let users = progress.users_at(Duration::from_secs(at));
            for class in 0..3 {
                let (low, high) = (before[class].min(after[class]), before[class].max(after[class]));
                prop_assert!((low..=high).contains(&users[class]));
            }
            prop_assert_eq!(progress.users_at(Duration::from_secs(100)), after);
        }
    }
}

//! Which user starts or stops when: a share turned into a list of due changes.

use std::collections::VecDeque;

use katydid_protocol::directive::Share;
use katydid_protocol::progress;
use tokio::time::Instant;

use crate::clock::RunClock;

/// One change of a thread's users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Start a user of this class.
    Start(usize),
    /// Stop a user of this class.
    Stop(usize),
}

/// Changes to come, the next one first.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    changes: VecDeque<(Instant, Change)>,
}

impl Schedule {
    /// The way from the users there are to the users a share wants: classes mixed, at the share's rate.
    pub(crate) fn new(share: &Share, present: &[u32], clock: RunClock) -> Self {
        let due = |k: usize| clock.moment(share.due(u32::try_from(k).unwrap_or(u32::MAX)));
        let (starts, stops) = progress::changes(present, &share.users);
        let starts = starts.into_iter().map(Change::Start).enumerate();
        let stops = stops.into_iter().map(Change::Stop).enumerate();
        let mut changes: Vec<(Instant, Change)> =
            starts.chain(stops).map(|(k, change)| (due(k), change)).collect();
        changes.sort_by_key(|(due, _)| *due);
        Self {
            changes: changes.into(),
        }
    }

    /// When the next change is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.changes.front().map(|(due, _)| *due)
    }

    /// The next change, if it is due.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Change> {
        if self.next_due()? <= now {
            self.changes.pop_front().map(|(_, change)| change)
        } else {
            None
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.changes.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn share(users: Vec<u32>) -> Share {
        Share {
            epoch: 1,
            plan: 1,
            users,
            from: Duration::ZERO,
            rate: 2.0,
            offset: 0.0,
            stride: 1.0,
            stop_timeout: Duration::ZERO,
            lane: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn users_start_at_the_rate_with_classes_mixed() {
        let clock = RunClock::reading(Duration::ZERO);
        let zero = Instant::now();
        let mut schedule = Schedule::new(&share(vec![1, 2]), &[0, 0], clock);
        let mut seen = Vec::new();
        while let Some(due) = schedule.next_due() {
            assert_eq!(schedule.pop_due(due - Duration::from_millis(1)), None);
            seen.push((due - zero, schedule.pop_due(due).unwrap()));
        }
        assert_eq!(
            seen,
            [
                (Duration::ZERO, Change::Start(1)),
                (Duration::from_millis(500), Change::Start(0)),
                (Duration::from_secs(1), Change::Start(1)),
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn growing_and_shrinking_classes_change_side_by_side() {
        let mut schedule = Schedule::new(&share(vec![0, 2]), &[2, 0], RunClock::reading(Duration::ZERO));
        let late = Instant::now() + Duration::from_secs(10);
        let changes: Vec<_> = std::iter::from_fn(|| schedule.pop_due(late)).collect();
        assert_eq!(
            changes,
            [
                Change::Start(1),
                Change::Stop(0),
                Change::Start(1),
                Change::Stop(0)
            ]
        );
        assert!(schedule.is_empty());
    }
}

//! What all workers do together.
//!
//! In: workers before and after they said how they are. Out: their users, and whether all have done what they were told.
//! A thousand workers say it every second: each changes the sums by its own part, and whatever else happens to workers,
//! which is rare, lets them be added up anew.

use katydid_protocol::report::WorkerStatus;

use super::{Fleet, Member, Presence, WorkerId};

/// The sums.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sums {
    /// Per class, of workers that can be heard.
    users: Vec<u64>,
    /// Workers that run users for good.
    active: usize,
    /// Those among them that have not done everything they were told.
    unsettled: usize,
}

impl Sums {
    fn of(fleet: &Fleet) -> Self {
        let mut sums = Self::default();
        fleet.iter().for_each(|member| sums.add(member));
        sums
    }

    fn add(&mut self, member: &Member) {
        if can_be_heard(member) {
            let users = &member.status.users;
            self.users.resize(self.users.len().max(users.len()), 0);
            for (sum, users) in self.users.iter_mut().zip(users) {
                *sum += u64::from(*users);
            }
        }
        if member.presence == Presence::Active {
            self.active += 1;
            self.unsettled += usize::from(!member.is_settled());
        }
    }

    /// Takes away what [`Self::add`] added for this very member.
    fn remove(&mut self, member: &Member) {
        if can_be_heard(member) {
            for (sum, users) in self.users.iter_mut().zip(&member.status.users) {
                *sum -= u64::from(*users);
            }
        }
        if member.presence == Presence::Active {
            self.active -= 1;
            self.unsettled -= usize::from(!member.is_settled());
        }
    }
}

fn can_be_heard(member: &Member) -> bool {
    !matches!(member.presence, Presence::Gone | Presence::Missing)
}

impl Fleet {
    /// Takes note of a worker's users.
    pub(crate) fn status(&mut self, id: WorkerId, status: WorkerStatus) {
        // A worker may be ahead of a master that was restarted from its journal.
        self.epoch = self.epoch.max(status.epoch);
        let mut sums = self.sums.take().unwrap_or_else(|| Sums::of(self));
        if let Some(member) = self.members.get_mut(&id) {
            sums.remove(member);
            member.status = status;
            sums.add(member);
        }
        self.sums = Some(sums);
    }

    /// Users per class over all workers that can be heard.
    pub(crate) fn users_by_class(&self, classes: usize) -> Vec<u32> {
        self.with_sums(|sums| {
            let users = sums
                .users
                .iter()
                .map(|sum| u32::try_from(*sum).unwrap_or(u32::MAX));
            users.chain(std::iter::repeat(0)).take(classes).collect()
        })
    }

    /// Whether every worker that runs users has done what it was told.
    pub(crate) fn is_settled(&self) -> bool {
        self.with_sums(|sums| sums.active > 0 && sums.unsettled == 0)
    }

    /// Workers that run users for good.
    pub(crate) fn active(&self) -> usize {
        self.with_sums(|sums| sums.active)
    }

    fn with_sums<T>(&self, read: impl FnOnce(&Sums) -> T) -> T {
        match &self.sums {
            Some(sums) => read(sums),
            None => read(&Sums::of(self)),
        }
    }

    /// Whether the sums that are kept are those of the workers.
    #[cfg(test)]
    pub(super) fn sums_are_right(&self) -> bool {
        self.with_sums(|sums| {
            let right = Sums::of(self);
            let users = |sums: &Sums| -> Vec<u64> {
                let mut users = sums.users.clone();
                users.resize(64, 0);
                users
            };
            (sums.active, sums.unsettled) == (right.active, right.unsettled) && users(sums) == users(&right)
        })
    }
}

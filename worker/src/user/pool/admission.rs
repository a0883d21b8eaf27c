//! The open model: users are started for arrivals, not by a schedule.
//!
//! In: the run's plan of arrivals, the thread's lane, how many users each class may have. Out: each arrival finds a user
//! who is free, or a new one, or waits, or is dropped; and is counted as what becomes of it.

use std::rc::Rc;

use katydid_protocol::directive::Share;
use katydid_protocol::plan::{ArrivalPlan, OnLate};
use tokio::time::Instant;

use super::{UserPool, count};
use crate::clock::RunClock;
use crate::user::context::UserContext;
use crate::user::desk::{Arrived, Desk, Seat, Users};
use crate::user::timetable::Timetable;
use crate::user::weights::Weights;

/// What a pool needs to serve arrivals.
#[derive(Debug)]
pub(super) struct Admission {
    timetable: Timetable,
    desk: Rc<Desk>,
    /// Which class an arrival is of.
    weights: Weights,
    on_late: OnLate,
    clock: RunClock,
    /// Users there may be, as they are spread over classes; whichever class needs them has them.
    most: Vec<u32>,
    /// How many from a moment on at which others take over what it does until then.
    fewer: Option<(Instant, Vec<u32>)>,
}

impl Admission {
    pub(super) fn next_due(&self) -> Option<Instant> {
        let arrival = self.timetable.next_due().map(|due| self.clock.moment(due));
        let fewer = self.fewer.as_ref().map(|(due, _)| *due);
        arrival.into_iter().chain(fewer).min()
    }

    /// Whether it does what it was told last.
    pub(super) fn is_settled(&self) -> bool {
        self.fewer.is_none()
    }
}

impl UserPool {
    /// From now on users are started for arrivals.
    pub(crate) fn admit_arrivals(&mut self, plan: &ArrivalPlan, clock: RunClock) {
        self.admission = Some(Admission {
            timetable: Timetable::new(plan),
            desk: Rc::new(Desk::new(self.groups.len())),
            weights: Weights::new(self.groups.iter().map(|group| group.class.weight)),
            on_late: plan.on_late,
            clock,
            most: vec![0; self.groups.len()],
            fewer: None,
        });
    }

    /// Takes which arrivals are its own, and how many users it may have for them.
    pub(super) fn share_arrivals(&mut self, share: &Share, now: Instant) {
        let Some(admission) = &mut self.admission else {
            return;
        };
        let mut begins = now;
        if let Some(lane) = share.lane.clone() {
            begins = admission.clock.moment(admission.timetable.begins(&lane));
            let elapsed = admission.clock.read(now);
            let mut random = self.shared.random.borrow_mut();
            let missed = admission.timetable.follow(lane, elapsed, &mut random);
            if missed > 0 {
                self.shared.recorder.arrival(now, |counts| {
                    counts.planned += missed;
                    counts.dropped += missed;
                });
            }
        }
        // Until then its arrivals are its own, and need their users.
        admission.most.resize(share.users.len(), 0);
        for (most, users) in admission.most.iter_mut().zip(&share.users) {
            *most = (*most).max(*users);
        }
        admission.fewer = Some((begins, share.users.clone()));
        self.have_fewer(now);
        self.serve_waiting();
    }

    /// Parts with the users that others have instead, once they do.
    fn have_fewer(&mut self, now: Instant) {
        let Some(admission) = &mut self.admission else {
            return;
        };
        if admission.fewer.as_ref().is_none_or(|(due, _)| *due > now) {
            return;
        }
        if let Some((_, users)) = admission.fewer.take() {
            admission.most = users;
        }
        self.tell_desk();
        while self.running() > self.most() && self.stop_surplus(now) {}
    }

    /// Starts what is due.
    pub(super) fn admit(&mut self, now: Instant) {
        self.start_due(now);
        self.have_fewer(now);
    }

    fn start_due(&mut self, now: Instant) {
        let Some(desk) = self.desk() else {
            return;
        };
        let shared = Rc::clone(&self.shared);
        while let Some((planned, class)) = self.next_arrival(now) {
            shared.recorder.arrival(planned, |counts| counts.planned += 1);
            if let Some(user) = desk.take_idle(class) {
                user.give(planned);
            } else if self.running() < self.most() || self.make_room(class, &desk, now) {
                let waited = false;
                self.start_for(&desk, class, Arrived { planned, waited });
            } else if self.drops_late() || !desk.wait(class, planned) {
                shared.recorder.arrival(now, |counts| counts.dropped += 1);
            }
        }
    }

    /// Starts users for arrivals that wait, where there may be more of them now.
    pub(super) fn serve_waiting(&mut self) {
        let Some(desk) = self.desk().filter(|_| !self.stopping) else {
            return;
        };
        while self.running() < self.most()
            && let Some(class) = desk.neediest()
            && let Some(planned) = desk.take_waiting(class)
        {
            let waited = true;
            self.start_for(&desk, class, Arrived { planned, waited });
        }
    }

    /// No more arrivals; those that wait are dropped.
    pub(super) fn close_admission(&mut self, now: Instant) {
        if let Some(admission) = &mut self.admission {
            let overdue = admission.timetable.close(admission.clock.read(now));
            admission.fewer = None;
            let waited = admission.desk.close() as u64;
            self.shared.recorder.arrival(now, |counts| {
                counts.planned += overdue;
                counts.dropped += overdue + waited;
            });
        }
    }

    /// Statistics have been reset: what waits is part of the new ones.
    pub(crate) fn count_waiting_anew(&self, now: Instant) {
        if let Some(admission) = &self.admission {
            let waiting = admission.desk.waiting() as u64;
            self.shared
                .recorder
                .arrival(now, |counts| counts.planned += waiting);
        }
    }

    /// The next arrival that is due, and the class it is of: drawn by weight.
    fn next_arrival(&mut self, now: Instant) -> Option<(Instant, usize)> {
        let admission = self.admission.as_mut()?;
        let mut random = self.shared.random.borrow_mut();
        let elapsed = admission.clock.read(now);
        let planned = admission.timetable.pop_due(elapsed, &mut random)?;
        let class = admission.weights.draw(&mut random).unwrap_or_default();
        Some((admission.clock.moment(planned), class))
    }

    fn start_for(&mut self, desk: &Rc<Desk>, class: usize, arrived: Arrived) {
        self.start_one(class, Some(Seat::new(Rc::clone(desk), class, arrived)));
        self.tell_desk();
    }

    fn desk(&self) -> Option<Rc<Desk>> {
        let admission = self.admission.as_ref()?;
        Some(Rc::clone(&admission.desk))
    }

    /// Parts with a user of another class who is idle, if that class has to make room.
    fn make_room(&mut self, class: usize, desk: &Desk, now: Instant) -> bool {
        desk.take_idle_for(class)
            .is_some_and(|(other, user)| self.finish_user(other, user.id, now))
    }

    /// Tells a user to finish, one who is idle before others; `false` when there is none.
    fn stop_surplus(&mut self, now: Instant) -> bool {
        let idle = self
            .desk()
            .and_then(|desk| (0..self.groups.len()).find_map(|class| Some((class, desk.take_idle(class)?))));
        if let Some((class, user)) = idle {
            return self.finish_user(class, user.id, now);
        }
        let classes = 0..self.groups.len();
        let fullest = classes.max_by_key(|class| self.groups[*class].running.len());
        fullest.is_some_and(|class| self.stop_one(class, now))
    }

    /// Tells the desk how many users there are; whenever that changes.
    pub(super) fn tell_desk(&self) {
        if let Some(admission) = &self.admission {
            let classes = self.groups.iter().zip(&admission.most);
            admission.desk.tell(classes.map(|(group, most)| Users {
                running: count(group.running.len()),
                own: *most,
            }));
        }
    }

    fn drops_late(&self) -> bool {
        self.admission
            .as_ref()
            .is_some_and(|admission| admission.on_late == OnLate::Drop)
    }

    fn running(&self) -> u32 {
        self.groups
            .iter()
            .map(|group| count(group.running.len()))
            .fold(0, u32::saturating_add)
    }

    fn most(&self) -> u32 {
        let most = self.admission.iter().flat_map(|admission| &admission.most);
        most.fold(0, |sum, users| sum.saturating_add(*users))
    }
}

impl UserContext {
    /// Gives an arrival to the user, who is idle.
    fn give(&self, planned: Instant) {
        if let Some(seat) = &self.seat {
            seat.give(planned);
        }
    }
}

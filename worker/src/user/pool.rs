//! The users of one load thread: started and stopped on schedule, replaced when they fail to start, counted.
//!
//! In: shares, and the ends of users. Out: running users, and a status for people to see. Everything here happens on
//! the load thread between turns of its users.

mod admission;

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use katydid_protocol::directive::Share;
use katydid_protocol::report::WorkerStatus;
use tokio::sync::Notify;
use tokio::time::Instant;

use admission::Admission;

use super::class::Class;
use super::context::{ThreadShared, UserContext};
use super::desk::Seat;
use super::schedule::{Change, Schedule};
use super::session::{UserEnd, run_user};
use super::stop::StopLevel;
use crate::clock::RunClock;

/// A load thread's users.
#[derive(Debug)]
pub(crate) struct UserPool {
    shared: Rc<ThreadShared>,
    groups: Vec<ClassUsers>,
    schedule: Schedule,
    /// With arrivals, who starts users instead of the schedule.
    admission: Option<Admission>,
    /// Users to start anew after a failed start, by their moment.
    replacements: VecDeque<(Instant, usize)>,
    /// Users told to finish, with the moment at which they are killed.
    deadlines: VecDeque<(Instant, Rc<UserContext>)>,
    ends: Rc<Ends>,
    epoch: u64,
    plan: u64,
    stop_timeout: Duration,
    next_id: u64,
    id_step: u64,
    stopping: bool,
}

/// The users of one class.
#[derive(Debug)]
struct ClassUsers {
    class: Rc<Class>,
    /// Users that go on, by id: the newest is the last.
    running: BTreeMap<u64, Rc<UserContext>>,
    /// Users told to end that have not ended yet.
    finishing: BTreeMap<u64, Rc<UserContext>>,
    /// Users that ended by themselves and are not replaced.
    retired: u32,
}

/// Where users' tasks leave word of their end.
#[derive(Debug, Default)]
struct Ends {
    queue: RefCell<Vec<(usize, u64, UserEnd)>>,
    arrived: Notify,
}

/// Leaves word when a user's task is over, also when it panicked or was dropped.
struct EndGuard {
    ends: Rc<Ends>,
    class: usize,
    id: u64,
    end: UserEnd,
}

impl Drop for EndGuard {
    fn drop(&mut self) {
        let end = std::mem::replace(&mut self.end, UserEnd::Panicked);
        self.ends.queue.borrow_mut().push((self.class, self.id, end));
        self.ends.arrived.notify_one();
    }
}

impl UserPool {
    /// A pool whose users get the ids `first_id`, `first_id + id_step`…, so that threads need not agree on them.
    pub(crate) fn new(shared: Rc<ThreadShared>, classes: &[Rc<Class>], first_id: u64, id_step: u64) -> Self {
        let groups = classes
            .iter()
            .map(|class| ClassUsers {
                class: Rc::clone(class),
                running: BTreeMap::new(),
                finishing: BTreeMap::new(),
                retired: 0,
            })
            .collect();
        Self {
            shared,
            groups,
            schedule: Schedule::default(),
            admission: None,
            replacements: VecDeque::new(),
            deadlines: VecDeque::new(),
            ends: Rc::default(),
            epoch: 0,
            plan: 0,
            stop_timeout: Duration::ZERO,
            next_id: first_id,
            id_step,
            stopping: false,
        }
    }

    /// Takes a new share: what was still to come of the last one is forgotten.
    pub(crate) fn share(&mut self, share: &Share, clock: RunClock) {
        if self.stopping || share.epoch <= self.epoch {
            return;
        }
        self.epoch = share.epoch;
        self.stop_timeout = share.stop_timeout;
        if self.admission.is_some() {
            self.share_arrivals(share, Instant::now());
            return;
        }
        self.replacements.clear();
        let present: Vec<u32> = self
            .groups
            .iter()
            .map(|group| count(group.running.len()))
            .collect();
        if share.plan > self.plan {
            self.plan = share.plan;
            self.groups.iter_mut().for_each(|group| group.retired = 0);
        }
        // Users that ended by themselves keep their places: when users only move, they are not replaced either.
        let wanted = share.users.iter().zip(&mut self.groups).map(|(users, group)| {
            group.retired = group.retired.min(*users);
            users - group.retired
        });
        let share = Share {
            users: wanted.collect(),
            ..share.clone()
        };
        self.schedule = Schedule::new(&share, &present, clock);
    }

    /// Tells all users to finish within `grace`.
    pub(crate) fn stop(&mut self, grace: Duration, now: Instant) {
        self.stopping = true;
        self.schedule.clear();
        self.replacements.clear();
        self.close_admission(now);
        self.stop_timeout = grace;
        // Users told earlier to finish may have a later deadline than the stop allows.
        for (deadline, _) in &mut self.deadlines {
            *deadline = (*deadline).min(now + grace);
        }
        for class in 0..self.groups.len() {
            while self.stop_one(class, now) {}
        }
        self.kill_overdue(now);
    }

    /// Whether a stop has been asked for and everybody has ended.
    pub(crate) fn has_stopped(&self) -> bool {
        self.stopping
            && self
                .groups
                .iter()
                .all(|group| group.running.is_empty() && group.finishing.is_empty())
    }

    /// When something is due next.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let replacement = self.replacements.front().map(|(due, _)| *due);
        let deadline = self.deadlines.front().map(|(due, _)| *due);
        let arrival = self.admission.as_ref().and_then(Admission::next_due);
        [self.schedule.next_due(), replacement, deadline, arrival]
            .into_iter()
            .flatten()
            .min()
    }

    /// Does what is due.
    pub(crate) fn advance(&mut self, now: Instant) {
        while let Some(change) = self.schedule.pop_due(now) {
            match change {
                Change::Start(class) => self.start_one(class, None),
                Change::Stop(class) => {
                    self.stop_one(class, now);
                }
            }
        }
        while self.replacements.front().is_some_and(|(due, _)| *due <= now) {
            if let Some((_, class)) = self.replacements.pop_front() {
                self.start_one(class, None);
            }
        }
        self.admit(now);
        self.kill_overdue(now);
    }

    /// Waits until a user has ended.
    pub(crate) async fn user_ended(&self) {
        let ends = Rc::clone(&self.ends);
        if ends.queue.borrow().is_empty() {
            ends.arrived.notified().await;
        }
    }

    /// Takes in the users that have ended; returns the reasons of those that ask for the end of the test.
    pub(crate) fn bury(&mut self, now: Instant) -> Vec<String> {
        let mut stop_reasons = Vec::new();
        let ended = self.ends.queue.take();
        let has_ended = !ended.is_empty();
        for (class, id, end) in ended {
            let Some(group) = self.groups.get_mut(class) else {
                continue;
            };
            let was_running = group.running.remove(&id).is_some();
            group.finishing.remove(&id);
            match end {
                UserEnd::Stopped => {}
                // With arrivals the next one brings another user.
                UserEnd::Retired | UserEnd::StartFailed | UserEnd::Panicked if self.admission.is_some() => {}
                UserEnd::Retired => group.retired += u32::from(was_running),
                UserEnd::StopTest(reason) => stop_reasons.push(reason),
                UserEnd::StartFailed | UserEnd::Panicked if was_running => {
                    let due = group.class.restarts.failed(now);
                    let at = self.replacements.partition_point(|(other, _)| *other <= due);
                    self.replacements.insert(at, (due, class));
                }
                UserEnd::StartFailed | UserEnd::Panicked => {}
            }
        }
        if has_ended {
            self.tell_desk();
            self.serve_waiting();
        }
        if self.deadlines.len() > 1_000 {
            self.deadlines.retain(|(_, user)| Rc::strong_count(user) > 1);
        }
        stop_reasons
    }

    /// The users now.
    pub(crate) fn status(&self) -> WorkerStatus {
        WorkerStatus {
            epoch: self.epoch,
            users: self
                .groups
                .iter()
                .map(|group| count(group.running.len() + group.finishing.len()))
                .collect(),
            settled: self.schedule.is_empty() && self.admission.as_ref().is_none_or(Admission::is_settled),
            retired: self.groups.iter().map(|group| group.retired).collect(),
        }
    }

    fn start_one(&mut self, class: usize, seat: Option<Seat>) {
        let Some(group) = self.groups.get_mut(class) else {
            return;
        };
        let id = self.next_id;
        self.next_id += self.id_step;
        let user = UserContext::seated(id, Rc::clone(&group.class), Rc::clone(&self.shared), seat);
        group.running.insert(id, Rc::clone(&user));
        let guard = EndGuard {
            ends: Rc::clone(&self.ends),
            class,
            id,
            end: UserEnd::Panicked,
        };
        // The task owns itself; its guard tells us when it is over, and `has_stopped` waits for that.
        drop(tokio::task::spawn_local(async move {
            let mut guard = guard;
            guard.end = run_user(user).await;
            drop(guard);
        }));
    }

    /// Tells the newest user of a class to finish; `false` when there is none.
    fn stop_one(&mut self, class: usize, now: Instant) -> bool {
        let Some(group) = self.groups.get_mut(class) else {
            return false;
        };
        // One that waits for its replacement is the cheapest to stop.
        if let Some(at) = self
            .replacements
            .iter()
            .rposition(|(_, waiting)| *waiting == class)
        {
            self.replacements.remove(at);
            return true;
        }
        let Some(id) = group.running.last_key_value().map(|(id, _)| *id) else {
            return false;
        };
        self.finish_user(class, id, now)
    }

    /// Tells a user to finish; `false` when it is not there.
    fn finish_user(&mut self, class: usize, id: u64, now: Instant) -> bool {
        let Some((group, user)) = self.groups.get_mut(class).and_then(|group| {
            let user = group.running.remove(&id)?;
            Some((group, user))
        }) else {
            return false;
        };
        user.stop.raise(StopLevel::Finish);
        self.deadlines
            .push_back((now + self.stop_timeout, Rc::clone(&user)));
        group.finishing.insert(id, user);
        self.tell_desk();
        true
    }

    fn kill_overdue(&mut self, now: Instant) {
        while self
            .deadlines
            .front()
            .is_some_and(|(deadline, _)| *deadline <= now)
        {
            if let Some((_, user)) = self.deadlines.pop_front() {
                user.stop.raise(StopLevel::Kill);
            }
        }
    }
}

fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

//! Where arrivals and users meet: whoever comes first waits for the other.
//!
//! In: users that are free, arrivals that are due. Out: users with something to do; at the end, how many arrivals found
//! nobody. One desk per load thread. It is bounded: arrivals beyond [`MAX_WAITING`] are turned away.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use tokio::time::Instant;

use super::context::UserContext;
use super::pacing::Start;
use super::stop::StopLevel;

/// Arrivals of a thread that wait at most: a few minutes of the highest rates, 16 MB.
const MAX_WAITING: usize = 1_000_000;

/// What waits on a load thread, for each class.
#[derive(Debug)]
pub(crate) struct Desk {
    places: Vec<RefCell<Place>>,
    waiting: Cell<usize>,
    /// As the pool tells it.
    users: RefCell<Vec<Users>>,
}

/// How many users a class has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Users {
    /// Users that are there for arrivals.
    pub(crate) running: u32,
    /// Its part of all there may be: it can have more while others need fewer.
    pub(crate) own: u32,
}

impl Users {
    /// Whether this class must have a user who is there for `other`.
    fn comes_before(self, other: Self) -> bool {
        self.running == 0 || (self.running < self.own && other.running > other.own)
    }
}

#[derive(Debug, Default)]
struct Place {
    /// The one that has become free last comes first: so no more users (and connections) are in use than are needed.
    idle: Vec<Rc<UserContext>>,
    /// Planned moments, the oldest first.
    waiting: VecDeque<Instant>,
}

/// A user's place at the desk.
#[derive(Debug)]
pub(crate) struct Seat {
    desk: Rc<Desk>,
    class: usize,
    /// The arrival it was started for, until it begins.
    first: Cell<Option<Arrived>>,
    appointment: Cell<Option<Instant>>,
    waker: RefCell<Option<Waker>>,
}

/// An arrival that has found its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrived {
    /// When it was planned.
    pub(crate) planned: Instant,
    /// Whether it had to wait for somebody to become free.
    pub(crate) waited: bool,
}

impl Arrived {
    /// The start of its iteration.
    pub(crate) fn start(self) -> Start {
        Start {
            at: self.planned,
            planned: true,
        }
    }
}

impl Desk {
    /// A desk for this many classes.
    pub(crate) fn new(classes: usize) -> Self {
        Self {
            places: (0..classes).map(|_| RefCell::default()).collect(),
            waiting: Cell::new(0),
            users: RefCell::new(vec![Users::default(); classes]),
        }
    }

    /// How many users there are now.
    pub(crate) fn tell(&self, users: impl Iterator<Item = Users>) {
        let mut told = self.users.borrow_mut();
        told.clear();
        told.extend(users);
    }

    /// A user who is idle and of a class that has to make room for another.
    pub(crate) fn take_idle_for(&self, class: usize) -> Option<(usize, Rc<UserContext>)> {
        let users = self.users.borrow();
        let needs = *users.get(class)?;
        let others = users.iter().enumerate();
        let mut others = others.filter(|(other, has)| *other != class && needs.comes_before(**has));
        others.find_map(|(other, _)| Some((other, self.take_idle(other)?)))
    }

    /// Whether a user of this class, who is free now, has to go for the sake of arrivals of another.
    fn makes_room(&self, class: usize) -> bool {
        if self.waiting.get() == 0 {
            return false;
        }
        let mut users = self.users.borrow_mut();
        let Some(own) = users.get(class).copied() else {
            return false;
        };
        let others = users.iter_mut().zip(&self.places).enumerate();
        let mut others = others.filter(|(other, _)| *other != class);
        let Some((_, (other, _))) =
            others.find(|(_, (needs, place))| needs.comes_before(own) && !place.borrow().waiting.is_empty())
        else {
            return false;
        };
        // The others who are free at this moment need not go too.
        other.running += 1;
        users[class].running = own.running.saturating_sub(1);
        true
    }

    /// The class whose arrivals are to be served next: one without a user first, else whose have waited longest.
    pub(crate) fn neediest(&self) -> Option<usize> {
        if self.waiting.get() == 0 {
            return None;
        }
        let users = self.users.borrow();
        let waits = self.places.iter().enumerate().filter_map(|(class, place)| {
            let first = *place.borrow().waiting.front()?;
            let has_users = users.get(class).is_some_and(|users| users.running > 0);
            Some((has_users, first, class))
        });
        waits.min().map(|(_, _, class)| class)
    }

    /// A user of this class that is free.
    pub(crate) fn take_idle(&self, class: usize) -> Option<Rc<UserContext>> {
        let mut place = self.places.get(class)?.borrow_mut();
        // Those told to stop have not gone yet.
        std::iter::from_fn(|| place.idle.pop()).find(|user| user.stop.level() == StopLevel::Run)
    }

    /// Lets an arrival wait; `false` when too many do.
    pub(crate) fn wait(&self, class: usize, planned: Instant) -> bool {
        match self.places.get(class) {
            Some(place) if self.waiting.get() < MAX_WAITING => {
                place.borrow_mut().waiting.push_back(planned);
                self.waiting.set(self.waiting.get() + 1);
                true
            }
            _ => false,
        }
    }

    /// The arrival of this class that has waited longest.
    pub(crate) fn take_waiting(&self, class: usize) -> Option<Instant> {
        let planned = self.places.get(class)?.borrow_mut().waiting.pop_front()?;
        self.waiting.set(self.waiting.get() - 1);
        Some(planned)
    }

    /// How many arrivals wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.get()
    }

    /// Sends everybody away; how many arrivals had waited.
    pub(crate) fn close(&self) -> usize {
        for place in &self.places {
            *place.borrow_mut() = Place::default();
        }
        self.waiting.take()
    }
}

impl Seat {
    /// A place for a user that is started for an arrival.
    pub(crate) fn new(desk: Rc<Desk>, class: usize, first: Arrived) -> Self {
        Self {
            desk,
            class,
            first: Cell::new(Some(first)),
            appointment: Cell::default(),
            waker: RefCell::default(),
        }
    }

    /// The arrival the user was started for; once.
    pub(crate) fn first(&self) -> Option<Arrived> {
        self.first.take()
    }

    /// Gives an arrival to the user, who is idle.
    pub(crate) fn give(&self, planned: Instant) {
        self.appointment.set(Some(planned));
        let waker = self.waker.borrow_mut().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The next arrival for this user; `None` when it is to end.
    pub(crate) async fn next(&self, user: &Rc<UserContext>) -> Option<Arrived> {
        if user.stop.level() >= StopLevel::Finish {
            return None;
        }
        // Whose arrivals nobody is there for brings a user of its own when this one has gone.
        if self.desk.makes_room(self.class) {
            return None;
        }
        if let Some(planned) = self.desk.take_waiting(self.class) {
            // Those that come one after the other must not keep the thread to themselves.
            tokio::task::coop::consume_budget().await;
            return Some(Arrived {
                planned,
                waited: true,
            });
        }
        if let Some(place) = self.desk.places.get(self.class) {
            place.borrow_mut().idle.push(Rc::clone(user));
        }
        let given = poll_fn(|context| match self.appointment.take() {
            Some(planned) => Poll::Ready(planned),
            None => {
                let mut waker = self.waker.borrow_mut();
                if !waker
                    .as_ref()
                    .is_some_and(|known| known.will_wake(context.waker()))
                {
                    *waker = Some(context.waker().clone());
                }
                Poll::Pending
            }
        });
        let planned = user.stop.unless(StopLevel::Finish, given).await?;
        Some(Arrived {
            planned,
            waited: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(running: u32, own: u32) -> Users {
        Users { running, own }
    }

    #[test]
    fn a_class_makes_room_when_it_has_more_than_its_part_or_another_has_none() {
        assert!(users(1, 5).comes_before(users(9, 5)));
        assert!(!users(1, 5).comes_before(users(5, 5)), "that is its part");
        assert!(!users(5, 5).comes_before(users(9, 5)), "it has its own part");
        assert!(
            users(0, 0).comes_before(users(1, 1)),
            "somebody has to be there for it"
        );
    }

    #[test]
    fn one_user_makes_room_and_not_all_who_are_free() {
        let desk = Desk::new(2);
        desk.tell([users(4, 2), users(0, 2)].into_iter());
        assert!(!desk.makes_room(0), "nothing waits");
        desk.wait(1, Instant::now());
        assert!(desk.makes_room(0));
        desk.tell([users(3, 2), users(1, 2)].into_iter());
        assert!(desk.makes_room(0));
        assert!(!desk.makes_room(0), "each has its part then");
        assert!(!desk.makes_room(1));
        assert_eq!(desk.neediest(), Some(1));
        assert_eq!(desk.close(), 1);
        assert_eq!((desk.waiting(), desk.neediest()), (0, None));
    }
}

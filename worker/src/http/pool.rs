//! A user's connections, kept for its next requests.
//!
//! In: connections whose exchange is over, or that take several at once. Out: one that is fit for a request, if there is
//! one. What is being connected is known here too, so that requests of a batch need not all connect.

use std::cell::RefCell;
use std::rc::Rc;

use tokio::sync::Notify;

use super::connect::Connection;
use super::origin::Origin;

/// Connections a user keeps; the one used longest ago goes first.
const MAX_CONNECTIONS: usize = 24;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Pool {
    /// Those of HTTP/1.1 that nobody is using, and those of HTTP/2.
    kept: Vec<(Rc<Origin>, Connection)>,
    opening: Vec<(Rc<Origin>, Rc<Notify>)>,
}

/// A connection is being made; whoever waits for it goes on when this is dropped.
#[derive(Debug)]
pub(super) struct Opening<'a> {
    pool: &'a RefCell<Pool>,
    notify: Rc<Notify>,
}

impl Pool {
    /// A connection to an origin that has not been closed meanwhile. One of HTTP/2 stays here for others.
    pub(super) fn take(&mut self, origin: &Rc<Origin>) -> Option<Connection> {
        loop {
            let place = self
                .kept
                .iter()
                .position(|(other, _)| Origin::same(other, origin))?;
            let (_, connection) = &mut self.kept[place];
            if !connection.is_open() {
                self.kept.remove(place);
                continue;
            }
            return match connection {
                Connection::H2(shared) => Some(Connection::H2(shared.clone())),
                Connection::H1(_) => Some(self.kept.remove(place).1),
            };
        }
    }

    /// Keeps a connection for the next request.
    pub(super) fn keep(&mut self, origin: &Rc<Origin>, connection: Connection) {
        if let Connection::H2(shared) = &connection
            && self
                .kept
                .iter()
                .any(|(_, other)| matches!(other, Connection::H2(other) if other.is(shared)))
        {
            return;
        }
        if self.kept.len() >= MAX_CONNECTIONS {
            self.kept.remove(0);
        }
        if self.kept.capacity() == 0 {
            // Nearly all users speak to one origin.
            self.kept.reserve_exact(1);
        }
        self.kept.push((Rc::clone(origin), connection));
    }

    /// Tells when a connection that is being made to an origin has been made, or could not be; `None` if there is none.
    pub(super) fn opening(&self, origin: &Rc<Origin>) -> Option<Rc<Notify>> {
        let mut opening = self.opening.iter();
        let (_, notify) = opening.find(|(other, _)| Origin::same(other, origin))?;
        Some(Rc::clone(notify))
    }

    /// A connection to an origin is being made, until what this returns is dropped.
    pub(super) fn open<'a>(pool: &'a RefCell<Self>, origin: &Rc<Origin>) -> Opening<'a> {
        let notify = Rc::<Notify>::default();
        let entry = (Rc::clone(origin), Rc::clone(&notify));
        pool.borrow_mut().opening.push(entry);
        Opening { pool, notify }
    }
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        let mut pool = self.pool.borrow_mut();
        pool.opening
            .retain(|(_, notify)| !Rc::ptr_eq(notify, &self.notify));
        if pool.opening.is_empty() {
            pool.opening = Vec::new();
        }
        self.notify.notify_waiters();
    }
}

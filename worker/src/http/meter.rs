//! What is written to a connection, and when: for a protocol whose requests are written by a task of its own.
//!
//! In: every write. Out: the bytes of each request, and the moment its last one was written. Requests may share a
//! connection; then each byte belongs to exactly one of them, though not always to the one it was written for.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::task::Poll;

use tokio::time::Instant;

/// What has been written to a connection.
#[derive(Debug, Default)]
pub(super) struct Meter {
    written: Cell<u64>,
    /// Bytes that some request has taken over as its own.
    claimed: Cell<u64>,
    watched: RefCell<Vec<Rc<Watched>>>,
}

/// A request that is being written, or has been.
#[derive(Debug)]
struct Watched {
    /// Whether all of its body has been handed over to be written; `None` without a body.
    body: Option<Rc<Cell<bool>>>,
    sent: Cell<Option<Instant>>,
}

/// Watches a meter for one request.
#[derive(Debug)]
pub(super) struct Watch {
    meter: Rc<Meter>,
    request: Rc<Watched>,
    /// Bytes that had been written when it began.
    from: u64,
}

impl Meter {
    /// A request is about to be handed over.
    pub(super) fn watch(meter: &Rc<Self>, body: Option<Rc<Cell<bool>>>) -> Watch {
        let request = Rc::new(Watched {
            body,
            sent: Cell::new(None),
        });
        let mut watched = meter.watched.borrow_mut();
        if watched.is_empty() {
            // What the connection said while nobody asked for anything belongs to no request.
            meter.claimed.set(meter.written.get());
        }
        watched.push(Rc::clone(&request));
        drop(watched);
        Watch {
            meter: Rc::clone(meter),
            request,
            from: meter.written.get(),
        }
    }

    /// Takes note of a write.
    pub(super) fn note(&self, result: &Poll<io::Result<usize>>) {
        let Poll::Ready(Ok(count)) = result else {
            return;
        };
        self.written.set(self.written.get() + *count as u64);
        let watched = self.watched.borrow();
        let is_alone = watched.len() == 1;
        for request in watched.iter() {
            let is_handed_over = request.body.as_ref().is_none_or(|body| body.get());
            // What follows is somebody else's, unless there is nobody else.
            if is_handed_over && (is_alone || request.sent.get().is_none()) {
                request.sent.set(Some(Instant::now()));
            }
        }
    }
}

impl Watch {
    /// When the last of the request was written; `None` as long as it has not been.
    pub(super) fn sent(&self) -> Option<Instant> {
        self.request.sent.get()
    }

    /// Whether anything has been written since it began.
    pub(super) fn has_written(&self) -> bool {
        self.meter.written.get() > self.from
    }

    /// Ends, and takes over all bytes that nobody has taken over yet.
    pub(super) fn claim(self) -> u64 {
        let written = self.meter.written.get();
        written - self.meter.claimed.replace(written)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut watched = self.meter.watched.borrow_mut();
        watched.retain(|other| !Rc::ptr_eq(other, &self.request));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    fn write(meter: &Meter, count: usize) {
        meter.note(&Poll::Ready(Ok(count)));
    }

    #[tokio::test(start_paused = true)]
    async fn each_byte_belongs_to_one_request() {
        let meter = Rc::<Meter>::default();
        write(&meter, 24);
        let first = Meter::watch(&meter, None);
        write(&meter, 10);
        let second = Meter::watch(&meter, None);
        write(&meter, 5);
        assert!(first.has_written() && second.has_written());
        assert_eq!(first.claim(), 15);
        write(&meter, 2);
        assert_eq!(second.claim(), 2);
        write(&meter, 17);
        let third = Meter::watch(&meter, None);
        assert!(!third.has_written());
        assert_eq!(third.claim(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_is_sent_when_its_own_last_byte_is_written() {
        let meter = Rc::<Meter>::default();
        let body = Rc::new(Cell::new(false));
        let begun = Instant::now();
        let upload = Meter::watch(&meter, Some(Rc::clone(&body)));
        write(&meter, 10);
        assert_eq!(upload.sent(), None);
        advance(Duration::from_millis(7)).await;
        body.set(true);
        write(&meter, 10);
        write(&meter, 10);
        let lone = upload.sent().unwrap();
        assert_eq!(lone - begun, Duration::from_millis(7));
        let other = Meter::watch(&meter, None);
        advance(Duration::from_millis(5)).await;
        write(&meter, 1);
        advance(Duration::from_millis(5)).await;
        write(&meter, 1);
        assert_eq!(upload.sent(), Some(lone), "others write now");
        assert_eq!(other.sent().unwrap() - begun, Duration::from_millis(12));
    }
}

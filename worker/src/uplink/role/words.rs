//! What a worker has to say about itself: that it is ready, that it cannot run the scenario, that it wants to leave.
//!
//! In: such messages. Out: each, in order, as soon as the connection has room, and before anything else: a burst of log
//! lines must not be what a fleet waits for. Nothing outlives its connection; on the next the master asks again.

use std::collections::VecDeque;

use katydid_protocol::fleet::WorkerMessage;

/// At most one message of each kind.
#[derive(Debug, Default)]
pub(super) struct Words(VecDeque<WorkerMessage>);

impl Words {
    /// Adds one; it replaces what was said of the same kind and has not been sent.
    pub(super) fn say(&mut self, message: WorkerMessage) {
        let kind = std::mem::discriminant(&message);
        self.0.retain(|other| std::mem::discriminant(other) != kind);
        self.0.push_back(message);
    }

    pub(super) fn next(&mut self) -> Option<WorkerMessage> {
        self.0.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The connection is gone.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_said_once_and_in_order() {
        let ready = |run: &str| WorkerMessage::Ready { run: run.into() };
        let mut words = Words::default();
        for message in [
            ready("a"),
            WorkerMessage::Draining,
            ready("b"),
            WorkerMessage::Draining,
        ] {
            words.say(message);
        }
        assert_eq!(words.next(), Some(ready("b")));
        assert_eq!(words.next(), Some(WorkerMessage::Draining));
        assert!(words.is_empty());
    }
}

//! What those see of this worker who watch its process: probes and scrapes.
//!
//! In: heartbeats, and how the connection to the master is. Out: [`WorkerVitals`], on a `watch`, if somebody wants them.

use katydid_protocol::fleet::Heartbeat;
use katydid_protocol::vitals::WorkerVitals;
use tokio::sync::watch;

use crate::uplink::work::Work;

/// What is told, and to whom.
#[derive(Debug)]
pub(super) struct Standing {
    vitals: WorkerVitals,
    was_connected: bool,
    told: Option<watch::Sender<WorkerVitals>>,
}

impl Standing {
    /// Of a process that has not connected.
    pub(super) fn new(told: Option<watch::Sender<WorkerVitals>>) -> Self {
        Self {
            vitals: WorkerVitals::default(),
            was_connected: false,
            told,
        }
    }

    /// A second has passed.
    pub(super) fn beat(&mut self, heartbeat: &Heartbeat, work: &Work) {
        if self.told.is_none() {
            return;
        }
        self.vitals.users = heartbeat.users;
        self.vitals.lag_us = heartbeat.lag_us;
        self.vitals.throttled_us += heartbeat.throttled_us;
        self.vitals.deltas_pending = work.pending();
        self.vitals.requests_pending = work.unsent();
        self.tell();
    }

    /// The master knows this worker.
    pub(super) fn connected(&mut self) {
        self.vitals.reconnects += u64::from(self.was_connected);
        self.was_connected = true;
        self.vitals.is_connected = true;
        self.tell();
    }

    /// It cannot be reached, or knows this worker no more.
    pub(super) fn disconnected(&mut self) {
        self.vitals.is_connected = false;
        self.tell();
    }

    /// This worker leaves.
    pub(super) fn leaving(&mut self) {
        self.vitals.is_leaving = true;
        self.tell();
    }

    fn tell(&self) {
        if let Some(told) = &self.told {
            told.send_replace(self.vitals);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_grow_and_the_first_connection_is_none_again() {
        let (told, vitals) = watch::channel(WorkerVitals::default());
        let mut standing = Standing::new(Some(told));
        standing.connected();
        assert_eq!(vitals.borrow().reconnects, 0);
        let late = Heartbeat {
            users: 3,
            lag_us: 7,
            throttled_us: 50,
            ..Heartbeat::default()
        };
        standing.beat(&late, &Work::Nothing);
        standing.disconnected();
        assert!(!vitals.borrow().is_connected);
        standing.connected();
        standing.leaving();
        standing.beat(&late, &Work::Nothing);
        let expected = WorkerVitals {
            is_connected: true,
            is_leaving: true,
            users: 3,
            lag_us: 7,
            throttled_us: 100,
            deltas_pending: 0,
            requests_pending: 0,
            reconnects: 1,
        };
        assert_eq!(*vitals.borrow(), expected);
    }
}

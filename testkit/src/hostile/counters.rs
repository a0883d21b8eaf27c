//! What has happened to a server.
//!
//! In: noted by its connections. Out: numbers a test can compare, readable at any time.

use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers since the server's start.
#[derive(Debug, Default)]
pub struct Counters {
    connections: AtomicU64,
    open: AtomicU64,
    handshakes: AtomicU64,
    requests: AtomicU64,
    answers: AtomicU64,
}

impl Counters {
    /// Connections accepted.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::SeqCst)
    }

    /// Connections open now.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.open.load(Ordering::SeqCst)
    }

    /// TLS handshakes completed.
    #[must_use]
    pub fn handshakes(&self) -> u64 {
        self.handshakes.load(Ordering::SeqCst)
    }

    /// Request heads received to their end.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }

    /// Requests answered properly.
    #[must_use]
    pub fn answers(&self) -> u64 {
        self.answers.load(Ordering::SeqCst)
    }

    /// A connection begins; its number, from 0.
    pub(crate) fn connect(&self) -> u64 {
        self.open.fetch_add(1, Ordering::SeqCst);
        self.connections.fetch_add(1, Ordering::SeqCst)
    }

    pub(crate) fn disconnect(&self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }

    pub(crate) fn handshake(&self) {
        self.handshakes.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn request(&self) {
        self.requests.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn answer(&self) {
        self.answers.fetch_add(1, Ordering::SeqCst);
    }
}

//! What can go wrong with a target, in words for the person who started it.
//!
//! In: the system's refusals. Out: [`TargetError`]; requests never produce one, they are answered with a status.

use std::io;
use std::net::SocketAddr;

/// Why a target could not be started or kept running.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The address could not be listened on.
    #[error("cannot listen on {address}; choose another port or stop what uses it")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The share of failures is no share.
    #[error("the share of /flaky that fails must be between 0 and 1, and is {rate}")]
    FlakyRate {
        /// The value given.
        rate: f64,
    },
    /// The Redis is none.
    #[error("`{url}` is not the URL of a Redis, such as redis://127.0.0.1:6379: {why}")]
    Redis {
        /// The URL given.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// A thread or its runtime could not be started.
    #[error("cannot start a serving thread")]
    Thread {
        /// What the system said.
        source: io::Error,
    },
    /// A thread ended when it should not have.
    #[error("a serving thread of the target ended unexpectedly")]
    ThreadLost,
}

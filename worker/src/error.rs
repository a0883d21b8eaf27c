//! Why a worker cannot start.

use katydid_scenario_lang::Diagnostics;

/// What keeps a worker from starting.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The scenario does not compile or declares nonsense.
    #[error("{0}")]
    Scenario(Diagnostics),
    /// A host is no URL requests can be sent to.
    #[error("the host of user class {class} cannot be used: {why}")]
    Host {
        /// The user class.
        class: String,
        /// What is wrong with it.
        why: String,
    },
    /// A class cannot connect as it is to.
    #[error("the connections of user class {class} cannot be made: {why}")]
    Connection {
        /// The user class.
        class: String,
        /// What is wrong.
        why: String,
    },
    /// What `on_test_start` returned cannot be read.
    #[error("the value of `setup` cannot be read: {0}")]
    Setup(String),
    /// TLS could not be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// The system refused a thread or an event loop.
    #[error("load thread {thread} cannot start")]
    Thread {
        /// Which of the load threads.
        thread: usize,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A load thread ended before it was ready.
    #[error("load thread {thread} ended while it was starting")]
    ThreadLost {
        /// Which of the load threads.
        thread: usize,
    },
}

//! What the target is to be: where it listens, how often `/flaky` fails, how many threads serve, where `/count/:id` counts.
//!
//! In: values chosen by the caller. Out: [`TargetSettings`], checked when the target is bound.

use std::net::{Ipv4Addr, SocketAddr};

/// How to run a target.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetSettings {
    /// Where to listen; port 0 picks a free one.
    pub bind: SocketAddr,
    /// The share of `/flaky` that fails, 0 to 1.
    pub flaky_rate: f64,
    /// Threads that serve; `None` is one per core this process may use. 0 counts as 1.
    pub threads: Option<usize>,
    /// A Redis that counts for `/count/:id`, as an URL such as `redis://127.0.0.1`, so that several targets count together;
    /// `None` counts here.
    pub redis: Option<String>,
}

impl Default for TargetSettings {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 8000)),
            flaky_rate: 0.1,
            threads: None,
            redis: None,
        }
    }
}

impl TargetSettings {
    /// The number of threads that will serve; at least 1.
    #[must_use]
    pub fn thread_count(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.threads.unwrap_or_else(cores).max(1)
    }
}

//! What a worker needs to know before it starts.

use std::num::NonZeroUsize;

use katydid_scenario_lang::Program;

/// Settings of one worker.
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    /// The scenario; each load thread compiles it for itself.
    pub program: Program,
    /// The worker's name, as scripts see it in `me.worker`.
    pub name: String,
    /// Load threads; `None` for one per core the process may use.
    pub threads: Option<NonZeroUsize>,
}

impl WorkerSettings {
    /// The number of load threads these settings come to.
    #[must_use]
    pub fn thread_count(&self) -> usize {
        self.threads
            .or_else(|| std::thread::available_parallelism().ok())
            .map_or(1, NonZeroUsize::get)
    }
}

//! How a worker process is, as those see it who watch processes rather than runs.
//!
//! In: the worker's uplink tells it once a second and whenever it changes. Out: probes and scrapes read it.

/// A worker process at one moment. Totals count from the process's start and only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WorkerVitals {
    /// Whether it belongs to a fleet: its master knows it.
    pub is_connected: bool,
    /// Whether it wants to leave, or has left: it gets no users any more.
    pub is_leaving: bool,
    /// Users it runs.
    pub users: u32,
    /// The longest any load thread's event loop was late, in µs, in the second before.
    pub lag_us: u64,
    /// How long a CPU quota has kept it from running, in µs.
    pub throttled_us: u64,
    /// Deltas the master has not acknowledged: one under way, and one that adds up what is measured meanwhile.
    pub deltas_pending: u32,
    /// Requests in them.
    pub requests_pending: u64,
    /// How often it had to connect again after it had been connected.
    pub reconnects: u64,
}

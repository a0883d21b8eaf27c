//! Why a worker cannot be part of a fleet.

/// What ends a worker before its master does.
#[derive(Debug, thiserror::Error)]
pub enum UplinkError {
    /// Certificates, keys or the address make no sense.
    #[error("{0}")]
    Settings(String),
    /// The master does not want this worker, and would not want it later.
    #[error("the master at {master} refused this worker: {why}")]
    Refused {
        /// Where it is.
        master: String,
        /// What it said.
        why: String,
    },
    /// The master was gone for longer than a run goes on without it.
    #[error(
        "the master at {master} was gone for {gone}: users were stopped; {lost} requests measured meanwhile are not \
         in any report"
    )]
    MasterLost {
        /// Where it was.
        master: String,
        /// For how long.
        gone: String,
        /// Requests in deltas that were not acknowledged.
        lost: u64,
    },
    /// Draining took too long.
    #[error("the master did not let this worker go within {waited}: {lost} requests are not in any report")]
    DrainTimedOut {
        /// How long it waited.
        waited: String,
        /// Requests in deltas that were not acknowledged.
        lost: u64,
    },
}

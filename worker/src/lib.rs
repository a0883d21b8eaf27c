//! The worker: runs virtual users and measures them.
//!
//! In the order data flows: [`settings`] says what to run; the load threads (`thread`) run users (`user`), whose
//! requests go out through `http` and are counted by `recorder`; the agent (`agent`) obeys the run's directives and
//! sends up what was measured. [`Worker::start`] puts it together.
//!
//! Outside of a run's users, [`hook`] runs what a scenario does once, before and after them; [`trace`] runs a few users
//! under somebody's eyes.
//!
//! Control has its own thread and runtime, so that load threads at full speed cannot silence it.

pub mod error;
pub mod hook;
pub mod settings;
pub mod trace;

mod agent;
mod clock;
mod http;
mod recorder;
mod rows;
mod thread;
mod uplink;
mod user;
mod worker;

pub use error::WorkerError;
pub use hook::{Hook, HookError, HookRunner, HookSettings};
pub use http::client_tls;
pub use settings::WorkerSettings;
pub use trace::{TraceEvent, TraceOutcome, TraceRunner, TraceSettings, TraceSink};
pub use uplink::{
    Address, ClientTls, CredentialFiles, Departure, FleetWorker, FleetWorkerSettings, UplinkError,
};
pub use worker::{Worker, WorkerHandle};

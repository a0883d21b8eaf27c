//! A worker as a member of a fleet: finds its master, runs what it is told to, and brings back every number.
//!
//! In: where the master is. Out: a [`Departure`] when it is over. The connection may break at any time: users go on,
//! what they measure is added up, and when the master is there again both know where they were.

mod connect;
mod courier;
mod credentials;
mod error;
mod prepare;
mod retry;
mod role;
mod settings;
mod throttle;
mod vitals;
mod waits;
mod work;

pub use connect::Address;
pub use credentials::{ClientTls, CredentialFiles};
pub use error::UplinkError;
pub use role::FleetWorker;
pub use settings::{Departure, FleetWorkerSettings};
pub(crate) use vitals::Lag;

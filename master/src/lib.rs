//! One run, one truth: what the load shall be, what was measured, and how it is told.
//!
//! Reading order is the way of a sample through this crate: [`Run`] receives what workers report; `intake` lets each
//! delta pass once; `rows` hands each row of a data set to one worker; `aggregate` adds it up and publishes snapshots, which
//! `thresholds` judges; [`report`] turns a snapshot into text and files.
//! Orders go the other way on types of their own: a command reaches `control`, which answers with directives.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod arrival;
mod clock;
mod lobby;
mod run;
mod server;
mod worker_log;

mod control;
mod fleet;
mod intake;
mod journal;
mod rows;

mod aggregate;
pub mod report;
mod thresholds;

mod error;

pub use arrival::{Arrival, LinkId};
pub use control::Expectations;
pub use error::{JournalError, ReportError};
pub use journal::{Journal, Saved};
pub use lobby::Lobby;
pub use run::{Run, RunHandle, RunSettings};
pub use server::{Access, Assets, FleetServer, ScalerServer, Token, Tokens};

//! What both sides of Katydid agree on: what to run, what was measured, and how both are written down.
//!
//! Reading order: [`plan`] says what load a person asked for, [`dispatch`] spreads it over places that run users
//! ([`timetable`] does for arrivals),
//! [`directive`] carries it there; [`report`] and [`stats`] are what comes back; [`fleet`] is what else a worker and its
//! master have to say to each other, and [`wire`] what all of it looks like in bytes; [`scaler`] is what a fleet says to
//! those who scale it, [`vitals`] what probes see of a worker; [`threshold`] is what a run is judged by. [`format`](mod@format) turns
//! numbers into text for terminal, page and reports alike. Nothing here knows sockets, threads or scripts.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod dispatch;
pub mod plan;
pub mod progress;
pub mod timetable;

pub mod command;
pub mod directive;
pub mod report;

pub mod fleet;
pub mod scaler;
pub mod vitals;
pub mod wire;

pub mod stage;
pub mod stats;
pub mod threshold;

pub mod format;

//! Adds up what workers measured and shows it.
//!
//! In: deltas, each once, and the number of users. Out: a [`Snapshot`](katydid_protocol::stats::Snapshot) whenever one
//! is asked for. Adding is commutative: the order of deltas changes no sum, minimum, maximum or percentile.

mod run_stats;
mod snapshot;

mod bounded;
mod history;
mod image;
mod measured;
mod rates;
mod timeline;

#[cfg(test)]
pub(crate) mod sample;

pub(crate) use image::{Moment, StatsImage};
pub(crate) use run_stats::RunStats;

//! The embedded demo target: a small, fast web server with known behaviour that counts what it receives.
//!
//! In: a [`TargetSettings`]. Out: a [`Target`] that is bound and can be served; its counts are read over HTTP at
//! `/__stats` or, in the same process, through [`Target::statistics`]. Demos, tests and benchmarks run against it, so
//! that whatever a load generator reports can be checked. Every memory it uses is bounded.

mod answer;
mod clock;
mod counter;
mod error;
mod flaky;
mod ledger;
mod memory;
mod metrics;
mod routes;
mod sessions;
mod settings;
mod spawns;
mod statistics;
mod target;
mod timer;
mod visits;
mod workers;

pub use error::TargetError;
pub use settings::TargetSettings;
pub use statistics::{PathStats, StatisticsReader, TargetStats};
pub use target::Target;

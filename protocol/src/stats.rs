//! What was measured: values that can only be added and read.
//!
//! Reading order is the way of a sample: the [`RequestKey`] it belongs to, the [`LatencyHistogram`] it lands in, the
//! [`Delta`] that carries a second of them, the [`RequestStats`] and the [`Snapshot`] that show the whole run.

mod amount;
mod arrivals;
mod bounds;
mod connections;
mod delta;
mod distribution;
mod error_key;
mod fold;
mod histogram;
mod key;
mod metric;
mod metric_cells;
mod nodes;
mod phases;
mod request_stats;
mod snapshot;
mod tag;
mod timeline;

pub use amount::{Amount, Number, units};
pub use arrivals::{ArrivalCounts, ArrivalSecond, PointArrivals, count_arrivals};
pub use bounds::BOUNDS_US;
pub use connections::ConnectionCounts;
pub use delta::{
    CheckCounts, Delta, ErrorCounts, ExceptionCounts, LossCounts, RequestDelta, SecondCounts, TimesDelta,
};
pub use distribution::{Distribution, MAX_AMOUNT};
pub use error_key::{ErrorKey, ExceptionKey, mask};
pub use fold::{AtMost, Folded, Table, Tables};
pub use histogram::{Buckets, HIGHEST_US, LOWEST_US, LatencyHistogram, SIGNIFICANT_DIGITS};
pub use key::RequestKey;
pub use metric::{CounterSum, GaugeSum, MetricEntry, MetricSums, MetricValue, RateSum, TrendSum};
pub use metric_cells::MetricCells;
pub use nodes::{MAX_NODES, Nodes};
pub use phases::{PHASE_NAMES, PhaseTimes, Phases};
pub use request_stats::{RequestStats, Times};
pub use snapshot::{
    CheckEntry, ClassInfo, ErrorEntry, ExceptionEntry, MarkKind, PERCENTILES_REPORTED, RequestEntry,
    RunFailure, RunInfo, RunMark, RunState, Snapshot, TaskInfo, WorkerEntry, WorkerState,
};
pub use tag::split_tag;
pub use timeline::{PointTimes, Timeline, TimelinePoint};

/// Distinct (method, name) pairs kept in a run, and likewise groups, tags, checks and custom metrics; the rest are counted under [`OTHER_NAME`].
pub const MAX_NAMES: usize = 1_000;
/// Distinct error messages (and, apart, exceptions) kept in a run; the rest are counted under [`OTHER_NAME`].
pub const MAX_ERRORS: usize = 500;
/// Where the surplus over [`MAX_NAMES`] and [`MAX_ERRORS`] is counted.
pub const OTHER_NAME: &str = "(other)";

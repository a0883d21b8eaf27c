//! A trace: one user of each class runs a few iterations, and everything it does is told as it happens.
//!
//! In: a program and how much of it to run. Out: [`TraceEvent`]s to a [`TraceSink`], and what went wrong in numbers. The
//! users, their requests and their scripts are those of a load run; only the pauses between tasks are left out.

mod event;
mod grants;
mod run;
mod tracer;

pub use event::{TraceEvent, TraceSink};
pub use run::{TraceOutcome, TraceRunner, TraceSettings};
pub(crate) use tracer::Tracer;

//! The settings of `katydid check --trace`.
//!
//! In: [`TraceArgs`]. Out: what to trace, or nothing when nobody asked for a trace.

use super::Reader;
use crate::args::TraceArgs;

/// More iterations than anybody reads.
const MOST_ITERATIONS: u64 = 1_000_000;

/// What `katydid check --trace` runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TraceChoice {
    /// Iterations of each user.
    pub(crate) iterations: u64,
    /// The classes; empty for all.
    pub(crate) classes: Vec<String>,
    /// The only task to run.
    pub(crate) task: Option<String>,
    /// Whether `sleep()` takes no time.
    pub(crate) skip_sleeps: bool,
}

impl TraceChoice {
    pub(super) fn read(args: &TraceArgs, reader: &mut Reader<'_>) -> Option<Self> {
        if args.trace.is_none() {
            let given = [
                ("class", !args.class.is_empty()),
                ("task", args.task.is_some()),
                ("no_sleep", args.no_sleep),
            ];
            for (id, _) in given.iter().filter(|(_, given)| *given) {
                reader.refuse(id, "only means something with --trace".to_owned());
            }
        }
        Some(Self {
            iterations: reader.value("trace", args.trace.as_ref(), iterations)?,
            classes: args.class.clone(),
            task: args.task.clone(),
            skip_sleeps: args.no_sleep,
        })
    }
}

fn iterations(text: &str) -> Result<u64, String> {
    text.parse()
        .ok()
        .filter(|count| (1..=MOST_ITERATIONS).contains(count))
        .ok_or_else(|| format!("`{text}` is not a number of iterations from 1 to {MOST_ITERATIONS}"))
}

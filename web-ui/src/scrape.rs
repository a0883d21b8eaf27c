//! What Prometheus scrapes: the run as the master adds it up, and a worker's own process.
//!
//! In: a [`RunView`], or [`WorkerVitals`]. Out: families of numbers in Prometheus's text format 0.0.4
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>). Totals count from a run's start, and from zero again
//! with the next run or a reset, which Prometheus takes for a restart, as it should.

mod family;
mod process;
mod requests;
mod run;
mod view;
mod worker;

use katydid_protocol::vitals::WorkerVitals;
use prometheus::proto::MetricFamily;
use prometheus::{TEXT_FORMAT, TextEncoder};

pub(crate) use view::RunView;

/// The `Content-Type` of all of it.
pub(crate) const CONTENT_TYPE: &str = TEXT_FORMAT;

/// A run, if there is one, and the process that adds it up.
pub(crate) fn of_run(view: Option<&RunView>) -> Result<String, prometheus::Error> {
    text(view.map(run::families).unwrap_or_default())
}

/// A worker's process.
pub(crate) fn of_worker(vitals: &WorkerVitals) -> Result<String, prometheus::Error> {
    text(worker::families(vitals))
}

fn text(mut families: Vec<MetricFamily>) -> Result<String, prometheus::Error> {
    families.push(process::build_info());
    families.extend(process::families());
    // A family without members is nothing the format knows.
    families.retain(|family| !family.get_metric().is_empty());
    TextEncoder::new().encode_to_string(&families)
}

#[cfg(test)]
mod tests;

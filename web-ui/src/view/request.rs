//! One request in detail: what the side panel shows.
//!
//! In: a request's statistics and errors. Out: the fragment `GET {base}/ui/request?method=&name=`, loaded when a row is opened
//! and refreshed with each event `tick` while it is.

use askama::Template;

use super::failures::FailureRow;
use super::{Level, Metric};

/// `GET {base}/ui/request`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "request.html")]
pub struct RequestDetail {
    /// See [`super::Shell::base`].
    pub base: String,
    /// Its method.
    pub method: String,
    /// Its name, in full.
    pub name: String,
    /// The numbers worth a glance: requests, failures, rate, average, size.
    pub metrics: Vec<Metric>,
    /// Whether there is a series of it to draw charts from.
    pub has_series: bool,
    /// Percentiles.
    pub percentiles: Vec<Percentile>,
    /// Whether any percentile tells a service time of its own.
    pub has_service: bool,
    /// What the time went to.
    pub phases: Vec<Phase>,
    /// Status codes.
    pub statuses: Vec<Status>,
    /// Its failures.
    pub failures: Vec<FailureRow>,
}

/// A row of the table of percentiles.
#[derive(Debug, Clone, Default)]
pub struct Percentile {
    /// `99.9%`.
    pub label: String,
    /// Response time in ms.
    pub response: String,
    /// Service time in ms, where that differs.
    pub service: String,
}

/// A part of the time a request takes.
#[derive(Debug, Clone, Default)]
pub struct Phase {
    /// DNS, connect, TLS, sending, waiting, receiving.
    pub name: String,
    /// How many requests had it: connections are reused.
    pub count: String,
    /// Its mean in ms.
    pub average: String,
    /// Its maximum in ms.
    pub max: String,
    /// Its part of the mean response time, 0 to 100, for a meter.
    pub share: u8,
}

/// A status code.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// `200`; `none` for requests without a response.
    pub code: String,
    /// How many.
    pub count: String,
    /// Their part, formatted.
    pub share_text: String,
    /// Their part, 0 to 100, for a meter.
    pub share: u8,
    /// How that is to be taken.
    pub level: Level,
}

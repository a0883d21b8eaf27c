//! Fills views: a snapshot's numbers become what templates show.
//!
//! In: a picture of the test. Out: views, all numbers text by the one formatter. One file per view.

pub(crate) mod charts;
pub(crate) mod checks;
pub(crate) mod download;
pub(crate) mod exceptions;
pub(crate) mod failures;
pub(crate) mod fresh;
pub(crate) mod header;
pub(crate) mod logs;
pub(crate) mod ratio;
pub(crate) mod report;
pub(crate) mod request;
#[cfg(test)]
pub(crate) mod sample;
pub(crate) mod series;
pub(crate) mod start_form;
pub(crate) mod statistics;
pub(crate) mod time;
pub(crate) mod workers;

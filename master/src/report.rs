//! Tells a run: pure renderers over a [`Snapshot`](katydid_protocol::stats::Snapshot).
//!
//! In: snapshots. Out: text for terminals, documents of JSON and JUnit XML, task ratios; only [`csv`] writes files. What numbers
//! look like is decided in [`katydid_protocol::format`], what they are in `aggregate`.

pub mod text;

pub mod csv;
pub mod json;
pub mod junit;

pub mod ratio;

pub mod summary;

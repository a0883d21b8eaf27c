//! Tells a run: pure renderers over a [`Snapshot`](katydid_protocol::stats::Snapshot).
//!
//! In: snapshots. Out: text for terminals, one document of JSON, task ratios; only [`csv`] writes files. What numbers
//! look like is decided in [`katydid_protocol::format`], what they are in `aggregate`.

pub mod text;

pub mod csv;
pub mod json;

pub mod ratio;

//! What a worker and its master say to each other, as bytes: gRPC messages described in `proto/katydid/v1/fleet.proto`.
//!
//! In: the types of [`crate::fleet`]. Out: the types of [`proto`], which tonic and prost turn into bytes; and back.
//! On the way out nothing fails: texts for people that are too long are cut, endless durations shortened. On the way in
//! everything is checked: each conversion is a `TryFrom` whose [`WireError`] names the field. What came through it can
//! be added up, indexed by and waited for without further checks; nothing that arrives makes this module panic.
//!
//! A delta is the costly message: a master reads a thousand a second with a hundred requests each. Its texts are sent
//! once and referred to by index, and histograms are sparse (gap, count) pairs as packed varints, about three bytes per
//! bucket in use. HdrHistogram's own V2 form, deflated, is for files that are stored: for the handful of values that a
//! second of one request holds, its header and a deflate stream per name would be most of the work.

mod arrivals;
mod check;
mod delta;
mod directive;
mod error;
mod limits;
mod master_message;
mod metric;
mod order;
mod report;
mod request_delta;
mod short_texts;
mod strings;
mod times;
mod worker_message;

#[rustfmt::skip]
#[path = "wire/generated/katydid_v1.rs"]
#[allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::too_many_lines,
    reason = "written by prost and tonic; which of these it breaks is for their next versions to change"
)]
pub mod proto;

pub use delta::{decode_delta, encode_delta};
pub use error::WireError;
pub use limits::{
    ASSET_CHUNK_BYTES, MAX_AMOUNT_SUM, MAX_ASSET_BYTES, MAX_CLASSES, MAX_COUNT, MAX_DELTA_ERRORS,
    MAX_DELTA_NAMES, MAX_DELTA_SECONDS, MAX_DELTA_TEXT_BYTES, MAX_ENTRIES, MAX_ID_BYTES, MAX_MESSAGE_BYTES,
    MAX_PLACES, MAX_ROW_RANGES, MAX_SETUP_BYTES, MAX_SUM, MAX_TEXT_BYTES, MAX_THREADS, MAX_TIME_US,
    MAX_USERS,
};
pub use order::requested_asset;

#[cfg(test)]
mod tests;

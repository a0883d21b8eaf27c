//! The real binary, as people and pipelines call it: words in, streams and exit codes out.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed; real processes take real time"
)]

mod support;

mod bad_input;
mod help;
mod listing;
mod runs;

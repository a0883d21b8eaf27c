//! The real binary, as people and pipelines call it: words in, streams and exit codes out.

mod support;

mod bad_input;
mod help;
mod listing;
mod runs;

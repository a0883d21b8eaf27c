//! How much is accepted from the wire: bounds of messages, texts, lists and numbers.
//!
//! They are far above what an honest peer sends and low enough that nothing a peer sends can exhaust memory or make
//! arithmetic overflow soon.

use crate::stats::{MAX_ERRORS, MAX_NAMES};

/// The longest message in bytes; gRPC refuses longer ones before they are read.
pub const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;
/// The longest chunk of an asset in bytes.
pub const ASSET_CHUNK_BYTES: usize = 256 * 1024;
/// The largest asset in bytes.
pub const MAX_ASSET_BYTES: u64 = 256 * 1024 * 1024;
/// The longest value of `on_test_start` in bytes of JSON.
pub const MAX_SETUP_BYTES: usize = 8 * 1024 * 1024;

/// The longest identity (of a run, a worker, a process) in bytes.
pub const MAX_ID_BYTES: usize = 256;
/// The longest text for people, path, parameter or name of a class in bytes; longer messages for people are cut.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;
/// The longest text of a delta in bytes: a name, a message, a traceback; longer ones are cut.
pub const MAX_DELTA_TEXT_BYTES: usize = 4 * 1024;

/// The most requests, groups, tags, checks or custom metrics in one delta.
///
/// A load thread keeps [`MAX_NAMES`] apart, and a worker adds up what its threads measured: when scripts make names
/// up, each thread has its own.
pub const MAX_DELTA_NAMES: usize = 64 * MAX_NAMES;
/// The most errors or exceptions in one delta; see [`MAX_DELTA_NAMES`].
pub const MAX_DELTA_ERRORS: usize = 64 * MAX_ERRORS;
/// The most seconds of one request in one delta: more than a day.
pub const MAX_DELTA_SECONDS: usize = 100_000;

/// The most user classes of a run.
pub const MAX_CLASSES: usize = 10_000;
/// The most users of one worker.
pub const MAX_USERS: u32 = 10_000_000;
/// The most workers or places that take turns.
pub const MAX_PLACES: u32 = 1_000_000;
/// The most cores or load threads of one worker.
pub const MAX_THREADS: u32 = 65_536;
/// The most files, parameters, variables or tags of a run.
pub const MAX_ENTRIES: usize = 10_000;
/// The most ranges of rows in one message.
pub const MAX_ROW_RANGES: usize = 100_000;

/// The longest time in µs: about a hundred years, which any clock can be moved by.
pub const MAX_TIME_US: u64 = 100 * 366 * 24 * 3_600 * 1_000_000;
/// The highest count in a delta; sixteen million of them can be added up.
pub const MAX_COUNT: u64 = 1 << 40;
/// The highest sum of times in µs, or of bytes, in a delta.
pub const MAX_SUM: u64 = 1 << 56;
/// The highest sum of a custom metric in thousandths, on both sides of zero, in a delta.
pub const MAX_AMOUNT_SUM: i128 = 1 << 100;

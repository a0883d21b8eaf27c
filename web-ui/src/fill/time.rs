//! Moments as text, in UTC, which pages turn into the reader's time: whoever reads a report sits in any time zone.

use std::time::SystemTime;

use jiff::Timestamp;

use crate::view::Moment;

/// `2026-01-31 12:30:05 UTC`.
pub(crate) fn seconds(at: SystemTime) -> Moment {
    Moment {
        utc: written(at, "%Y-%m-%d %H:%M:%S UTC"),
        at: rfc3339(at),
        form: "seconds",
    }
}

/// `12:30:05 UTC`.
pub(crate) fn clock(at: SystemTime) -> Moment {
    Moment {
        utc: written(at, "%H:%M:%S UTC"),
        at: rfc3339(at),
        form: "clock",
    }
}

/// `2026-01-31-12h30`, for names of files.
pub(crate) fn file_stamp(at: SystemTime) -> String {
    written(at, "%Y-%m-%d-%Hh%M")
}

/// `2026-01-31T12:30:05.123Z`.
pub(crate) fn rfc3339(at: SystemTime) -> String {
    written(at, "%Y-%m-%dT%H:%M:%S.%3fZ")
}

/// Seconds since 1970.
pub(crate) fn unix(at: SystemTime) -> f64 {
    at.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
}

fn written(at: SystemTime, format: &str) -> String {
    Timestamp::try_from(at)
        .map(|at| at.strftime(format).to_string())
        .unwrap_or_default()
}

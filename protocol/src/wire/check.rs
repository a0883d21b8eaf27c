//! The checks every value passes on arrival, and the cuts that keep honest values within them on the way out.
//!
//! In: a field's name and what it holds. Out: the value in the type it is used in, or a [`WireError`].

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::limits::{MAX_CLASSES, MAX_ID_BYTES, MAX_TEXT_BYTES, MAX_TIME_US, MAX_USERS};
use super::{WireError, proto};
use crate::fleet::{Rows, RunId};

type Result<T> = std::result::Result<T, WireError>;

// === on the way in ===

/// A message that must be there.
pub(super) fn present<T>(field: &'static str, value: Option<T>) -> Result<T> {
    value.ok_or(WireError::Missing { field })
}

/// A text of at most `limit` bytes, perhaps empty.
pub(super) fn text(field: &'static str, text: String, limit: usize) -> Result<String> {
    at_most(field, text.len(), limit, "bytes")?;
    Ok(text)
}

/// A text for people.
pub(super) fn prose(field: &'static str, prose: String) -> Result<String> {
    text(field, prose, MAX_TEXT_BYTES)
}

/// A name that identifies something: short, not empty.
pub(super) fn id(field: &'static str, id: String) -> Result<String> {
    if id.is_empty() {
        return Err(WireError::Missing { field });
    }
    text(field, id, MAX_ID_BYTES)
}

/// A run's identity.
pub(super) fn run(field: &'static str, run: String) -> Result<RunId> {
    id(field, run).map(RunId::from)
}

/// A data set's name.
pub(super) fn data(field: &'static str, data: String) -> Result<Arc<str>> {
    if data.is_empty() {
        return Err(WireError::Missing { field });
    }
    text(field, data, MAX_TEXT_BYTES).map(Arc::from)
}

/// Not more than `limit` of something.
pub(super) fn at_most(field: &'static str, found: usize, limit: usize, unit: &'static str) -> Result<()> {
    if found > limit {
        return Err(WireError::TooMuch {
            field,
            found,
            limit,
            unit,
        });
    }
    Ok(())
}

/// A number within bounds.
pub(super) fn within(field: &'static str, value: u64, bounds: RangeInclusive<u64>) -> Result<u64> {
    if !bounds.contains(&value) {
        return Err(WireError::out_of_range(
            field,
            value,
            format!("{} to {}", bounds.start(), bounds.end()),
        ));
    }
    Ok(value)
}

/// A small number within bounds.
pub(super) fn within_u32(field: &'static str, value: u32, bounds: RangeInclusive<u32>) -> Result<u32> {
    within(
        field,
        u64::from(value),
        u64::from(*bounds.start())..=u64::from(*bounds.end()),
    )?;
    Ok(value)
}

/// A time in µs that any clock can be moved by.
pub(super) fn time_us(field: &'static str, time_us: u64) -> Result<u64> {
    within(field, time_us, 0..=MAX_TIME_US)
}

/// The same as a duration.
pub(super) fn duration(field: &'static str, us: u64) -> Result<Duration> {
    time_us(field, us).map(Duration::from_micros)
}

/// Users per class.
pub(super) fn users(field: &'static str, users: Vec<u32>) -> Result<Vec<u32>> {
    at_most(field, users.len(), MAX_CLASSES, "entries")?;
    let total = users.iter().copied().map(u64::from).sum();
    within(field, total, 0..=u64::from(MAX_USERS))?;
    Ok(users)
}

/// Rows of a data set; at most [`MAX_ROW_RANGES`](super::limits::MAX_ROW_RANGES) ranges.
pub(super) fn rows(field: &'static str, ranges: Vec<proto::RowRange>) -> Result<Vec<Rows>> {
    at_most(field, ranges.len(), super::limits::MAX_ROW_RANGES, "ranges")?;
    let mut total = 0u64;
    ranges
        .into_iter()
        .map(|range| {
            let len = range.end.checked_sub(range.start).ok_or_else(|| {
                WireError::out_of_range(
                    field,
                    format!("{} to {}", range.start, range.end),
                    "ranges that do not end before they start",
                )
            })?;
            total = total.checked_add(len).ok_or_else(|| {
                WireError::out_of_range(field, "more rows than can be counted", "rows of one data set")
            })?;
            Ok(range.start..range.end)
        })
        .collect()
}

/// Texts, neither too many nor too long.
pub(super) fn texts(field: &'static str, texts: Vec<String>, limit: usize) -> Result<Vec<String>> {
    at_most(field, texts.len(), limit, "entries")?;
    texts.into_iter().map(|text| prose(field, text)).collect()
}

/// Texts by name, neither too many nor too long.
pub(super) fn map(
    field: &'static str,
    map: BTreeMap<String, String>,
    limit: usize,
) -> Result<BTreeMap<String, String>> {
    at_most(field, map.len(), limit, "entries")?;
    map.into_iter()
        .map(|(name, value)| Ok((prose(field, name)?, prose(field, value)?)))
        .collect()
}

// === on the way out ===

/// A duration in µs; what no clock can be moved by becomes the longest that one can.
pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros())
        .unwrap_or(u64::MAX)
        .min(MAX_TIME_US)
}

/// A text of at most `limit` bytes: a longer one is cut at a character's edge and ends in `…`.
pub(super) fn cut(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    let end = (0..=limit.saturating_sub(ELLIPSIS.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    &text[..end]
}

const ELLIPSIS: &str = "…";

/// A text for people; one that is too long is cut and ends in `…`.
pub(super) fn readable(prose: &str) -> String {
    shortened(prose, MAX_TEXT_BYTES)
}

/// The text, or if it is longer than `limit` bytes its beginning and `…`.
pub(super) fn shortened(text: &str, limit: usize) -> String {
    let kept = cut(text, limit);
    let mut shortened = kept.to_owned();
    if kept.len() < text.len() {
        shortened.push_str(ELLIPSIS);
    }
    shortened
}

/// Rows of a data set.
pub(super) fn ranges(rows: &[Rows]) -> Vec<proto::RowRange> {
    rows.iter()
        .map(|range| proto::RowRange {
            start: range.start,
            end: range.end,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_at_a_character() {
        for limit in 3..20 {
            let short = shortened(&"é€".repeat(10), limit);
            assert!(short.len() <= limit, "{short} has {} bytes", short.len());
            assert!(short.ends_with(ELLIPSIS));
        }
        assert_eq!(shortened("abc", 3), "abc");
    }

    #[test]
    fn endless_durations_become_the_longest() {
        assert_eq!(micros(Duration::MAX), MAX_TIME_US);
        assert!(duration("x", micros(Duration::MAX)).is_ok());
        assert!(duration("x", MAX_TIME_US + 1).is_err());
    }

    #[test]
    fn any_accepted_time_can_be_added_to_a_clock() {
        let longest = Duration::from_micros(MAX_TIME_US);
        assert!(std::time::SystemTime::now().checked_add(longest).is_some());
        assert!(longest.checked_add(longest).is_some());
    }
}

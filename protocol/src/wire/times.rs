//! A distribution of times: sum, extremes and the histogram as pairs of gap and count.
//!
//! In: [`TimesDelta`] or its wire form. Out: the other one. Without buckets nothing else is meant, and nothing is sent.

use super::limits::{MAX_COUNT, MAX_SUM};
use super::{WireError, check, proto};
use crate::stats::{Buckets, TimesDelta};

impl From<&TimesDelta> for proto::Times {
    fn from(times: &TimesDelta) -> Self {
        if times.buckets.is_empty() {
            return Self::default();
        }
        let mut before = 0;
        let buckets = times
            .buckets
            .iter()
            .flat_map(|(time_us, count)| {
                let gap = time_us - before;
                before = time_us;
                [gap, count]
            })
            .collect();
        Self {
            sum_us: times.sum_us,
            min_us: times.min_us,
            max_us: times.max_us,
            buckets,
            clamped: times.buckets.clamped(),
        }
    }
}

impl TryFrom<proto::Times> for TimesDelta {
    type Error = WireError;

    fn try_from(times: proto::Times) -> Result<Self, WireError> {
        if times.buckets.is_empty() {
            return Ok(Self::default());
        }
        let (pairs, rest) = times.buckets.as_chunks::<2>();
        let invalid = |found: &str| {
            WireError::out_of_range(
                "Times.buckets",
                found,
                "pairs of gap and count, ascending, at the histogram's buckets",
            )
        };
        if !rest.is_empty() {
            return Err(invalid("an odd number of values"));
        }
        let mut at_us = 0u64;
        let entries = pairs
            .iter()
            .map(|[gap, count]| {
                at_us = at_us
                    .checked_add(*gap)
                    .ok_or_else(|| invalid("beyond any time"))?;
                Ok((at_us, *count))
            })
            .collect::<Result<_, WireError>>()?;
        let buckets = Buckets::from_entries(entries, times.clamped)
            .ok_or_else(|| invalid("a list of buckets that no histogram has"))?;
        check::within("Times.buckets", buckets.count(), 1..=MAX_COUNT)?;
        let max_us = check::time_us("Times.max_us", times.max_us)?;
        Ok(Self {
            sum_us: check::within("Times.sum_us", times.sum_us, 0..=MAX_SUM)?,
            min_us: check::within("Times.min_us", times.min_us, 0..=max_us)?,
            max_us,
            buckets,
        })
    }
}

/// What is sent of times that may be none.
pub(super) fn unless_empty(times: &TimesDelta) -> Option<proto::Times> {
    (!times.buckets.is_empty()).then(|| times.into())
}

/// What is meant by times that may be absent.
pub(super) fn or_empty(times: Option<proto::Times>) -> Result<TimesDelta, WireError> {
    times.map_or_else(|| Ok(TimesDelta::default()), TryInto::try_into)
}

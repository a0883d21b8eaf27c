//! One interval of one request, group or tag.
//!
//! In: [`RequestDelta`] with the indices of its key, or its wire form. Out: the other one.

use std::collections::BTreeMap;

use super::limits::{MAX_COUNT, MAX_DELTA_SECONDS, MAX_SUM};
use super::times::{or_empty, unless_empty};
use super::{WireError, check, proto};
use crate::stats::{PHASE_NAMES, Phases, RequestDelta, SecondCounts};

/// The wire form of a request whose method and name have these indices.
pub(super) fn to_wire(request: &RequestDelta, method: u32, name: u32) -> proto::RequestDelta {
    proto::RequestDelta {
        name,
        method,
        requests: request.requests,
        failures: request.failures,
        bytes_in: request.bytes_in,
        bytes_out: request.bytes_out,
        statuses: statuses_to_wire(&request.statuses),
        response: unless_empty(&request.response),
        failed: unless_empty(&request.failed),
        service: request.service.as_ref().map(Into::into),
        phases: phases_to_wire(&request.phases),
        seconds: seconds_to_wire(&request.seconds),
        last_us: request.last_us,
        late: late_to_wire(&request.seconds),
    }
}

/// What a wire form says apart from its key.
pub(super) fn from_wire(request: proto::RequestDelta) -> Result<RequestDelta, WireError> {
    Ok(RequestDelta {
        requests: check::within("RequestDelta.requests", request.requests, 0..=MAX_COUNT)?,
        failures: check::within("RequestDelta.failures", request.failures, 0..=MAX_COUNT)?,
        bytes_in: check::within("RequestDelta.bytes_in", request.bytes_in, 0..=MAX_SUM)?,
        bytes_out: check::within("RequestDelta.bytes_out", request.bytes_out, 0..=MAX_SUM)?,
        statuses: statuses_from_wire(&request.statuses)?,
        response: or_empty(request.response)?,
        failed: or_empty(request.failed)?,
        service: request.service.map(TryInto::try_into).transpose()?,
        phases: phases_from_wire(&request.phases)?,
        seconds: seconds_from_wire(&request.seconds, &request.late)?,
        last_us: check::time_us("RequestDelta.last_us", request.last_us)?,
    })
}

fn statuses_to_wire(statuses: &BTreeMap<u16, u64>) -> Vec<u64> {
    let mut before = 0;
    statuses
        .iter()
        .flat_map(|(status, count)| {
            let gap = u64::from(*status) - before;
            before = u64::from(*status);
            [gap, *count]
        })
        .collect()
}

fn statuses_from_wire(numbers: &[u64]) -> Result<BTreeMap<u16, u64>, WireError> {
    const FIELD: &str = "RequestDelta.statuses";
    let mut at = Ascending::new(FIELD);
    groups::<2>(FIELD, numbers)?
        .iter()
        .map(|[gap, count]| {
            let status = at.step(*gap)?;
            let status = u16::try_from(status)
                .map_err(|_| WireError::out_of_range(FIELD, status, "statuses of HTTP, or 0"))?;
            Ok((status, check::within(FIELD, *count, 0..=MAX_COUNT)?))
        })
        .collect()
}

fn phases_to_wire(phases: &Phases) -> Vec<u64> {
    (0u64..)
        .zip(phases.sum_us.iter().zip(&phases.max_us).zip(&phases.count))
        .filter(|(_, ((sum_us, max_us), count))| (**sum_us, **max_us, **count) != (0, 0, 0))
        .flat_map(|(phase, ((sum_us, max_us), count))| [phase, *sum_us, u64::from(*max_us), *count])
        .collect()
}

fn phases_from_wire(numbers: &[u64]) -> Result<Phases, WireError> {
    const FIELD: &str = "RequestDelta.phases";
    let mut phases = Phases::default();
    let mut next = 0;
    for [phase, sum_us, max_us, count] in groups::<4>(FIELD, numbers)? {
        let index = usize::try_from(*phase)
            .ok()
            .filter(|index| (next..PHASE_NAMES.len()).contains(index))
            .ok_or_else(|| WireError::out_of_range(FIELD, phase, "phases 0 to 6, ascending"))?;
        next = index + 1;
        phases.sum_us[index] = check::within(FIELD, *sum_us, 0..=MAX_SUM)?;
        phases.max_us[index] = u32::try_from(*max_us)
            .map_err(|_| WireError::out_of_range(FIELD, max_us, "a longest time below 2^32"))?;
        phases.count[index] = check::within(FIELD, *count, 0..=MAX_COUNT)?;
    }
    Ok(phases)
}

fn seconds_to_wire(seconds: &[SecondCounts]) -> Vec<u64> {
    let mut before = 0;
    seconds
        .iter()
        .flat_map(|counts| {
            // Seconds are kept ascending; what is not would be refused on arrival, not misread.
            let gap = u64::from(counts.second).wrapping_sub(before);
            before = u64::from(counts.second);
            [gap, counts.requests, counts.failures]
        })
        .collect()
}

fn late_to_wire(seconds: &[SecondCounts]) -> Vec<u64> {
    if seconds.iter().all(|counts| counts.late == 0) {
        return Vec::new();
    }
    seconds.iter().map(|counts| counts.late).collect()
}

fn seconds_from_wire(numbers: &[u64], late: &[u64]) -> Result<Vec<SecondCounts>, WireError> {
    const FIELD: &str = "RequestDelta.seconds";
    const LATE: &str = "RequestDelta.late";
    let groups = groups::<3>(FIELD, numbers)?;
    check::at_most(FIELD, groups.len(), MAX_DELTA_SECONDS, "entries")?;
    if !late.is_empty() && late.len() != groups.len() {
        return Err(WireError::out_of_range(
            LATE,
            format!("{} values long", late.len()),
            "empty or as long as the list of seconds",
        ));
    }
    let mut at = Ascending::new(FIELD);
    groups
        .iter()
        .zip(late.iter().chain(std::iter::repeat(&0)))
        .map(|([gap, requests, failures], late)| {
            Ok(SecondCounts {
                second: at.second(*gap)?,
                requests: check::within(FIELD, *requests, 0..=MAX_COUNT)?,
                failures: check::within(FIELD, *failures, 0..=MAX_COUNT)?,
                late: check::within(LATE, *late, 0..=MAX_COUNT)?,
            })
        })
        .collect()
}

/// Numbers in groups of `N`.
pub(super) fn groups<'a, const N: usize>(
    field: &'static str,
    numbers: &'a [u64],
) -> Result<&'a [[u64; N]], WireError> {
    let (groups, rest) = numbers.as_chunks::<N>();
    if !rest.is_empty() {
        return Err(WireError::out_of_range(
            field,
            format!("{} values long", numbers.len()),
            format!("a list of groups of {N}"),
        ));
    }
    Ok(groups)
}

/// Numbers sent as the distance from the one before.
#[derive(Debug)]
pub(super) struct Ascending {
    field: &'static str,
    before: Option<u64>,
}

impl Ascending {
    pub(super) fn new(field: &'static str) -> Self {
        Self { field, before: None }
    }

    fn step(&mut self, gap: u64) -> Result<u64, WireError> {
        let at = match self.before {
            None => Some(gap),
            Some(_) if gap == 0 => None,
            Some(before) => before.checked_add(gap),
        };
        let at = at.ok_or_else(|| WireError::out_of_range(self.field, "not ascending", "ascending"))?;
        self.before = Some(at);
        Ok(at)
    }

    /// The same of seconds of the run.
    pub(super) fn second(&mut self, gap: u64) -> Result<u32, WireError> {
        let second = self.step(gap)?;
        u32::try_from(second).map_err(|_| WireError::out_of_range(self.field, second, "a second of the run"))
    }
}

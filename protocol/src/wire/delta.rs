//! A delta as bytes: the message that is sent every second.
//!
//! In: [`Delta`] or bytes. Out: the other one. The entries of what arrives are counted before room is made for them,
//! because an empty entry of two bytes becomes some hundred in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use prost::Message;
use prost::encoding::{DecodeContext, decode_key, skip_field};

use super::limits::{MAX_COUNT, MAX_DELTA_ERRORS, MAX_DELTA_NAMES};
use super::short_texts::with_short_texts;
use super::strings::{Interner, MAX_STRINGS, StringTable};
use super::{WireError, arrivals, check, metric, proto, request_delta};
use crate::stats::{
    CheckCounts, ConnectionCounts, Delta, ErrorCounts, ErrorKey, ExceptionCounts, ExceptionKey, LossCounts,
    MAX_NODES, Nodes, RequestDelta, RequestKey,
};

/// The lists of a delta: number of the field, its name, how many entries it may have.
const LISTS: [(u32, &str, usize); 8] = [
    (2, "Delta.strings", MAX_STRINGS),
    (3, "Delta.requests", MAX_DELTA_NAMES),
    (4, "Delta.groups", MAX_DELTA_NAMES),
    (5, "Delta.checks", MAX_DELTA_NAMES),
    (6, "Delta.errors", MAX_DELTA_ERRORS),
    (7, "Delta.exceptions", MAX_DELTA_ERRORS),
    (10, "Delta.metrics", MAX_DELTA_NAMES),
    (11, "Delta.tags", MAX_DELTA_NAMES),
];

/// A delta as bytes, for the way to the master and for its journal; empty for nothing measured in generation 0.
#[must_use]
pub fn encode_delta(delta: &Delta) -> Vec<u8> {
    proto::Delta::from(delta).encode_to_vec()
}

/// The delta that [`encode_delta`] made bytes of.
///
/// # Errors
///
/// If the bytes are no delta, or one that no worker of this version can have measured.
pub fn decode_delta(bytes: &[u8]) -> Result<Delta, WireError> {
    let [_, requests, ..] = count_entries(bytes).map_err(|cause| match cause {
        Counted::Malformed(cause) => malformed(&cause),
        Counted::TooMany(cause) => cause,
    })?;
    // The longest list in one piece: a thousand workers make this master decode a hundred thousand entries a second.
    let mut delta = proto::Delta {
        requests: Vec::with_capacity(requests),
        ..proto::Delta::default()
    };
    delta.merge(bytes).map_err(|cause| malformed(&cause))?;
    delta.try_into()
}

enum Counted {
    Malformed(prost::DecodeError),
    TooMany(WireError),
}

impl From<prost::DecodeError> for Counted {
    fn from(cause: prost::DecodeError) -> Self {
        Self::Malformed(cause)
    }
}

fn malformed(cause: &prost::DecodeError) -> WireError {
    WireError::Malformed(cause.to_string())
}

fn count_entries(mut bytes: &[u8]) -> Result<[usize; LISTS.len()], Counted> {
    let mut counts = [0usize; LISTS.len()];
    while !bytes.is_empty() {
        let (number, wire_type) = decode_key(&mut bytes)?;
        skip_field(wire_type, number, &mut bytes, DecodeContext::default())?;
        for ((list, field, limit), count) in LISTS.iter().zip(&mut counts) {
            if *list == number {
                *count += 1;
                check::at_most(field, *count, *limit, "entries").map_err(Counted::TooMany)?;
            }
        }
    }
    Ok(counts)
}

impl From<&Delta> for proto::Delta {
    fn from(delta: &Delta) -> Self {
        let delta = &with_short_texts(delta);
        let mut strings = Interner::default();
        let requests = delta
            .requests
            .iter()
            .map(|(key, request)| {
                // The method first: the most frequent one gets index 0, which costs nothing.
                let method = strings.index(&key.method);
                request_delta::to_wire(request, method, strings.index(&key.name))
            })
            .collect();
        let groups = named(&delta.groups, &mut strings);
        let tags = named(&delta.tags, &mut strings);
        let checks = delta
            .checks
            .iter()
            .map(|(name, counts)| proto::Check {
                name: strings.index(name),
                passes: counts.passes,
                failures: counts.failures,
            })
            .collect();
        let metrics = delta
            .metrics
            .iter()
            .map(|(name, sums)| metric::to_wire(sums, strings.index(name)))
            .collect();
        let errors = delta
            .errors
            .iter()
            .map(|(key, counts)| proto::Error {
                method: strings.index(&key.request.method),
                name: strings.index(&key.request.name),
                message: strings.index(&key.message),
                occurrences: Some(counts.into()),
            })
            .collect();
        let exceptions = delta
            .exceptions
            .iter()
            .map(|(key, exception)| proto::Exception {
                message: strings.index(&key.message),
                traceback: strings.index(&key.traceback),
                occurrences: Some((&exception.counts).into()),
                nodes: exception.nodes.names().map(|name| strings.index(name)).collect(),
                has_more_nodes: exception.nodes.has_more(),
            })
            .collect();
        let losses = losses_to_wire(&delta.losses, &mut strings);
        Self {
            generation: delta.generation,
            strings: strings.into_strings(),
            requests,
            groups,
            checks,
            errors,
            exceptions,
            iterations: delta.iterations,
            losses,
            metrics,
            tags,
            connections: connections_to_wire(delta.connections),
            arrivals: arrivals::to_wire(&delta.arrivals),
        }
    }
}

impl TryFrom<proto::Delta> for Delta {
    type Error = WireError;

    fn try_from(delta: proto::Delta) -> Result<Self, WireError> {
        let strings = StringTable::new(delta.strings)?;
        let requests = delta.requests.into_iter().map(|request| {
            let key = RequestKey {
                method: strings.at("RequestDelta.method", request.method)?,
                name: strings.at("RequestDelta.name", request.name)?,
            };
            Ok((key, request_delta::from_wire(request)?))
        });
        let named = |row: proto::RequestDelta| {
            let name = strings.at("RequestDelta.name", row.name)?;
            Ok((name, request_delta::from_wire(row)?))
        };
        let groups = delta.groups.into_iter().map(named);
        let tags = delta.tags.into_iter().map(named);
        let checks = delta.checks.into_iter().map(|counts| {
            let name = strings.at("Check.name", counts.name)?;
            let counts = CheckCounts {
                passes: check::within("Check.passes", counts.passes, 0..=MAX_COUNT)?,
                failures: check::within("Check.failures", counts.failures, 0..=MAX_COUNT)?,
            };
            Ok((name, counts))
        });
        let metrics = delta.metrics.into_iter().map(|sums| {
            let name = strings.at("Metric.name", sums.name)?;
            Ok((name, metric::from_wire(&sums)?))
        });
        let errors = delta.errors.into_iter().map(|error| {
            let key = ErrorKey {
                request: RequestKey {
                    method: strings.at("Error.method", error.method)?,
                    name: strings.at("Error.name", error.name)?,
                },
                message: strings.at("Error.message", error.message)?,
            };
            let counts = check::present("Error.occurrences", error.occurrences)?;
            Ok((key, counts.try_into()?))
        });
        let exceptions = delta.exceptions.into_iter().map(|exception| {
            let key = ExceptionKey {
                message: strings.at("Exception.message", exception.message)?,
                traceback: strings.at("Exception.traceback", exception.traceback)?,
            };
            check::at_most("Exception.nodes", exception.nodes.len(), MAX_NODES, "entries")?;
            let names = exception.nodes.into_iter();
            let nodes: Nodes = names
                .map(|name| strings.at("Exception.nodes", name))
                .collect::<Result<_, _>>()?;
            let counts = check::present("Exception.occurrences", exception.occurrences)?.try_into()?;
            let nodes = nodes.with_more(exception.has_more_nodes);
            Ok((key, ExceptionCounts { counts, nodes }))
        });
        Ok(Self {
            generation: delta.generation,
            requests: unique("Delta.requests", MAX_DELTA_NAMES, requests)?,
            groups: unique("Delta.groups", MAX_DELTA_NAMES, groups)?,
            tags: unique("Delta.tags", MAX_DELTA_NAMES, tags)?,
            checks: unique("Delta.checks", MAX_DELTA_NAMES, checks)?,
            metrics: unique("Delta.metrics", MAX_DELTA_NAMES, metrics)?,
            errors: unique("Delta.errors", MAX_DELTA_ERRORS, errors)?,
            exceptions: unique("Delta.exceptions", MAX_DELTA_ERRORS, exceptions)?,
            iterations: check::within("Delta.iterations", delta.iterations, 0..=MAX_COUNT)?,
            arrivals: arrivals::from_wire(&delta.arrivals)?,
            connections: connections_from_wire(delta.connections.unwrap_or_default())?,
            losses: losses_from_wire(delta.losses.unwrap_or_default(), &strings)?,
        })
    }
}

/// Rows without a method.
fn named<'a>(
    rows: &'a BTreeMap<Arc<str>, RequestDelta>,
    strings: &mut Interner<'a>,
) -> Vec<proto::RequestDelta> {
    rows.iter()
        .map(|(name, row)| request_delta::to_wire(row, strings.index(""), strings.index(name)))
        .collect()
}

/// A map of entries that must be neither too many nor twice the same.
fn unique<K: Ord, V>(
    field: &'static str,
    limit: usize,
    entries: impl ExactSizeIterator<Item = Result<(K, V), WireError>>,
) -> Result<BTreeMap<K, V>, WireError> {
    check::at_most(field, entries.len(), limit, "entries")?;
    // One by one: collecting them would sort a copy of what is sorted.
    let mut map = BTreeMap::new();
    for entry in entries {
        let (key, value) = entry?;
        if map.insert(key, value).is_some() {
            return Err(WireError::out_of_range(
                field,
                "a list with repetitions",
                "a list of different entries",
            ));
        }
    }
    Ok(map)
}

impl From<&ErrorCounts> for proto::Occurrences {
    fn from(counts: &ErrorCounts) -> Self {
        Self {
            count: counts.occurrences,
            first_us: counts.first_us,
            last_us: counts.last_us,
        }
    }
}

impl TryFrom<proto::Occurrences> for ErrorCounts {
    type Error = WireError;

    fn try_from(counts: proto::Occurrences) -> Result<Self, WireError> {
        let last_us = check::time_us("Occurrences.last_us", counts.last_us)?;
        Ok(Self {
            occurrences: check::within("Occurrences.count", counts.count, 0..=MAX_COUNT)?,
            first_us: check::within("Occurrences.first_us", counts.first_us, 0..=last_us)?,
            last_us,
        })
    }
}

fn connections_to_wire(counts: ConnectionCounts) -> Option<proto::Connections> {
    (counts != ConnectionCounts::default()).then_some(proto::Connections {
        opened: counts.opened,
        reused: counts.reused,
        tls_handshakes: counts.tls_handshakes,
        http2: counts.http2,
    })
}

fn connections_from_wire(counts: proto::Connections) -> Result<ConnectionCounts, WireError> {
    let opened = check::within("Connections.opened", counts.opened, 0..=MAX_COUNT)?;
    Ok(ConnectionCounts {
        opened,
        reused: check::within("Connections.reused", counts.reused, 0..=MAX_COUNT)?,
        tls_handshakes: check::within("Connections.tls_handshakes", counts.tls_handshakes, 0..=opened)?,
        http2: check::within("Connections.http2", counts.http2, 0..=opened)?,
    })
}

fn losses_to_wire<'a>(losses: &'a LossCounts, strings: &mut Interner<'a>) -> Option<proto::Losses> {
    (*losses != LossCounts::default()).then(|| proto::Losses {
        folded_requests: losses.folded_requests,
        folded_example: losses.folded_example.as_ref().map(|name| strings.index(name)),
        folded_errors: losses.folded_errors,
        stack_waits: losses.stack_waits,
        killed_iterations: losses.killed_iterations,
        skipped_on_stops: losses.skipped_on_stops,
        folded_metrics: losses.folded_metrics,
        folded_metric: losses.folded_metric.as_ref().map(|name| strings.index(name)),
        folded_tags: losses.folded_tags,
        folded_tag: losses.folded_tag.as_ref().map(|tag| strings.index(tag)),
    })
}

fn losses_from_wire(losses: proto::Losses, strings: &StringTable) -> Result<LossCounts, WireError> {
    let count = |field, count| check::within(field, count, 0..=MAX_COUNT);
    let name = |field, index: Option<u32>| index.map(|index| strings.at(field, index)).transpose();
    Ok(LossCounts {
        folded_requests: count("Losses.folded_requests", losses.folded_requests)?,
        folded_example: name("Losses.folded_example", losses.folded_example)?,
        folded_errors: count("Losses.folded_errors", losses.folded_errors)?,
        folded_metrics: count("Losses.folded_metrics", losses.folded_metrics)?,
        folded_metric: name("Losses.folded_metric", losses.folded_metric)?,
        folded_tags: count("Losses.folded_tags", losses.folded_tags)?,
        folded_tag: name("Losses.folded_tag", losses.folded_tag)?,
        stack_waits: count("Losses.stack_waits", losses.stack_waits)?,
        killed_iterations: count("Losses.killed_iterations", losses.killed_iterations)?,
        skipped_on_stops: count("Losses.skipped_on_stops", losses.skipped_on_stops)?,
    })
}

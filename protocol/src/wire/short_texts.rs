//! Texts of a delta that are too long for the wire: they are cut, and what they told apart is added up.
//!
//! In: a [`Delta`] as measured. Out: one whose texts are accepted on arrival, and in which nothing is lost.

use std::borrow::Cow;
use std::sync::Arc;

use super::check::shortened;
use super::limits::MAX_DELTA_TEXT_BYTES;
use crate::stats::{Delta, ErrorCounts, ErrorKey, ExceptionKey, LossCounts, RequestKey};

/// The delta itself, unless a text in it is too long.
pub(super) fn with_short_texts(delta: &Delta) -> Cow<'_, Delta> {
    if has_short_texts(delta) {
        return Cow::Borrowed(delta);
    }
    let mut sum = Delta {
        generation: delta.generation,
        iterations: delta.iterations,
        connections: delta.connections,
        losses: LossCounts {
            folded_example: delta.losses.folded_example.as_ref().map(cut),
            folded_metric: delta.losses.folded_metric.as_ref().map(cut),
            folded_tag: delta.losses.folded_tag.as_ref().map(cut),
            ..delta.losses.clone()
        },
        ..Delta::default()
    };
    for (key, request) in &delta.requests {
        sum.requests.entry(cut_key(key)).or_default().merge(request);
    }
    for (name, group) in &delta.groups {
        sum.groups.entry(cut(name)).or_default().merge(group);
    }
    for (tag, requests) in &delta.tags {
        sum.tags.entry(cut(tag)).or_default().merge(requests);
    }
    for (name, counts) in &delta.checks {
        sum.checks.entry(cut(name)).or_default().merge(*counts);
    }
    for (name, sums) in &delta.metrics {
        sum.metrics.entry(cut(name)).or_default().merge(sums);
    }
    let add = |counts: ErrorCounts| move |own: &mut ErrorCounts| own.merge(counts);
    for (key, counts) in &delta.errors {
        let key = ErrorKey {
            request: cut_key(&key.request),
            message: cut(&key.message),
        };
        sum.errors.entry(key).and_modify(add(*counts)).or_insert(*counts);
    }
    for (key, exception) in &delta.exceptions {
        let key = ExceptionKey {
            message: cut(&key.message),
            traceback: cut(&key.traceback),
        };
        // The names of workers are short: they were checked when the workers said hello.
        sum.exceptions
            .entry(key)
            .and_modify(|own| own.merge(exception))
            .or_insert_with(|| exception.clone());
    }
    Cow::Owned(sum)
}

fn has_short_texts(delta: &Delta) -> bool {
    let short = |text: &Arc<str>| text.len() <= MAX_DELTA_TEXT_BYTES;
    let short_key = |key: &RequestKey| short(&key.method) && short(&key.name);
    delta.requests.keys().all(short_key)
        && delta.groups.keys().all(short)
        && delta.tags.keys().all(short)
        && delta.checks.keys().all(short)
        && delta.metrics.keys().all(short)
        && delta
            .errors
            .keys()
            .all(|key| short_key(&key.request) && short(&key.message))
        && delta
            .exceptions
            .keys()
            .all(|key| short(&key.message) && short(&key.traceback))
        && delta.losses.folded_example.iter().all(short)
        && delta.losses.folded_metric.iter().all(short)
        && delta.losses.folded_tag.iter().all(short)
}

fn cut(text: &Arc<str>) -> Arc<str> {
    shortened(text, MAX_DELTA_TEXT_BYTES).into()
}

fn cut_key(key: &RequestKey) -> RequestKey {
    RequestKey {
        method: cut(&key.method),
        name: cut(&key.name),
    }
}

//! Reads what rules are judged by.
//!
//! In: rules, the picture of the run, the windows. Out: a [`Reading`] for each rule.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use katydid_protocol::stats::{
    CheckCounts, RequestEntry, RequestKey, RequestStats, Snapshot, Times, split_tag,
};
use katydid_protocol::threshold::{Figure, Selector, SelectorKey, Threshold, ThresholdMetric};

use super::counted::Counted;
use super::{Windows, late};

/// What a rule is judged by at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Reading {
    /// The number; `None` when nothing was measured that the rule is about.
    pub(crate) value: Option<Figure>,
    /// Whether the window, if the rule has one, has passed since counting began.
    pub(crate) is_full: bool,
}

/// Reads all of them.
pub(crate) fn read<'a>(
    rules: impl Iterator<Item = &'a Arc<Threshold>>,
    snapshot: &Snapshot,
    windows: &Windows,
) -> Vec<Reading> {
    rules
        .enumerate()
        .map(|(index, rule)| {
            let counted = of_run(rule, snapshot).filter(|counted| !counted.is_empty());
            match (rule.window, counted) {
                (_, None) => Reading {
                    value: None,
                    is_full: windows.is_full(index, snapshot.elapsed),
                },
                (None, Some(counted)) => Reading {
                    value: counted.figure(rule, counted_us(rule, snapshot)),
                    is_full: true,
                },
                (Some(_), Some(before)) => {
                    let (counted, time_us) = windows.counted(index, snapshot.elapsed);
                    let counted = counted.filter(|counted| !counted.is_empty());
                    Reading {
                        value: match counted {
                            Some(counted) => counted.figure(rule, time_us),
                            None => before.nothing(rule, time_us),
                        },
                        is_full: windows.is_full(index, snapshot.elapsed),
                    }
                }
            }
        })
        .collect()
}

/// What rates of a whole run divide by, in µs: as the tables have it, to the last request's end.
fn counted_us(rule: &Threshold, snapshot: &Snapshot) -> u64 {
    let mut until = Duration::from_micros(snapshot.total.stats.last_us);
    if let ThresholdMetric::Own(name) = &rule.metric {
        let own = snapshot.metrics.iter().find(|entry| *entry.name == **name);
        let counter = own.and_then(|entry| entry.sums.counter.as_ref());
        until = until.max(Duration::from_micros(
            counter.map_or(0, |counter| counter.last_us),
        ));
    }
    let mut time = until.saturating_sub(snapshot.counted_from);
    if time.is_zero() {
        time = snapshot.elapsed.saturating_sub(snapshot.counted_from);
    }
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// What a rule is about, over the whole run.
fn of_run<'a>(rule: &'a Threshold, snapshot: &'a Snapshot) -> Option<Counted<'a>> {
    match &rule.metric {
        ThresholdMetric::ResponseTime
        | ThresholdMetric::ServiceTime
        | ThresholdMetric::GroupTime
        | ThresholdMetric::Failures
        | ThresholdMetric::Requests => {
            let rows: Vec<&RequestStats> = rows(rule, snapshot).map(|entry| &*entry.stats).collect();
            (!rows.is_empty()).then(|| together(rule, &rows))
        }
        ThresholdMetric::Checks => {
            let mut sum = CheckCounts::default();
            let checks = snapshot.checks.iter();
            for check in checks.filter(|check| fits_name(rule, &check.name)) {
                sum.merge(check.counts);
            }
            Some(Counted::Checks(sum))
        }
        ThresholdMetric::Iterations => Some(Counted::Iterations(snapshot.iterations)),
        ThresholdMetric::Late => late::of_run(snapshot),
        ThresholdMetric::Own(name) => {
            let own = snapshot.metrics.iter().find(|entry| *entry.name == **name)?;
            Some(Counted::Own(Cow::Borrowed(&own.sums)))
        }
    }
}

/// The rows of the tables a rule selects.
fn rows<'a>(rule: &'a Threshold, snapshot: &'a Snapshot) -> Box<dyn Iterator<Item = &'a RequestEntry> + 'a> {
    if rule.metric == ThresholdMetric::GroupTime {
        let groups = snapshot.groups.iter();
        return Box::new(groups.filter(|entry| fits_name(rule, &entry.stats.key.name)));
    }
    match place(rule) {
        Place::Everything => Box::new(std::iter::once(&snapshot.total)),
        Place::Tag => Box::new(
            snapshot
                .tags
                .iter()
                .filter(|entry| fits_tag(rule, &entry.stats.key.name)),
        ),
        Place::Requests => Box::new(
            snapshot
                .requests
                .iter()
                .filter(|entry| fits_key(rule, &entry.stats.key)),
        ),
    }
}

/// Where the requests of a rule are counted.
pub(super) enum Place {
    Everything,
    Requests,
    Tag,
}

/// See [`Place`].
pub(super) fn place(rule: &Threshold) -> Place {
    match rule.selectors.first() {
        None => Place::Everything,
        Some(Selector {
            key: SelectorKey::Tag(_),
            ..
        }) => Place::Tag,
        Some(_) => Place::Requests,
    }
}

/// Whether a group or check is meant.
pub(super) fn fits_name(rule: &Threshold, name: &str) -> bool {
    rule.selectors.iter().all(|selector| selector.value.matches(name))
}

/// Whether a request is meant.
pub(super) fn fits_key(rule: &Threshold, key: &RequestKey) -> bool {
    rule.selectors.iter().all(|selector| match &selector.key {
        SelectorKey::Name => selector.value.matches(&key.name),
        SelectorKey::Method => {
            selector.value.matches(&key.method) || selector.value.text.eq_ignore_ascii_case(&key.method)
        }
        SelectorKey::Tag(_) => false,
    })
}

/// Whether a tag is meant, by its name `key:value`.
pub(super) fn fits_tag(rule: &Threshold, tag: &str) -> bool {
    let Some((key, value)) = split_tag(tag) else {
        return false;
    };
    rule.selectors.iter().all(|selector| match &selector.key {
        SelectorKey::Tag(wanted) => wanted == key && selector.value.matches(value),
        SelectorKey::Name | SelectorKey::Method => false,
    })
}

fn together<'a>(rule: &Threshold, rows: &[&'a RequestStats]) -> Counted<'a> {
    let times = match rows {
        _ if !needs_times(rule) => Cow::Owned(Times::default()),
        [row] => Cow::Borrowed(times(rule, row)),
        rows => {
            let mut sum = Times::default();
            rows.iter().for_each(|row| sum.merge(times(rule, row)));
            Cow::Owned(sum)
        }
    };
    Counted::Requests {
        requests: rows.iter().map(|row| row.requests).sum(),
        failures: rows.iter().map(|row| row.failures).sum(),
        times,
    }
}

/// Whether a rule is about times.
pub(super) fn needs_times(rule: &Threshold) -> bool {
    !matches!(rule.metric, ThresholdMetric::Failures | ThresholdMetric::Requests)
}

fn times<'a>(rule: &Threshold, row: &'a RequestStats) -> &'a Times {
    match (&rule.metric, &row.service) {
        (ThresholdMetric::ServiceTime, Some(service)) => service,
        _ => &row.response,
    }
}

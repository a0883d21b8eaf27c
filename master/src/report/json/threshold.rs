//! What the document says about thresholds.

use katydid_protocol::stats::Snapshot;
use katydid_protocol::threshold::{Breach, FigureUnit, ThresholdEntry, ThresholdState};

#[derive(serde::Serialize)]
pub(super) struct ThresholdJson<'a> {
    rule: &'a str,
    state: ThresholdState,
    failed: bool,
    value: Option<f64>,
    bound: f64,
    unit: &'static str,
    since_s: u32,
    first_failed: Option<FirstJson>,
    abort: bool,
    optional: bool,
    note: Option<&'a str>,
}

#[derive(serde::Serialize)]
struct FirstJson {
    second: u32,
    value: f64,
}

impl<'a> ThresholdJson<'a> {
    /// Each threshold of a run.
    pub(super) fn all(snapshot: &'a Snapshot) -> Vec<Self> {
        let is_over = snapshot.state.is_over();
        snapshot
            .thresholds
            .iter()
            .map(|entry| Self::of(entry, is_over))
            .collect()
    }

    fn of(entry: &'a ThresholdEntry, is_over: bool) -> Self {
        let rule = &*entry.rule;
        let unit = entry.value.map_or(FigureUnit::Plain, |value| value.unit());
        Self {
            rule: &rule.text,
            state: entry.state,
            failed: entry.state == ThresholdState::Failing || (is_over && entry.fails()),
            value: entry.value.map(|value| value.value()),
            bound: rule.bound_value(),
            unit: if rule.bound.is_time {
                FigureUnit::Time.as_str()
            } else {
                unit.as_str()
            },
            since_s: entry.since,
            first_failed: entry.breach.map(|Breach { second, value }| FirstJson {
                second,
                value: value.value(),
            }),
            abort: rule.abort,
            optional: rule.optional,
            note: entry.note.as_deref(),
        }
    }
}

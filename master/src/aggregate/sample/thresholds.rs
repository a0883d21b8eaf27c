//! Rules and verdicts to test with.

use std::sync::Arc;
use std::time::Duration;

use katydid_protocol::threshold::{
    Aggregate, Bound, Breach, Comparison, Figure, Pattern, Selector, SelectorKey, Threshold, ThresholdEntry,
    ThresholdMetric, ThresholdState,
};

/// A rule on the response times of all requests, without its text.
pub(crate) fn threshold(text: &str) -> Threshold {
    Threshold {
        text: text.to_owned(),
        metric: ThresholdMetric::ResponseTime,
        selectors: Vec::new(),
        aggregate: Aggregate::Quantile(990_000),
        comparison: Comparison::Less,
        bound: Bound {
            millionths: 500_000_000_000,
            is_time: true,
        },
        window: None,
        abort: false,
        after: None,
        optional: false,
    }
}

/// One verdict of each kind.
pub(super) fn thresholds() -> Vec<ThresholdEntry> {
    let entry = |rule, state, value, breach, note: Option<&str>| ThresholdEntry {
        rule: Arc::new(rule),
        state,
        value,
        since: 1,
        breach,
        note: note.map(str::to_owned),
    };
    let first = Breach {
        second: 1,
        value: Figure::time(700_160),
    };
    let failures = Threshold {
        metric: ThresholdMetric::Failures,
        aggregate: Aggregate::Rate,
        bound: Bound {
            millionths: 20_000,
            is_time: false,
        },
        ..threshold("failures: rate < 2%")
    };
    let window = Threshold {
        window: Some(Duration::from_secs(10)),
        abort: true,
        ..threshold("response_time: p99 < 500ms over 10s, abort")
    };
    let missing = Threshold {
        selectors: vec![Selector {
            key: SelectorKey::Name,
            value: Pattern {
                text: "/order".to_owned(),
                has_stars: false,
            },
        }],
        ..threshold("response_time{name:/order}: p99 < 500ms")
    };
    let optional = Threshold {
        optional: true,
        ..threshold("signups: count > 3, optional")
    };
    let said = "there was no request `/order`; did you mean `/orders`?";
    vec![
        entry(
            failures,
            ThresholdState::Passing,
            Figure::share(6, 345),
            None,
            None,
        ),
        entry(
            window,
            ThresholdState::Failing,
            Some(Figure::time(20_008)),
            Some(first),
            None,
        ),
        entry(missing, ThresholdState::NoData, None, None, Some(said)),
        entry(optional, ThresholdState::NoData, None, None, None),
    ]
}

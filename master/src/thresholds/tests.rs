//! Rules over sums and windows, and what becomes of them in a run.

use std::sync::Arc;
use std::time::Duration;

use katydid_protocol::stats::{CheckCounts, CounterSum, Delta, MetricSums, RequestKey, Snapshot, TrendSum};
use katydid_protocol::threshold::{
    Aggregate, Bound, Comparison, Figure, Pattern, Selector, SelectorKey, Threshold, ThresholdMetric,
    ThresholdState,
};

use super::judge::News;
use super::{Phase, Reading, Thresholds, Windows, read};
use crate::aggregate::{RunStats, sample};

mod properties;

fn rule(metric: ThresholdMetric, aggregate: Aggregate, comparison: Comparison, millionths: i64) -> Threshold {
    let is_time = matches!(
        metric,
        ThresholdMetric::ResponseTime | ThresholdMetric::ServiceTime | ThresholdMetric::GroupTime
    );
    Threshold {
        text: format!("a rule about {metric:?}"),
        metric,
        selectors: Vec::new(),
        aggregate,
        comparison,
        bound: Bound {
            millionths,
            is_time: is_time && aggregate != Aggregate::Count,
        },
        window: None,
        abort: false,
        after: None,
        optional: false,
    }
}

fn named(rule: Threshold, key: SelectorKey, text: &str) -> Threshold {
    let selector = Selector {
        key,
        value: Pattern {
            text: text.to_owned(),
            has_stars: text.contains('*'),
        },
    };
    Threshold {
        selectors: vec![selector],
        ..rule
    }
}

fn over(seconds: u64, rule: Threshold) -> Threshold {
    Threshold {
        window: Some(Duration::from_secs(seconds)),
        ..rule
    }
}

/// Requests of one name that arrive together.
fn arrival(name: &str, times: &[u64], failures: u64) -> Delta {
    let mut delta = Delta::default();
    let key = RequestKey::new("GET", name);
    let mut request = sample::request(0, times, 0);
    request.failures = failures;
    delta.requests.insert(key, request);
    delta.iterations = times.len() as u64;
    delta
}

fn snapshot(stats: &mut RunStats, second: u64) -> Snapshot {
    let now = Duration::from_millis(1_000 * second + 150);
    stats.snapshot(&Arc::new(sample::info()), now, sample::standing())
}

fn values(stats: &mut RunStats, rules: &[Arc<Threshold>], second: u64) -> Vec<Reading> {
    let snapshot = snapshot(stats, second);
    read(rules.iter(), &snapshot, stats.windows())
}

fn watching(rules: &[Threshold]) -> (RunStats, Vec<Arc<Threshold>>) {
    let rules: Vec<Arc<Threshold>> = rules.iter().cloned().map(Arc::new).collect();
    let mut stats = RunStats::new();
    stats.watch(Windows::new(rules.iter(), Duration::ZERO));
    (stats, rules)
}

const SHARE: Aggregate = Aggregate::Rate;

#[test]
fn rules_look_at_what_they_select() {
    let failures = || rule(ThresholdMetric::Failures, SHARE, Comparison::Less, 500_000);
    let (mut stats, rules) = watching(&[
        failures(),
        named(failures(), SelectorKey::Name, "/a"),
        named(failures(), SelectorKey::Name, "/*"),
        named(failures(), SelectorKey::Name, "/nowhere"),
        named(failures(), SelectorKey::Method, "get"),
        named(failures(), SelectorKey::Tag("tier".to_owned()), "gold"),
        named(
            rule(ThresholdMetric::Checks, SHARE, Comparison::AtLeast, 1_000_000),
            SelectorKey::Name,
            "fine",
        ),
        named(
            rule(ThresholdMetric::GroupTime, Aggregate::Max, Comparison::Less, 0),
            SelectorKey::Name,
            "checkout",
        ),
        rule(
            ThresholdMetric::Own("signups".to_owned()),
            Aggregate::Count,
            Comparison::More,
            0,
        ),
        rule(
            ThresholdMetric::Own("basket".to_owned()),
            Aggregate::Average,
            Comparison::More,
            0,
        ),
        rule(ThresholdMetric::Late, SHARE, Comparison::Less, 0),
    ]);
    let mut delta = arrival("/a", &[1_000; 4], 3);
    delta.merge(arrival("/b", &[1_000; 4], 0));
    delta.tags.insert("tier:gold".into(), {
        let mut request = sample::request(0, &[2_000; 5], 0);
        request.failures = 1;
        request
    });
    delta
        .groups
        .insert("checkout".into(), sample::request(0, &[7_000], 0));
    delta.checks.insert(
        "fine".into(),
        CheckCounts {
            passes: 9,
            failures: 1,
        },
    );
    let (mut signups, mut basket) = (CounterSum::default(), TrendSum::default());
    signups.add(2_500, 10);
    basket.add(1_000);
    basket.add(2_000);
    let own = |counter, trend| MetricSums {
        counter,
        trend,
        ..MetricSums::default()
    };
    delta.metrics.insert("signups".into(), own(Some(signups), None));
    delta.metrics.insert("basket".into(), own(None, Some(basket)));
    stats.apply(Duration::from_secs(1), &delta);
    let read: Vec<Option<Figure>> = values(&mut stats, &rules, 1)
        .iter()
        .map(|reading| reading.value)
        .collect();
    assert_eq!(
        read,
        [
            Figure::share(3, 8),
            Figure::share(3, 4),
            Figure::share(3, 8),
            None,
            Figure::share(3, 8),
            Figure::share(1, 5),
            Figure::share(9, 10),
            Some(Figure::time(7_000)),
            Some(Figure::amount(2_500, 1)),
            Some(Figure::amount(3_000, 2)),
            None,
        ]
    );
}

fn judged(
    thresholds: &mut Thresholds,
    second: u64,
    value: Option<Figure>,
    phase: Phase,
) -> (ThresholdState, News) {
    let reading = Reading { value, is_full: true };
    let news = thresholds.judge(Duration::from_secs(second), Duration::MAX, &[reading], phase);
    (thresholds.entries()[0].state, news)
}

#[test]
fn a_rule_about_the_whole_run_ends_as_its_last_value() {
    let mut one = Thresholds::new(vec![rule(
        ThresholdMetric::Failures,
        SHARE,
        Comparison::Less,
        10_000,
    )]);
    let mut state = |second, value, phase| judged(&mut one, second, value, phase);
    assert_eq!(state(1, None, Phase::Running).0, ThresholdState::NoData);
    let (failing, news) = state(2, Figure::share(1, 2), Phase::Running);
    assert_eq!(
        (failing, news),
        (ThresholdState::Failing, News::default()),
        "the end decides"
    );
    assert_eq!(
        state(3, Figure::share(1, 100), Phase::Stopping).0,
        ThresholdState::Failing,
        "equal is not less"
    );
    assert_eq!(
        state(4, Figure::share(1, 101), Phase::Last).0,
        ThresholdState::Passing
    );
    let entry = &one.entries()[0];
    assert_eq!(
        (entry.since, entry.breach.map(|breach| breach.second)),
        (4, Some(2))
    );
    assert!(
        !entry.fails() && entry.finding() == "0.99%",
        "{}",
        entry.finding()
    );
}

#[test]
fn a_rule_about_a_window_fails_for_good() {
    let windowed = over(
        10,
        rule(ThresholdMetric::Failures, SHARE, Comparison::Less, 10_000),
    );
    let mut one = Thresholds::new(vec![windowed]);
    let (state, news) = judged(&mut one, 11, Figure::share(5, 100), Phase::Running);
    assert_eq!(state, ThresholdState::Failing);
    assert_eq!((news.failed.len(), news.abort), (1, None));
    let (state, news) = judged(&mut one, 12, Figure::share(0, 100), Phase::Running);
    assert_eq!((state, news), (ThresholdState::Failing, News::default()));
    assert_eq!(judged(&mut one, 13, None, Phase::Last).0, ThresholdState::Failing);
    assert_eq!(one.entries()[0].finding(), "5.00% at 00:11, 0.00% at last");
    one.reset(Duration::from_secs(20));
    assert_eq!(one.entries()[0].state, ThresholdState::Pending);
    assert_eq!(
        judged(&mut one, 21, Figure::share(1, 1), Phase::Stopping).0,
        ThresholdState::Pending,
        "no load any more"
    );
    assert_eq!(
        judged(&mut one, 22, Figure::share(1, 1), Phase::Last).0,
        ThresholdState::Failing,
        "never judged before"
    );
}

#[test]
fn it_ends_the_run_not_before_it_may() {
    let mut early = rule(ThresholdMetric::Failures, SHARE, Comparison::Less, 10_000);
    (early.abort, early.after) = (true, Some(Duration::from_secs(5)));
    let mut one = Thresholds::new(vec![early]);
    let (state, news) = judged(&mut one, 4, Figure::share(1, 2), Phase::Running);
    assert_eq!((state, news), (ThresholdState::Pending, News::default()));
    let (state, news) = judged(&mut one, 5, Figure::share(1, 2), Phase::Running);
    assert_eq!(state, ThresholdState::Failing);
    assert_eq!(
        news.abort.as_deref(),
        Some("threshold `a rule about Failures` failed: 50.00%")
    );
    let (state, _) = judged(&mut one, 6, Figure::share(0, 2), Phase::Last);
    assert_eq!(state, ThresholdState::Failing, "it has ended the run");
}

#[test]
fn without_data_it_fails_unless_it_is_optional() {
    let strict = rule(ThresholdMetric::Checks, SHARE, Comparison::Less, 10_000);
    let optional = Threshold {
        optional: true,
        abort: true,
        ..strict.clone()
    };
    for (rule, fails) in [(strict, true), (optional, false)] {
        let mut one = Thresholds::new(vec![rule]);
        let (_, news) = judged(&mut one, 1, None, Phase::Running);
        assert_eq!(news, News::default());
        assert_eq!(judged(&mut one, 2, None, Phase::Last).0, ThresholdState::NoData);
        assert_eq!(one.entries()[0].fails(), fails);
    }
}

#[test]
fn names_that_are_near_are_told() {
    let mut snapshot = sample::snapshot();
    let near = |rule: Threshold, snapshot: &Snapshot| super::near::note(&rule, snapshot).unwrap_or_default();
    let times = || rule(ThresholdMetric::ResponseTime, Aggregate::Max, Comparison::Less, 0);
    let first = snapshot.requests[0].stats.key.name.to_string();
    let said = near(named(times(), SelectorKey::Name, &format!("{first}x")), &snapshot);
    assert!(said.contains(&format!("did you mean `{first}`?")), "{said}");
    let said = near(
        named(times(), SelectorKey::Name, "zzzzzzzzzzzzzzzzzzzzzzzz"),
        &snapshot,
    );
    assert!(said.contains("; there were `"), "{said}");
    snapshot.requests.clear();
    let said = near(named(times(), SelectorKey::Method, "GTE"), &snapshot);
    assert_eq!(said, "there was no method `GTE`");
}

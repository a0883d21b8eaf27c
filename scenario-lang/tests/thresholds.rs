//! Thresholds: what is read, what is refused, and how it is said.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed; real processes take real time"
)]

mod support;

use std::time::Duration;

use katydid_scenario_lang::{
    AggregateDecl, BoundDecl, BoundUnit, ComparisonDecl, MetricDecl, MetricNames, OwnKind, SelectorDecl,
    ThresholdDecl, read_threshold,
};
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

fn shown(text: &str) -> String {
    read_threshold(text).unwrap().decl.to_string()
}

/// The message under the rule it is about.
fn refused(text: &str) -> String {
    let error = match read_threshold(text) {
        Err(error) => error,
        Ok(rule) => own().judge(&rule).unwrap_err(),
    };
    let caret = format!("{}{}", " ".repeat(error.at), "^".repeat(error.length));
    let help = error.help.map(|help| format!(" ({help})")).unwrap_or_default();
    format!("{text}\n{caret} {}{help}", error.message)
}

fn own() -> MetricNames {
    let known = [
        ("signups", OwnKind::Counter),
        ("queue", OwnKind::Gauge),
        ("cache hits", OwnKind::Rate),
        ("basket", OwnKind::Trend),
    ];
    MetricNames {
        known: known.map(|(name, kind)| (name.to_owned(), kind)).into(),
        has_others: false,
    }
}

#[test]
fn rules_are_read_and_shown_in_their_shortest_form() {
    for (text, expected) in [
        ("response_time: p99 < 800ms", "response_time: p99 < 800ms"),
        (
            "  response_time {name:/orders,method : POST}:p99.90<=0.8s ",
            "response_time{name:/orders, method:POST}: p99.9 <= 0.8s",
        ),
        (
            "failures:rate<1% over 30s,abort",
            "failures: rate < 1% over 30s, abort",
        ),
        (
            "failures: rate < 0.01, optional, after 90s, abort, over 2m",
            "failures: rate < 0.01 over 2m, abort, after 1m30s, optional",
        ),
        ("requests: rate >= 100 /s", "requests: rate >= 100/s"),
        (
            "requests{tier:gold}: count != 5",
            "requests{tier:gold}: count != 5",
        ),
        (
            "checks{check:'status is 200, quick'}: rate == 100%",
            "checks{name:\"status is 200, quick\"}: rate == 100%",
        ),
        (
            "checks{name:it's \\ odd}: rate > 99%",
            "checks{name:\"it's \\\\ odd\"}: rate > 99%",
        ),
        (
            "group_time{group:checkout}: med < 2s",
            "group_time{name:checkout}: med < 2s",
        ),
        (
            "service_time{name:/api/*}: avg < 500us",
            "service_time{name:/api/*}: avg < 500us",
        ),
        (
            "response_time{name:\"/users/{id}\"}: max < 1m",
            "response_time{name:\"/users/{id}\"}: max < 1m",
        ),
        (
            "response_time{name:'/a\\*b'}: min > 0ms",
            "response_time{name:\"/a\\*b\"}: min > 0ms",
        ),
        ("\"cache hits\": rate > 80%", "\"cache hits\": rate > 80%"),
        ("\"requests\": count > 5", "\"requests\": count > 5"),
        ("basket: p50 >= -2.50", "basket: p50 >= -2.50"),
        ("late: rate < 1%", "late: rate < 1%"),
        ("iterations: count >= 007", "iterations: count >= 7"),
        ("response_time: p0 < 5µs", "response_time: p0 < 5us"),
    ] {
        assert_eq!(shown(text), expected, "{text}");
        assert_eq!(shown(expected), expected);
    }
}

#[test]
fn what_is_wrong_is_pointed_at() {
    let wrong = [
        "",
        "respone_time: p99 < 800ms",
        "http_req_duration: p(95) < 500ms",
        "response_time: p(95) < 500ms",
        "response_time: p101 < 500ms",
        "response_time: p99 < 500",
        "response_time: p99 < 5%",
        "response_time: rate < 5%",
        "response_time p99 < 5ms",
        "response_time: p99 5ms",
        "response_time: p99 =< 5ms",
        "response_time: p99 < fast",
        "response_time: p99 < 5 sec",
        "response_time{name:/a: p99 < 5ms",
        "response_time{name:}: p99 < 5ms",
        "response_time{name}: p99 < 5ms",
        "response_time{name:/u/{id}}: p99 < 5ms",
        "response_time{name:/a, name:/b}: p99 < 5ms",
        "response_time{name:/a, tier:gold}: p99 < 5ms",
        "response_time{name:\"/a}: p99 < 5ms",
        "iterations{name:/a}: count > 5",
        "checks{method:GET}: rate > 5%",
        "failures: rate < 1",
        "failures: rate < 5",
        "failures: rat < 5%",
        "failures: rate < 0.00001%",
        "failures: rate < 1% abort",
        "failures: rate < 1%, abrt",
        "failures: count < 5 abort",
        "failures: rate < 1%,",
        "failures: rate < 1% & more",
        "failures: rate < 1%, abort, abort",
        "failures: rate < 1% over",
        "failures: rate < 1% over 500ms",
        "failures: rate < 1% over soon",
        "failures: rate < 1%, after",
        "requests: rate > 10%",
        "requests: count > 99999999999999999999",
        "signups: p95 < 5",
        "queue: rate < 5",
        "basket: avg < 5%",
        "sigups: count > 5",
        "zebra: count > 5",
        "latency: p95 < 5ms",
    ];
    let wrong: Vec<String> = wrong
        .into_iter()
        .filter(|text| *text != "failures: rate < 1")
        .map(refused)
        .collect();
    insta::assert_snapshot!(wrong.join("\n\n"));
}

#[test]
fn names_that_are_made_up_while_users_run_are_taken_as_they_are() {
    let names = MetricNames {
        has_others: true,
        ..own()
    };
    let judge = |text: &str| names.judge(&read_threshold(text).unwrap());
    assert_eq!(judge("zebra: count > 5"), Ok(()));
    assert_eq!(judge("signup: rate > 5"), Ok(()));
    assert!(judge("request: count > 5").is_err(), "almost the name of another");
}

#[test]
fn a_scenario_declares_them_and_hears_of_all_that_is_wrong() {
    let users = "user(\"A\").task(\"t\", || { counter(\"signups\").add(1); });\n";
    let declared = |text: &str| support::program(&format!("{users}{text}")).check();
    let declarations = declared(
        "const MOST = \"800ms\";\nthreshold(`response_time: p99 < ${MOST}`);\nthreshold(\"signups: count > 3\");\n\
         threshold(\"signups: count>3\");",
    )
    .unwrap();
    let rules: Vec<String> = declarations.thresholds.iter().map(ToString::to_string).collect();
    assert_eq!(rules, ["response_time: p99 < 800ms", "signups: count > 3"]);
    let wrong = declared(
        "threshold(\"respone_time: p99 < 800ms\");\nthreshold(  \"checks{name:\\\"a\\\"}: rat > 5%\");\n\
         let rule = \"signups: p99 < 3\"; threshold(rule);\nthreshold(5);\nthreshold(\n    `failures: rate < 1% ovr 3s`);",
    );
    insta::assert_snapshot!(wrong.unwrap_err());
    let inside = declared("user(\"B\").task(\"t\", || { threshold(\"failures: rate < 1%\"); });");
    assert!(inside.is_ok(), "it fails when it is called");
}

prop_compose! {
    fn span()(ms in 1u64..100_000_000) -> Duration {
        Duration::from_millis(ms)
    }
}

fn selector(keys: &'static [&'static str]) -> impl Strategy<Value = SelectorDecl> {
    let value = prop_oneof!["[a-z/:*]{1,8}", "\\PC{1,8}", "[ ,{}'\"\\\\*]{1,6}"];
    (prop::sample::select(keys), value, any::<bool>()).prop_map(|(key, value, stars)| SelectorDecl {
        key: key.to_owned(),
        has_stars: stars && value.contains('*'),
        value,
    })
}

/// A metric with the parts, numbers and units it may have.
fn shape() -> impl Strategy<Value = (MetricDecl, Vec<SelectorDecl>, AggregateDecl, Vec<BoundUnit>)> {
    use AggregateDecl as A;
    use BoundUnit as U;
    let times = vec![U::Milliseconds, U::Seconds, U::Microseconds, U::Minutes];
    let of_times = prop_oneof![
        (0u32..=1_000_000).prop_map(A::Quantile),
        prop::sample::select(vec![A::Median, A::Average, A::Min, A::Max]),
    ];
    let own = prop_oneof!["[a-z]{1,5}", "\\PC{1,6}", Just("requests".to_owned())];
    prop_oneof![
        (
            prop::sample::select(vec![MetricDecl::ResponseTime, MetricDecl::ServiceTime]),
            prop::option::of(selector(&["name", "tier", "method"])),
            of_times,
        )
            .prop_map(move |(metric, selector, aggregate)| {
                (metric, selector.into_iter().collect(), aggregate, times.clone())
            }),
        prop::option::of(selector(&["name"])).prop_map(|selector| {
            (
                MetricDecl::Checks,
                selector.into_iter().collect(),
                A::Rate,
                vec![U::Percent],
            )
        }),
        Just((
            MetricDecl::Requests,
            Vec::new(),
            A::Rate,
            vec![U::Plain, U::PerSecond]
        )),
        (own, prop::sample::select(vec![A::Count, A::Rate, A::Value])).prop_map(|(name, aggregate)| (
            MetricDecl::Own(name),
            Vec::new(),
            aggregate,
            vec![U::Plain, U::Percent]
        )),
    ]
}

prop_compose! {
    fn rules()(
        (metric, selectors, aggregate, units) in shape(),
        comparison in prop::sample::select(vec![
            ComparisonDecl::Less, ComparisonDecl::AtMost, ComparisonDecl::More, ComparisonDecl::AtLeast,
            ComparisonDecl::Equal, ComparisonDecl::Unequal,
        ]),
        (digits, decimals, unit) in (0i64..100, 0u8..3, any::<prop::sample::Index>()),
        window in prop::option::of((1u32..86_400).prop_map(|seconds| seconds * SECOND)),
        after in prop::option::of(span()),
        (abort, optional) in any::<(bool, bool)>(),
    ) -> ThresholdDecl {
        let unit = units[unit.index(units.len())];
        ThresholdDecl { metric, selectors, aggregate, comparison, bound: BoundDecl { digits, decimals, unit }, window, abort, after, optional }
    }
}

proptest! {
    #[test]
    fn what_is_shown_reads_as_the_same_rule(rule in rules()) {
        let text = rule.to_string();
        let read = read_threshold(&text);
        prop_assert_eq!(read.map(|read| read.decl), Ok(rule), "{}", text);
    }

    #[test]
    fn reading_never_panics_and_points_at_the_text(text in prop_oneof![
        "\\PC{0,60}",
        "(response_time|failures|x|\"|\\{name:|\\}|:|,| |p99|rate|<|=|800ms|1%|over|abort|after|30s|'|\\\\|\\*){0,14}",
    ]) {
        if let Err(error) = read_threshold(&text) {
            prop_assert!(error.length > 0 && error.at <= text.chars().count() + 1, "{:?}", error);
            prop_assert!(!error.message.contains('\n') || text.contains('\n'));
        }
    }
}

//! Thresholds on their way from where they are written to the master.
//!
//! In: rules of the scenario and of the command line, as they were read. Out: what the master judges by; what is wrong
//! with those of the command line, with a caret under it.

use katydid_protocol::threshold::{
    Aggregate, Bound, Comparison, MAX_THRESHOLDS, Pattern, Selector, SelectorKey, Threshold, ThresholdMetric,
};
use katydid_scenario_lang::{
    AggregateDecl, ComparisonDecl, MetricDecl, MetricNames, ReadThreshold, SelectorDecl, ThresholdDecl,
    ThresholdError,
};

use crate::problem::{Origin, Problem, Problems};

/// All rules of a run, each once.
pub(crate) fn of_run(declared: &[ThresholdDecl], more: &[ReadThreshold]) -> Vec<Threshold> {
    let mut rules: Vec<Threshold> = Vec::new();
    for rule in declared.iter().chain(more.iter().map(|rule| &rule.decl)) {
        let rule = threshold(rule);
        if !rules.contains(&rule) && rules.len() < MAX_THRESHOLDS {
            rules.push(rule);
        }
    }
    rules
}

/// Says so when a run that is gone on with began with other rules than those that are given now.
pub(crate) fn compare(kept: &[&str], declared: &[ThresholdDecl], more: &[ReadThreshold]) {
    let now = of_run(declared, more);
    if !now.iter().map(|rule| rule.text.as_str()).eq(kept.iter().copied()) {
        let rules = if kept.is_empty() {
            "none".to_owned()
        } else {
            kept.join("; ")
        };
        tracing::warn!(
            "the run goes on with the thresholds it began with, not with those given now: {rules}"
        );
    }
}

/// Whether rules of the command line are about something there is.
///
/// # Errors
///
/// All that are not.
pub(crate) fn judge(rules: &[ReadThreshold], metrics: &MetricNames, origin: &Origin) -> Result<(), Problems> {
    let mut problems = Problems::default();
    for rule in rules {
        if let Err(error) = metrics.judge(rule) {
            problems.add(problem(&rule.text, &error).at(origin.clone()));
        }
    }
    problems.into_result(())
}

/// What is wrong, and under it the rule with a caret.
pub(crate) fn problem(text: &str, error: &ThresholdError) -> Problem {
    let shown: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let caret = format!("{}{}", " ".repeat(error.at), "^".repeat(error.length));
    Problem::new(format!("{}\n    {shown}\n    {caret}", error.message)).help(error.help.clone())
}

fn threshold(rule: &ThresholdDecl) -> Threshold {
    Threshold {
        text: rule.to_string(),
        metric: metric(&rule.metric),
        selectors: rule.selectors.iter().map(selector).collect(),
        aggregate: aggregate(rule.aggregate),
        comparison: comparison(rule.comparison),
        bound: Bound {
            // It was read, so it is one.
            millionths: rule.bound.millionths().unwrap_or_default(),
            is_time: rule.bound.is_time(),
        },
        window: rule.window,
        abort: rule.abort,
        after: rule.after,
        optional: rule.optional,
    }
}

fn metric(metric: &MetricDecl) -> ThresholdMetric {
    match metric {
        MetricDecl::ResponseTime => ThresholdMetric::ResponseTime,
        MetricDecl::ServiceTime => ThresholdMetric::ServiceTime,
        MetricDecl::GroupTime => ThresholdMetric::GroupTime,
        MetricDecl::Failures => ThresholdMetric::Failures,
        MetricDecl::Requests => ThresholdMetric::Requests,
        MetricDecl::Checks => ThresholdMetric::Checks,
        MetricDecl::Iterations => ThresholdMetric::Iterations,
        MetricDecl::Late => ThresholdMetric::Late,
        MetricDecl::Own(name) => ThresholdMetric::Own(name.clone()),
    }
}

fn selector(selector: &SelectorDecl) -> Selector {
    Selector {
        key: match selector.key.as_str() {
            "name" => SelectorKey::Name,
            "method" => SelectorKey::Method,
            tag => SelectorKey::Tag(tag.to_owned()),
        },
        value: Pattern {
            text: selector.value.clone(),
            has_stars: selector.has_stars,
        },
    }
}

fn aggregate(aggregate: AggregateDecl) -> Aggregate {
    match aggregate {
        AggregateDecl::Quantile(millionths) => Aggregate::Quantile(millionths),
        AggregateDecl::Median => Aggregate::Quantile(500_000),
        AggregateDecl::Average => Aggregate::Average,
        AggregateDecl::Min => Aggregate::Min,
        AggregateDecl::Max => Aggregate::Max,
        AggregateDecl::Rate => Aggregate::Rate,
        AggregateDecl::Count => Aggregate::Count,
        AggregateDecl::Value => Aggregate::Value,
    }
}

fn comparison(comparison: ComparisonDecl) -> Comparison {
    match comparison {
        ComparisonDecl::Less => Comparison::Less,
        ComparisonDecl::AtMost => Comparison::AtMost,
        ComparisonDecl::More => Comparison::More,
        ComparisonDecl::AtLeast => Comparison::AtLeast,
        ComparisonDecl::Equal => Comparison::Equal,
        ComparisonDecl::Unequal => Comparison::Unequal,
    }
}

#[cfg(test)]
mod tests {
    use katydid_scenario_lang::read_threshold;

    use super::*;

    #[test]
    fn a_rule_is_judged_once_however_often_it_is_said() {
        let read = |text: &str| read_threshold(text).unwrap();
        let declared = [read("failures: rate < 1%").decl, read("requests: count > 5").decl];
        let more = [
            read("failures:rate<1%"),
            read("response_time{name:/a*}: med < 5ms over 3s, abort"),
        ];
        let rules = of_run(&declared, &more);
        let texts: Vec<&str> = rules.iter().map(|rule| rule.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "failures: rate < 1%",
                "requests: count > 5",
                "response_time{name:/a*}: med < 5ms over 3s, abort"
            ]
        );
        assert_eq!(rules[0].bound.millionths, 10_000);
        assert!(rules[2].abort && rules[2].selectors[0].value.has_stars);
    }

    #[test]
    fn what_is_wrong_has_a_caret() {
        let text = "failures: rat < 1%";
        let problem = problem(text, &read_threshold(text).unwrap_err());
        insta::assert_snapshot!(Problems::from(problem), @r"
        error: there is no aggregate `rat`
            failures: rat < 1%
                      ^^^
          help: did you mean `rate`?
        ");
    }
}

//! Thresholds: rules a run passes or fails by, over what the whole fleet measured, and what came of them.
//!
//! In: rules as a scenario or a command line states them, already read. Out: what the master judges by, and verdicts for
//! everybody who shows them. Values are ratios of whole numbers, so that a value equal to its bound is equal to it.

mod figure;
mod verdict;

use std::cmp::Ordering;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use figure::{Figure, FigureUnit};
pub use verdict::{Breach, ThresholdEntry, ThresholdState};

/// Rules of a run at most.
pub const MAX_THRESHOLDS: usize = 100;

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Threshold {
    /// The rule as people read it.
    pub text: String,
    /// What it is about.
    pub metric: ThresholdMetric,
    /// Which part of that; all must fit.
    pub selectors: Vec<Selector>,
    /// Which number of it.
    pub aggregate: Aggregate,
    /// How the number shall relate to the bound.
    pub comparison: Comparison,
    /// The bound.
    pub bound: Bound,
    /// Only what was measured this long before a moment, in whole seconds from 1; `None` for the whole run.
    pub window: Option<Duration>,
    /// Whether the run ends when the rule fails.
    pub abort: bool,
    /// The run's clock before which it is not judged.
    pub after: Option<Duration>,
    /// Whether it passes when nothing was measured that it is about.
    pub optional: bool,
}

/// What a rule is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdMetric {
    /// Response times of requests.
    ResponseTime,
    /// Service times of requests.
    ServiceTime,
    /// Times of groups.
    GroupTime,
    /// Failed requests.
    Failures,
    /// Requests.
    Requests,
    /// Checks.
    Checks,
    /// Iterations.
    Iterations,
    /// Arrivals that started late.
    Late,
    /// A custom metric with this name.
    Own(String),
}

/// What the things a rule is about have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selector {
    /// What is looked at.
    pub key: SelectorKey,
    /// What it shall be.
    pub value: Pattern,
}

/// What a selector looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelectorKey {
    /// The name of a request, group or check.
    Name,
    /// The method of a request.
    Method,
    /// The value of the tag with this key.
    Tag(String),
}

/// A text, or with stars in it many texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pattern {
    /// The text.
    pub text: String,
    /// Whether each `*` in it stands for any number of any characters.
    pub has_stars: bool,
}

/// Which number of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// A percentile, in millionths: 990,000 is p99.
    Quantile(u32),
    /// The mean.
    Average,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// A share of all, or per second.
    Rate,
    /// How many, or the sum of a counter.
    Count,
    /// What a gauge was set to last.
    Value,
}

/// How a value shall relate to its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "their names say it")]
pub enum Comparison {
    Less,
    AtMost,
    More,
    AtLeast,
    Equal,
    Unequal,
}

/// A bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// In millionths of µs, of a share of 1, of one per second, of one; up to 10^18 on both sides of 0.
    pub millionths: i64,
    /// Whether it is a time.
    pub is_time: bool,
}

impl Pattern {
    /// Whether a text is one of those meant.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        if !self.has_stars || !self.text.contains('*') {
            return self.text == text;
        }
        let mut parts = self.text.split('*');
        let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
            return false;
        };
        let mut parts: Vec<&str> = parts.collect();
        let last = parts.pop().unwrap_or_default();
        // The leftmost place of each part leaves most room for those after it.
        for part in parts {
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

impl Comparison {
    /// Whether a value that lies so beside its bound is as it shall be.
    #[must_use]
    pub fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::More => order.is_gt(),
            Self::AtLeast => order.is_ge(),
            Self::Equal => order.is_eq(),
            Self::Unequal => order.is_ne(),
        }
    }
}

impl Threshold {
    /// Whether a value is as the rule wants it.
    #[must_use]
    pub fn holds(&self, value: &Figure) -> bool {
        self.comparison.holds(value.compare(self.bound))
    }

    /// The bound as documents show it beside a value: times in ms, shares from 0 to 1.
    #[must_use]
    pub fn bound_value(&self) -> f64 {
        let value = self.bound.millionths as f64 / 1e6;
        if self.bound.is_time { value / 1e3 } else { value }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stars(text: &str) -> Pattern {
        Pattern {
            text: text.to_owned(),
            has_stars: true,
        }
    }

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text, expected) in [
            ("/api/*", "/api/", true),
            ("/api/*", "/api/a/b", true),
            ("/api/*", "/apx/a", false),
            ("*", "", true),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("*b*b", "abab", true),
            ("*ab*ab", "xabab", true),
            ("*ab*ab", "xab", false),
            ("", "a", false),
        ] {
            assert_eq!(stars(pattern).matches(text), expected, "{pattern} {text}");
        }
        let literal = Pattern {
            has_stars: false,
            ..stars("a*")
        };
        assert!(literal.matches("a*") && !literal.matches("ab"));
    }

    /// By definition, slowly.
    fn reference(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|at| reference(rest, &text[at..])),
            Some((first, rest)) => text
                .split_first()
                .is_some_and(|(c, text)| c == first && reference(rest, text)),
        }
    }

    proptest! {
        #[test]
        fn it_matches_as_by_definition(pattern in "[ab*]{0,6}", text in "[ab]{0,8}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(stars(&pattern).matches(&text), reference(&chars(&pattern), &chars(&text)));
        }
    }
}

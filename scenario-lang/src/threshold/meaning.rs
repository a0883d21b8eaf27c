//! Whether a rule makes sense: which parts, numbers and units a metric has.
//!
//! In: a rule that was read, and the names of the scripts' own metrics. Out: the rule as it is meant, or what does not fit.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{
    AggregateDecl, BoundUnit, MetricDecl, ReadThreshold, SelectorDecl, ThresholdDecl, ThresholdError,
};
use crate::suggestion::closest;

/// Where the parts of a rule stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Places {
    pub(super) metric: Range<usize>,
    pub(super) aggregate: Range<usize>,
    pub(super) bound: Range<usize>,
}

/// The kinds of the scripts' own metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "their names say it")]
pub enum OwnKind {
    Counter,
    Gauge,
    Rate,
    Trend,
}

/// The scripts' own metrics, as far as their text tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetricNames {
    /// Kinds by name.
    pub known: BTreeMap<String, OwnKind>,
    /// Whether some names are made up while users run.
    pub has_others: bool,
}

/// What a number is counted in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quantity {
    Time,
    Share,
    PerSecond,
    Count,
    /// A number, or a time in ms.
    Amount,
}

/// The aggregates of a metric, as people read them.
const OF_TIMES: &str = "p50 to p99.99, avg, min, max, med, count";

fn error(place: &Range<usize>, message: String, help: Option<String>) -> ThresholdError {
    ThresholdError {
        at: place.start,
        length: place.len().max(1),
        message,
        help,
    }
}

/// The selectors as they are meant, if the metric has such parts.
pub(super) fn selectors(
    metric: &MetricDecl,
    found: Vec<(SelectorDecl, Range<usize>)>,
) -> Result<Vec<SelectorDecl>, ThresholdError> {
    let mut meant: Vec<SelectorDecl> = Vec::new();
    for (mut selector, place) in found {
        match metric {
            MetricDecl::Checks | MetricDecl::GroupTime => {
                let (own, thing) = if *metric == MetricDecl::Checks {
                    ("check", "checks")
                } else {
                    ("group", "groups")
                };
                if selector.key != "name" && selector.key != own {
                    let message = format!("{thing} are told apart by name only");
                    return Err(error(&place, message, Some("write `{name:...}`".to_owned())));
                }
                "name".clone_into(&mut selector.key);
            }
            MetricDecl::ResponseTime
            | MetricDecl::ServiceTime
            | MetricDecl::Failures
            | MetricDecl::Requests => {
                let is_tag = |key: &str| key != "name" && key != "method";
                let clashes = |other: &SelectorDecl| is_tag(&selector.key) || is_tag(&other.key);
                if meant.iter().any(clashes) {
                    let message =
                        "requests are counted by name and method, or by one tag, not by both".to_owned();
                    return Err(error(&place, message, None));
                }
            }
            MetricDecl::Iterations | MetricDecl::Late | MetricDecl::Own(_) => {
                let message = format!("`{metric}` has no parts to select");
                return Err(error(&place, message, None));
            }
        }
        if meant.iter().any(|other| other.key == selector.key) {
            return Err(error(&place, format!("`{}` is given twice", selector.key), None));
        }
        meant.push(selector);
    }
    Ok(meant)
}

/// Judges a rule about a metric there always is.
pub(super) fn built_in(decl: &ThresholdDecl, places: &Places) -> Result<(), ThresholdError> {
    let (quantity, known) = match (&decl.metric, decl.aggregate) {
        (MetricDecl::Own(_), _) => return Ok(()),
        (MetricDecl::ResponseTime | MetricDecl::ServiceTime | MetricDecl::GroupTime, aggregate) => {
            (of_values(aggregate, Quantity::Time), OF_TIMES)
        }
        (MetricDecl::Failures | MetricDecl::Checks | MetricDecl::Late, aggregate) => {
            (of_share(aggregate), "rate (the share) and count")
        }
        (MetricDecl::Requests | MetricDecl::Iterations, aggregate) => {
            (of_events(aggregate), "rate (per second) and count")
        }
    };
    judge(decl, places, quantity, known)
}

fn of_values(aggregate: AggregateDecl, values: Quantity) -> Option<Quantity> {
    match aggregate {
        AggregateDecl::Quantile(_)
        | AggregateDecl::Median
        | AggregateDecl::Average
        | AggregateDecl::Min
        | AggregateDecl::Max => Some(values),
        AggregateDecl::Count => Some(Quantity::Count),
        AggregateDecl::Rate | AggregateDecl::Value => None,
    }
}

fn of_share(aggregate: AggregateDecl) -> Option<Quantity> {
    match aggregate {
        AggregateDecl::Rate => Some(Quantity::Share),
        AggregateDecl::Count => Some(Quantity::Count),
        _ => None,
    }
}

fn of_events(aggregate: AggregateDecl) -> Option<Quantity> {
    match aggregate {
        AggregateDecl::Rate => Some(Quantity::PerSecond),
        AggregateDecl::Count => Some(Quantity::Count),
        _ => None,
    }
}

fn of_gauge(aggregate: AggregateDecl) -> Option<Quantity> {
    match aggregate {
        AggregateDecl::Value | AggregateDecl::Min | AggregateDecl::Max => Some(Quantity::Count),
        _ => None,
    }
}

fn judge(
    decl: &ThresholdDecl,
    places: &Places,
    quantity: Option<Quantity>,
    known: &str,
) -> Result<(), ThresholdError> {
    let Some(quantity) = quantity else {
        let message = format!("`{}` has no `{}`", decl.metric, decl.aggregate);
        return Err(error(&places.aggregate, message, Some(format!("it has {known}"))));
    };
    let unit = decl.bound.unit;
    let fits = match quantity {
        Quantity::Time => unit.is_time(),
        Quantity::Share => matches!(unit, BoundUnit::Plain | BoundUnit::Percent),
        Quantity::PerSecond => matches!(unit, BoundUnit::Plain | BoundUnit::PerSecond),
        Quantity::Count => unit == BoundUnit::Plain,
        Quantity::Amount => unit == BoundUnit::Plain || unit.is_time(),
    };
    let number = |unit: &str| {
        let plain = super::BoundDecl {
            unit: BoundUnit::Plain,
            ..decl.bound
        };
        format!("`{plain}{unit}`")
    };
    if !fits {
        let (message, help) = match quantity {
            Quantity::Time => (
                "a time needs a unit of time",
                format!("write {} or {}", number("ms"), number("s")),
            ),
            Quantity::Share => (
                "a share is a percentage, or a number from 0 to 1",
                format!("write {}", number("%")),
            ),
            Quantity::PerSecond => ("a rate is so many per second", format!("write {}", number("/s"))),
            Quantity::Count => ("this is a number without a unit", format!("write {}", number(""))),
            Quantity::Amount => (
                "this is a number, or a time in ms",
                format!("write {}", number("")),
            ),
        };
        return Err(error(&places.bound, message.to_owned(), Some(help)));
    }
    let millionths = decl.bound.millionths().unwrap_or_default();
    if quantity == Quantity::Share && !(0..=1_000_000).contains(&millionths) {
        let help = (unit == BoundUnit::Plain).then(|| format!("did you mean {}?", number("%")));
        return Err(error(
            &places.bound,
            "a share lies between 0% and 100%".to_owned(),
            help,
        ));
    }
    if matches!(quantity, Quantity::Time | Quantity::PerSecond) && millionths < 0 {
        return Err(error(&places.bound, "this cannot be below 0".to_owned(), None));
    }
    Ok(())
}

impl MetricNames {
    /// Adds those of another file.
    pub(crate) fn add(&mut self, other: Self) {
        self.has_others |= other.has_others;
        for (name, kind) in other.known {
            self.known.entry(name).or_insert(kind);
        }
    }

    /// Judges a rule beside the scripts' own metrics.
    ///
    /// # Errors
    ///
    /// A metric that does not exist, a number or a unit it does not have.
    pub fn judge(&self, rule: &ReadThreshold) -> Result<(), ThresholdError> {
        let MetricDecl::Own(name) = &rule.decl.metric else {
            return Ok(());
        };
        let Some(kind) = self.known.get(name) else {
            return self.judge_unknown(name, rule);
        };
        let aggregate = rule.decl.aggregate;
        let (quantity, known) = match kind {
            OwnKind::Counter => (of_events(aggregate), "count (its sum) and rate (per second)"),
            OwnKind::Gauge => (of_gauge(aggregate), "value (the last), min and max"),
            OwnKind::Rate => (of_share(aggregate), "rate (the share) and count"),
            OwnKind::Trend => (of_values(aggregate, Quantity::Amount), OF_TIMES),
        };
        judge(&rule.decl, &rule.places, quantity, known)
    }

    fn judge_unknown(&self, name: &str, rule: &ReadThreshold) -> Result<(), ThresholdError> {
        let built_in = MetricDecl::BUILT_IN.iter().map(|(word, _)| *word);
        let alias = match name {
            "http_req_duration" | "http_req_waiting" | "latency" | "duration" => Some("response_time"),
            "http_req_failed" | "errors" | "error_rate" => Some("failures"),
            "http_reqs" | "rps" => Some("requests"),
            "iteration_duration" | "group_duration" => Some("group_time"),
            "dropped_iterations" => Some("late"),
            _ => None,
        };
        let own = self.known.keys().map(String::as_str);
        // Of names that are made up, some are near to others.
        let guess = alias
            .or_else(|| closest(name, built_in.clone()))
            .or_else(|| closest(name, own).filter(|_| !self.has_others));
        if guess.is_none() && self.has_others {
            return Ok(());
        }
        let help = guess.map_or_else(
            || {
                let own: Vec<&str> = self.known.keys().map(String::as_str).take(20).collect();
                let all: Vec<&str> = built_in.chain(own).collect();
                format!("there are {}", all.join(", "))
            },
            |guess| format!("did you mean `{guess}`?"),
        );
        let message = format!("there is no metric `{name}`");
        Err(error(&rule.places.metric, message, Some(help)))
    }
}

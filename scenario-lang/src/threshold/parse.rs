//! Reads a rule, character by character.
//!
//! In: a text. Out: the rule and where its parts stand, or the first thing that is wrong with it and where.

mod cursor;
mod modifiers;

use std::ops::Range;

use self::cursor::Cursor;
use super::meaning::{self, Places};
use super::{
    AggregateDecl, BoundDecl, BoundUnit, ComparisonDecl, MetricDecl, SelectorDecl, ThresholdDecl,
    ThresholdError,
};
use crate::suggestion::did_you_mean;

/// How a rule looks, for those who wrote something else.
const EXAMPLE: &str = "write it like `response_time: p99 < 800ms` or `failures: rate < 1%`";
/// The longest rule, in characters.
const LONGEST: usize = 1_000;
/// Parts of a selector at most.
const MAX_SELECTORS: usize = 8;

/// A rule that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadThreshold {
    /// The rule.
    pub decl: ThresholdDecl,
    /// The text it was read from.
    pub text: String,
    pub(super) places: Places,
}

/// Reads a rule.
///
/// # Errors
///
/// What is wrong with it. That a metric does not exist shows only beside the scenario: see
/// [`MetricNames::judge`](super::MetricNames::judge).
pub fn read_threshold(text: &str) -> Result<ReadThreshold, ThresholdError> {
    if text.chars().count() > LONGEST {
        return Err(ThresholdError {
            at: LONGEST,
            length: 1,
            message: format!("a rule has at most {LONGEST} characters"),
            help: None,
        });
    }
    let mut cursor = Cursor::new(text);
    let (metric, metric_at) = metric(&mut cursor)?;
    let selectors = selectors(&mut cursor)?;
    colon(&mut cursor)?;
    let (aggregate, aggregate_at) = aggregate(&mut cursor)?;
    let comparison = comparison(&mut cursor)?;
    let (bound, bound_at) = bound(&mut cursor)?;
    let mut decl = ThresholdDecl {
        metric,
        selectors: Vec::new(),
        aggregate,
        comparison,
        bound,
        window: None,
        abort: false,
        after: None,
        optional: false,
    };
    modifiers::read(&mut cursor, &mut decl)?;
    let places = Places {
        metric: metric_at,
        aggregate: aggregate_at,
        bound: bound_at,
    };
    decl.selectors = meaning::selectors(&decl.metric, selectors)?;
    meaning::built_in(&decl, &places)?;
    Ok(ReadThreshold {
        decl,
        text: text.to_owned(),
        places,
    })
}

/// Whether a metric's name can be written without quotes.
pub(super) fn is_plain_metric(name: &str) -> bool {
    !name.is_empty() && name.chars().all(is_metric_char)
}

fn is_metric_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/')
}

fn metric(cursor: &mut Cursor) -> Result<(MetricDecl, Range<usize>), ThresholdError> {
    cursor.skip_space();
    let start = cursor.at();
    if cursor.is_quote() {
        let (name, _) = cursor.quoted()?;
        if name.is_empty() {
            return Err(cursor.error(start..cursor.at(), "a metric has a name", None));
        }
        return Ok((MetricDecl::Own(name), start..cursor.at()));
    }
    let word = cursor.take_while(is_metric_char);
    if word.is_empty() {
        return Err(cursor.error(
            start..start + 1,
            "a rule begins with a metric",
            Some(EXAMPLE.to_owned()),
        ));
    }
    let metric = MetricDecl::built_in(&word).unwrap_or(MetricDecl::Own(word));
    Ok((metric, start..cursor.at()))
}

/// A selector and where it stands.
type Found = (SelectorDecl, Range<usize>);

fn selectors(cursor: &mut Cursor) -> Result<Vec<Found>, ThresholdError> {
    cursor.skip_space();
    let open = cursor.at();
    if !cursor.eat('{') {
        return Ok(Vec::new());
    }
    let mut found: Vec<Found> = Vec::new();
    loop {
        cursor.skip_space();
        let start = cursor.at();
        let key = cursor.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
        if key.is_empty() {
            let help = "write it like `{name:/orders}` or `{name:/orders, method:POST}`".to_owned();
            let message = if cursor.peek().is_none() {
                "this `{` is never closed"
            } else {
                "a selector begins with `name`, `method` or the key of a tag"
            };
            let place = if cursor.peek().is_none() {
                open..open + 1
            } else {
                start..start + 1
            };
            return Err(cursor.error(place, message, Some(help)));
        }
        let key_end = cursor.at();
        cursor.skip_space();
        if !cursor.eat(':') {
            let at = cursor.at();
            let message = format!("expected `:` and a value after `{key}`");
            return Err(cursor.error(at..at + 1, &message, None));
        }
        cursor.skip_space();
        let value_at = cursor.at();
        let (value, has_stars) = if cursor.is_quote() {
            cursor.quoted()?
        } else {
            let raw = cursor.take_while(|c| !matches!(c, ',' | '}' | '{' | '"'));
            let text = raw.trim_end().to_owned();
            let has_stars = text.contains('*');
            (text, has_stars)
        };
        if value.is_empty() {
            return Err(cursor.error(value_at..value_at + 1, &format!("`{key}:` has no value"), None));
        }
        if found.iter().any(|(known, _)| known.key == key) {
            return Err(cursor.error(start..key_end, &format!("`{key}` is given twice"), None));
        }
        found.push((
            SelectorDecl {
                key,
                value,
                has_stars,
            },
            start..cursor.at(),
        ));
        cursor.skip_space();
        match cursor.next() {
            Some('}') => break,
            Some(',') if found.len() < MAX_SELECTORS => {}
            Some(',') => {
                let message = format!("a selector has at most {MAX_SELECTORS} parts");
                return Err(cursor.error(start..cursor.at(), &message, None));
            }
            Some('{') => {
                let at = cursor.at() - 1;
                let help = format!("put it in quotes: `{}:\"...\"`", found[found.len() - 1].0.key);
                return Err(cursor.error(at..at + 1, "a value that holds a `{` needs quotes", Some(help)));
            }
            Some(_) => {
                let at = cursor.at() - 1;
                return Err(cursor.error(at..at + 1, "expected `,` or `}`", None));
            }
            None => return Err(cursor.error(open..open + 1, "this `{` is never closed", None)),
        }
    }
    Ok(found)
}

fn colon(cursor: &mut Cursor) -> Result<(), ThresholdError> {
    cursor.skip_space();
    if cursor.eat(':') {
        return Ok(());
    }
    let at = cursor.at();
    Err(cursor.error(
        at..at + 1,
        "expected `:` and what to look at",
        Some(EXAMPLE.to_owned()),
    ))
}

fn aggregate(cursor: &mut Cursor) -> Result<(AggregateDecl, Range<usize>), ThresholdError> {
    cursor.skip_space();
    let start = cursor.at();
    let word = cursor.take_while(|c| c.is_alphanumeric() || matches!(c, '.' | '_'));
    let place = start..cursor.at().max(start + 1);
    let known = "p50 to p99.99, avg, min, max, med, rate, count, value";
    let aggregate = match word.as_str() {
        "med" => AggregateDecl::Median,
        "avg" => AggregateDecl::Average,
        "min" => AggregateDecl::Min,
        "max" => AggregateDecl::Max,
        "rate" => AggregateDecl::Rate,
        "count" => AggregateDecl::Count,
        "value" => AggregateDecl::Value,
        "" => {
            return Err(cursor.error(
                place,
                "expected what to look at",
                Some(format!("it is one of {known}")),
            ));
        }
        "p" if cursor.peek() == Some('(') => {
            return Err(cursor.error(
                place,
                "a percentile is written without parentheses",
                Some("write `p95`".to_owned()),
            ));
        }
        word => match quantile(word) {
            Some(Some(quantile)) => quantile,
            Some(None) => {
                let help = "they are p0 to p100, with up to four decimals: p99.99".to_owned();
                return Err(cursor.error(place, &format!("`{word}` is no percentile"), Some(help)));
            }
            None => {
                let names = [
                    "avg", "min", "max", "med", "rate", "count", "value", "p50", "p90", "p95", "p99",
                ];
                let alias = match word {
                    "mean" | "average" => Some("avg"),
                    "median" => Some("med"),
                    "share" | "ratio" | "percent" => Some("rate"),
                    "sum" | "total" => Some("count"),
                    _ => None,
                };
                let help = alias
                    .map(|name| format!("did you mean `{name}`?"))
                    .or_else(|| did_you_mean(word, names))
                    .unwrap_or_else(|| format!("it is one of {known}"));
                return Err(cursor.error(place, &format!("there is no aggregate `{word}`"), Some(help)));
            }
        },
    };
    Ok((aggregate, place))
}

/// `p99.9`; the outer `None` is something else, the inner one a percentile that does not exist.
fn quantile(word: &str) -> Option<Option<AggregateDecl>> {
    let digits = word
        .strip_prefix('p')
        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))?;
    let (whole, rest) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(rest) || whole.len() > 3 || rest.len() > 4 {
        return Some(None);
    }
    let whole = whole.parse::<u32>().ok();
    let parts = whole.zip(format!("{rest:0<4}").parse::<u32>().ok());
    let millionths = parts.map(|(whole, rest)| whole * 10_000 + rest);
    Some(
        millionths
            .filter(|millionths| *millionths <= 1_000_000)
            .map(AggregateDecl::Quantile),
    )
}

fn comparison(cursor: &mut Cursor) -> Result<ComparisonDecl, ThresholdError> {
    cursor.skip_space();
    let start = cursor.at();
    let signs = cursor.take_while(|c| matches!(c, '<' | '>' | '=' | '!'));
    let place = start..cursor.at().max(start + 1);
    let mut all = ComparisonDecl::ALL.into_iter();
    if let Some((_, comparison)) = all.find(|(text, _)| *text == signs) {
        return Ok(comparison);
    }
    let help = match signs.as_str() {
        "=" | "===" => "write `==`",
        "=<" => "write `<=`",
        "=>" => "write `>=`",
        "!==" | "<>" | "!" => "write `!=`",
        _ => "it is one of <, <=, >, >=, ==, !=",
    };
    let message = if signs.is_empty() {
        "expected a comparison".to_owned()
    } else {
        format!("there is no comparison `{signs}`")
    };
    Err(cursor.error(place, &message, Some(help.to_owned())))
}

fn bound(cursor: &mut Cursor) -> Result<(BoundDecl, Range<usize>), ThresholdError> {
    cursor.skip_space();
    let start = cursor.at();
    let is_negative = cursor.eat('-');
    let digits = cursor.take_while(|c| c.is_ascii_digit());
    let point = cursor.at();
    let decimals = if cursor.eat('.') {
        cursor.take_while(|c| c.is_ascii_digit())
    } else {
        String::new()
    };
    if digits.is_empty() || (cursor.at() == point + 1) {
        let place = start..cursor.at().max(start + 1);
        return Err(cursor.error(
            place,
            "expected a number",
            Some("with its unit: 800ms, 1%, 100/s, 5".to_owned()),
        ));
    }
    let unit_at = cursor.at();
    cursor.skip_space();
    let unit_start = cursor.at();
    let word = cursor.take_while(|c| c.is_alphabetic() || matches!(c, '%' | '/'));
    // `5 over 10s`: a word that is no unit begins what follows.
    let (word, place) = if modifiers::KNOWN.contains(&word.as_str()) {
        cursor.back_to(unit_at);
        (String::new(), start..unit_at)
    } else {
        (word, start..cursor.at().max(unit_at))
    };
    if word.is_empty() {
        cursor.back_to(unit_at);
    }
    let place = if word.is_empty() { start..unit_at } else { place };
    let mut units = BoundUnit::ALL.into_iter();
    let Some((_, unit)) = units.find(|(text, _)| *text == word) else {
        let help = match word.to_lowercase().as_str() {
            "rps" | "per" | "hz" | "/sec" | "/second" => "write `/s`",
            "percent" | "pct" => "write `%`",
            "sec" | "secs" | "second" | "seconds" => "write `s`",
            "msec" | "millis" | "milliseconds" => "write `ms`",
            "min" | "mins" | "minutes" => "write `m`",
            _ => "units are us, ms, s, m, % and /s",
        };
        let message = format!("there is no unit `{word}`");
        return Err(cursor.error(unit_start..cursor.at(), &message, Some(help.to_owned())));
    };
    let number: Option<i64> = format!("{digits}{decimals}").parse().ok();
    let bound = number.map(|number| BoundDecl {
        digits: if is_negative { -number } else { number },
        decimals: u8::try_from(decimals.len()).unwrap_or(u8::MAX),
        unit,
    });
    match bound {
        Some(bound) if bound.millionths().is_some() => Ok((bound, place)),
        _ => Err(cursor.error(
            place,
            "this number has too many digits",
            Some("bounds go up to 1000000000000 and down to millionths".to_owned()),
        )),
    }
}

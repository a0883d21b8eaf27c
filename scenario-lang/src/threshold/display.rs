//! Rules as text, in their shortest form: read again, it is the same rule.

use std::fmt;
use std::time::Duration;

use super::parse::is_plain_metric;
use super::{AggregateDecl, BoundDecl, ComparisonDecl, MetricDecl, SelectorDecl, ThresholdDecl};

impl fmt::Display for ThresholdDecl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.metric)?;
        for (index, selector) in self.selectors.iter().enumerate() {
            f.write_str(if index == 0 { "{" } else { ", " })?;
            write!(f, "{selector}")?;
        }
        if !self.selectors.is_empty() {
            f.write_str("}")?;
        }
        write!(f, ": {} {} {}", self.aggregate, self.comparison, self.bound)?;
        if let Some(window) = self.window {
            write!(f, " over {}", Span(window))?;
        }
        if self.abort {
            f.write_str(", abort")?;
        }
        if let Some(after) = self.after {
            write!(f, ", after {}", Span(after))?;
        }
        if self.optional {
            f.write_str(", optional")?;
        }
        Ok(())
    }
}

impl fmt::Display for MetricDecl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = Self::BUILT_IN.iter();
        match (all.find(|(_, metric)| metric == self), self) {
            (Some((word, _)), _) => f.write_str(word),
            (None, Self::Own(name)) if is_plain_metric(name) && Self::built_in(name).is_none() => {
                f.write_str(name)
            }
            (None, Self::Own(name)) => quote(f, name, false),
            (None, _) => Ok(()),
        }
    }
}

impl fmt::Display for SelectorDecl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.key)?;
        let odd = |c: char| matches!(c, ',' | '{' | '}' | '"' | '\'' | '\\') || c.is_control();
        let needs_quotes = self.value.is_empty()
            || self.value.trim() != self.value
            || self.value.contains(odd)
            || (!self.has_stars && self.value.contains('*'));
        if needs_quotes {
            quote(f, &self.value, !self.has_stars)
        } else {
            f.write_str(&self.value)
        }
    }
}

impl fmt::Display for AggregateDecl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quantile(millionths) => {
                let (whole, rest) = (millionths / 10_000, millionths % 10_000);
                let decimals = format!(".{rest:04}");
                write!(f, "p{whole}{}", decimals.trim_end_matches(['0', '.']))
            }
            Self::Median => f.write_str("med"),
            Self::Average => f.write_str("avg"),
            Self::Min => f.write_str("min"),
            Self::Max => f.write_str("max"),
            Self::Rate => f.write_str("rate"),
            Self::Count => f.write_str("count"),
            Self::Value => f.write_str("value"),
        }
    }
}

impl fmt::Display for ComparisonDecl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = Self::ALL.into_iter();
        f.write_str(all.find(|(_, sign)| sign == self).map_or("", |(text, _)| text))
    }
}

impl fmt::Display for BoundDecl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.digits < 0 {
            f.write_str("-")?;
        }
        let decimals = usize::from(self.decimals);
        let digits = format!("{:0>1$}", self.digits.unsigned_abs(), decimals + 1);
        let (whole, rest) = digits.split_at(digits.len() - decimals);
        let point = if rest.is_empty() { "" } else { "." };
        write!(f, "{whole}{point}{rest}{}", self.unit.as_str())
    }
}

/// A time in whole units, the largest first: `1h30m`, `90s` is `1m30s`.
struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        if ms == 0 {
            return f.write_str("0s");
        }
        let parts = [
            (ms / 86_400_000, "d"),
            (ms / 3_600_000 % 24, "h"),
            (ms / 60_000 % 60, "m"),
            (ms / 1_000 % 60, "s"),
            (ms % 1_000, "ms"),
        ];
        for (amount, unit) in parts.into_iter().filter(|(amount, _)| *amount > 0) {
            write!(f, "{amount}{unit}")?;
        }
        Ok(())
    }
}

/// A text in quotes, in which stars are escaped where they are nothing but stars.
fn quote(f: &mut fmt::Formatter<'_>, text: &str, escapes_stars: bool) -> fmt::Result {
    let sign = if text.contains('"') && !text.contains('\'') {
        '\''
    } else {
        '"'
    };
    write!(f, "{sign}")?;
    for c in text.chars() {
        if c == sign || c == '\\' || (c == '*' && escapes_stars) {
            f.write_str("\\")?;
        }
        write!(f, "{c}")?;
    }
    write!(f, "{sign}")
}

//! A number as it was measured, exact, and its relation to a bound.
//!
//! In: whole numbers and what divides them. Out: an order, a number for documents, a text for people.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Bound;
use crate::format;

/// A number that was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// A ratio of whole numbers.
    Ratio {
        /// What it is counted in.
        unit: FigureUnit,
        /// Above the line.
        over: i128,
        /// Below the line; above 0.
        under: u64,
    },
    /// What a gauge shows; finite.
    Level(f64),
}

/// What a number is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FigureUnit {
    /// µs; documents show ms.
    Time,
    /// A share of 1.
    Share,
    /// So many per second.
    PerSecond,
    /// As such.
    Plain,
}

impl FigureUnit {
    /// In a word for documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Time => "ms",
            Self::Share => "share",
            Self::PerSecond => "per_s",
            Self::Plain => "",
        }
    }
}

impl Figure {
    /// So many of something.
    #[must_use]
    pub fn count(number: u64) -> Self {
        Self::Ratio {
            unit: FigureUnit::Plain,
            over: number.into(),
            under: 1,
        }
    }

    /// A time in µs.
    #[must_use]
    pub fn time(time_us: u64) -> Self {
        Self::mean_time(time_us.into(), 1)
    }

    /// A sum of times in µs, shared out over so many; `under` above 0.
    #[must_use]
    pub fn mean_time(sum_us: i128, under: u64) -> Self {
        Self::Ratio {
            unit: FigureUnit::Time,
            over: sum_us,
            under: under.max(1),
        }
    }

    /// A part of a whole; `None` of nothing.
    #[must_use]
    pub fn share(part: u64, whole: u64) -> Option<Self> {
        (whole > 0).then_some(Self::Ratio {
            unit: FigureUnit::Share,
            over: part.into(),
            under: whole,
        })
    }

    /// So many thousandths within so many µs; `None` in no time.
    #[must_use]
    pub fn per_second(thousandths: i128, time_us: u64) -> Option<Self> {
        // A thousandth per µs is a thousand per second.
        (time_us > 0).then_some(Self::Ratio {
            unit: FigureUnit::PerSecond,
            over: thousandths.saturating_mul(1_000),
            under: time_us,
        })
    }

    /// A sum of thousandths, shared out over so many; `under` above 0.
    #[must_use]
    pub fn amount(thousandths: i128, under: u64) -> Self {
        Self::Ratio {
            unit: FigureUnit::Plain,
            over: thousandths,
            under: under.max(1).saturating_mul(1_000),
        }
    }

    /// What it is counted in.
    #[must_use]
    pub fn unit(&self) -> FigureUnit {
        match self {
            Self::Ratio { unit, .. } => *unit,
            Self::Level(_) => FigureUnit::Plain,
        }
    }

    /// Which side of a bound it lies on.
    #[must_use]
    pub fn compare(&self, bound: Bound) -> Ordering {
        match *self {
            Self::Ratio { unit, over, under } => {
                // A bound without a unit beside a time is in ms, as scripts give times.
                let scale = if unit == FigureUnit::Time && !bound.is_time {
                    1_000
                } else {
                    1
                };
                let left = over.checked_mul(1_000_000);
                let right = i128::from(bound.millionths)
                    .checked_mul(scale)
                    .and_then(|right| right.checked_mul(under.into()));
                match (left, right) {
                    (Some(left), Some(right)) => left.cmp(&right),
                    // Numbers of forty digits: no two of them are equal by design.
                    _ => {
                        let value = over as f64 / under as f64;
                        value.total_cmp(&(bound.millionths as f64 / 1e6 * scale as f64))
                    }
                }
            }
            Self::Level(level) => {
                let bound = bound.millionths as f64 / 1e6;
                level.partial_cmp(&bound).unwrap_or(Ordering::Greater)
            }
        }
    }

    /// The number as documents show it: times in ms, shares from 0 to 1.
    #[must_use]
    pub fn value(&self) -> f64 {
        match *self {
            Self::Ratio { unit, over, under } => {
                let value = over as f64 / under as f64;
                if unit == FigureUnit::Time {
                    value / 1e3
                } else {
                    value
                }
            }
            Self::Level(level) => level,
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format::figure(self))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(millionths: i64) -> Bound {
        Bound {
            millionths,
            is_time: false,
        }
    }

    #[test]
    fn equal_is_equal() {
        let third = Figure::share(1, 3).unwrap();
        assert_eq!(third.compare(plain(333_333)), Ordering::Greater);
        assert_eq!(third.compare(plain(333_334)), Ordering::Less);
        assert_eq!(
            Figure::share(1, 100).unwrap().compare(plain(10_000)),
            Ordering::Equal
        );
        let bound = Bound {
            millionths: 800_000_000_000,
            is_time: true,
        };
        assert_eq!(Figure::time(800_000).compare(bound), Ordering::Equal);
        assert_eq!(Figure::time(799_999).compare(bound), Ordering::Less);
        assert_eq!(
            Figure::time(800_000).compare(plain(800_000_000)),
            Ordering::Equal,
            "ms"
        );
        assert_eq!(Figure::Level(0.1).compare(plain(100_000)), Ordering::Equal);
        assert_eq!(
            Figure::per_second(5_000, 500_000)
                .unwrap()
                .compare(plain(10_000_000)),
            Ordering::Equal
        );
        assert_eq!(
            Figure::amount(2_500, 1).compare(plain(2_500_000)),
            Ordering::Equal
        );
        let most = Figure::mean_time(i128::MAX / 2, u64::MAX);
        assert_eq!(most.compare(plain(0)), Ordering::Greater);
        assert_eq!(Figure::share(0, 0), None);
    }

    #[test]
    fn it_is_written_with_its_unit() {
        for (figure, text) in [
            (Figure::time(312_000), "312 ms"),
            (Figure::mean_time(1_000, 3), "0.33 ms"),
            (Figure::share(32, 1_000).unwrap(), "3.20%"),
            (Figure::per_second(1_000_000, 2_000_000).unwrap(), "500.00/s"),
            (Figure::count(12_345), "12,345"),
            (Figure::amount(2_500, 1), "2.5"),
            (Figure::Level(-0.25), "-0.25"),
        ] {
            assert_eq!(figure.to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn it_comes_back_from_json(over in any::<i64>(), under in 1u64.., level in any::<i32>()) {
            for figure in [Figure::mean_time(over.into(), under), Figure::Level(f64::from(level) / 4.0)] {
                let text = serde_json::to_string(&figure).unwrap();
                let back: Figure = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(back, figure);
            }
        }
    }
}

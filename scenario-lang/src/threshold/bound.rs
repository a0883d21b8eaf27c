//! Bounds: a number with a unit, kept as it was written.
//!
//! In: digits and a unit. Out: the same, and the whole number of millionths it stands for.

/// A bound as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoundDecl {
    /// Its digits without the point.
    pub digits: i64,
    /// How many of them stand after the point.
    pub decimals: u8,
    /// Its unit.
    pub unit: BoundUnit,
}

/// What a bound is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub enum BoundUnit {
    Plain,
    Percent,
    PerSecond,
    Microseconds,
    Milliseconds,
    Seconds,
    Minutes,
}

/// The largest bound, in millionths.
const LARGEST: i128 = 1_000_000_000_000_000_000;

impl BoundDecl {
    /// In millionths: of µs, of a share of 1, of one per second, of one. `None` when that is too large or no whole number.
    #[must_use]
    pub fn millionths(self) -> Option<i64> {
        let scale: i128 = match self.unit {
            BoundUnit::Plain | BoundUnit::PerSecond | BoundUnit::Microseconds => 1_000_000,
            BoundUnit::Percent => 10_000,
            BoundUnit::Milliseconds => 1_000_000_000,
            BoundUnit::Seconds => 1_000_000_000_000,
            BoundUnit::Minutes => 60_000_000_000_000,
        };
        let divisor = 10i128.checked_pow(self.decimals.into())?;
        let scaled = i128::from(self.digits).checked_mul(scale)?;
        let whole = scaled / divisor;
        (scaled % divisor == 0 && whole.abs() <= LARGEST).then_some(i64::try_from(whole).ok()?)
    }

    /// Whether it is a time.
    #[must_use]
    pub fn is_time(self) -> bool {
        self.unit.is_time()
    }
}

impl BoundUnit {
    /// The units and how they are written; the first way is the one rules are shown in.
    pub(super) const ALL: [(&'static str, Self); 8] = [
        ("", Self::Plain),
        ("%", Self::Percent),
        ("/s", Self::PerSecond),
        ("us", Self::Microseconds),
        ("µs", Self::Microseconds),
        ("ms", Self::Milliseconds),
        ("s", Self::Seconds),
        ("m", Self::Minutes),
    ];

    pub(super) fn is_time(self) -> bool {
        matches!(
            self,
            Self::Microseconds | Self::Milliseconds | Self::Seconds | Self::Minutes
        )
    }

    pub(super) fn as_str(self) -> &'static str {
        let mut all = Self::ALL.into_iter();
        all.find(|(_, unit)| *unit == self).map_or("", |(text, _)| text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_exact_or_none() {
        let millionths = |digits, decimals, unit| {
            BoundDecl {
                digits,
                decimals,
                unit,
            }
            .millionths()
        };
        assert_eq!(millionths(800, 0, BoundUnit::Milliseconds), Some(800_000_000_000));
        assert_eq!(millionths(5, 1, BoundUnit::Microseconds), Some(500_000));
        assert_eq!(millionths(1, 0, BoundUnit::Percent), Some(10_000));
        assert_eq!(millionths(9_999, 2, BoundUnit::Percent), Some(999_900));
        assert_eq!(
            millionths(1, 5, BoundUnit::Percent),
            None,
            "less than a millionth"
        );
        assert_eq!(millionths(1, 7, BoundUnit::Plain), None);
        assert_eq!(millionths(i64::MAX, 0, BoundUnit::Minutes), None);
        assert_eq!(millionths(-2, 0, BoundUnit::Plain), Some(-2_000_000));
        assert_eq!(
            millionths(1_000_000_000_000, 0, BoundUnit::Plain),
            Some(1_000_000_000_000_000_000)
        );
    }
}

//! What custom metrics add up: whole thousandths, so that a sum does not depend on the order of its parts.
//!
//! In: values in thousandths. Out: their sum, and the number documents show.

use serde::{Deserialize, Serialize};

/// A sum of values in thousandths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Amount(pub i128);

/// An amount as documents show it: a number without a fraction when it is whole, so that nothing of it is lost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Number {
    /// A whole number.
    Whole(i64),
    /// One with a fraction, or too large to be exact.
    Real(f64),
}

/// Thousandths in units.
#[must_use]
pub fn units(thousandths: f64) -> f64 {
    thousandths / 1_000.0
}

// === impl Amount ===

impl Amount {
    /// The amount as a number; exact for whole numbers below 2^53.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        if self.0 % 1_000 == 0 {
            (self.0 / 1_000) as f64
        } else {
            units(self.0 as f64)
        }
    }
}

impl From<i64> for Amount {
    fn from(thousandths: i64) -> Self {
        Self(thousandths.into())
    }
}

impl From<Amount> for Number {
    fn from(amount: Amount) -> Self {
        match i64::try_from(amount.0 / 1_000) {
            Ok(whole) if amount.0 % 1_000 == 0 => Self::Whole(whole),
            _ => Self::Real(amount.to_f64()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_amounts_stay_whole_numbers() {
        assert_eq!(Number::from(Amount(3_000)), Number::Whole(3));
        assert_eq!(Number::from(Amount(-1_500)), Number::Real(-1.5));
        let large = 9_007_199_254_740_993;
        assert_eq!(
            Number::from(Amount(i128::from(large) * 1_000)),
            Number::Whole(large)
        );
        assert_eq!(
            Number::from(Amount(1i128 << 90)),
            Number::Real((1i128 << 90) as f64 / 1_000.0)
        );
    }
}

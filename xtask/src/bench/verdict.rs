//! A budget, what was measured, and whether it was kept.

use std::fmt;

/// One budget's outcome.
#[derive(Debug)]
pub(super) struct Verdict {
    budget: String,
    measured: String,
    outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Kept,
    Missed,
    /// The machine or a missing peer does not allow to say.
    Open,
}

impl Verdict {
    /// Measured and judged; a value that is not a number was not kept.
    pub(super) fn judged(budget: impl Into<String>, measured: impl Into<String>, kept: bool) -> Self {
        let outcome = if kept { Outcome::Kept } else { Outcome::Missed };
        Self {
            budget: budget.into(),
            measured: measured.into(),
            outcome,
        }
    }

    /// Not to be judged here, and why.
    pub(super) fn open(budget: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            budget: budget.into(),
            measured: why.into(),
            outcome: Outcome::Open,
        }
    }

    /// Whether it was judged and not kept.
    pub(super) fn is_missed(&self) -> bool {
        self.outcome == Outcome::Missed
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.outcome {
            Outcome::Kept => "kept",
            Outcome::Missed => "MISSED",
            Outcome::Open => "not judged",
        };
        write!(f, "- **{word}**: {} (measured: {})", self.budget, self.measured)
    }
}

//! The open load model: iterations that start at planned moments, whatever the responses do.
//!
//! In: stages a scenario declared. Out: an [`ArrivalPlan`], which [`crate::timetable`] turns into moments.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Stages of a plan at most.
pub const MAX_STAGES: usize = 1_000;
/// Arrivals per second of a run at most.
pub const MAX_ARRIVAL_RATE: f64 = 10_000_000.0;

/// The run clock's reading at which a plan's first stage begins: every worker knows of its part by then, so that the
/// first arrivals do not come late.
pub const ARRIVALS_BEGIN: Duration = Duration::from_millis(50);

/// When iterations start, by the rate of their arrivals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArrivalPlan {
    /// One after the other; 1 to [`MAX_STAGES`]. Only the last may be without an end.
    pub stages: Vec<ArrivalStage>,
    /// What becomes of an arrival for which no user is free.
    pub on_late: OnLate,
}

/// A time within which the rate of arrivals stays the same, or changes evenly.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ArrivalStage {
    /// How long; above 0. `None` until the end of the run.
    pub duration: Option<Duration>,
    /// Arrivals per second at its beginning; 0 to [`MAX_ARRIVAL_RATE`].
    pub rate: f64,
    /// The same at its end; equal to `rate` in a stage without an end.
    pub to: f64,
    /// How arrivals are spread over time.
    pub spacing: Spacing,
}

/// How arrivals are spread over time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Spacing {
    /// Evenly: as many as the rate says, not one more.
    #[default]
    Constant,
    /// At random and independent of each other, as people come: a Poisson process whose mean is the rate.
    Poisson,
}

/// What becomes of an arrival for which no user is free.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnLate {
    /// It starts late, when one is free; response times count from the planned moment.
    #[default]
    Start,
    /// It does not start, and is counted as dropped.
    Drop,
}

impl ArrivalPlan {
    /// How long all stages take together; `None` when the last one has no end.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        self.stages.iter().try_fold(Duration::ZERO, |sum, stage| {
            Some(sum.saturating_add(stage.duration?))
        })
    }

    /// The same plan, cut off after `time`: no arrival is due later.
    #[must_use]
    pub fn within(&self, time: Duration) -> Self {
        let mut left = time;
        let stages = self.stages.iter().map_while(|stage| {
            let whole = stage.duration.unwrap_or(Duration::MAX);
            let duration = whole.min(left);
            left -= duration;
            let part = duration.as_secs_f64() / whole.as_secs_f64();
            (!duration.is_zero()).then_some(ArrivalStage {
                duration: Some(duration),
                to: stage.rate + (stage.to - stage.rate) * part,
                ..*stage
            })
        });
        Self {
            stages: stages.collect(),
            on_late: self.on_late,
        }
    }
}

impl Spacing {
    /// As scenarios write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Poisson => "poisson",
        }
    }
}

impl OnLate {
    /// As scenarios write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Drop => "drop",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_cut_where_the_run_ends() {
        let stage = |seconds: Option<u64>, rate, to| ArrivalStage {
            duration: seconds.map(Duration::from_secs),
            rate,
            to,
            spacing: Spacing::Constant,
        };
        let plan = ArrivalPlan {
            stages: vec![
                stage(Some(10), 0.0, 100.0),
                stage(Some(10), 100.0, 50.0),
                stage(None, 7.0, 7.0),
            ],
            on_late: OnLate::Drop,
        };
        assert_eq!(plan.duration(), None);
        let cut = |seconds| plan.within(Duration::from_secs(seconds)).stages;
        assert_eq!(cut(5), [stage(Some(5), 0.0, 50.0)]);
        assert_eq!(cut(10), [stage(Some(10), 0.0, 100.0)]);
        assert_eq!(cut(14)[1..], [stage(Some(4), 100.0, 80.0)]);
        assert_eq!(cut(60)[2..], [stage(Some(40), 7.0, 7.0)]);
        assert_eq!(
            plan.within(Duration::from_secs(60)).duration(),
            Some(Duration::from_secs(60))
        );
    }
}

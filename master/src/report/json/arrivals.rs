//! The plan of arrivals, as the document says it.

use katydid_protocol::plan::{ArrivalPlan, OnLate, Spacing};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct ArrivalPlanJson {
    stages: Vec<StageJson>,
    on_late: OnLate,
}

#[derive(Serialize)]
struct StageJson {
    duration_s: Option<f64>,
    rate: f64,
    to: f64,
    distribution: Spacing,
}

impl ArrivalPlanJson {
    pub(super) fn of(plan: &ArrivalPlan) -> Self {
        let stages = plan.stages.iter().map(|stage| StageJson {
            duration_s: stage.duration.map(|time| time.as_secs_f64()),
            rate: stage.rate,
            to: stage.to,
            distribution: stage.spacing,
        });
        Self {
            stages: stages.collect(),
            on_late: plan.on_late,
        }
    }
}

//! What the document says about arrivals: their plan, and what became of them.

use katydid_protocol::plan::{ArrivalPlan, OnLate, Spacing};
use katydid_protocol::stats::ArrivalCounts;
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

#[derive(Serialize)]
pub(super) struct ArrivalsJson {
    planned: u64,
    started: u64,
    late: u64,
    dropped: u64,
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

impl ArrivalsJson {
    pub(super) fn of(counts: &ArrivalCounts) -> Self {
        Self {
            planned: counts.planned,
            started: counts.started,
            late: counts.late,
            dropped: counts.dropped,
        }
    }
}

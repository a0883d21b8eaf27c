//! Arrivals on their way from the scenario to the master.
//!
//! In: declarations. Out: the plan of arrivals as the master and its workers know it.

use katydid_protocol::plan::{ArrivalPlan, ArrivalStage, OnLate, Spacing};
use katydid_scenario_lang::{ArrivalsDecl, Declarations};

/// The arrivals a scenario declares.
pub(crate) fn arrival_plan(declarations: &Declarations) -> Option<ArrivalPlan> {
    declarations.arrivals.as_ref().map(of_declared)
}

fn of_declared(declared: &ArrivalsDecl) -> ArrivalPlan {
    let stages = declared.stages.iter().map(|stage| ArrivalStage {
        duration: stage.duration,
        rate: stage.rate,
        to: stage.to,
        spacing: if stage.poisson {
            Spacing::Poisson
        } else {
            Spacing::Constant
        },
    });
    ArrivalPlan {
        stages: stages.collect(),
        on_late: if declared.drops_late {
            OnLate::Drop
        } else {
            OnLate::Start
        },
    }
}

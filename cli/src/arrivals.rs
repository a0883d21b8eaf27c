//! The load of a run: what the scenario declares, with the last word for whoever typed something.
//!
//! In: declarations, and numbers from the command line or the page. Out: a [`LoadPlan`].

use std::time::Duration;

use katydid_protocol::plan::{ArrivalPlan, ArrivalStage, LoadPlan, OnLate, Spacing};
use katydid_scenario_lang::{ArrivalsDecl, Declarations};

/// Users when nobody says how many.
const DEFAULT_USERS: u32 = 1;
/// Users per second when nobody says how many.
const DEFAULT_SPAWN_RATE: f64 = 1.0;
/// Users there may be at most when iterations start for arrivals and nobody says how many.
const DEFAULT_MAX_USERS: u32 = 1_000;

/// What somebody typed; the scenario has the word where they said nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Typed {
    /// See [`LoadPlan::users`].
    pub(crate) users: Option<u32>,
    /// See [`LoadPlan::spawn_rate`].
    pub(crate) spawn_rate: Option<f64>,
    /// See [`LoadPlan::run_time`].
    pub(crate) run_time: Option<Duration>,
}

/// Flags before the scenario's plan before the defaults.
pub(crate) fn load_plan(typed: Typed, stop_timeout: Duration, declarations: &Declarations) -> LoadPlan {
    let planned = &declarations.plan;
    let default_users = match &declarations.arrivals {
        None => planned.users.unwrap_or(DEFAULT_USERS),
        Some(arrivals) => arrivals.max_users.or(planned.users).unwrap_or(DEFAULT_MAX_USERS),
    };
    LoadPlan {
        users: typed.users.unwrap_or(default_users),
        spawn_rate: typed
            .spawn_rate
            .or(planned.spawn_rate)
            .unwrap_or(DEFAULT_SPAWN_RATE),
        run_time: typed.run_time.or(planned.run_time),
        stop_timeout,
        arrivals: arrival_plan(declarations),
    }
}

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

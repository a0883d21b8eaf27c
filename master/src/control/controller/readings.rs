//! What control tells those who ask where the run stands; nothing is decided here.

use std::sync::Arc;
use std::time::Duration;

use katydid_protocol::plan::{LoadPlan, distribute};
use katydid_protocol::stats::RunState;

use super::Controller;
use crate::control::standing::Standing;

impl Controller {
    /// How long workers go on without a master.
    pub(crate) fn master_grace(&self) -> Duration {
        self.expected.master_grace
    }

    /// What `on_test_start` returned, as JSON.
    pub(crate) fn setup(&self) -> Option<Arc<str>> {
        self.setup.clone()
    }

    /// The run's plan, with the users and the rate it was given last.
    pub(crate) fn plan(&self) -> LoadPlan {
        let mut plan = self.plan.clone();
        let users: u32 = self.goal.users.iter().sum();
        if users > 0 {
            plan.users = users;
            if plan.arrivals.is_none() {
                plan.spawn_rate = self.goal.rate;
            }
        }
        plan
    }

    /// The life of the statistics that counts.
    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    /// Where the run is in its life.
    pub(crate) fn state(&self) -> RunState {
        self.state
    }

    /// Users running now.
    pub(crate) fn users(&self) -> u32 {
        self.fleet.users_by_class(self.classes.len()).iter().sum()
    }

    /// Users wanted in the end: of a run that waits for its workers those it will begin with.
    pub(super) fn target_users(&self) -> u32 {
        if self.state == RunState::Ready && self.wanted {
            return distribute(&self.classes, self.plan.users).iter().sum();
        }
        self.goal.users.iter().sum()
    }

    /// Where the run stands.
    pub(crate) fn standing(&self) -> Standing {
        Standing {
            state: self.state,
            users_by_class: self.fleet.users_by_class(self.classes.len()),
            target_users: self.target_users(),
            workers: self.fleet.entries(self.wanted),
            marks: self.marks.all(),
            thresholds: self.thresholds.entries(),
            warnings: self.warnings.shown(),
            stop_reason: self.stop_reason.clone(),
            failure: self.failure,
            has_arrivals: self.plan.arrivals.is_some(),
        }
    }
}

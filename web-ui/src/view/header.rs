//! Status, numbers of the moment, buttons and banners: what stands above everything.
//!
//! In: a snapshot's state and totals. Out: the fragment that is part of the page at first, and the data of the server-sent
//! event `header` afterwards.

use askama::Template;
use katydid_protocol::stats::RunState;

use super::{Banner, Level, Metric};

/// The fragment `#header`.
#[derive(Debug, Clone, Template)]
#[template(path = "header.html")]
pub struct Header {
    /// See [`super::Shell::base`].
    pub base: String,
    /// The run's id; empty before the first. A page that sees it change starts its charts anew.
    pub run: String,
    /// Where the run stands.
    pub state: RunState,
    /// Why it ended or is ending; may be empty.
    pub state_reason: String,
    /// Where the load goes, if all users have the same.
    pub host: Option<String>,
    /// Users running.
    pub users: String,
    /// Users the plan wants; shown when it differs from `users`.
    pub target_users: Option<String>,
    /// Requests per second now.
    pub rps: String,
    /// Requests per second lately, see [`super::spark`]; may be empty.
    pub rps_spark: String,
    /// Share of failed requests.
    pub failure_share: String,
    /// How that is to be taken.
    pub failure_level: Level,
    /// Workers connected. A form to start a run follows them.
    pub workers: u32,
    /// The same in words, where they are processes of their own; shown before the first run.
    pub fleet: Option<String>,
    /// Further numbers: a percentile, workers when distributed.
    pub more: Vec<Metric>,
    /// The run's clock.
    pub elapsed: String,
    /// How long the run is to take, if that is known.
    pub run_time: Option<String>,
    /// How much of that has passed, 0 to 100.
    pub progress: Option<u8>,
    /// What must be seen.
    pub banners: Vec<Banner>,
    /// What may be done.
    pub controls: Controls,
    /// Counts beside the names of tabs.
    pub badges: Badges,
}

/// Which buttons there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Controls {
    /// None: before the first run, or for people who may only read.
    #[default]
    None,
    /// Edit, Stop, Reset.
    Running {
        /// Why the number of users cannot be edited (the plan has stages, say), if so.
        fixed_plan: Option<String>,
    },
    /// Users are finishing: a Stop button that says so.
    Stopping,
    /// New, Reset.
    Over,
}

/// Counts that are shown beside the names of tabs; empty texts show nothing.
#[derive(Debug, Clone, Default)]
pub struct Badges {
    /// Distinct failures.
    pub failures: String,
    /// Distinct exceptions.
    pub exceptions: String,
    /// Failing thresholds and checks.
    pub checks: String,
    /// Lost or saturated workers.
    pub workers: String,
    /// Warnings and errors in logs.
    pub logs: String,
}

impl Header {
    /// `ready`, `live` or `over`: when it changes, the page shows something else.
    #[must_use]
    pub fn phase(&self) -> &'static str {
        match self.state {
            RunState::Ready => "ready",
            state if state.is_over() => "over",
            _ => "live",
        }
    }

    /// The title of the browser's tab, so that a glance is enough.
    #[must_use]
    pub fn title(&self) -> String {
        match self.state {
            RunState::Ready => "Katydid".to_owned(),
            state if state.is_over() => {
                format!("{}, {} failed - Katydid", state.as_str(), self.failure_share)
            }
            _ => format!("{} req/s, {} failed - Katydid", self.rps, self.failure_share),
        }
    }
}

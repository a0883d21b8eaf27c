//! What a run must not lose when its master is killed: the plan, where it stands, and every delta acknowledged.
//!
//! In: control's state, and batches of deltas with the sequences they came under. Out: when `commit` returns, they
//! survive the end of this process; and after a restart, [`Saved`]: the run as it was. The file is an SQLite database in
//! write-ahead mode: a commit outlives the process at once, and the machine when its disk has been written (within
//! seconds; the file itself is never damaged).
//!
//! From time to time the sums of the aggregate take the place of all deltas so far, so that the journal of a long run stays
//! small; so they do at a reset, after which nothing from before can come back. A sequence is written with its delta, under
//! the process it came from: who that is does not depend on what control remembers.

mod store;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use katydid_protocol::fleet::RunOrder;
use katydid_protocol::plan::LoadPlan;
use katydid_protocol::stats::{Delta, RunFailure, RunInfo, RunState, Snapshot};
use katydid_protocol::wire;
use serde::{Deserialize, Serialize};

use crate::aggregate::{Moment, RunStats, StatsImage};
use crate::control::{Controller, Standing};
use crate::error::JournalError;
use crate::intake::{Admission, Intake};
use crate::rows::RowLedger;
use crate::thresholds::Windows;
use store::{Store, Stored};

/// Batches written before they are merged into one.
const COMPACT_AFTER: u32 = 600;

/// The journal of one run.
#[derive(Debug)]
pub struct Journal {
    store: Store,
    batches: u32,
    /// Saturated seconds that are written.
    saturated: usize,
}

/// What does not change during a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Constants {
    pub(crate) info: Arc<RunInfo>,
    pub(crate) order: Arc<RunOrder>,
}

/// A run found in a journal, which had not ended when its master did.
#[derive(Debug)]
pub struct Saved {
    pub(crate) constants: Constants,
    pub(crate) controller: Controller,
    pub(crate) intake: Intake,
    pub(crate) rows: RowLedger,
    /// What was measured.
    pub(crate) stats: RunStats,
}

impl Saved {
    /// The run's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.constants.info.id
    }

    /// What its `on_test_start` returned, as JSON.
    #[must_use]
    pub fn setup(&self) -> Option<Arc<str>> {
        self.controller.setup()
    }

    /// Its load: what it was started with, and the users and spawn rate it was given last.
    #[must_use]
    pub fn plan(&self) -> LoadPlan {
        self.controller.plan()
    }

    /// The rules it is judged by, as people read them.
    #[must_use]
    pub fn thresholds(&self) -> Vec<&str> {
        let rules = self.controller.thresholds().rules();
        rules.map(|rule| rule.text.as_str()).collect()
    }

    /// What the run needs on every worker.
    #[must_use]
    pub fn order(&self) -> Arc<RunOrder> {
        Arc::clone(&self.constants.order)
    }

    /// What there is of the run if nobody goes on with it: its final snapshot, cut short at its last measurement.
    #[must_use]
    pub fn cut_short(mut self, reason: String) -> Snapshot {
        let standing = self.controller.standing();
        let standing = Standing {
            state: RunState::Failed,
            users_by_class: vec![0; standing.users_by_class.len()],
            stop_reason: Some(reason),
            failure: Some(RunFailure::CutShort),
            ..standing
        };
        let end = self.stats.last_delta_at().unwrap_or_default();
        self.stats.snapshot(&self.constants.info, end, standing)
    }

    /// The run's clock now, by the wall clock: 0 when that was set back.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        crate::clock::since(self.constants.info.started_at)
    }
}

impl Journal {
    /// Opens a journal, which is made when it is not there; also the run in it that has not ended.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened, belongs to another master that is running, or was written by a newer version.
    pub fn open(path: &Path) -> Result<(Self, Option<Saved>), JournalError> {
        let mut journal = Self {
            store: Store::open(path)?,
            batches: 0,
            saturated: 0,
        };
        let saved = journal.load()?;
        Ok((journal, saved))
    }

    /// A run begins: whatever was in the journal is over.
    pub(crate) fn begin(
        &mut self,
        constants: &Constants,
        controller: &Controller,
    ) -> Result<(), JournalError> {
        self.store
            .begin(&json(constants)?, &json(controller)?, &constants.info.id)?;
        (self.batches, self.saturated) = (0, 0);
        Ok(())
    }

    /// Writes where control stands.
    pub(crate) fn save(&mut self, controller: &Controller) -> Result<(), JournalError> {
        self.store.save_control(&json(controller)?)
    }

    /// Writes which rows have been handed out.
    pub(crate) fn save_rows(&mut self, rows: &RowLedger) -> Result<(), JournalError> {
        self.store.save_rows(&json(rows)?)
    }

    /// Writes a batch of deltas, already merged and folded as `stats` would, which is about to count it at `now`; and what
    /// is let in with it.
    pub(crate) fn commit(
        &mut self,
        delta: &Delta,
        admission: &Admission,
        stats: &RunStats,
        now: Duration,
    ) -> Result<(), JournalError> {
        let moment = json(&stats.moment(now, self.saturated))?;
        let known = admission.iter();
        let known = known
            .map(|(instance, sequences)| Ok((&**instance, json(sequences)?)))
            .collect::<Result<Vec<_>, JournalError>>()?;
        self.store
            .add_delta(&wire::encode_delta(delta), &moment, &known)?;
        self.batches += 1;
        self.saturated = stats.saturated_len();
        Ok(())
    }

    /// Whether it is time for [`Self::compact`].
    pub(crate) fn is_long(&self) -> bool {
        self.batches >= COMPACT_AFTER
    }

    /// Not now: [`Self::compact`] did not succeed.
    pub(crate) fn put_off(&mut self) {
        self.batches = 0;
    }

    /// Puts the sums in the place of all deltas so far.
    pub(crate) fn compact(&mut self, stats: &RunStats) -> Result<(), JournalError> {
        self.replace(stats, None)
    }

    /// The statistics have begun anew: nothing of before is left, and control knows of it.
    pub(crate) fn reset(&mut self, stats: &RunStats, controller: &Controller) -> Result<(), JournalError> {
        self.replace(stats, Some(&json(controller)?))
    }

    /// The run is over.
    pub(crate) fn end(&mut self) -> Result<(), JournalError> {
        self.store.end()
    }

    /// See [`Store::limit_pages`].
    #[cfg(test)]
    pub(crate) fn limit_pages(&self, pages: u32) {
        self.store.limit_pages(pages);
    }

    /// See [`Store::refuse`].
    #[cfg(test)]
    pub(crate) fn refuse(&self, refuse: bool) {
        self.store.refuse(refuse);
    }

    fn replace(&mut self, stats: &RunStats, control: Option<&str>) -> Result<(), JournalError> {
        let sum = wire::encode_delta(&stats.sum());
        self.store.replace_deltas(&sum, &json(&stats.image())?, control)?;
        self.batches = 0;
        self.saturated = stats.saturated_len();
        Ok(())
    }

    fn load(&mut self) -> Result<Option<Saved>, JournalError> {
        let Some(stored) = self.store.load()? else {
            return Ok(None);
        };
        let controller: Controller = parse(&stored.control)?;
        let stats = restored(
            &stored,
            Windows::new(controller.thresholds().rules(), Duration::ZERO),
        )?;
        self.batches = u32::try_from(stored.deltas.len()).unwrap_or(u32::MAX);
        self.saturated = stats.saturated_len();
        let rows = match stored.rows.as_deref() {
            Some(text) => parse(text)?,
            None => RowLedger::default(),
        };
        let intake = stored.intake.iter();
        let intake = intake
            .map(|(instance, sequences)| Ok((Arc::from(instance.as_str()), parse(sequences)?)))
            .collect::<Result<Intake, JournalError>>()?;
        Ok(Some(Saved {
            constants: parse(&stored.constants)?,
            controller,
            intake,
            rows,
            stats,
        }))
    }
}

/// The sums, and every delta since counted again as it was then.
fn restored(stored: &Stored, windows: Windows) -> Result<RunStats, JournalError> {
    let mut stats = match stored.image.as_deref() {
        Some(text) => {
            let image: StatsImage = parse(text)?;
            let base = stored.base.as_deref().map(decode).transpose()?;
            RunStats::restored(&base.unwrap_or_default(), image, windows)
        }
        None => {
            let mut stats = RunStats::new();
            stats.watch(windows);
            stats
        }
    };
    for (bytes, moment) in &stored.deltas {
        let moment: Moment = parse(moment)?;
        stats.replay(moment, &decode(bytes)?);
    }
    Ok(stats)
}

fn decode(bytes: &[u8]) -> Result<Delta, JournalError> {
    wire::decode_delta(bytes).map_err(|error| JournalError::Damaged(error.to_string()))
}

fn json<T: Serialize>(value: &T) -> Result<String, JournalError> {
    serde_json::to_string(value).map_err(|error| JournalError::Damaged(error.to_string()))
}

fn parse<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, JournalError> {
    serde_json::from_str(text).map_err(|error| JournalError::Damaged(error.to_string()))
}

//! What a run must not lose when its master is killed: the plan, where it stands, and every delta acknowledged.
//!
//! In: control's state, and batches of deltas with the sequences they came under. Out: when `commit` returns, they
//! survive the end of this process; and after a restart, [`Saved`]: the run as it was. The file is an SQLite database in
//! write-ahead mode: a commit outlives the process at once, and the machine when its disk has been written (within
//! seconds; the file itself is never damaged).
//!
//! Deltas merge, also here: from time to time all so far become one, so that the journal of a long run stays small.

mod store;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use katydid_protocol::fleet::RunOrder;
use katydid_protocol::plan::LoadPlan;
use katydid_protocol::stats::{Delta, RunInfo};
use katydid_protocol::wire;
use serde::{Deserialize, Serialize};

use crate::aggregate::TimelineImage;
use crate::control::Controller;
use crate::error::JournalError;
use crate::intake::Intake;
use crate::rows::RowLedger;
use store::Store;

/// Batches written before they are merged into one.
const COMPACT_AFTER: u32 = 600;

/// The journal of one run.
#[derive(Debug)]
pub struct Journal {
    store: Store,
    /// Everything committed, without its seconds, which are in the timeline.
    base: Delta,
    batches: u32,
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
    /// Deltas merged long ago; their seconds are in the timeline.
    pub(crate) base: Delta,
    pub(crate) timeline: Option<TimelineImage>,
    /// Deltas since then.
    pub(crate) deltas: Vec<Delta>,
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

    /// What the run needs on every worker.
    #[must_use]
    pub fn order(&self) -> Arc<RunOrder> {
        Arc::clone(&self.constants.order)
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
        let store = Store::open(path)?;
        let mut journal = Self {
            store,
            base: Delta::default(),
            batches: 0,
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
        self.base = Delta::default();
        self.batches = 0;
        self.store
            .begin(&json(constants)?, &json(controller)?, &constants.info.id)
    }

    /// Writes where control stands.
    pub(crate) fn save(&mut self, controller: &Controller) -> Result<(), JournalError> {
        self.store.save_control(&json(controller)?)
    }

    /// Writes which rows have been handed out.
    pub(crate) fn save_rows(&mut self, rows: &RowLedger) -> Result<(), JournalError> {
        self.store.save_rows(&json(rows)?)
    }

    /// Writes a batch of deltas, already merged, and what has been let in with it.
    pub(crate) fn commit(&mut self, delta: Delta, intake: &Intake) -> Result<(), JournalError> {
        self.store
            .add_delta(&wire::encode_delta(&delta), &json(intake)?)?;
        self.batches += 1;
        self.base.merge(without_seconds(delta));
        Ok(())
    }

    /// Whether it is time for [`Self::compact`].
    pub(crate) fn is_long(&self) -> bool {
        self.batches >= COMPACT_AFTER
    }

    /// Makes one of all deltas so far; `timeline` holds their seconds.
    pub(crate) fn compact(&mut self, timeline: &TimelineImage) -> Result<(), JournalError> {
        self.store
            .replace_deltas(&wire::encode_delta(&self.base), &json(timeline)?)?;
        self.batches = 0;
        Ok(())
    }

    /// The run is over.
    pub(crate) fn end(&mut self) -> Result<(), JournalError> {
        self.store.end()
    }

    fn load(&mut self) -> Result<Option<Saved>, JournalError> {
        let Some(stored) = self.store.load()? else {
            return Ok(None);
        };
        let base = match &stored.base {
            Some(bytes) => decode(bytes)?,
            None => Delta::default(),
        };
        let deltas = stored
            .deltas
            .iter()
            .map(|bytes| decode(bytes))
            .collect::<Result<Vec<_>, _>>()?;
        self.base = base.clone();
        for delta in &deltas {
            self.base.merge(without_seconds(delta.clone()));
        }
        self.batches = u32::try_from(deltas.len()).unwrap_or(u32::MAX);
        let timeline = stored.timeline.as_deref().map(parse).transpose()?;
        let intake = match stored.intake.as_deref() {
            Some(text) => parse(text)?,
            None => Intake::default(),
        };
        let rows = match stored.rows.as_deref() {
            Some(text) => parse(text)?,
            None => RowLedger::default(),
        };
        Ok(Some(Saved {
            constants: parse(&stored.constants)?,
            controller: parse(&stored.control)?,
            intake,
            rows,
            base,
            timeline,
            deltas,
        }))
    }
}

fn without_seconds(mut delta: Delta) -> Delta {
    for request in delta.requests.values_mut().chain(delta.groups.values_mut()) {
        request.seconds.clear();
    }
    delta
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

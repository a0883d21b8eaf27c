//! The run as scrapes see it.
//!
//! In: the picture behind a page, or the snapshots of a run without one. Out: the snapshot, and how many users are asked
//! for at this moment, which is what autoscalers go by.

use std::sync::Arc;

use katydid_protocol::scaler::Demand;
use katydid_protocol::stage::Picture;
use katydid_protocol::stats::{RunState, Snapshot};

/// A run at one moment.
#[derive(Debug, Clone)]
pub(crate) struct RunView {
    /// Its numbers.
    pub(crate) snapshot: Arc<Snapshot>,
    /// Where it stands.
    pub(crate) state: RunState,
    /// Users that shall run: from the moment a run is asked for until it is over.
    pub(crate) target_users: u32,
    /// Workers that wait for the next run: those of the last one have stopped as far as that is concerned.
    pub(crate) idle_workers: u32,
}

impl RunView {
    /// What the page shows.
    pub(crate) fn of_picture(picture: &Picture) -> Self {
        let snapshot = Arc::clone(&picture.snapshot);
        Self {
            state: picture.state(),
            idle_workers: if snapshot.state.is_over() {
                picture.workers
            } else {
                0
            },
            snapshot,
            target_users: Demand::of_picture(picture).users,
        }
    }

    /// A run that was asked for with so many users before anything was known of it.
    pub(crate) fn of_snapshot(snapshot: Arc<Snapshot>, planned_users: u32) -> Self {
        Self {
            state: snapshot.state,
            target_users: Demand::of_run(&snapshot, planned_users).users,
            snapshot,
            idle_workers: 0,
        }
    }
}

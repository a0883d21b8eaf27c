//! The run as scrapes see it.
//!
//! In: the picture behind a page, or the snapshots of a run without one. Out: the snapshot, and how many users are asked
//! for at this moment, which is what autoscalers go by.

use std::sync::Arc;

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
        let target_users = if picture.is_starting {
            picture.preset.users.unwrap_or(snapshot.target_users)
        } else if picture.is_live() {
            snapshot.target_users
        } else {
            0
        };
        Self {
            state: picture.state(),
            idle_workers: if snapshot.state.is_over() {
                picture.workers
            } else {
                0
            },
            snapshot,
            target_users,
        }
    }

    /// A run that was asked for with so many users before anything was known of it.
    pub(crate) fn of_snapshot(snapshot: Arc<Snapshot>, planned_users: u32) -> Self {
        let target_users = match snapshot.state {
            RunState::Ready => planned_users,
            state if state.is_over() => 0,
            _ => snapshot.target_users,
        };
        Self {
            state: snapshot.state,
            snapshot,
            target_users,
            idle_workers: 0,
        }
    }
}

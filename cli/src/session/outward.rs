//! Who else is told how a test goes: KEDA, a collector of metrics.
//!
//! In: pictures of a test with a page, or snapshots of a run without one. Out: both are told until the end, and seen off.

use std::sync::Arc;

use katydid_protocol::scaler::Demand;
use katydid_protocol::stage::Picture;
use katydid_protocol::stats::Snapshot;
use tokio::sync::watch;

use super::demand::{Informed, Scaler};
use super::otlp::Pushing;
use crate::exit_code::CommandError;
use crate::settings::OtlpSettings;

/// Whoever listens.
#[derive(Debug)]
pub(super) struct Outward {
    scaler: Option<Informed>,
    pushing: Option<Pushing>,
}

impl Outward {
    /// Tells of a test with a page.
    pub(super) fn of_pictures(
        scaler: Option<Scaler>,
        otlp: Option<&OtlpSettings>,
        pictures: &watch::Receiver<Arc<Picture>>,
    ) -> Result<Self, CommandError> {
        let snapshot = |picture: &Arc<Picture>| Arc::clone(&picture.snapshot);
        Ok(Self {
            scaler: scaler.map(|scaler| scaler.follow(pictures.clone(), Demand::of_picture)),
            pushing: otlp
                .map(|otlp| Pushing::start(otlp, pictures.clone(), snapshot))
                .transpose()?,
        })
    }

    /// Tells of a run that was asked for with so many users.
    pub(super) fn of_run(
        scaler: Option<Scaler>,
        otlp: Option<&OtlpSettings>,
        snapshots: &watch::Receiver<Arc<Snapshot>>,
        users: u32,
    ) -> Result<Self, CommandError> {
        let demand = move |snapshot: &Snapshot| Demand::of_run(snapshot, users);
        Ok(Self {
            scaler: scaler.map(|scaler| scaler.follow(snapshots.clone(), demand)),
            pushing: otlp
                .map(|otlp| Pushing::start(otlp, snapshots.clone(), Arc::clone))
                .transpose()?,
        })
    }

    /// Waits a moment for the last word to have been said.
    pub(super) async fn close(self) {
        if let Some(scaler) = self.scaler {
            scaler.close().await;
        }
        if let Some(pushing) = self.pushing {
            pushing.finish().await;
        }
    }
}

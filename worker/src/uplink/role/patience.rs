//! How long a worker waits for its master: to be let go, and to be heard of again.
//!
//! In: the time, since when it leaves or the master is gone. Out: when to look next, and in the end an error.

use std::time::Duration;

use tokio::time::Instant;

use super::FleetWorker;
use crate::uplink::connect::NoLink;
use crate::uplink::error::UplinkError;
use crate::uplink::retry::Retry;
use crate::uplink::work::Work;

/// How long a worker that has no run is refused for a token from a file before it gives up: a new token may be brought to
/// this machine minutes later than to the master's.
const REFUSED_FOR: Duration = Duration::from_secs(300);

impl FleetWorker {
    /// An attempt to connect came to nothing: another one will be made, unless that is no use.
    ///
    /// # Errors
    ///
    /// When the master does not want this worker, and would not want it later.
    pub(super) fn not_connected(&self, failure: NoLink, retry: &mut Retry) -> Result<(), UplinkError> {
        let refused = |why| UplinkError::Refused {
            master: self.connector.name.clone(),
            why,
        };
        if failure.is_final && self.connector.may_return() {
            return Err(refused(failure.why));
        }
        if !failure.is_refusal {
            retry.failed(&failure.why);
            return Ok(());
        }
        // With a run it is the run's own patience that counts.
        if retry.refused(&failure.why, &self.connector.name) >= REFUSED_FOR && self.work.begun().is_none() {
            let waited = katydid_protocol::format::duration(REFUSED_FOR);
            return Err(refused(format!("{}, for {waited} now", failure.why)));
        }
        Ok(())
    }

    /// Gives up what cannot come to a good end any more.
    pub(super) async fn check_patience(&mut self, connected: bool, retry: &Retry) -> Result<(), UplinkError> {
        if let Some(since) = self.draining_since
            && since.elapsed() >= self.settings.drain_timeout
        {
            let lost = self.work.unsent();
            self.work.replace(Work::Nothing).await;
            let waited = katydid_protocol::format::duration(self.settings.drain_timeout);
            return Err(UplinkError::DrainTimedOut { waited, lost });
        }
        let grace = self.welcome.as_ref().map(|welcome| welcome.master_grace);
        let begun = self.work.begun().is_some();
        if let (false, true, Some(grace)) = (connected, begun, grace)
            && retry.gone_for() >= grace
        {
            let lost = self.work.unsent();
            let gone = katydid_protocol::format::duration(retry.gone_for());
            self.work.replace(Work::Nothing).await;
            let master = self.connector.name.clone();
            return Err(UplinkError::MasterLost { master, gone, lost });
        }
        Ok(())
    }

    pub(super) fn wakes(&self, waits: bool, retry: &Retry) -> Option<Instant> {
        let drained_by = self
            .draining_since
            .map(|since| since + self.settings.drain_timeout);
        let attempt = waits.then_some(retry.next);
        let grace = self.welcome.as_ref().map(|welcome| welcome.master_grace);
        let alone = grace
            .and_then(|grace| Some(retry.gone_since? + grace))
            .filter(|_| self.work.begun().is_some());
        // Meanwhile attempts to connect wake the loop often enough.
        let ends_at = self.work.begun().and_then(|work| work.ends_at).filter(|_| waits);
        [drained_by, attempt, alone, ends_at].into_iter().flatten().min()
    }
}

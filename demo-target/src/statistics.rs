//! What the target has received, as shown at `/__stats`: plain values that serialize.
//!
//! In: the ledger and the arrivals. Out: [`TargetStats`]; [`StatisticsReader`] reads them within the same process.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ledger::Ledger;
use crate::spawns::Spawns;

/// Everything received since the start or the last reset; requests for `/__…` are in none of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TargetStats {
    /// Requests whose head was received.
    pub total: u64,
    /// Connections accepted.
    pub connections_accepted: u64,
    /// Request bodies received, in bytes.
    pub bytes_in: u64,
    /// Response bodies handed to connections, in bytes.
    pub bytes_out: u64,
    /// The target's clock at this reading, in µs.
    pub now_us: u64,
    /// By path, then method.
    pub paths: Vec<PathStats>,
}

/// What one method and path received.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PathStats {
    /// The request method.
    pub method: String,
    /// The path as received, without its query; `/spawn/:n` for all of those; `(other)` past the bound on paths.
    pub path: String,
    /// Requests whose head was received.
    pub requests: u64,
    /// Responses per status. Requests given up by their client before an answer was ready are in none.
    pub statuses: BTreeMap<u16, u64>,
    /// Arrival of the first request, in µs of the target's clock.
    pub first_us: u64,
    /// Arrival of the last request, in µs of the target's clock.
    pub last_us: u64,
}

/// Reads the counts of a target in the same process, also while and after it serves.
#[derive(Debug, Clone)]
pub struct StatisticsReader {
    ledger: Arc<Ledger>,
    spawns: Arc<Spawns>,
}

// === impl TargetStats ===

impl TargetStats {
    /// Requests received for a path with any method.
    #[must_use]
    pub fn requests(&self, path: &str) -> u64 {
        self.paths
            .iter()
            .filter(|entry| entry.path == path)
            .map(|entry| entry.requests)
            .sum()
    }

    /// Responses sent with a status, over all paths.
    #[must_use]
    pub fn responses(&self, status: u16) -> u64 {
        self.paths
            .iter()
            .filter_map(|entry| entry.statuses.get(&status))
            .sum()
    }
}

// === impl StatisticsReader ===

impl StatisticsReader {
    pub(crate) fn new(ledger: Arc<Ledger>, spawns: Arc<Spawns>) -> Self {
        Self { ledger, spawns }
    }

    /// The counts now.
    #[must_use]
    pub fn read(&self) -> TargetStats {
        self.ledger.read()
    }

    /// Arrivals at `/spawn/:n`: (n, µs of the target's clock), in order of arrival.
    #[must_use]
    pub fn spawns(&self) -> Vec<(u64, u64)> {
        self.spawns.all()
    }

    /// Starts counting anew.
    pub fn reset(&self) {
        self.ledger.reset();
        self.spawns.clear();
    }
}

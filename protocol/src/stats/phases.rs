//! Where a request's time went: the phases of one exchange and their sums.

use serde::{Deserialize, Serialize};

/// The phases' names, in the order of [`PhaseTimes`].
pub const PHASE_NAMES: [&str; 7] = ["blocked", "dns", "connect", "tls", "send", "wait", "receive"];

/// Time spent in each phase of one exchange, in µs; phases that did not happen are 0.
///
/// `blocked`: before anything could start (a free connection, a place in the queue); `dns`: resolving the name;
/// `connect`: TCP; `tls`: the handshake; `send`: writing the request; `wait`: from the last byte written to the first
/// byte read; `receive`: from there to the last byte of the body.
pub type PhaseTimes = [u32; PHASE_NAMES.len()];

/// Sums of phase times over many exchanges.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phases {
    /// Sum of each phase, in µs.
    pub sum_us: [u64; PHASE_NAMES.len()],
    /// Longest of each phase, in µs.
    pub max_us: [u32; PHASE_NAMES.len()],
    /// Exchanges in which the phase took any time.
    pub count: [u64; PHASE_NAMES.len()],
}

impl Phases {
    /// Adds one exchange.
    pub fn record(&mut self, times: &PhaseTimes) {
        for (index, time_us) in times.iter().enumerate() {
            if *time_us > 0 {
                self.sum_us[index] += u64::from(*time_us);
                self.max_us[index] = self.max_us[index].max(*time_us);
                self.count[index] += 1;
            }
        }
    }

    /// Adds the exchanges another sum stands for.
    pub fn merge(&mut self, other: &Self) {
        for index in 0..PHASE_NAMES.len() {
            self.sum_us[index] += other.sum_us[index];
            self.max_us[index] = self.max_us[index].max(other.max_us[index]);
            self.count[index] += other.count[index];
        }
    }
}

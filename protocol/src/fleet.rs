//! What a worker and its master say to each other: membership, what to run, and the two streams that follow.
//!
//! Up go [`WorkerMessage`]s: who a worker is, whether it can run a scenario, what it measured. Down go
//! [`MasterMessage`]s: what to run, directives, and acknowledgements. [`crate::wire`] writes both as gRPC
//! messages; a worker in the master's own process exchanges the very same ones.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::directive::Directive;
use crate::report::WorkerReport;

/// The version of the protocol; master and worker must agree on it.
pub const PROTOCOL_VERSION: u32 = 2;

/// One message of a worker.
#[derive(Debug, Clone, PartialEq)]
pub enum WorkerMessage {
    /// Who it is; the first message of every connection.
    Hello(Hello),
    /// It has fetched and compiled what [`RunOrder`] describes, and waits for the run to begin.
    Ready {
        /// The run.
        run: RunId,
    },
    /// It cannot run what [`RunOrder`] describes.
    Unable {
        /// The run.
        run: RunId,
        /// Why, for a person: the scenario's diagnostics, a file that could not be fetched.
        why: String,
    },
    /// What it measured, and how its users are.
    Report {
        /// The run.
        run: RunId,
        /// The report.
        report: WorkerReport,
    },
    /// How the machine is; sent every [`Welcome::heartbeat_every`].
    Heartbeat(Heartbeat),
    /// It was told to end: its users should move to others. It goes on until [`MasterMessage::Leave`].
    Draining,
    /// A line of its log that people at the master should see.
    Log(LogLine),
}

/// One message of the master.
#[derive(Debug, Clone, PartialEq)]
pub enum MasterMessage {
    /// The worker belongs to the fleet.
    Welcome(Welcome),
    /// The worker does not belong to this fleet; the connection ends.
    Refused {
        /// Why, for a person.
        why: String,
        /// Whether asking again later may help.
        retry: bool,
    },
    /// Make ready for a run.
    Prepare(Arc<RunOrder>),
    /// What to do in a run.
    Directive {
        /// The run.
        run: RunId,
        /// What to do.
        directive: Directive,
    },
    /// The delta with this sequence, and all before it, are safe: the worker may forget them.
    Acknowledge {
        /// The run.
        run: RunId,
        /// The sequence.
        sequence: u64,
    },
    /// Answers a heartbeat.
    HeartbeatReply {
        /// [`Heartbeat::number`].
        number: u64,
        /// The run's clock when the reply was sent; `None` when there is no run.
        elapsed: Option<Duration>,
    },
    /// Forget the run: it is over, or it never was.
    Dismiss {
        /// The run.
        run: RunId,
    },
    /// A draining worker has nothing left to do here: it may end.
    Leave,
    /// The master ends for good; workers end too.
    Goodbye,
}

/// A run's identity.
pub type RunId = Arc<str>;

/// Who a worker is and what it can do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// [`PROTOCOL_VERSION`] of the worker.
    pub protocol: u32,
    /// Katydid's version, for people.
    pub version: String,
    /// The worker's name: given by its operator or its pod; not empty.
    pub name: String,
    /// This process: different each time a worker starts, the same each time it reconnects.
    pub instance: String,
    /// Cores it may use.
    pub cores: u32,
    /// Load threads; users are spread over workers by this.
    pub threads: u32,
    /// How many connections it can hold at most.
    pub open_files: u64,
    /// The run it is in the middle of.
    pub running: Option<Running>,
}

/// How far a worker is in a run it goes on with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// The run.
    pub run: RunId,
    /// The last share it obeyed.
    pub epoch: u64,
    /// The highest sequence it has used so far; 0 for none.
    pub sequence: u64,
}

/// What a worker needs to know about the fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The name it goes by: its own, made unique.
    pub name: String,
    /// Time between two heartbeats.
    pub heartbeat_every: Duration,
    /// How long it shall keep the load up without a master before it ends its users.
    pub master_grace: Duration,
}

/// How a worker's machine is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Rises by one; comes back in the reply.
    pub number: u64,
    /// Running users.
    pub users: u32,
    /// CPU used by the process since the last heartbeat as a share of the cores it may use, 0 to 1.
    pub cpu: f64,
    /// Resident memory of the process in bytes.
    pub memory_bytes: u64,
    /// The longest any load thread's event loop was late since the last heartbeat, in µs.
    pub lag_us: u64,
    /// Time the process was kept from running by its CPU quota since the last heartbeat, in µs.
    pub throttled_us: u64,
}

impl Heartbeat {
    /// Share of the CPU above which a load generator measures itself.
    pub const SATURATED_CPU: f64 = 0.9;
    /// Lag above which it does, in µs.
    pub const SATURATED_LAG_US: u64 = 10_000;
    /// Time without the CPU, for want of quota, above which it does: a tenth of the second between two heartbeats, in µs.
    pub const SATURATED_THROTTLED_US: u64 = 100_000;

    /// Whether response times measured meanwhile are partly the generator's own.
    #[must_use]
    pub fn is_saturated(&self) -> bool {
        self.cpu > Self::SATURATED_CPU
            || self.lag_us > Self::SATURATED_LAG_US
            || self.throttled_us > Self::SATURATED_THROTTLED_US
    }
}

/// A line of a worker's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// `ERROR`, `WARN`, `INFO`, `DEBUG`.
    pub level: String,
    /// Where it comes from: a module, or `script`.
    pub target: String,
    /// What it says, one line.
    pub text: String,
    /// Lines left out since the last one sent, because there were too many.
    pub omitted: u64,
}

/// What a run needs on every worker.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunOrder {
    /// The run.
    pub run: RunId,
    /// Scenario files in the order given.
    pub scenarios: Vec<ScenarioAsset>,
    /// Data files the scenarios name.
    pub data: Vec<DataAsset>,
    /// The host given for all, if any.
    pub host: Option<String>,
    /// Values for the scenario's parameters.
    pub parameters: BTreeMap<String, String>,
    /// Environment variables the scenario's declarations read at the master, which count on workers too; no secrets.
    pub environment: BTreeMap<String, String>,
    /// User classes to run; empty for all.
    pub classes: Vec<String>,
    /// Only tasks with one of these tags; empty for all.
    pub tags: Vec<String>,
    /// No task with one of these.
    pub exclude_tags: Vec<String>,
}

/// A scenario file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioAsset {
    /// Its name as given on the command line.
    pub name: String,
    /// Which folder of the bundle its data files are in; scenarios of one folder share the number.
    pub folder: u32,
    /// Its text.
    pub asset: Asset,
}

/// A data file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataAsset {
    /// The path as scripts write it, below its folder, with `/`.
    pub path: String,
    /// See [`ScenarioAsset::folder`].
    pub folder: u32,
    /// Its content.
    pub asset: Asset,
}

/// A piece of content, known by what it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Asset {
    /// SHA-256 of the content.
    pub sha256: [u8; 32],
    /// Its length in bytes.
    pub bytes: u64,
}

/// Rows of a data set, by index.
pub type Rows = Range<u64>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generator_is_saturated_by_cpu_by_lag_or_by_its_quota() {
        let calm = Heartbeat {
            cpu: 0.9,
            lag_us: 10_000,
            throttled_us: 100_000,
            ..Heartbeat::default()
        };
        assert!(!calm.is_saturated());
        assert!(
            Heartbeat {
                cpu: 0.91,
                ..calm.clone()
            }
            .is_saturated()
        );
        assert!(
            Heartbeat {
                lag_us: 10_001,
                ..calm.clone()
            }
            .is_saturated()
        );
        assert!(
            Heartbeat {
                throttled_us: 100_001,
                ..calm
            }
            .is_saturated()
        );
    }
}

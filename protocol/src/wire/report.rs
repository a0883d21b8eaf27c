//! What a worker tells a run.
//!
//! In: [`WorkerReport`] or its wire form. Out: the other one.

use super::proto::report::Report;
use super::{WireError, check, decode_delta, encode_delta, proto};
use crate::report::{WorkerReport, WorkerStatus};

impl From<&WorkerReport> for Report {
    fn from(report: &WorkerReport) -> Self {
        match report {
            WorkerReport::Delta { sequence, delta } => Self::Delta(proto::SequencedDelta {
                sequence: *sequence,
                delta: encode_delta(delta).into(),
            }),
            WorkerReport::Status(status) => Self::Status(status.into()),
            WorkerReport::StopRequested { reason } => Self::StopRequested(proto::StopRequested {
                reason: check::readable(reason),
            }),
            WorkerReport::RowsWanted { data, len, count } => Self::RowsWanted(proto::RowsWanted {
                data: (&**data).into(),
                len: *len,
                count: *count,
            }),
            WorkerReport::RowsReturned { data, rows } => Self::RowsReturned(proto::RowsReturned {
                data: (&**data).into(),
                rows: check::ranges(rows),
            }),
            WorkerReport::Warning(text) => Self::Warning(proto::Warning {
                text: check::readable(text),
            }),
            WorkerReport::Stopped => Self::Stopped(proto::Stopped {}),
            WorkerReport::Failed(why) => Self::Failed(proto::Failed {
                why: check::readable(why),
            }),
        }
    }
}

impl TryFrom<Report> for WorkerReport {
    type Error = WireError;

    fn try_from(report: Report) -> Result<Self, WireError> {
        Ok(match report {
            Report::Delta(sequenced) => Self::Delta {
                sequence: sequenced.sequence,
                delta: Box::new(decode_delta(&sequenced.delta)?),
            },
            Report::Status(status) => Self::Status(status.try_into()?),
            Report::StopRequested(request) => Self::StopRequested {
                reason: check::prose("StopRequested.reason", request.reason)?,
            },
            Report::RowsWanted(wanted) => Self::RowsWanted {
                data: check::data("RowsWanted.data", wanted.data)?,
                len: wanted.len,
                count: wanted.count,
            },
            Report::RowsReturned(returned) => Self::RowsReturned {
                data: check::data("RowsReturned.data", returned.data)?,
                rows: check::rows("RowsReturned.rows", returned.rows)?,
            },
            Report::Warning(warning) => Self::Warning(check::prose("Warning.text", warning.text)?),
            Report::Stopped(proto::Stopped {}) => Self::Stopped,
            Report::Failed(failed) => Self::Failed(check::prose("Failed.why", failed.why)?),
        })
    }
}

impl From<&WorkerStatus> for proto::Status {
    fn from(status: &WorkerStatus) -> Self {
        Self {
            epoch: status.epoch,
            users: status.users.clone(),
            settled: status.settled,
            retired: status.retired.clone(),
        }
    }
}

impl TryFrom<proto::Status> for WorkerStatus {
    type Error = WireError;

    fn try_from(status: proto::Status) -> Result<Self, WireError> {
        Ok(Self {
            epoch: status.epoch,
            users: check::users("Status.users", status.users)?,
            settled: status.settled,
            retired: check::users("Status.retired", status.retired)?,
        })
    }
}

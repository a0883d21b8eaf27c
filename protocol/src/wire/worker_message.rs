//! The messages of a worker.
//!
//! In: [`WorkerMessage`] or its wire form. Out: the other one.

use super::limits::{MAX_ID_BYTES, MAX_THREADS, MAX_USERS};
use super::proto::worker_message::Message;
use super::{WireError, check, proto};
use crate::fleet::{Heartbeat, Hello, LogLine, Running, WorkerMessage};

/// CPU use above its share is a matter of clocks; this much is nonsense.
const MAX_CPU: f64 = 1_000.0;

impl From<&WorkerMessage> for proto::WorkerMessage {
    fn from(message: &WorkerMessage) -> Self {
        let message = match message {
            WorkerMessage::Hello(hello) => Message::Hello(hello.into()),
            WorkerMessage::Ready { run } => Message::Ready(proto::Ready { run: (&**run).into() }),
            WorkerMessage::Unable { run, why } => Message::Unable(proto::Unable {
                run: (&**run).into(),
                why: check::readable(why),
            }),
            WorkerMessage::Report { run, report } => Message::Report(proto::Report {
                run: (&**run).into(),
                report: Some(report.into()),
            }),
            WorkerMessage::Heartbeat(heartbeat) => Message::Heartbeat(heartbeat.into()),
            WorkerMessage::Draining => Message::Draining(proto::Draining {}),
            WorkerMessage::Log(line) => Message::Log(line.into()),
        };
        Self {
            message: Some(message),
        }
    }
}

impl TryFrom<proto::WorkerMessage> for WorkerMessage {
    type Error = WireError;

    fn try_from(message: proto::WorkerMessage) -> Result<Self, WireError> {
        let unknown = |message| WireError::Unknown { message };
        Ok(match message.message.ok_or(unknown("WorkerMessage"))? {
            Message::Hello(hello) => Self::Hello(hello.try_into()?),
            Message::Ready(ready) => Self::Ready {
                run: check::run("Ready.run", ready.run)?,
            },
            Message::Unable(unable) => Self::Unable {
                run: check::run("Unable.run", unable.run)?,
                why: check::prose("Unable.why", unable.why)?,
            },
            Message::Report(report) => Self::Report {
                run: check::run("Report.run", report.run)?,
                report: report.report.ok_or(unknown("Report"))?.try_into()?,
            },
            Message::Heartbeat(heartbeat) => Self::Heartbeat(heartbeat.try_into()?),
            Message::Draining(proto::Draining {}) => Self::Draining,
            Message::Log(line) => Self::Log(line.try_into()?),
        })
    }
}

impl From<&Hello> for proto::Hello {
    fn from(hello: &Hello) -> Self {
        Self {
            protocol: hello.protocol,
            version: hello.version.clone(),
            name: hello.name.clone(),
            instance: hello.instance.clone(),
            cores: hello.cores,
            threads: hello.threads,
            open_files: hello.open_files,
            running: hello.running.as_ref().map(|running| proto::Running {
                run: (&*running.run).into(),
                epoch: running.epoch,
                sequence: running.sequence,
            }),
        }
    }
}

impl TryFrom<proto::Hello> for Hello {
    type Error = WireError;

    fn try_from(hello: proto::Hello) -> Result<Self, WireError> {
        let running = hello.running.map(|running| {
            Ok(Running {
                run: check::run("Running.run", running.run)?,
                epoch: running.epoch,
                sequence: running.sequence,
            })
        });
        Ok(Self {
            protocol: hello.protocol,
            version: check::text("Hello.version", hello.version, MAX_ID_BYTES)?,
            name: check::id("Hello.name", hello.name)?,
            instance: check::id("Hello.instance", hello.instance)?,
            cores: check::within_u32("Hello.cores", hello.cores, 0..=MAX_THREADS)?,
            threads: check::within_u32("Hello.threads", hello.threads, 1..=MAX_THREADS)?,
            open_files: hello.open_files,
            running: running.transpose()?,
        })
    }
}

impl From<&Heartbeat> for proto::Heartbeat {
    fn from(heartbeat: &Heartbeat) -> Self {
        Self {
            number: heartbeat.number,
            users: heartbeat.users,
            cpu: heartbeat.cpu,
            memory_bytes: heartbeat.memory_bytes,
            lag_us: heartbeat.lag_us,
            throttled_us: heartbeat.throttled_us,
        }
    }
}

impl TryFrom<proto::Heartbeat> for Heartbeat {
    type Error = WireError;

    fn try_from(heartbeat: proto::Heartbeat) -> Result<Self, WireError> {
        if !(0.0..=MAX_CPU).contains(&heartbeat.cpu) {
            return Err(WireError::out_of_range(
                "Heartbeat.cpu",
                heartbeat.cpu,
                "a share of the worker's cores",
            ));
        }
        Ok(Self {
            number: heartbeat.number,
            users: check::within_u32("Heartbeat.users", heartbeat.users, 0..=MAX_USERS)?,
            cpu: heartbeat.cpu,
            memory_bytes: heartbeat.memory_bytes,
            lag_us: check::time_us("Heartbeat.lag_us", heartbeat.lag_us)?,
            throttled_us: check::time_us("Heartbeat.throttled_us", heartbeat.throttled_us)?,
        })
    }
}

impl From<&LogLine> for proto::LogLine {
    fn from(line: &LogLine) -> Self {
        Self {
            level: line.level.clone(),
            target: check::shortened(&line.target, MAX_ID_BYTES),
            text: check::readable(&line.text),
            omitted: line.omitted,
        }
    }
}

impl TryFrom<proto::LogLine> for LogLine {
    type Error = WireError;

    fn try_from(line: proto::LogLine) -> Result<Self, WireError> {
        Ok(Self {
            level: check::text("LogLine.level", line.level, MAX_ID_BYTES)?,
            target: check::text("LogLine.target", line.target, MAX_ID_BYTES)?,
            text: check::prose("LogLine.text", line.text)?,
            omitted: line.omitted,
        })
    }
}

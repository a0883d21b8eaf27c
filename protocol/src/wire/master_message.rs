//! The messages of the master.
//!
//! In: [`MasterMessage`] or its wire form. Out: the other one.

use std::sync::Arc;
use std::time::Duration;

use super::limits::MAX_TIME_US;
use super::proto::master_message::Message;
use super::{WireError, check, proto};
use crate::fleet::{MasterMessage, Welcome};

/// A heartbeat without pause would keep a worker from anything else.
const MIN_HEARTBEAT_US: u64 = 1_000;

impl From<&MasterMessage> for proto::MasterMessage {
    fn from(message: &MasterMessage) -> Self {
        let message = match message {
            MasterMessage::Welcome(welcome) => Message::Welcome(proto::Welcome {
                name: welcome.name.clone(),
                heartbeat_every_us: check::micros(welcome.heartbeat_every),
                master_grace_us: check::micros(welcome.master_grace),
            }),
            MasterMessage::Refused { why, retry } => Message::Refused(proto::Refused {
                why: check::readable(why),
                retry: *retry,
            }),
            MasterMessage::Prepare(order) => Message::Prepare((&**order).into()),
            MasterMessage::Directive { run, directive } => Message::Directive(proto::RunDirective {
                run: (&**run).into(),
                directive: Some(directive.into()),
            }),
            MasterMessage::Acknowledge { run, sequence } => Message::Acknowledge(proto::Acknowledge {
                run: (&**run).into(),
                sequence: *sequence,
            }),
            MasterMessage::HeartbeatReply { number, elapsed } => {
                Message::HeartbeatReply(proto::HeartbeatReply {
                    number: *number,
                    elapsed_us: elapsed.map(check::micros),
                })
            }
            MasterMessage::Dismiss { run } => Message::Dismiss(proto::Dismiss { run: (&**run).into() }),
            MasterMessage::Leave => Message::Leave(proto::Leave {}),
            MasterMessage::Goodbye => Message::Goodbye(proto::Goodbye {}),
        };
        Self {
            message: Some(message),
        }
    }
}

impl TryFrom<proto::MasterMessage> for MasterMessage {
    type Error = WireError;

    fn try_from(message: proto::MasterMessage) -> Result<Self, WireError> {
        let unknown = |message| WireError::Unknown { message };
        Ok(match message.message.ok_or(unknown("MasterMessage"))? {
            Message::Welcome(welcome) => Self::Welcome(Welcome {
                name: check::id("Welcome.name", welcome.name)?,
                heartbeat_every: Duration::from_micros(check::within(
                    "Welcome.heartbeat_every_us",
                    welcome.heartbeat_every_us,
                    MIN_HEARTBEAT_US..=MAX_TIME_US,
                )?),
                master_grace: check::duration("Welcome.master_grace_us", welcome.master_grace_us)?,
            }),
            Message::Refused(refused) => Self::Refused {
                why: check::prose("Refused.why", refused.why)?,
                retry: refused.retry,
            },
            Message::Prepare(order) => Self::Prepare(Arc::new(order.try_into()?)),
            Message::Directive(directive) => Self::Directive {
                run: check::run("RunDirective.run", directive.run)?,
                directive: directive.directive.ok_or(unknown("RunDirective"))?.try_into()?,
            },
            Message::Acknowledge(acknowledge) => Self::Acknowledge {
                run: check::run("Acknowledge.run", acknowledge.run)?,
                sequence: acknowledge.sequence,
            },
            Message::HeartbeatReply(reply) => Self::HeartbeatReply {
                number: reply.number,
                elapsed: reply
                    .elapsed_us
                    .map(|us| check::duration("HeartbeatReply.elapsed_us", us))
                    .transpose()?,
            },
            Message::Dismiss(dismiss) => Self::Dismiss {
                run: check::run("Dismiss.run", dismiss.run)?,
            },
            Message::Leave(proto::Leave {}) => Self::Leave,
            Message::Goodbye(proto::Goodbye {}) => Self::Goodbye,
        })
    }
}

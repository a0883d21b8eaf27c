//! What the master tells a worker to do in a run.
//!
//! In: [`Directive`] or its wire form. Out: the other one.

use super::limits::{MAX_PLACES, MAX_SETUP_BYTES};
use super::proto::run_directive::Directive as Wire;
use super::{WireError, check, proto};
use crate::directive::{Directive, Share};

impl From<&Directive> for Wire {
    fn from(directive: &Directive) -> Self {
        match directive {
            Directive::Begin {
                elapsed,
                setup,
                run_time,
                arrivals,
            } => Self::Begin(proto::Begin {
                elapsed_us: check::micros(*elapsed),
                setup: setup.as_deref().map(str::to_owned),
                run_time_us: run_time.map(check::micros),
                arrivals: arrivals.as_deref().map(Into::into),
            }),
            Directive::Share(share) => Self::Share(share.into()),
            Directive::Partition { index, count } => Self::Partition(proto::Partition {
                index: *index,
                count: *count,
            }),
            Directive::Rows {
                data,
                rows,
                exhausted,
            } => Self::Rows(proto::Rows {
                data: (&**data).into(),
                rows: check::ranges(rows),
                exhausted: *exhausted,
            }),
            Directive::ResetStats { generation } => Self::ResetStats(proto::ResetStats {
                generation: *generation,
            }),
            Directive::Stop { grace } => Self::Stop(proto::Stop {
                grace_us: check::micros(*grace),
            }),
        }
    }
}

impl TryFrom<Wire> for Directive {
    type Error = WireError;

    fn try_from(directive: Wire) -> Result<Self, WireError> {
        Ok(match directive {
            Wire::Begin(begin) => Self::Begin {
                elapsed: check::duration("Begin.elapsed_us", begin.elapsed_us)?,
                setup: begin
                    .setup
                    .map(|setup| check::text("Begin.setup", setup, MAX_SETUP_BYTES))
                    .transpose()?
                    .map(Into::into),
                run_time: begin
                    .run_time_us
                    .map(|us| check::duration("Begin.run_time_us", us))
                    .transpose()?,
                arrivals: begin.arrivals.map(TryInto::try_into).transpose()?,
            },
            Wire::Share(share) => Self::Share(share.try_into()?),
            Wire::Partition(partition) => {
                let count = check::within_u32("Partition.count", partition.count, 1..=MAX_PLACES)?;
                let index = check::within_u32("Partition.index", partition.index, 0..=count - 1)?;
                Self::Partition { index, count }
            }
            Wire::Rows(rows) => Self::Rows {
                data: check::data("Rows.data", rows.data)?,
                rows: check::rows("Rows.rows", rows.rows)?,
                exhausted: rows.exhausted,
            },
            Wire::ResetStats(reset) => Self::ResetStats {
                generation: reset.generation,
            },
            Wire::Stop(stop) => Self::Stop {
                grace: check::duration("Stop.grace_us", stop.grace_us)?,
            },
        })
    }
}

impl From<&Share> for proto::Share {
    fn from(share: &Share) -> Self {
        Self {
            epoch: share.epoch,
            plan: share.plan,
            users: share.users.clone(),
            from_us: check::micros(share.from),
            rate_per_sec: share.rate,
            offset: share.offset,
            stride: share.stride,
            stop_timeout_us: check::micros(share.stop_timeout),
            lane: share.lane.as_ref().map(Into::into),
        }
    }
}

impl TryFrom<proto::Share> for Share {
    type Error = WireError;

    fn try_from(share: proto::Share) -> Result<Self, WireError> {
        let rate = share.rate_per_sec;
        if !(rate.is_finite() && rate > 0.0) {
            return Err(WireError::out_of_range(
                "Share.rate_per_sec",
                rate,
                "finite and above 0",
            ));
        }
        let at_least = |field, value: f64, least: f64| {
            if value.is_finite() && value >= least {
                return Ok(value);
            }
            let bounds = format!("finite and not below {least}");
            Err(WireError::out_of_range(field, value, bounds))
        };
        Ok(Self {
            epoch: share.epoch,
            plan: share.plan,
            users: check::users("Share.users", share.users)?,
            from: check::duration("Share.from_us", share.from_us)?,
            rate,
            offset: at_least("Share.offset", share.offset, 0.0)?,
            stride: at_least("Share.stride", share.stride, 1.0)?,
            stop_timeout: check::duration("Share.stop_timeout_us", share.stop_timeout_us)?,
            lane: share.lane.map(TryInto::try_into).transpose()?,
        })
    }
}

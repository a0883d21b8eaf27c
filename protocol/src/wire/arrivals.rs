//! Arrivals on the wire: their plan, whose they are, and what became of them.
//!
//! In: [`ArrivalPlan`], [`Lane`] and [`ArrivalSecond`]s, or their wire form. Out: the other one.

use std::sync::Arc;

use super::limits::{MAX_COUNT, MAX_DELTA_SECONDS, MAX_PLACES, MAX_THREADS};
use super::request_delta::{Ascending, groups};
use super::{WireError, check, proto};
use crate::plan::{ArrivalPlan, ArrivalStage, MAX_ARRIVAL_RATE, MAX_STAGES, OnLate, Spacing};
use crate::stats::{ArrivalCounts, ArrivalSecond};
use crate::timetable::Lane;

// === the plan ===

impl From<&ArrivalPlan> for proto::Arrivals {
    fn from(plan: &ArrivalPlan) -> Self {
        let stages = plan.stages.iter().map(|stage| proto::ArrivalStage {
            duration_us: stage.duration.map(check::micros),
            rate_per_sec: stage.rate,
            to_per_sec: stage.to,
            poisson: stage.spacing == Spacing::Poisson,
        });
        Self {
            stages: stages.collect(),
            drop_late: plan.on_late == OnLate::Drop,
        }
    }
}

impl TryFrom<proto::Arrivals> for Arc<ArrivalPlan> {
    type Error = WireError;

    fn try_from(plan: proto::Arrivals) -> Result<Self, WireError> {
        const FIELD: &str = "Arrivals.stages";
        check::at_most(FIELD, plan.stages.len(), MAX_STAGES, "entries")?;
        let Some(last) = plan.stages.len().checked_sub(1) else {
            return Err(WireError::Missing { field: FIELD });
        };
        let stages = plan.stages.into_iter().enumerate();
        let stages = stages.map(|(index, stage)| {
            let stage = stage_from_wire(&stage)?;
            if stage.duration.is_none() && (index < last || stage.to.to_bits() != stage.rate.to_bits()) {
                return Err(WireError::out_of_range(
                    "ArrivalStage.duration_us",
                    "absent",
                    "there, but for a last stage of one rate",
                ));
            }
            Ok(stage)
        });
        Ok(Self::new(ArrivalPlan {
            stages: stages.collect::<Result<_, _>>()?,
            on_late: if plan.drop_late {
                OnLate::Drop
            } else {
                OnLate::Start
            },
        }))
    }
}

fn stage_from_wire(stage: &proto::ArrivalStage) -> Result<ArrivalStage, WireError> {
    let rate = |field, rate: f64| {
        if (0.0..=MAX_ARRIVAL_RATE).contains(&rate) {
            return Ok(rate);
        }
        Err(WireError::out_of_range(
            field,
            rate,
            format!("0 to {MAX_ARRIVAL_RATE}"),
        ))
    };
    let duration = |us| {
        check::within("ArrivalStage.duration_us", us, 1..=super::limits::MAX_TIME_US)
            .map(std::time::Duration::from_micros)
    };
    Ok(ArrivalStage {
        duration: stage.duration_us.map(duration).transpose()?,
        rate: rate("ArrivalStage.rate_per_sec", stage.rate_per_sec)?,
        to: rate("ArrivalStage.to_per_sec", stage.to_per_sec)?,
        spacing: if stage.poisson {
            Spacing::Poisson
        } else {
            Spacing::Constant
        },
    })
}

// === whose they are ===

impl From<&Lane> for proto::Lane {
    fn from(lane: &Lane) -> Self {
        Self {
            first: lane.first,
            round: lane.round,
            places: lane.places.clone(),
            turn: lane.turn,
            turns: lane.turns,
        }
    }
}

impl TryFrom<proto::Lane> for Lane {
    type Error = WireError;

    fn try_from(lane: proto::Lane) -> Result<Self, WireError> {
        const PLACES: &str = "Lane.places";
        let round = check::within_u32("Lane.round", lane.round, 1..=MAX_PLACES)?;
        check::at_most(PLACES, lane.places.len(), MAX_THREADS as usize, "entries")?;
        if let Some(place) = lane.places.iter().find(|place| **place >= round) {
            return Err(WireError::out_of_range(PLACES, place, format!("below {round}")));
        }
        if !lane.places.is_sorted_by(|a, b| a < b) {
            return Err(WireError::out_of_range(PLACES, "not ascending", "ascending"));
        }
        let turns = check::within_u32("Lane.turns", lane.turns, 1..=MAX_PLACES)?;
        Ok(Self {
            first: check::within("Lane.first", lane.first, 0..=MAX_COUNT)?,
            round,
            places: lane.places,
            turn: check::within_u32("Lane.turn", lane.turn, 0..=turns - 1)?,
            turns,
        })
    }
}

// === what became of them ===

pub(super) fn to_wire(seconds: &[ArrivalSecond]) -> Vec<u64> {
    let mut before = 0;
    seconds
        .iter()
        .flat_map(|ArrivalSecond { second, counts }| {
            let gap = u64::from(*second).wrapping_sub(before);
            before = u64::from(*second);
            [gap, counts.planned, counts.started, counts.late, counts.dropped]
        })
        .collect()
}

pub(super) fn from_wire(numbers: &[u64]) -> Result<Vec<ArrivalSecond>, WireError> {
    const FIELD: &str = "Delta.arrivals";
    let groups = groups::<5>(FIELD, numbers)?;
    check::at_most(FIELD, groups.len(), MAX_DELTA_SECONDS, "entries")?;
    let mut at = Ascending::new(FIELD);
    let count = |count: &u64| check::within(FIELD, *count, 0..=MAX_COUNT);
    groups
        .iter()
        .map(|[gap, planned, started, late, dropped]| {
            Ok(ArrivalSecond {
                second: at.second(*gap)?,
                counts: ArrivalCounts {
                    planned: count(planned)?,
                    started: count(started)?,
                    late: check::within(FIELD, *late, 0..=*started)?,
                    dropped: count(dropped)?,
                },
            })
        })
        .collect()
}

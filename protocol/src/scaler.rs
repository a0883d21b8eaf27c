//! What a fleet says to whoever scales it: how many users are asked for, and how many of them are one worker's.
//!
//! In: a [`Demand`], and what KEDA asks in the terms of its contract `externalscaler`, described in
//! `proto/keda/externalscaler.proto`. Out: answers in those terms, or what is wrong with the question.

#[rustfmt::skip]
#[path = "scaler/generated/externalscaler.rs"]
#[allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::too_many_lines,
    reason = "written by prost and tonic; which of these it breaks is for their next versions to change"
)]
pub mod proto;

use thiserror::Error;

use self::proto::{GetMetricSpecResponse, GetMetricsResponse, MetricSpec, MetricValue, ScaledObjectRef};
use crate::plan::MAX_USERS;
use crate::stage::Picture;
use crate::stats::{RunState, Snapshot};

/// The one metric there is: users asked for.
pub const METRIC: &str = "users";
/// The metadata that says how many users one worker runs.
pub const USERS_PER_WORKER: &str = "usersPerWorker";
/// Longest text of somebody else's that is repeated, in characters.
const REPEATED: usize = 40;

/// What is asked of a fleet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Demand {
    /// Users, from the moment they are asked for until the run is over.
    pub users: u32,
    /// Whether a run is starting or on.
    pub is_active: bool,
}

/// What is wrong with a question, for whoever wrote the ScaledObject.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScalerError {
    /// Nobody says how many users a worker runs.
    #[error(
        "metadata `{USERS_PER_WORKER}` is missing: say how many users one worker runs, such as {USERS_PER_WORKER}: \"1000\""
    )]
    Missing,
    /// What is said is no number of users.
    #[error("metadata `{USERS_PER_WORKER}` is `{0}`: it is a whole number from 1 to {MAX_USERS}")]
    NoNumber(String),
    /// Another metric is asked for.
    #[error("there is no metric `{0}`: the only one is `{METRIC}`")]
    OtherMetric(String),
}

impl Demand {
    /// Of a run that is asked for and has not begun.
    #[must_use]
    pub fn of_users(users: u32) -> Self {
        Self {
            users,
            is_active: true,
        }
    }

    /// Of a run under way, which began with `asked` users.
    #[must_use]
    pub fn of_run(snapshot: &Snapshot, asked: u32) -> Self {
        match snapshot.state {
            RunState::Ready if snapshot.target_users == 0 => Self::of_users(asked),
            state if state.is_over() => Self::default(),
            _ => Self::of_users(snapshot.target_users),
        }
    }

    /// Of a test that is seen on a page.
    #[must_use]
    pub fn of_picture(picture: &Picture) -> Self {
        if !picture.is_live() {
            return Self::default();
        }
        let target = picture.snapshot.target_users;
        // What the run shall reach it knows when it has been told to begin, which is a moment after it was asked for.
        let asked = picture
            .preset
            .users
            .filter(|_| picture.is_starting && target == 0);
        Self::of_users(asked.unwrap_or(target))
    }
}

/// How many users one worker runs, as the ScaledObject says.
///
/// # Errors
///
/// When it does not say, or what it says is no number from 1 to [`MAX_USERS`].
pub fn users_per_worker(asked_for: &ScaledObjectRef) -> Result<u32, ScalerError> {
    let text = asked_for
        .scaler_metadata
        .get(USERS_PER_WORKER)
        .ok_or(ScalerError::Missing)?;
    text.trim()
        .parse()
        .ok()
        .filter(|users| (1..=MAX_USERS).contains(users))
        .ok_or_else(|| ScalerError::NoNumber(shortened(text)))
}

/// What is counted.
///
/// # Errors
///
/// See [`users_per_worker`].
pub fn metric_spec(asked_for: &ScaledObjectRef) -> Result<GetMetricSpecResponse, ScalerError> {
    let users = users_per_worker(asked_for)?;
    Ok(GetMetricSpecResponse {
        metric_specs: vec![MetricSpec {
            metric_name: METRIC.to_owned(),
            target_size: users.into(),
            target_size_float: users.into(),
        }],
    })
}

/// How much of `metric` there is; without a name it is the one there is.
///
/// # Errors
///
/// When it is another one; and see [`users_per_worker`].
pub fn metrics(
    asked_for: Option<&ScaledObjectRef>,
    metric: &str,
    demand: Demand,
) -> Result<GetMetricsResponse, ScalerError> {
    users_per_worker(asked_for.ok_or(ScalerError::Missing)?)?;
    if !metric.is_empty() && metric != METRIC {
        return Err(ScalerError::OtherMetric(shortened(metric)));
    }
    Ok(GetMetricsResponse {
        metric_values: vec![MetricValue {
            metric_name: METRIC.to_owned(),
            metric_value: demand.users.into(),
            metric_value_float: demand.users.into(),
        }],
    })
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(REPEATED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asking(value: Option<&str>) -> ScaledObjectRef {
        let metadata = value.map(|value| (USERS_PER_WORKER.to_owned(), value.to_owned()));
        ScaledObjectRef {
            name: "katydid-worker".to_owned(),
            namespace: "katydid".to_owned(),
            scaler_metadata: metadata.into_iter().collect(),
        }
    }

    #[test]
    fn a_worker_has_a_whole_number_of_users() {
        assert_eq!(users_per_worker(&asking(Some(" 1000 "))), Ok(1_000));
        assert_eq!(users_per_worker(&asking(None)), Err(ScalerError::Missing));
        for wrong in ["", "0", "-1", "1e3", "1000 users", "99999999999"] {
            let error = users_per_worker(&asking(Some(wrong))).unwrap_err().to_string();
            assert!(error.starts_with("metadata `usersPerWorker` is `"), "{error}");
        }
    }

    #[test]
    fn only_users_are_counted() {
        let asking = asking(Some("10"));
        let demand = Demand::of_users(25);
        let value = metrics(Some(&asking), METRIC, demand).unwrap().metric_values;
        assert_eq!((value[0].metric_value, value[0].metric_value_float), (25, 25.0));
        assert!(metrics(Some(&asking), "", demand).is_ok());
        assert!(metrics(None, METRIC, demand).is_err());
        let error = metrics(Some(&asking), "cpu", demand).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no metric `cpu`: the only one is `users`"
        );
    }

    proptest! {
        #[test]
        fn whatever_is_asked_is_answered_in_a_line_or_two(value in ".{0,200}", metric in ".{0,200}") {
            let asking = asking(Some(&value));
            let errors = [metric_spec(&asking).err(), metrics(Some(&asking), &metric, Demand::default()).err()];
            for error in errors.into_iter().flatten() {
                prop_assert!(error.to_string().chars().count() < 200);
            }
        }
    }
}

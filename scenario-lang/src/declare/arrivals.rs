//! `arrivals([...], #{ ... })`: the open load model, in which iterations start at planned moments.
//!
//! In: stages as a script writes them. Out: an [`ArrivalsDecl`], or everything that is wrong with them.

use std::rc::Rc;

use rhai::{Dynamic, Position};

use super::poison::Poison;
use super::state::Declaring;
use crate::api::option_values::{self as values, Problem};
use crate::api::{Registrar, argument};
use crate::convert::{describe, number};
use crate::declarations::{ArrivalStageDecl, ArrivalsDecl};
use crate::duration::duration;

pub(super) const STAGE_OPTIONS: &[&str] = &["duration", "rate", "to", "distribution"];
pub(super) const OPTIONS: &[&str] = &["max_users", "on_late"];

/// Stages at most.
const MAX_STAGES: usize = 1_000;
/// Arrivals per second at most.
const MAX_RATE: f64 = 10_000_000.0;

pub(super) fn register(registrar: &mut Registrar<'_>) {
    registrar.declaring_only("arrivals", 1);
    registrar.declaring_only("arrivals", 2);
    let Some(declaring) = registrar.declaring.cloned() else {
        return;
    };
    let alone = declaring.clone();
    registrar.function("arrivals", 1, move |context, args| {
        arrivals(&alone, context.call_position(), &argument(args, 0), None);
        Ok(Dynamic::UNIT)
    });
    registrar.function("arrivals", 2, move |context, args| {
        let options = Some(argument(args, 1));
        arrivals(&declaring, context.call_position(), &argument(args, 0), options);
        Ok(Dynamic::UNIT)
    });
}

fn arrivals(declaring: &Rc<Declaring>, call: Position, stages: &Dynamic, options: Option<Dynamic>) {
    if declaring.shared.arrivals.borrow().is_some() {
        declaring.report(
            Some(call),
            "there are arrivals already; a test has one plan of them",
        );
        return;
    }
    let mut declared = ArrivalsDecl::default();
    let problem = |problem| declaring.problem(call, problem);
    let stages = match stages_of(stages) {
        Ok(stages) => stages,
        Err(message) => return problem(Problem::new(message)),
    };
    let count = stages.len();
    for (index, stage) in stages.into_iter().enumerate() {
        match stage_of(stage, index + 1 == count) {
            Ok(stage) => declared.stages.push(stage),
            Err(problems) => problems.into_iter().for_each(|wrong| {
                let which = if count > 1 {
                    format!("stage {}: ", index + 1)
                } else {
                    String::new()
                };
                let message = format!("{which}{}", wrong.message);
                problem(Problem { message, ..wrong });
            }),
        }
    }
    match options.map_or_else(
        || Ok(rhai::Map::new()),
        |options| values::options("`arrivals`", options),
    ) {
        Err(wrong) => problem(wrong),
        Ok(options) => {
            for (key, value) in options.iter().filter(|(_, value)| is_given(value)) {
                let result = match key.as_str() {
                    "max_users" => values::users(value, 1).map(|users| declared.max_users = Some(users)),
                    "on_late" => on_late(value).map(|drops| declared.drops_late = drops),
                    _ => {
                        problem(Problem::unknown("`arrivals`", key, OPTIONS));
                        continue;
                    }
                };
                if let Err(message) = result {
                    problem(Problem::option(key, message));
                }
            }
        }
    }
    *declaring.shared.arrivals.borrow_mut() = Some(declared);
}

fn is_given(value: &Dynamic) -> bool {
    !value.is_unit() && !value.is::<Poison>()
}

/// The stages: an array of maps, one map, or a rate for a single stage without an end.
fn stages_of(value: &Dynamic) -> Result<Vec<Dynamic>, String> {
    if value.is_map() || number(value).is_some() {
        return Ok(vec![value.clone()]);
    }
    let stages = value.as_array_ref().map_err(|_| {
        format!(
            "arrivals are an array of stages `#{{ duration, rate, to }}` or a rate, not {}",
            describe(value)
        )
    })?;
    match stages.len() {
        0 => Err("arrivals need at least one stage".to_owned()),
        len if len > MAX_STAGES => Err(format!("arrivals have at most {MAX_STAGES} stages, not {len}")),
        _ => Ok(stages.to_vec()),
    }
}

fn stage_of(value: Dynamic, is_last: bool) -> Result<ArrivalStageDecl, Vec<Problem>> {
    if number(&value).is_some() {
        let rate = rate(&value).map_err(|message| vec![Problem::new(message)])?;
        return Ok(ArrivalStageDecl {
            rate,
            to: rate,
            ..ArrivalStageDecl::default()
        });
    }
    let options = values::options("a stage of arrivals", value).map_err(|problem| vec![problem])?;
    let mut stage = ArrivalStageDecl::default();
    let (mut from, mut to) = (None, None);
    let mut problems = Vec::new();
    for (key, value) in options.iter().filter(|(_, value)| is_given(value)) {
        let result = match key.as_str() {
            "duration" => match duration(value) {
                Ok(time) if time.is_zero() => Err("a stage must last longer than 0 s".to_owned()),
                other => other.map(|time| stage.duration = Some(time)),
            },
            "rate" => rate(value).map(|rate| from = Some(rate)),
            "to" => rate(value).map(|rate| to = Some(rate)),
            "distribution" => distribution(value).map(|poisson| stage.poisson = poisson),
            _ => {
                problems.push(Problem::unknown("a stage of arrivals", key, STAGE_OPTIONS));
                continue;
            }
        };
        if let Err(message) = result {
            problems.push(Problem::option(key, message));
        }
    }
    let has = |option: &str| options.get(option).is_some_and(|value| !value.is_unit());
    if !has("rate") {
        problems.push(Problem::new(
            "a stage of arrivals needs a `rate`, in arrivals per second",
        ));
    } else if !has("duration") && !is_last {
        problems.push(Problem::new(
            "only the last stage of arrivals may be without a `duration`: it goes on until the end of the run",
        ));
    } else if !has("duration") && has("to") {
        problems.push(Problem::option(
            "to",
            "a stage without a `duration` has one rate: nobody knows by when it should change",
        ));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    stage.rate = from.unwrap_or_default();
    stage.to = to.unwrap_or(stage.rate);
    Ok(stage)
}

fn rate(value: &Dynamic) -> Result<f64, String> {
    match number(value) {
        Some(rate) if (0.0..=MAX_RATE).contains(&rate) => Ok(rate),
        _ => Err(format!(
            "a rate of arrivals is a number from 0 to {MAX_RATE} per second, not {}",
            describe(value)
        )),
    }
}

/// Whether arrivals are spread at random.
fn distribution(value: &Dynamic) -> Result<bool, String> {
    match value.as_immutable_string_ref() {
        Ok(word) if word.as_str() == "constant" => Ok(false),
        Ok(word) if word.as_str() == "poisson" => Ok(true),
        _ => Err(format!(
            "it is \"constant\" (evenly) or \"poisson\" (at random, as people come), not {}",
            describe(value)
        )),
    }
}

/// Whether arrivals for which nobody is free are dropped.
fn on_late(value: &Dynamic) -> Result<bool, String> {
    match value.as_immutable_string_ref() {
        Ok(word) if word.as_str() == "start" => Ok(false),
        Ok(word) if word.as_str() == "drop" => Ok(true),
        _ => Err(format!(
            "it is \"start\" (late, when a user is free) or \"drop\" (never), not {}",
            describe(value)
        )),
    }
}

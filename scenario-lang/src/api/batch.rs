//! `http.batch`: several requests side by side.
//!
//! In: requests as a script writes them, in an array or by name in a map. Out: the responses, in an array in the same
//! order or by the same names.

use std::rc::Rc;

use http::Method;
use rhai::{Dynamic, Identifier, Map};

use super::http::{both_spellings, spec, verb};
use super::option_values::{Problem, options};
use super::response::Reply;
use super::{Answer, Args, Registrar, World, argument, failure, interrupted};
use crate::convert::describe;
use crate::host::{BatchLimits, RequestSpec};

/// The most requests of one batch.
const MOST: usize = 1_000;
/// The options there are.
pub(crate) const OPTIONS: &[&str] = &["parallel", "per_host"];

pub(super) fn register(registrar: &mut Registrar<'_>) {
    for count in 1..=2 {
        let world = registrar.world.clone();
        both_spellings(registrar, "http_batch", "batch", count, move |args, skip| {
            batch(&world, args, skip)
        });
    }
}

fn batch(world: &Rc<World>, args: Args<'_, '_>, first: usize) -> Answer {
    let wrong = |problem: String| failure(format!("http.batch: {problem}"));
    let limits = if args.len() > first + 1 {
        limits(argument(args, first + 1)).map_err(|problem| wrong(problem.line()))?
    } else {
        BatchLimits::default()
    };
    let given = argument(args, first);
    if given.is_array() {
        let requests = given.into_array().unwrap_or_default();
        let places = (1..).map(|place: usize| place.to_string());
        let specs = specs(world, requests.len(), places.zip(requests)).map_err(wrong)?;
        return Ok(Dynamic::from_array(send(world, specs, limits)?));
    }
    let found = describe(&given);
    let Some(requests) = given.try_cast::<Map>() else {
        return Err(wrong(format!(
            "it takes an array or a map of requests, not {found}"
        )));
    };
    let names: Vec<Identifier> = requests.keys().cloned().collect();
    let named = requests
        .into_iter()
        .map(|(name, request)| (format!("`{name}`"), request));
    let specs = specs(world, names.len(), named).map_err(wrong)?;
    let replies = send(world, specs, limits)?;
    Ok(Dynamic::from_map(names.into_iter().zip(replies).collect()))
}

fn send(
    world: &Rc<World>,
    specs: Vec<RequestSpec>,
    limits: BatchLimits,
) -> Result<Vec<Dynamic>, Box<rhai::EvalAltResult>> {
    if specs.is_empty() {
        return Ok(Vec::new());
    }
    let asked: Vec<_> = specs.iter().map(|spec| spec.url.clone()).collect();
    let responses = world.host.batch(specs, limits).map_err(interrupted)?;
    let replies = responses.into_iter().zip(asked);
    Ok(replies
        .map(|(response, asked)| Dynamic::from(Reply::new(response, asked, world.clone())))
        .collect())
}

/// The requests of a batch, each with what to call it when it is wrong.
fn specs(
    world: &World,
    count: usize,
    requests: impl Iterator<Item = (String, Dynamic)>,
) -> Result<Vec<RequestSpec>, String> {
    if count > MOST {
        return Err(format!(
            "a batch has at most {MOST} requests, and this has {count}"
        ));
    }
    requests
        .map(|(place, given)| request(world, given).map_err(|problem| format!("request {place}: {problem}")))
        .collect()
}

/// A URL, `[method, url]`, `[method, url, options]`, or a map of options with `method` and `url` among them.
fn request(world: &World, given: Dynamic) -> Result<RequestSpec, String> {
    if given.is_string() {
        return spec(world, Method::GET, given, Dynamic::UNIT);
    }
    if given.is_map() {
        let mut options = given.try_cast::<Map>().unwrap_or_default();
        let url = options.remove("url").ok_or("it has no `url`")?;
        let method = match options.remove("method") {
            Some(method) => verb(&method)?,
            None => Method::GET,
        };
        return spec(world, method, url, Dynamic::from_map(options));
    }
    let found = describe(&given);
    let mut parts = given.into_array().unwrap_or_default().into_iter();
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(method), Some(url), options, None) => {
            spec(world, verb(&method)?, url, options.unwrap_or_default())
        }
        _ => Err(format!(
            "it is a URL, `[method, url, #{{ options }}]` or a map with `url`, not {found}"
        )),
    }
}

fn limits(given: Dynamic) -> Result<BatchLimits, Problem> {
    let mut limits = BatchLimits::default();
    for (key, value) in options("a batch", given)? {
        let place = match key.as_str() {
            "parallel" => &mut limits.parallel,
            "per_host" => &mut limits.per_host,
            _ => return Err(Problem::unknown("a batch", &key, OPTIONS)),
        };
        let number = value
            .as_int()
            .ok()
            .and_then(|number| usize::try_from(number).ok());
        *place = number
            .filter(|number| (1..=MOST).contains(number))
            .ok_or_else(|| {
                let found = describe(&value);
                Problem::option(
                    &key,
                    format!("it is a whole number from 1 to {MOST}, not {found}"),
                )
            })?;
    }
    Ok(limits)
}

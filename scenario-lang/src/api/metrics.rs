//! `counter`, `gauge`, `trend` and `rate`: metrics of a script's own.
//!
//! In: names, and the values a script gives. Out: [`Metric`]s, which are made once per name and file, and measurements
//! for the host. Amounts become whole thousandths here, so that all who add them up come to the same sum.

use std::any::TypeId;
use std::rc::Rc;

use rhai::{Dynamic, INT, ImmutableString};

use super::option_values::{self, Problem};
use super::{Answer, Registrar, World, argument, failure};
use crate::convert::{describe, number};
use crate::host::{LARGEST_AMOUNT, Measurement, Metric, MetricKind};

/// Metrics that a file's functions find again by their names; those beyond are made anew by each call.
const MOST_KEPT: usize = 1_000;

/// A metric in the hands of a script.
#[derive(Debug, Clone)]
struct MetricHandle(Rc<Metric>);

pub(super) fn register(registrar: &mut Registrar<'_>) {
    registrar
        .engine
        .register_type_with_name::<MetricHandle>("metric")
        .register_fn("to_string", |metric: &mut MetricHandle| -> ImmutableString {
            format!("{} {}", metric.0.kind, metric.0.name).into()
        });
    for kind in [
        MetricKind::Counter,
        MetricKind::Gauge,
        MetricKind::Rate,
        MetricKind::Trend,
    ] {
        let world = registrar.world.clone();
        registrar.function(kind.function(), 1, move |_, args| {
            named(&world, kind, &argument(args, 0))
        });
    }
    let world = registrar.world.clone();
    registrar.function("trend", 2, move |_, args| {
        let name = argument(args, 0);
        let kind = trend_kind(argument(args, 1)).map_err(|problem| failure(problem.line()))?;
        named(&world, kind, &name)
    });

    let (metric, any) = (TypeId::of::<MetricHandle>(), TypeId::of::<Dynamic>());
    let (whole, broken, flag) = (TypeId::of::<INT>(), TypeId::of::<f64>(), TypeId::of::<bool>());
    for method in ["add", "set"] {
        for types in [
            vec![metric],
            vec![metric, whole],
            vec![metric, broken],
            vec![metric, flag],
            vec![metric, any],
        ] {
            let host = registrar.world.host.clone();
            let declaring = registrar.declaring.is_some();
            registrar.typed(method, &types, move |_, args| {
                let value = (args.len() > 1).then(|| argument(args, 1));
                let Some(handle) = args.first().and_then(|first| first.read_lock::<MetricHandle>()) else {
                    return Err(failure(format!("`{method}` is a method of metrics")));
                };
                let metric = Rc::clone(&handle.0);
                drop(handle);
                if declaring {
                    return Err(failure(format!(
                        "`{method}` measures something, so it works only while a user runs: in a task, on_start or \
                         on_stop"
                    )));
                }
                let measurement = measurement(&metric, method, value.as_ref())?;
                match host.measure(&metric, measurement) {
                    Ok(()) => Ok(Dynamic::UNIT),
                    Err(other) => Err(two_kinds(&metric.name, other, metric.kind)),
                }
            });
        }
    }
}

/// The metric of this name.
fn named(world: &World, kind: MetricKind, name: &Dynamic) -> Answer {
    let function = kind.function();
    let Ok(name) = name.as_immutable_string_ref() else {
        return Err(failure(format!(
            "`{function}` takes a name, which is a text, not {}",
            describe(name)
        )));
    };
    if name.is_empty() {
        return Err(failure(format!("the name of a {function} must not be empty")));
    }
    let mut known = world.metrics.borrow_mut();
    let metric = match known.get(name.as_str()) {
        Some(metric) if metric.kind == kind => Rc::clone(metric),
        Some(metric) => return Err(two_kinds(&name, metric.kind, kind)),
        None => {
            let metric = Rc::new(Metric::new(name.clone(), kind));
            if known.len() < MOST_KEPT {
                known.insert(name.as_str().into(), Rc::clone(&metric));
            }
            metric
        }
    };
    Ok(Dynamic::from(MetricHandle(metric)))
}

fn trend_kind(options: Dynamic) -> Result<MetricKind, Problem> {
    let mut kind = MetricKind::Trend;
    for (key, value) in option_values::options("a trend", options)? {
        if key != "time" {
            return Err(Problem::unknown("a trend", &key, &["time"]));
        }
        match value.as_bool() {
            Ok(true) => kind = MetricKind::Time,
            Ok(false) => {}
            Err(_) => {
                let found = describe(&value);
                return Err(Problem::option(
                    "time",
                    format!("must be true or false, not {found}"),
                ));
            }
        }
    }
    Ok(kind)
}

fn two_kinds(name: &str, known: MetricKind, wanted: MetricKind) -> Box<rhai::EvalAltResult> {
    failure(format!(
        "metric `{name}` is a {known} already, so it cannot be a {wanted} too: give one of them another name"
    ))
}

/// A value as a metric takes it.
fn measurement(
    metric: &Metric,
    method: &str,
    value: Option<&Dynamic>,
) -> Result<Measurement, Box<rhai::EvalAltResult>> {
    let (name, kind) = (metric.name.as_str(), metric.kind);
    let right = if kind == MetricKind::Gauge { "set" } else { "add" };
    if method != right {
        return Err(failure(format!(
            "{kind} `{name}` has no `{method}`; it has `{right}(value)`"
        )));
    }
    let Some(value) = value else {
        return if kind == MetricKind::Counter {
            Ok(Measurement::Amount(1_000))
        } else {
            Err(failure(format!(
                "`{right}` of {kind} `{name}` takes a value, and this call has none"
            )))
        };
    };
    let refused = |wanted: &str| {
        let found = describe(value);
        failure(format!("{kind} `{name}` takes {wanted}, not {found}"))
    };
    match kind {
        MetricKind::Rate => value
            .as_bool()
            .map(Measurement::Outcome)
            .map_err(|_| refused("true or false")),
        MetricKind::Gauge => number(value)
            .filter(|level| level.is_finite())
            .map(Measurement::Level)
            .ok_or_else(|| refused("a finite number")),
        MetricKind::Counter => thousandths(value)
            .filter(|amount| *amount >= 0)
            .map(Measurement::Amount)
            .ok_or_else(|| refused("a number from 0 to 1,000,000,000,000")),
        MetricKind::Trend | MetricKind::Time => thousandths(value)
            .map(Measurement::Amount)
            .ok_or_else(|| refused("a number from -1,000,000,000,000 to 1,000,000,000,000")),
    }
}

/// A number in whole thousandths; `None` for what is no number or too large.
fn thousandths(value: &Dynamic) -> Option<i64> {
    if let Ok(whole) = value.as_int() {
        return (whole.unsigned_abs() <= LARGEST_AMOUNT.unsigned_abs()).then(|| whole * 1_000);
    }
    let broken = number(value).filter(|value| value.abs() <= LARGEST_AMOUNT as f64)?;
    #[expect(clippy::cast_possible_truncation, reason = "it is within the bounds")]
    Some((broken * 1_000.0).round() as i64)
}

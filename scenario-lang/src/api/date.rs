//! Dates and times of day: `date_now`, `date_parse`, `date_unix`, and what the dates they give can do.
//!
//! In: texts and numbers. Out: dates in UTC, which are compared, moved by `+`, `-`, `add` and `sub`, and written as texts.

use std::any::TypeId;

use jiff::SignedDuration;
use rhai::{Dynamic, EvalAltResult, ImmutableString};

use super::{Answer, Registrar, argument, failure};
use crate::convert::{describe, number};
use crate::moment::{Moment, signed_seconds, signed_text};

pub(super) fn register(registrar: &mut Registrar<'_>) {
    let host = registrar.world.host.clone();
    registrar.function("date_now", 0, move |_, _| {
        Moment::from_micros(host.now_us())
            .map(Dynamic::from)
            .map_err(|why| failure(format!("`date_now`: the clock is {why}")))
    });
    registrar.function("date_parse", 1, |_, args| {
        let text = text_of("date_parse", &argument(args, 0))?;
        answer("date_parse", Moment::parse(&text))
    });
    registrar.function("date_parse", 2, |_, args| {
        let text = text_of("date_parse", &argument(args, 0))?;
        let format = text_of("date_parse", &argument(args, 1))?;
        answer("date_parse", Moment::parse_as(&text, &format))
    });
    registrar.function("date_unix", 1, |_, args| {
        let seconds = argument(args, 0);
        let Some(seconds) = number(&seconds) else {
            return Err(failure(format!(
                "`date_unix` takes a number of seconds, not {}",
                describe(&seconds)
            )));
        };
        answer("date_unix", Moment::from_seconds(seconds))
    });
    arithmetic(registrar);
    registrar.typed(
        "format",
        &[TypeId::of::<Moment>(), TypeId::of::<Dynamic>()],
        |_, args| {
            let (date, format) = (argument(args, 0), argument(args, 1));
            let format = text_of("format", &format)?;
            let text = moment(&date)?.format(&format).map_err(failure)?;
            Ok(ImmutableString::from(text).into())
        },
    );
    properties(registrar);
}

/// Moving dates, and comparing them.
fn arithmetic(registrar: &mut Registrar<'_>) {
    let date = TypeId::of::<Moment>();
    let text = TypeId::of::<ImmutableString>();
    let any = TypeId::of::<Dynamic>();
    for (name, forwards) in [("add", true), ("sub", false)] {
        registrar.typed(name, &[date, any], move |_, args| {
            moved(name, &argument(args, 0), &argument(args, 1), forwards)
        });
    }
    for (name, forwards) in [("+", true), ("-", false)] {
        for time in [TypeId::of::<i64>(), TypeId::of::<f64>(), text] {
            registrar.typed(name, &[date, time], move |_, args| {
                moved(name, &argument(args, 0), &argument(args, 1), forwards)
            });
        }
    }
    registrar
        .engine
        .register_fn("-", |one: Moment, other: Moment| one.seconds_since(other))
        .register_fn("==", |one: Moment, other: Moment| one == other)
        .register_fn("!=", |one: Moment, other: Moment| one != other)
        .register_fn("<", |one: Moment, other: Moment| one < other)
        .register_fn("<=", |one: Moment, other: Moment| one <= other)
        .register_fn(">", |one: Moment, other: Moment| one > other)
        .register_fn(">=", |one: Moment, other: Moment| one >= other);
}

fn properties(registrar: &mut Registrar<'_>) {
    registrar
        .engine
        .register_type_with_name::<Moment>("date")
        .register_get("iso", |date: &mut Moment| date.iso())
        .register_get("http", |date: &mut Moment| date.http().map_err(failure))
        .register_get("unix", |date: &mut Moment| date.unix())
        .register_get("unix_ms", |date: &mut Moment| date.unix_ms())
        .register_get("year", |date: &mut Moment| i64::from(date.civil().year()))
        .register_get("month", |date: &mut Moment| i64::from(date.civil().month()))
        .register_get("day", |date: &mut Moment| i64::from(date.civil().day()))
        .register_get("hour", |date: &mut Moment| i64::from(date.civil().hour()))
        .register_get("minute", |date: &mut Moment| i64::from(date.civil().minute()))
        .register_get("second", |date: &mut Moment| i64::from(date.civil().second()))
        .register_get("weekday", |date: &mut Moment| {
            i64::from(date.civil().weekday().to_monday_one_offset())
        })
        .register_fn("to_string", |date: &mut Moment| date.iso())
        .register_fn("to_debug", |date: &mut Moment| date.iso());
}

fn answer(function: &str, moment: Result<Moment, String>) -> Answer {
    moment
        .map(Dynamic::from)
        .map_err(|why| failure(format!("`{function}`: {why}")))
}

fn moment(value: &Dynamic) -> Result<Moment, Box<EvalAltResult>> {
    value
        .read_lock::<Moment>()
        .map(|moment| *moment)
        .ok_or_else(|| failure(format!("this must be a date, not {}", describe(value))))
}

/// A date moved by a time.
fn moved(function: &str, date: &Dynamic, time: &Dynamic, forwards: bool) -> Answer {
    let from = moment(date)?;
    let wrong = |why: String| failure(format!("`{function}`: {why}"));
    let time = time_of(time).map_err(wrong)?;
    let time = if forwards { Some(time) } else { time.checked_neg() };
    let to = time
        .ok_or_else(|| "the time is too long".to_owned())
        .and_then(|time| from.later(time).map_err(|why| format!("the date would be {why}")));
    to.map(Dynamic::from).map_err(wrong)
}

fn time_of(value: &Dynamic) -> Result<SignedDuration, String> {
    if let Ok(text) = value.as_immutable_string_ref() {
        return signed_text(&text);
    }
    match number(value) {
        Some(seconds) => signed_seconds(seconds),
        None => Err(format!(
            "a time is a number of seconds or a text such as \"2d\", not {}",
            describe(value)
        )),
    }
}

fn text_of(function: &str, value: &Dynamic) -> Result<ImmutableString, Box<EvalAltResult>> {
    value
        .as_immutable_string_ref()
        .map(|text| text.clone())
        .map_err(|_| failure(format!("`{function}` takes a text, not {}", describe(value))))
}

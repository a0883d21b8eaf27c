//! How a call of a script's function ends badly, in words for a person.
//!
//! In: an error of the script engine. Out: a message without engine's jargon, and a traceback of `file:line:column in
//! function` lines, innermost first; secrets are hidden in both. Also the [`Ending`]s that no script can catch.

use std::fmt;

use rhai::{Dynamic, EvalAltResult, Position};

use crate::data_store::DataStore;
use crate::host::Interrupt;
use crate::source::Place;
use crate::syntax::parse::{is_closure, lower_first};

/// An error of a script: it threw, or did something impossible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptError {
    /// What happened, in one line or few.
    pub message: String,
    /// Where: lines such as `shop.rhai:12:5 in buy`, innermost first.
    pub traceback: String,
}

/// Why a script ends where it stands; travels through the engine as a value no script can catch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    StopUser,
    StopTest(String),
    Interrupted,
    StackExhausted,
}

/// Deeper tracebacks are cut in the middle.
const SHOWN_FRAMES: usize = 20;

impl From<Interrupt> for Ending {
    fn from(interrupt: Interrupt) -> Self {
        match interrupt {
            Interrupt::Stopped => Self::Interrupted,
            Interrupt::StackExhausted => Self::StackExhausted,
        }
    }
}

impl Ending {
    /// The ending an error stands for.
    pub(crate) fn of(error: &EvalAltResult) -> Option<Self> {
        match error.unwrap_inner() {
            EvalAltResult::ErrorTerminated(token, _) => token.clone().try_cast::<Self>(),
            _ => None,
        }
    }
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.traceback
            .lines()
            .try_for_each(|line| write!(f, "\n  at {line}"))
    }
}

impl std::error::Error for ScriptError {}

impl ScriptError {
    /// An error that a function called `label` of a file ended with; `start` is where that function begins.
    pub(crate) fn new(
        data: &DataStore,
        error: &EvalAltResult,
        file: &str,
        label: &str,
        start: Position,
    ) -> Self {
        let message = data.mask(&message(error)).into_owned();
        Self {
            message,
            traceback: traceback(error, file, label, start),
        }
    }

    /// An error of a function as a whole; `start` is where it begins.
    pub(crate) fn at(message: String, file: &str, label: &str, start: Position) -> Self {
        let traceback = match Place::of(start) {
            Some(place) => format!("{file}:{}:{} in {label}", place.line, place.column),
            None => format!("{file} in {label}"),
        };
        Self { message, traceback }
    }

    /// An error without a place.
    pub(crate) fn plain(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            traceback: String::new(),
        }
    }
}

fn traceback(error: &EvalAltResult, file: &str, label: &str, start: Position) -> String {
    // Outermost first: the function we called, then what it called.
    let mut frames: Vec<(String, &str, Position)> = Vec::new();
    let mut current = error;
    let mut function = label.to_owned();
    let mut file = file;
    let mut outermost = true;
    while let EvalAltResult::ErrorInFunctionCall(name, source, inner, position) = current {
        if !outermost {
            frames.push((function, file, *position));
            function = if is_closure(name) {
                "closure".to_owned()
            } else {
                name.clone()
            };
        }
        if !source.is_empty() {
            file = source;
        }
        outermost = false;
        current = inner;
    }
    let position = current.position();
    frames.push((
        function,
        file,
        if position.is_none() && frames.is_empty() {
            start
        } else {
            position
        },
    ));

    let total = frames.len();
    let lines = frames
        .iter()
        .rev()
        .enumerate()
        .filter_map(|(index, (function, file, position))| {
            if total > SHOWN_FRAMES && index == SHOWN_FRAMES / 2 {
                return Some(format!("... {} more ...", total - SHOWN_FRAMES));
            }
            if total > SHOWN_FRAMES && (SHOWN_FRAMES / 2..total - SHOWN_FRAMES / 2).contains(&index) {
                return None;
            }
            Some(match Place::of(*position) {
                Some(place) => format!("{file}:{}:{} in {function}", place.line, place.column),
                None => format!("{file} in {function}"),
            })
        });
    lines.collect::<Vec<_>>().join("\n")
}

/// The file an error comes from, as far as it tells, and the place there.
pub(crate) fn origin(error: &EvalAltResult) -> (Option<&str>, Position) {
    let mut file = None;
    let mut current = error;
    while let EvalAltResult::ErrorInFunctionCall(_, source, inner, _) = current {
        file = Some(source.as_str()).filter(|source| !source.is_empty()).or(file);
        current = inner;
    }
    (file, current.position())
}

/// What happened, in our words.
pub(crate) fn message(error: &EvalAltResult) -> String {
    use EvalAltResult as E;
    match error.unwrap_inner() {
        E::ErrorRuntime(value, _) => thrown(value),
        E::ErrorVariableNotFound(name, _) => format!("unknown variable `{name}`"),
        E::ErrorFunctionNotFound(signature, _) => unknown_function(signature),
        E::ErrorPropertyNotFound(name, _) => format!("unknown property `{name}`"),
        E::ErrorUnboundThis(_) => {
            "`this` is not there: a function that uses it must be called on it, as in `this.name()`"
                .to_owned()
        }
        E::ErrorDotExpr(text, _) if text.starts_with("Unknown property") => {
            let mut quoted = text.split('\'');
            match (quoted.nth(1), quoted.nth(1)) {
                (Some(property), Some(kind)) => {
                    format!("{} has no property `{property}`", with_article(kind))
                }
                _ => lower_first(text),
            }
        }
        E::ErrorIndexingType(types, _) => format!("cannot index like this: {types}"),
        E::ErrorMismatchDataType(wanted, found, _) | E::ErrorMismatchOutputType(wanted, found, _) => {
            match (wanted.as_str(), found.as_str()) {
                ("", found) => format!("this cannot be {}", with_article(found)),
                (wanted, "") => format!("this must be {}", with_article(wanted)),
                (wanted, found) => format!(
                    "this must be {}, not {}",
                    with_article(wanted),
                    with_article(found)
                ),
            }
        }
        E::ErrorFor(_) => {
            "`for` needs something to go through: an array, a range, a map's keys or a data set".to_owned()
        }
        E::ErrorDataTooLarge(what, _) => format!(
            "{} is beyond the limit",
            lower_first(what).replace("BLOB", "blob")
        ),
        E::ErrorStackOverflow(_) => nested_too_deeply(),
        E::ErrorTooManyOperations(_) => {
            "the declarations never end, or do far too much; is there an endless loop?".to_owned()
        }
        E::ErrorTerminated(token, _) => match token.clone().try_cast::<Ending>() {
            Some(Ending::StackExhausted) => nested_too_deeply(),
            _ => "the script was stopped".to_owned(),
        },
        E::ErrorNonPureMethodCallOnConstant(..) | E::ErrorAssignmentToConstant(..) => {
            let text = without_position(error.unwrap_inner());
            format!("{}; constants cannot be changed", lower_first(&text))
        }
        inner => lower_first(&without_position(inner)),
    }
}

fn nested_too_deeply() -> String {
    "function calls nest too deeply; does a function call itself for ever?".to_owned()
}

fn thrown(value: &Dynamic) -> String {
    if value.is_unit() {
        return "the script threw an error".to_owned();
    }
    value
        .as_immutable_string_ref()
        .map_or_else(|_| value.to_string(), |text| text.to_string())
}

fn unknown_function(signature: &str) -> String {
    let Some((name, types)) = signature.split_once(" (") else {
        return format!("unknown function `{signature}`");
    };
    let types = types.strip_suffix(')').unwrap_or(types);
    let name = name.replace("http_", "http.");
    if types.is_empty() {
        return format!("there is no function `{name}` without arguments");
    }
    let types: Vec<String> = types
        .split(", ")
        .map(|name| plain_type(name).to_owned())
        .collect();
    format!("there is no function `{name}` for ({})", types.join(", "))
}

/// A type of the engine as a person calls it.
fn plain_type(name: &str) -> &str {
    match name {
        "i64" => "whole number",
        "f64" => "number",
        "string" | "&str | ImmutableString | String" => "text",
        "bool" => "truth value",
        "char" => "character",
        "()" => "nothing",
        "Fn" => "function",
        other => other,
    }
}

fn with_article(kind: &str) -> String {
    let kind = plain_type(kind);
    match kind.chars().next() {
        _ if kind == "nothing" => "nothing (`()`)".to_owned(),
        Some('a' | 'e' | 'i' | 'o' | 'u') if !kind.starts_with("user") => format!("an {kind}"),
        _ => format!("a {kind}"),
    }
}

fn without_position(error: &EvalAltResult) -> String {
    let text = error.to_string();
    let position = error.position();
    if position.is_none() {
        text
    } else {
        text.replace(&format!(" ({position})"), "")
    }
}

//! `log(message)` and `log(level, message)`; `print` and `debug` of the script engine go the same way.

use std::rc::Rc;

use rhai::Dynamic;

use super::{Registrar, World, argument, failure};
use crate::convert::{describe, scalar};
use crate::host::LogLevel;
use crate::suggestion::did_you_mean;

const LEVELS: &[(&str, LogLevel)] = &[
    ("debug", LogLevel::Debug),
    ("info", LogLevel::Info),
    ("warning", LogLevel::Warning),
    ("error", LogLevel::Error),
];

pub(super) fn register(registrar: &mut Registrar<'_>) {
    use std::any::TypeId;
    let text = TypeId::of::<rhai::ImmutableString>();
    let world: Rc<World> = registrar.world.clone();
    let write = move |_: &rhai::NativeCallContext<'_>, args: super::Args<'_, '_>| {
        world.log(LogLevel::Info, &shown(&argument(args, 0)));
        Ok(Dynamic::UNIT)
    };
    // The engine's library has a logarithm of that name for numbers: ours has to be as exact to come first.
    for kind in [
        text,
        TypeId::of::<i64>(),
        TypeId::of::<f64>(),
        TypeId::of::<Dynamic>(),
    ] {
        registrar.typed("log", &[kind], write.clone());
    }
    let world = registrar.world.clone();
    let write = move |_: &rhai::NativeCallContext<'_>, args: super::Args<'_, '_>| {
        let level = argument(args, 0);
        let message = argument(args, 1);
        world.log(level_of(&level).map_err(failure)?, &shown(&message));
        Ok(Dynamic::UNIT)
    };
    registrar.typed("log", &[text, text], write.clone());
    registrar.function("log", 2, write);
}

fn shown(value: &Dynamic) -> String {
    scalar(value).unwrap_or_else(|| value.to_string())
}

fn level_of(value: &Dynamic) -> Result<LogLevel, String> {
    let names = || LEVELS.iter().map(|(name, _)| *name);
    let wrong = |what: String| {
        format!(
            "a level of the log is one of {}, not {what}",
            names().collect::<Vec<_>>().join(", ")
        )
    };
    let Ok(name) = value.as_immutable_string_ref() else {
        return Err(wrong(describe(value)));
    };
    if name.as_str() == "warn" {
        return Ok(LogLevel::Warning);
    }
    LEVELS
        .iter()
        .find(|(known, _)| *known == name.as_str())
        .map(|(_, level)| *level)
        .ok_or_else(|| {
            let guess = did_you_mean(&name, names())
                .map(|guess| format!("; {guess}"))
                .unwrap_or_default();
            wrong(format!("`{}`{guess}", name.as_str()))
        })
}

//! `env`, `param` and `secret`: what a scenario may learn from the command line and the environment.

use rhai::{Dynamic, ImmutableString};

use super::{Answer, Registrar, argument, failure};
use crate::convert::describe;
use crate::declarations::ParamDecl;
use crate::declare::state::Declaring;
use crate::program::LoadSettings;
use crate::suggestion::did_you_mean;

pub(super) fn register(registrar: &mut Registrar<'_>) {
    let world = registrar.world.clone();
    let declaring = registrar.declaring.cloned();
    registrar.function("env", 1, move |_, args| {
        let name = name_of("env", &argument(args, 0))?;
        variable(&world.settings, declaring.as_deref(), &name)
            .map(text)
            .ok_or_else(|| missing(&name, "; set it, or give a default: env(name, default)"))
    });
    let world = registrar.world.clone();
    let declaring = registrar.declaring.cloned();
    registrar.function("env", 2, move |_, args| {
        let name = name_of("env", &argument(args, 0))?;
        let found = variable(&world.settings, declaring.as_deref(), &name);
        Ok(found.map_or_else(|| argument(args, 1), text))
    });
    let world = registrar.world.clone();
    let declaring = registrar.declaring.cloned();
    registrar.function("secret", 1, move |_, args| {
        let name = name_of("secret", &argument(args, 0))?;
        if let Some(declaring) = &declaring {
            declaring.shared.environment.borrow_mut().is_secret(&name);
        }
        let value = world
            .settings
            .environment
            .get(name.as_str())
            .ok_or_else(|| missing(&name, ""))?;
        world.data.secrets.remember(value);
        Ok(text(value))
    });
    for arguments in 1..=2 {
        let world = registrar.world.clone();
        let declaring = registrar.declaring.cloned();
        registrar.function("param", arguments, move |_, args| {
            let name = name_of("param", &argument(args, 0))?;
            let default = (arguments == 2).then(|| argument(args, 1));
            if let Some(declaring) = &declaring {
                let default = default.as_ref().map(ToString::to_string);
                declaring.parameter(ParamDecl {
                    name: name.to_string(),
                    default,
                });
            }
            parameter(&world.settings, &name, default)
        });
    }
}

/// An environment variable as `env()` sees it. What declarations see is remembered.
fn variable<'a>(settings: &'a LoadSettings, declaring: Option<&Declaring>, name: &str) -> Option<&'a str> {
    let declared = settings.declared_environment.as_ref();
    let value = match (declared, declaring) {
        // Where it is declared a second time, a variable that was not set the first time must not appear.
        (Some(declared), Some(_)) => declared.get(name),
        (Some(declared), None) => declared.get(name).or_else(|| settings.environment.get(name)),
        (None, _) => settings.environment.get(name),
    }?;
    if let Some(declaring) = declaring {
        declaring.shared.environment.borrow_mut().was_read(name, value);
    }
    Some(value)
}

/// Notes variables that functions name: what they will read is to be the same everywhere too.
pub(crate) fn mention(settings: &LoadSettings, declaring: &Declaring, names: &[String], secrets: &[String]) {
    for name in names {
        variable(settings, Some(declaring), name);
    }
    for name in secrets {
        declaring.shared.environment.borrow_mut().is_secret(name);
    }
}

fn text(value: &str) -> Dynamic {
    ImmutableString::from(value).into()
}

fn name_of(function: &str, value: &Dynamic) -> Result<ImmutableString, Box<rhai::EvalAltResult>> {
    match value.as_immutable_string_ref() {
        Ok(name) if !name.is_empty() => Ok(name.clone()),
        _ => Err(failure(format!(
            "`{function}` takes a name, which is a text, not {}",
            describe(value)
        ))),
    }
}

fn missing(name: &str, hint: &str) -> Box<rhai::EvalAltResult> {
    failure(format!("the environment variable `{name}` is not set{hint}"))
}

/// A parameter's value, of the same type as its default.
fn parameter(settings: &LoadSettings, name: &str, default: Option<Dynamic>) -> Answer {
    let Some(given) = settings.parameters.get(name) else {
        return default.ok_or_else(|| {
            let label = did_you_mean(name, settings.parameters.keys().map(String::as_str));
            let label = label.map(|label| format!("; {label}")).unwrap_or_default();
            failure(format!(
                "the parameter `{name}` has no value; give one with --set {name}=VALUE{label}"
            ))
        });
    };
    let wrong = |kind: &str| {
        failure(format!(
            "the parameter `{name}` must be {kind} like its default, not `{given}`"
        ))
    };
    match default {
        Some(default) if default.is_int() => given
            .trim()
            .parse::<i64>()
            .map(Dynamic::from_int)
            .map_err(|_| wrong("a whole number")),
        Some(default) if default.is_float() => match given.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Dynamic::from_float(number)),
            _ => Err(wrong("a number")),
        },
        Some(default) if default.is_bool() => match given.trim() {
            "true" | "yes" | "1" => Ok(Dynamic::TRUE),
            "false" | "no" | "0" => Ok(Dynamic::FALSE),
            _ => Err(wrong("true or false")),
        },
        Some(default) if !default.is_string() && !default.is_unit() => Err(failure(format!(
            "a default of `param` is a text, a number or a truth value, not {}",
            describe(&default)
        ))),
        _ => Ok(text(given)),
    }
}

//! What changes the course of a script: `sleep`, `group`, `stop_user`, `stop_test`.

use std::any::TypeId;

use rhai::{
    Dynamic, Engine, EvalAltResult, EvalContext, Expression, FnPtr, ImmutableString, NativeCallContext,
    Position,
};

use super::{Answer, Registrar, argument, ending, failure, interrupted};
use crate::convert::{describe, kind};
use crate::duration;
use crate::host::{GroupEnd, Host};
use crate::script_error::Ending;
use crate::syntax::desugar::GROUP;

pub(super) fn register(registrar: &mut Registrar<'_>) {
    for (name, arguments) in [("sleep", 1), ("stop_user", 0), ("stop_test", 0), ("stop_test", 1)] {
        registrar.acting_only(name, arguments);
    }
    // The engine's library has a `sleep` that blocks the thread: ours has to be as exact to come first.
    if registrar.declaring.is_some() {
        for exact in [TypeId::of::<i64>(), TypeId::of::<f64>()] {
            registrar.typed("sleep", &[exact], |_, _| {
                Err(failure(
                    "`sleep` works only while a user runs: in a task, on_start or on_stop",
                ))
            });
        }
        register_group_syntax(registrar.engine);
        return;
    }
    for exact in [TypeId::of::<i64>(), TypeId::of::<f64>(), TypeId::of::<Dynamic>()] {
        let host = registrar.world.host.clone();
        registrar.typed("sleep", &[exact], move |_, args| {
            let time = duration::duration(&argument(args, 0))
                .map_err(|error| failure(format!("`sleep`: {error}")))?;
            host.sleep(time).map_err(interrupted)?;
            Ok(Dynamic::UNIT)
        });
    }
    registrar.function("stop_user", 0, |_, _| Err(ending(Ending::StopUser)));
    registrar.function("stop_test", 0, |_, _| {
        Err(ending(Ending::StopTest("the scenario asked for it".to_owned())))
    });
    registrar.function("stop_test", 1, |_, args| {
        let reason = argument(args, 0);
        let text = reason
            .as_immutable_string_ref()
            .map_or_else(|_| reason.to_string(), |text| text.to_string());
        Err(ending(Ending::StopTest(text)))
    });
    let host = registrar.world.host.clone();
    let run = move |context: &mut EvalContext<'_, '_, '_, '_, '_, '_>, inputs: &[Expression<'_>]| {
        let position = inputs
            .first()
            .map_or(Position::NONE, |name| name.start_position());
        group(&*host, context, inputs).map_err(|mut error| {
            if error.position().is_none() {
                error.set_position(position);
            }
            error
        })
    };
    add_group_syntax(registrar.engine, run);
}

/// `group` among the declarations, where it cannot run.
pub(crate) fn register_group_syntax(engine: &mut Engine) {
    add_group_syntax(engine, |_, inputs| {
        let mut error = failure("`group` works only while a user runs: in a task, on_start or on_stop");
        error.set_position(
            inputs
                .first()
                .map_or(Position::NONE, |name| name.start_position()),
        );
        Err(error)
    });
}

fn add_group_syntax(
    engine: &mut Engine,
    run: impl Fn(&mut EvalContext<'_, '_, '_, '_, '_, '_>, &[Expression<'_>]) -> Answer + 'static,
) {
    const SYMBOLS: [&str; 6] = [GROUP, "(", "$expr$", ",", "$expr$", ")"];
    // Cannot fail: the symbols are an identifier and signs, and no keyword.
    let registered = engine.register_custom_syntax(SYMBOLS, false, run);
    debug_assert!(registered.is_ok());
}

/// Calls a function with the caller's `this`, between the marks of a group.
fn group(
    host: &dyn Host,
    context: &mut EvalContext<'_, '_, '_, '_, '_, '_>,
    inputs: &[Expression<'_>],
) -> Answer {
    let [name, function] = inputs else {
        return Err(failure("`group` takes a name and a function"));
    };
    let position = name.start_position();
    let name = context.eval_expression_tree(name)?;
    let name: ImmutableString = match name.as_immutable_string_ref() {
        Ok(name) if !name.is_empty() => name.clone(),
        _ => {
            return Err(failure(format!(
                "`group` takes a name, which is a text, not {}",
                describe(&name)
            )));
        }
    };
    let function = context.eval_expression_tree(function)?;
    let Some(function) = function.read_lock::<FnPtr>().map(|pointer| pointer.clone()) else {
        return Err(failure(format!(
            "`group` takes a function, as in group(\"{name}\", || ...), not {}",
            kind(&function)
        )));
    };
    let engine = context.engine();
    let global = context.global_runtime_state().clone();
    let call = NativeCallContext::new_with_all_fields(engine, "group", None, &global, position);
    host.begin_group(&name);
    let result = function.call_raw(&call, context.this_ptr_mut(), [] as [Dynamic; 0]);
    host.end_group(left(&result));
    result
}

/// How a group was left.
fn left(result: &Answer) -> GroupEnd {
    let Err(error) = result else {
        return GroupEnd::Completed;
    };
    match Ending::of(error) {
        Some(Ending::Interrupted) => GroupEnd::CutOff,
        Some(Ending::StopUser | Ending::StopTest(_)) => GroupEnd::Completed,
        // `exit()` of the engine's library ends the call in good order.
        None if matches!(error.unwrap_inner(), EvalAltResult::Exit(..)) => GroupEnd::Completed,
        Some(Ending::StackExhausted) | None => GroupEnd::Failed,
    }
}

//! The functions users will call: what `.task(...)` and its relatives are given, found, checked and numbered.

use rhai::{Dynamic, FnPtr};

use super::state::Declaring;
use super::unshare;
use crate::bridge::FOREIGN;
use crate::convert::kind;
use crate::frame::Callee;
use crate::scenario::{Function, FunctionId};
use crate::suggestion::did_you_mean;
use crate::syntax::parse::{functions, is_closure};

/// Registers a function under a label for tracebacks. `what` says whose it is, for complaints; an error without words has
/// been reported already.
pub(super) fn function(
    declaring: &Declaring,
    value: &Dynamic,
    label: &str,
    what: &str,
) -> Result<FunctionId, Option<String>> {
    function_taking(declaring, value, label, what, 0).map(|(id, _)| id)
}

/// The same for a function that may take up to `most` parameters; also how many it takes.
pub(super) fn function_taking(
    declaring: &Declaring,
    value: &Dynamic,
    label: &str,
    what: &str,
    most: usize,
) -> Result<(FunctionId, usize), Option<String>> {
    let pointer = match unshare(value, 0) {
        Some(value) => value.try_cast_result::<FnPtr>(),
        None => return Err(Some(format!("{what} captures a value that is nested too deeply"))),
    };
    let pointer = pointer.map_err(|other| {
        let given = kind(&other);
        Some(format!(
            "{what} needs a function, as in `|| {{ ... }}` or `Fn(\"name\")`, not {given}"
        ))
    })?;
    let name = pointer.fn_name().to_owned();
    let captured = pointer.curry().len();
    if declaring.unknown.contains(&name) {
        return Err(None);
    }
    if pointer.fn_name() == FOREIGN {
        return Err(Some(format!(
            "{what} needs a function of this file; one of another is called in it, as in `|| shared::browse()`"
        )));
    }
    let mut same_name = functions(&declaring.lib)
        .filter(|def| def.name == name.as_str())
        .peekable();
    if same_name.peek().is_none() {
        let known = functions(&declaring.lib)
            .map(|def| def.name.as_str())
            .filter(|name| !is_closure(name));
        let guess = did_you_mean(&name, known)
            .map(|guess| format!("; {guess}"))
            .unwrap_or_default();
        return Err(Some(format!("there is no function `{name}` in this file{guess}")));
    }
    let Some(def) = same_name.find(|def| (captured..=captured + most).contains(&def.params.len())) else {
        return Err(Some(match most {
            0 => format!("the function of {what} must take no parameters"),
            _ => format!("the function of {what} takes one parameter at most: what `on_test_start` returned"),
        }));
    };
    let parameters = def.params.len() - captured;
    let start = def.body.start_position();
    let callee = Callee::new(def, pointer.curry());
    let mut functions = declaring.shared.functions.borrow_mut();
    let id = u32::try_from(functions.len()).map_err(|_| Some("there are too many functions".to_owned()))?;
    functions.push(Function {
        unit: declaring.unit,
        callee,
        label: label.to_owned(),
        start,
    });
    Ok((FunctionId(id), parameters))
}

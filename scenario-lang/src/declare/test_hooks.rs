//! `on_test_start(fn)` and `on_test_stop(fn)`: what happens once per run, for no user.
//!
//! In: the function as written. Out: a [`HookDraft`]; at most one of each kind over all files.

use std::rc::Rc;

use rhai::{AST, ASTNode, Dynamic, Expr, FnPtr, Module, Position};

use super::functions::function_taking;
use super::state::{Declaring, HookDraft};
use crate::api::{Registrar, argument};
use crate::syntax::parse::{body, functions};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HookKind {
    Start,
    Stop,
}

impl HookKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Start => "on_test_start",
            Self::Stop => "on_test_stop",
        }
    }
}

pub(super) fn register(registrar: &mut Registrar<'_>) {
    for kind in [HookKind::Start, HookKind::Stop] {
        registrar.declaring_only(kind.name(), 1);
        if let Some(declaring) = registrar.declaring.cloned() {
            registrar.function(kind.name(), 1, move |context, args| {
                declare(&declaring, context.call_position(), kind, &argument(args, 0));
                Ok(Dynamic::UNIT)
            });
        }
    }
}

fn declare(declaring: &Rc<Declaring>, call: Position, kind: HookKind, given: &Dynamic) {
    let name = kind.name();
    let mut hooks = declaring.shared.hooks.borrow_mut();
    if let Some(first) = hooks.iter().find(|hook| hook.kind == kind) {
        let place = first
            .declared
            .location
            .as_ref()
            .map_or_else(String::new, |at| format!(", at {}:{}", at.file, at.line));
        declaring.report(
            Some(call),
            format!("there is an `{name}` already{place}; a test has one over all its files"),
        );
        return;
    }
    let most = usize::from(kind == HookKind::Stop);
    let (function, parameters) = match function_taking(declaring, given, name, &format!("`{name}`"), most) {
        Ok(found) => found,
        Err(error) => {
            return error
                .into_iter()
                .for_each(|error| declaring.report(Some(call), error));
        }
    };
    refuse_users(declaring, name, given);
    hooks.push(HookDraft {
        kind,
        function,
        takes_setup: parameters > 0,
        unit: declaring.unit,
        declared: declaring.diagnostic(call, ""),
    });
}

/// Complains about what only a user has.
fn refuse_users(declaring: &Declaring, name: &str, given: &Dynamic) {
    let Some(pointer) = given.read_lock::<FnPtr>() else {
        return;
    };
    let own = functions(&declaring.lib).filter(|def| def.name == pointer.fn_name());
    let mut found = Vec::new();
    for def in own {
        AST::new(body(def), Module::new()).walk(&mut |path: &[ASTNode<'_>]| {
            match path.last() {
                Some(ASTNode::Expr(Expr::ThisPtr(position))) => found.push(("this", *position)),
                Some(ASTNode::Expr(Expr::Variable(parts, _, position))) if parts.1.as_str() == "me" => {
                    found.push(("me", *position));
                }
                _ => {}
            }
            true
        });
    }
    for (word, position) in found {
        let error = declaring.diagnostic(
            position,
            format!("there is no `{word}` in `{name}`: it runs once per run, for no user"),
        );
        let help = (name == HookKind::Start.name())
            .then(|| "return what users need; their functions read it as `setup`".to_owned());
        declaring.shared.report(error.helped(help));
    }
}

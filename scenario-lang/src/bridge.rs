//! The way from one file to another: functions and constants of an imported file, under the names its importers use.
//!
//! In: a file that has been loaded, as a [`Unit`], and the engine of one that imports it. Out: the engine with a function for
//! each function of the file. Every file keeps an engine, constants and functions of its own, so that equal names in two files
//! never meet; a call crosses over, and so do closures, which run in the file they were written in wherever they are called.

use std::any::TypeId;
use std::cell::OnceCell;
use std::rc::{Rc, Weak};

use rhai::{
    Dynamic, Engine, EvalAltResult, FnPtr, Module, NativeCallContext, Position, ScriptFuncDef, Shared,
};

use crate::api::{Answer, argument, failure};
use crate::declare::poison::Poison;
use crate::declare::state::Declaring;
use crate::frame::Callee;
use crate::scenario::Unit;
use crate::syntax::imports::{FUNCTION, METHOD};
use crate::syntax::parse::{functions, is_closure};

/// The file an engine belongs to, known once the engine is complete.
pub(crate) type Home = Rc<OnceCell<Weak<Unit>>>;

/// A file's functions, ready to be called from others.
#[derive(Debug)]
pub(crate) struct Reachable {
    unit: Rc<Unit>,
    lib: Shared<Module>,
    /// While declarations are evaluated: where its errors are reported.
    declaring: Option<Rc<Declaring>>,
}

impl Reachable {
    pub(crate) fn new(unit: Rc<Unit>, lib: Shared<Module>, declaring: Option<Rc<Declaring>>) -> Rc<Self> {
        Rc::new(Self { unit, lib, declaring })
    }

    /// Gives an engine the functions of this file under a name; `home` is the file of the engine.
    pub(crate) fn register(self: &Rc<Self>, engine: &mut Engine, alias: &str, home: &Home) {
        let own = functions(&self.lib).filter(|def| !is_closure(&def.name));
        for def in own.filter(|def| def.access == rhai::FnAccess::Public) {
            let callee = Rc::new(Callee::new(def, &[]));
            for (between, on) in [(FUNCTION, 0), (METHOD, 1)] {
                let (this, callee, home) = (self.clone(), callee.clone(), home.clone());
                engine.register_raw_fn(
                    format!("{alias}{between}{}", def.name),
                    vec![TypeId::of::<Dynamic>(); def.params.len() + on],
                    move |context, args| {
                        let home = home.get().cloned().unwrap_or_default();
                        this.call(&context, &callee, args, on == 1, &home)
                    },
                );
            }
        }
    }

    fn call(
        self: &Rc<Self>,
        context: &NativeCallContext<'_>,
        callee: &Callee,
        args: &mut [&mut Dynamic],
        on_something: bool,
        home: &Weak<Unit>,
    ) -> Answer {
        if args.iter().any(|arg| arg.is::<Poison>()) {
            return Ok(Poison::value());
        }
        let here = Rc::downgrade(&self.unit);
        let first = usize::from(on_something);
        let values = (first..args.len())
            .map(|index| crossing(argument(args, index), home, &here))
            .collect::<Result<Vec<_>, _>>()?;
        let this = args.first_mut().filter(|_| on_something).map(|this| &mut **this);
        let (position, level) = (context.call_position(), context.call_level() + 1);
        let result = self
            .unit
            .frames
            .call(&self.unit.engine, callee, values, this, position, level);
        match (result, &self.declaring) {
            (Ok(value), _) => crossing(value, &here, home),
            (Err(error), Some(declaring)) if !error.is_system_exception() => {
                declaring.failed(&error);
                Ok(Poison::value())
            }
            (Err(error), _) => Err(error),
        }
    }
}

/// A value on its way from one file into another. A function stays one of the file it is from.
fn crossing(value: Dynamic, from: &Weak<Unit>, into: &Weak<Unit>) -> Answer {
    let Some(pointer) = value.read_lock::<FnPtr>().map(|pointer| pointer.clone()) else {
        return Ok(value);
    };
    // Functions of the language are the same everywhere.
    let is_own = from.upgrade().is_some_and(|unit| has(&unit, pointer.fn_name()));
    if !is_own {
        return Ok(value);
    }
    let (from, into) = (from.clone(), into.clone());
    #[expect(
        deprecated,
        reason = "the engine marks its volatile interfaces so; its version is pinned"
    )]
    FnPtr::from_fn(FOREIGN, move |context, args| {
        call_back(&pointer, &from, &into, &context, args)
    })
    .map(Dynamic::from)
}

/// What functions of other files are called inside.
pub(crate) const FOREIGN: &str = "function_of_another_file";

/// Calls a function in the file it is from.
fn call_back(
    pointer: &FnPtr,
    from: &Weak<Unit>,
    into: &Weak<Unit>,
    context: &NativeCallContext<'_>,
    args: &mut [&mut Dynamic],
) -> Answer {
    let Some(unit) = from.upgrade() else {
        return Err(failure(
            "this function was made by another file at the top of this one, which is over; make it where it is needed",
        ));
    };
    let parameters = pointer.curry().len() + args.len();
    let Some(def) = definition(&unit, pointer.fn_name(), parameters) else {
        // At such an error the engine's `map` and its like try again with another number of arguments.
        return Err(Box::new(EvalAltResult::ErrorFunctionNotFound(
            format!("{FOREIGN} ({} arguments)", args.len()),
            Position::NONE,
        )));
    };
    let values = (0..args.len())
        .map(|index| crossing(argument(args, index), into, from))
        .collect::<Result<Vec<_>, _>>()?;
    let callee = Callee::new(&def, pointer.curry());
    let (position, level) = (context.call_position(), context.call_level() + 1);
    let value = unit
        .frames
        .call(&unit.engine, &callee, values, None, position, level)?;
    crossing(value, from, into)
}

fn has(unit: &Unit, name: &str) -> bool {
    unit.frames
        .lib()
        .is_some_and(|lib| functions(lib).any(|def| def.name == name))
}

fn definition(unit: &Unit, name: &str, parameters: usize) -> Option<Shared<ScriptFuncDef>> {
    let mut own = functions(unit.frames.lib()?).filter(|def| def.name == name);
    own.find(|def| def.params.len() == parameters).cloned()
}

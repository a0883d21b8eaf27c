//! The two script engines of a file: one that evaluates its declarations, one that runs its functions.
//!
//! In: the world around a script. Out: engines with our functions, without `eval` and the engine's own modules, with limits on everything a
//! hostile script could grow. Both parse alike; they differ in who limits them: the declarations are bounded by a number of
//! operations, functions by the host, which can stop them and knows how much stack is left.

use std::cell::RefCell;
use std::rc::Rc;

use rhai::packages::{Package, StandardPackage};
use rhai::{Dynamic, Engine, Module, OptimizationLevel, Shared};
use rustc_hash::FxHashMap;

use crate::api::me::MeHandle;
use crate::api::{self, World, http::HttpHandle};
use crate::declare::poison::Poison;
use crate::declare::state::Declaring;
use crate::script_error::Ending;
use crate::setup::{self, SetupHandle};

/// Longer texts end a script with an error.
const LONGEST_STRING: usize = 64 << 20;
/// Larger arrays and maps, all levels together, end a script with an error.
const LARGEST_COLLECTION: usize = 1 << 20;
/// How deeply expressions may nest; a chain of calls counts one level for each link.
const DEEPEST_EXPRESSION: usize = 160;
/// How much work declarations may do before they count as endless.
const DECLARING_OPERATIONS: u64 = 50_000_000;
/// How deeply functions may call each other among the declarations, which run on an ordinary stack.
const DECLARING_LEVELS: usize = 64;
/// How deeply functions may call each other while users run; the host's guard of the stack is what counts.
const ACTING_LEVELS: usize = 10_000;

thread_local! {
    /// The script engine's library, shared by all engines of a thread.
    static LIBRARY: Shared<Module> = StandardPackage::new().as_shared_module();
}

/// The values of a file's constants.
pub(crate) type Constants = Rc<RefCell<FxHashMap<String, Dynamic>>>;

fn base(world: &Rc<World>) -> Engine {
    let mut engine = Engine::new_raw();
    engine.register_global_module(LIBRARY.with(Clone::clone));
    engine.set_optimization_level(OptimizationLevel::None);
    engine.set_max_strings_interned(1024);
    // Imports are followed before anything is evaluated; see `declare/imports.rs`.
    for word in ["eval", "export"] {
        engine.disable_symbol(word);
    }
    engine
        .set_max_expr_depths(DEEPEST_EXPRESSION, DEEPEST_EXPRESSION)
        .set_max_string_size(LONGEST_STRING)
        .set_max_array_size(LARGEST_COLLECTION)
        .set_max_map_size(LARGEST_COLLECTION)
        .set_max_modules(0);
    let printing = world.clone();
    engine.on_print(move |text| printing.log(crate::LogLevel::Info, text));
    let debugging = world.clone();
    engine.on_debug(move |text, source, position| {
        let place = format!("{}:{}", source.unwrap_or_default(), position.line().unwrap_or(0));
        debugging.log(crate::LogLevel::Debug, &format!("{place}: {text}"));
    });
    engine
}

/// The engine that parses a file and evaluates its declarations.
pub(crate) fn declaring(world: &Rc<World>, declaring: &Rc<Declaring>) -> Engine {
    let mut engine = base(world);
    engine
        .set_max_operations(DECLARING_OPERATIONS)
        .set_max_call_levels(DECLARING_LEVELS);
    Poison::register(&mut engine);
    api::register(&mut engine, world, Some(declaring));

    let unknown = declaring.unknown.clone();
    let constants = declaring.constants.clone();
    let complained = unknown.clone();
    resolve(&mut engine, move |name| {
        object(name)
            .or_else(|| constants.borrow().get(name).cloned())
            .or_else(|| complained.contains(name).then(Poison::value))
            .or_else(|| (name == setup::NAME).then(SetupHandle::value))
    });
    #[expect(
        deprecated,
        reason = "the engine marks its volatile interfaces so; its version is pinned"
    )]
    engine.on_missing_function(move |name, args, is_method, _| {
        if args.iter().any(|arg| arg.is::<Poison>()) {
            return Ok(Some(Poison::value()));
        }
        if !unknown.contains(name) {
            return Ok(None);
        }
        // A misspelt `.task(...)`: go on with the class, for the sake of the next one.
        let class = args
            .first()
            .filter(|_| is_method)
            .filter(|arg| arg.is::<crate::declare::user::ClassHandle>());
        Ok(Some(
            class.map_or_else(Poison::value, |class| class.flatten_clone()),
        ))
    });
    engine
}

/// The engine that runs a file's functions.
pub(crate) fn acting(world: &Rc<World>, constants: FxHashMap<String, Dynamic>) -> Engine {
    let mut engine = base(world);
    // Texts made while users run are rarely the same twice.
    engine.set_max_strings_interned(0);
    engine.set_max_operations(0).set_max_call_levels(ACTING_LEVELS);
    api::register(&mut engine, world, None);
    let host = world.host.clone();
    engine.on_progress(move |_| match host.progress() {
        Ok(()) => None,
        Err(interrupt) => Some(Dynamic::from(Ending::from(interrupt))),
    });
    let setup = world.setup.clone();
    resolve(&mut engine, move |name| {
        if name == setup::NAME && !constants.contains_key(name) {
            return Some(setup.get());
        }
        constants.get(name).cloned().or_else(|| object(name))
    });
    engine
}

/// An engine for looking at the syntax of a file before there is anything else.
pub(crate) fn parsing(world: &Rc<World>) -> Engine {
    let mut engine = base(world);
    api::flow::register_group_syntax(&mut engine);
    engine
}

/// Answers names that are not local variables.
fn resolve(engine: &mut Engine, answer: impl Fn(&str) -> Option<Dynamic> + 'static) {
    #[expect(
        deprecated,
        reason = "the engine marks its volatile interfaces so; its version is pinned"
    )]
    engine.on_var(move |name, index, context| {
        // The parser has found variables with an index in the scope; captured ones are there too, without one.
        let is_local = index > 0 || context.scope().contains(name);
        // Closures hold a stand-in for what is not there yet when they are made.
        let is_held = is_local && name == setup::NAME && SetupHandle::is(context.scope().get(name));
        Ok(if is_local && !is_held { None } else { answer(name) })
    });
}

fn object(name: &str) -> Option<Dynamic> {
    match name {
        "http" => Some(Dynamic::from(HttpHandle)),
        "me" => Some(Dynamic::from(MeHandle)),
        _ => None,
    }
}

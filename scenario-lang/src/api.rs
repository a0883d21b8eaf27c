//! What scripts can call: one file per subject, all registered the same way.
//!
//! In: an engine and the [`World`] around a script. Out: the engine with our functions. While a file's declarations are
//! evaluated, a function that fails is recorded as a diagnostic and answers with a value that silences what follows from it,
//! so that one run shows everything that is wrong.

use std::any::TypeId;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use rhai::{Dynamic, Engine, EvalAltResult, NativeCallContext, Position};
use rustc_hash::FxHashMap;

use crate::data_store::DataStore;
use crate::declare::poison::Poison;
use crate::declare::state::Declaring;
use crate::host::{Host, Interrupt, LogLevel, Metric};
use crate::program::LoadSettings;
use crate::script_error::Ending;
use crate::setup::Setup;

pub(crate) mod batch;
pub(crate) mod checks;
pub(crate) mod cookies;
pub(crate) mod data_handle;
pub(crate) mod date;
pub(crate) mod digest;
pub(crate) mod environment;
pub(crate) mod file_handle;
pub(crate) mod flow;
pub(crate) mod html;
pub(crate) mod http;
pub(crate) mod log;
pub(crate) mod me;
pub(crate) mod metrics;
mod multipart;
pub(crate) mod option_values;
pub(crate) mod random;
pub(crate) mod request_options;
pub(crate) mod response;
pub(crate) mod text;
pub(crate) mod url;

/// What surrounds the scripts of a file on one thread.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) host: Rc<dyn Host>,
    pub(crate) settings: Arc<LoadSettings>,
    pub(crate) data: Arc<DataStore>,
    /// The number of the folder the file's data files are in.
    pub(crate) folder: u32,
    /// What the functions of all files see as `setup`.
    pub(crate) setup: Setup,
    /// The metrics of the file's scripts, by name.
    pub(crate) metrics: RefCell<FxHashMap<Box<str>, Rc<Metric>>>,
}

impl World {
    /// Writes to the host's log, without secrets.
    pub(crate) fn log(&self, level: LogLevel, message: &str) {
        self.host.log(level, &self.data.mask(message));
    }
}

/// What a function of ours answers.
pub(crate) type Answer = Result<Dynamic, Box<EvalAltResult>>;

/// The arguments of a call, as the engine passes them.
pub(crate) type Args<'a, 'b> = &'a mut [&'b mut Dynamic];

/// An error of a script that a script can catch.
pub(crate) fn failure(message: impl Into<String>) -> Box<EvalAltResult> {
    Box::new(EvalAltResult::ErrorRuntime(message.into().into(), Position::NONE))
}

/// The end of a script, which it cannot catch.
pub(crate) fn ending(ending: Ending) -> Box<EvalAltResult> {
    Box::new(EvalAltResult::ErrorTerminated(
        Dynamic::from(ending),
        Position::NONE,
    ))
}

/// The end of a script because the host says so.
pub(crate) fn interrupted(interrupt: Interrupt) -> Box<EvalAltResult> {
    ending(Ending::from(interrupt))
}

/// An argument's value. The first may be the script's own variable, so it is copied; the others are taken.
pub(crate) fn argument(args: Args<'_, '_>, index: usize) -> Dynamic {
    match args.get_mut(index) {
        Some(first) if index == 0 => first.flatten_clone(),
        Some(other) => std::mem::take(&mut **other).flatten(),
        None => Dynamic::UNIT,
    }
}

/// Registers functions for one phase of a script.
pub(crate) struct Registrar<'a> {
    pub(crate) engine: &'a mut Engine,
    pub(crate) world: &'a Rc<World>,
    /// The declarations that are being evaluated; `None` while users run.
    pub(crate) declaring: Option<&'a Rc<Declaring>>,
}

impl Registrar<'_> {
    /// A function with some number of arguments of any type.
    pub(crate) fn function(
        &mut self,
        name: &str,
        arguments: usize,
        call: impl Fn(&NativeCallContext<'_>, Args<'_, '_>) -> Answer + 'static,
    ) {
        self.typed(name, &vec![TypeId::of::<Dynamic>(); arguments], call);
    }

    /// A function with arguments of these types, `Dynamic` for any. Exact types are found faster.
    pub(crate) fn typed(
        &mut self,
        name: &str,
        types: &[TypeId],
        call: impl Fn(&NativeCallContext<'_>, Args<'_, '_>) -> Answer + 'static,
    ) {
        match self.declaring {
            None => {
                self.engine
                    .register_raw_fn(name, types, move |context, args| call(&context, args));
            }
            Some(declaring) => {
                let declaring = declaring.clone();
                self.engine.register_raw_fn(name, types, move |context, args| {
                    if args.iter().any(|arg| arg.is::<Poison>()) {
                        return Ok(Poison::value());
                    }
                    call(&context, args).or_else(|error| declaring.recover(context.call_position(), error))
                });
            }
        }
    }

    /// A function for running users only.
    pub(crate) fn acting_only(&mut self, name: &'static str, arguments: usize) {
        if self.declaring.is_some() {
            let shown = name.replace("http_", "http.");
            self.function(name, arguments, move |_, _| {
                Err(failure(format!(
                    "`{shown}` works only while a user runs: in a task, on_start or on_stop"
                )))
            });
        }
    }

    /// A function for declarations only.
    pub(crate) fn declaring_only(&mut self, name: &'static str, arguments: usize) {
        if self.declaring.is_none() {
            self.function(name, arguments, move |_, _| {
                Err(failure(format!(
                    "`{name}` declares something, so it belongs at the top of the file, outside of functions"
                )))
            });
        }
    }
}

/// Registers everything.
pub(crate) fn register(engine: &mut Engine, world: &Rc<World>, declaring: Option<&Rc<Declaring>>) {
    let mut registrar = Registrar {
        engine,
        world,
        declaring,
    };
    crate::declare::register(&mut registrar);
    environment::register(&mut registrar);
    data_handle::register(&mut registrar);
    random::register(&mut registrar);
    text::register(&mut registrar);
    digest::register(&mut registrar);
    url::register(&mut registrar);
    date::register(&mut registrar);
    html::register(&mut registrar);
    log::register(&mut registrar);
    me::register(&mut registrar);
    flow::register(&mut registrar);
    http::register(&mut registrar);
    batch::register(&mut registrar);
    cookies::register(&mut registrar);
    file_handle::register(&mut registrar);
    response::register(&mut registrar);
    checks::register(&mut registrar);
    metrics::register(&mut registrar);
}

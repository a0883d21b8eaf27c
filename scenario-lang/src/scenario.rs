//! A loaded scenario of one thread: what it declares, and its functions, ready to be called by users.
//!
//! In: a [`FunctionId`] and a user's state. Out: how the call ended. Test hooks are called too, for no user. Calls of different users may overlap on one thread:
//! whoever waits in the middle of a call lets others run, so nothing here is borrowed or locked across a call.

use rhai::{Dynamic, Engine, EvalAltResult, Position};

use std::rc::Rc;
use std::sync::Arc;

use crate::api::response::Reply;
use crate::data_store::DataStore;
use crate::declarations::{Declarations, HookDecl};
use crate::frame::{Callee, Frames};
use crate::script_error::{Ending, ScriptError};
use crate::setup::{self, Setup};

/// A loaded scenario of one thread.
#[derive(Debug)]
pub struct Scenario {
    pub(crate) declarations: Declarations,
    pub(crate) units: Vec<Rc<Unit>>,
    pub(crate) functions: Vec<Function>,
    pub(crate) data: Arc<DataStore>,
    pub(crate) setup: Setup,
}

/// A function of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionId(pub u32);

/// A user's own state: what `this` is in its functions. It starts as an empty map.
#[derive(Debug, Clone)]
pub struct UserState(Dynamic);

/// How a call ended.
#[derive(Debug)]
pub enum CallEnd {
    /// The function returned.
    Completed,
    /// The script called `stop_user()`.
    StopUser,
    /// The script called `stop_test(reason)`.
    StopTest(String),
    /// The host said that the script must stop.
    Interrupted,
    /// The script failed.
    Failed(ScriptError),
}

/// A file as users run it.
#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) name: String,
    pub(crate) engine: Engine,
    pub(crate) frames: Frames,
}

/// A function users call.
#[derive(Debug)]
pub(crate) struct Function {
    /// The file it is from.
    pub(crate) unit: usize,
    pub(crate) callee: Callee,
    /// What it is called in tracebacks.
    pub(crate) label: String,
    /// Where it begins.
    pub(crate) start: Position,
}

impl Unit {
    fn call(
        &self,
        function: &Function,
        arguments: Vec<Dynamic>,
        this: Option<&mut Dynamic>,
    ) -> Result<Dynamic, Box<EvalAltResult>> {
        self.frames
            .call(&self.engine, &function.callee, arguments, this, function.start, 0)
    }
}

impl Default for UserState {
    fn default() -> Self {
        Self(Dynamic::from_map(rhai::Map::new()))
    }
}

impl Scenario {
    /// What the scenario declares.
    #[must_use]
    pub fn declarations(&self) -> &Declarations {
        &self.declarations
    }

    pub(crate) fn into_declarations(self) -> Declarations {
        self.declarations
    }

    /// Sets what functions see as `setup`: what `on_test_start` returned, as JSON; `None` for `()`, which it is from the
    /// start.
    ///
    /// # Errors
    ///
    /// What is wrong with the JSON.
    pub fn set_setup(&self, json: Option<&str>) -> Result<(), String> {
        self.setup.set(json)
    }

    /// Runs a test hook. It gives what `on_test_start` returned, as JSON; `None` for `()` and for a response.
    ///
    /// # Errors
    ///
    /// How the call ended when the hook did not return, or returned what cannot be written as JSON.
    pub fn call_hook(&self, hook: &HookDecl) -> Result<Option<String>, CallEnd> {
        let (function, unit) = self.find(hook.function)?;
        let arguments: Vec<Dynamic> = hook.takes_setup.then(|| self.setup.get()).into_iter().collect();
        let value = match unit.call(function, arguments, None) {
            Ok(value) => value,
            Err(error) => match self.failed(&error, function, unit) {
                CallEnd::Completed => Dynamic::UNIT,
                end => return Err(end),
            },
        };
        // The value of a function is that of its last statement, which often enough is a request.
        if !hook.gives_setup || value.is::<Reply>() {
            return Ok(None);
        }
        setup::written(&value).map_err(|why| {
            let message = format!(
                "what `{}` returns must be made of maps, arrays, texts, numbers, truth values and (): {why}",
                function.label
            );
            CallEnd::Failed(ScriptError::at(
                message,
                &unit.name,
                &function.label,
                function.start,
            ))
        })
    }

    fn find(&self, function: FunctionId) -> Result<(&Function, &Unit), CallEnd> {
        let found = usize::try_from(function.0)
            .ok()
            .and_then(|index| self.functions.get(index));
        found
            .and_then(|f| self.units.get(f.unit).map(|unit| (f, &**unit)))
            .ok_or_else(|| {
                CallEnd::Failed(ScriptError::plain(format!(
                    "the scenario has no function {}",
                    function.0
                )))
            })
    }

    /// Runs a function for a user.
    pub fn call(&self, function: FunctionId, state: &mut UserState) -> CallEnd {
        let (function, unit) = match self.find(function) {
            Ok(found) => found,
            Err(end) => return end,
        };
        match unit.call(function, Vec::new(), Some(&mut state.0)) {
            Ok(_) => CallEnd::Completed,
            Err(error) => self.failed(&error, function, unit),
        }
    }

    #[cold]
    fn failed(&self, error: &EvalAltResult, function: &Function, unit: &Unit) -> CallEnd {
        match Ending::of(error) {
            Some(Ending::StopUser) => return CallEnd::StopUser,
            Some(Ending::StopTest(reason)) => return CallEnd::StopTest(self.data.mask(&reason).into_owned()),
            Some(Ending::Interrupted) => return CallEnd::Interrupted,
            Some(Ending::StackExhausted) | None => {}
        }
        // `exit()` of the engine's library ends the call in good order.
        if matches!(error.unwrap_inner(), EvalAltResult::Exit(..)) {
            return CallEnd::Completed;
        }
        CallEnd::Failed(ScriptError::new(
            &self.data,
            error,
            &unit.name,
            &function.label,
            function.start,
        ))
    }
}

//! A loaded scenario of one thread: what it declares, and its functions, ready to be called by users.
//!
//! In: a [`FunctionId`] and a user's state. Out: how the call ended. Calls of different users may overlap on one thread:
//! whoever waits in the middle of a call lets others run, so nothing here is borrowed or locked across a call.

use rhai::{Dynamic, Engine, EvalAltResult, FnPtr, GlobalRuntimeState, NativeCallContext, Position};

use std::sync::Arc;

use crate::data_store::DataStore;
use crate::declarations::Declarations;
use crate::script_error::{Ending, ScriptError};

/// A loaded scenario of one thread.
#[derive(Debug)]
pub struct Scenario {
    pub(crate) declarations: Declarations,
    pub(crate) units: Vec<Unit>,
    pub(crate) functions: Vec<Function>,
    pub(crate) data: Arc<DataStore>,
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
    /// What every call starts from: the file's functions and nothing else.
    pub(crate) global: GlobalRuntimeState,
}

/// A function users call.
#[derive(Debug)]
pub(crate) struct Function {
    /// The file it is from.
    pub(crate) unit: usize,
    /// The function with what it captured, of which every call gets its own copy.
    pub(crate) pointer: FnPtr,
    /// What it is called in tracebacks.
    pub(crate) label: String,
    /// Where it begins.
    pub(crate) start: Position,
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

    /// Runs a function for a user.
    pub fn call(&self, function: FunctionId, state: &mut UserState) -> CallEnd {
        let found = usize::try_from(function.0)
            .ok()
            .and_then(|index| self.functions.get(index));
        let Some((function, unit)) = found.and_then(|f| self.units.get(f.unit).map(|unit| (f, unit))) else {
            return CallEnd::Failed(ScriptError::plain(format!(
                "the scenario has no function {}",
                function.0
            )));
        };
        let context = NativeCallContext::new_with_all_fields(
            &unit.engine,
            &function.label,
            None,
            &unit.global,
            function.start,
        );
        match function
            .pointer
            .call_raw(&context, Some(&mut state.0), [] as [Dynamic; 0])
        {
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

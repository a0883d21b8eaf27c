//! `setup`: what `on_test_start` returned, as the functions of users see it.
//!
//! In: JSON, once per run. Out: a read-only value of the script engine, converted once for each thread; whoever reads it
//! gets a copy, as with constants. Closures take hold of what they name when they are made, which is before there is a
//! value: they get a [`SetupHandle`], and the value when they read it.

use std::cell::RefCell;
use std::rc::Rc;

use rhai::Dynamic;

use crate::convert::{AsJson, FromJson};

/// The variable's name.
pub(crate) const NAME: &str = "setup";

/// Larger values do not belong into every worker's memory and every function's copy.
const LARGEST_KIB: usize = 1024;

/// What closures hold in place of the value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SetupHandle;

impl SetupHandle {
    pub(crate) fn value() -> Dynamic {
        Dynamic::from(Self)
    }

    /// Whether a variable is one that a closure holds.
    pub(crate) fn is(variable: Option<&Dynamic>) -> bool {
        variable.is_some_and(|value| value.read_lock::<Self>().is_some())
    }
}

/// The value all files of a thread share; `()` until a run has one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Setup(Rc<RefCell<Dynamic>>);

impl Setup {
    pub(crate) fn get(&self) -> Dynamic {
        self.0.borrow().clone()
    }

    /// Takes a new value, written as JSON; `None` is `()`.
    pub(crate) fn set(&self, json: Option<&str>) -> Result<(), String> {
        let value = match json {
            None => Dynamic::UNIT,
            Some(json) => {
                let FromJson(value) = serde_json::from_str(json).map_err(|error| error.to_string())?;
                value
            }
        };
        drop(self.0.replace(value.into_read_only()));
        Ok(())
    }
}

/// What a hook returned, as JSON; `None` for `()`.
pub(crate) fn written(value: &Dynamic) -> Result<Option<String>, String> {
    if value.is_unit() {
        return Ok(None);
    }
    let json = serde_json::to_string(&AsJson(value)).map_err(|error| error.to_string())?;
    if json.len() > LARGEST_KIB << 10 {
        return Err(format!(
            "it has {} KiB as JSON and the limit is {LARGEST_KIB} KiB; large data belongs in data files",
            json.len() >> 10
        ));
    }
    Ok(Some(json))
}

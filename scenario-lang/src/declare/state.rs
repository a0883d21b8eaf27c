//! What the declarations of all files add up to while they are evaluated.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::rc::Rc;

use rhai::{Dynamic, EvalAltResult, Module, Position};

use super::environment::EnvironmentRead;
use super::poison::Poison;
use super::test_hooks::HookKind;
use super::threshold::ThresholdDraft;
use crate::api::option_values::Problem;
use crate::declarations::{ArrivalsDecl, ClassDecl, ParamDecl, PlanDecl};
use crate::diagnostic::Diagnostic;
use crate::engine::Constants;
use crate::scenario::{Function, FunctionId};
use crate::script_error;
use crate::source::{Place, SourceText};
use crate::threshold::MetricNames;

/// What all files have in common.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) diagnostics: RefCell<Vec<Diagnostic>>,
    pub(crate) classes: RefCell<Vec<ClassDraft>>,
    pub(crate) functions: RefCell<Vec<Function>>,
    pub(crate) hosts: RefCell<Vec<FileHost>>,
    pub(crate) plan: RefCell<PlanDecl>,
    pub(crate) arrivals: RefCell<Option<ArrivalsDecl>>,
    pub(crate) plan_is_set: Cell<bool>,
    pub(crate) parameters: RefCell<Vec<ParamDecl>>,
    pub(crate) environment: RefCell<EnvironmentRead>,
    /// At most one of each kind.
    pub(crate) hooks: RefCell<Vec<HookDraft>>,
    pub(crate) thresholds: RefCell<Vec<ThresholdDraft>>,
    /// The scripts' own metrics, of all files read so far.
    pub(crate) metrics: RefCell<MetricNames>,
}

/// A test hook.
#[derive(Debug)]
pub(crate) struct HookDraft {
    pub(crate) kind: HookKind,
    pub(crate) function: FunctionId,
    pub(crate) takes_setup: bool,
    pub(crate) unit: usize,
    /// For complaints about a second one.
    pub(crate) declared: Diagnostic,
}

/// A file's `host(...)`.
#[derive(Debug)]
pub(crate) struct FileHost {
    pub(crate) unit: usize,
    pub(crate) url: String,
}

/// A user class while it is being declared.
#[derive(Debug)]
pub(crate) struct ClassDraft {
    pub(crate) class: ClassDecl,
    pub(crate) unit: usize,
    /// For complaints about the class as a whole.
    pub(crate) declared: Diagnostic,
    /// Whether something about its tasks has been complained about.
    pub(crate) incomplete: bool,
}

impl Shared {
    pub(crate) fn report(&self, diagnostic: Diagnostic) {
        self.diagnostics.borrow_mut().push(diagnostic);
    }
}

/// The declarations of one file while they are evaluated.
#[derive(Debug)]
pub(crate) struct Declaring {
    pub(crate) shared: Rc<Shared>,
    pub(crate) source: Rc<SourceText>,
    pub(crate) unit: usize,
    /// Whether the file has been imported by another.
    pub(crate) imported: bool,
    /// Names that have been complained about.
    pub(crate) unknown: Rc<HashSet<String>>,
    /// The file's functions.
    pub(crate) lib: rhai::Shared<Module>,
    /// The file's constants, as far as they have been evaluated.
    pub(crate) constants: Constants,
}

impl Declaring {
    /// A diagnostic at a position of the file, not reported yet.
    pub(crate) fn diagnostic(&self, position: Position, message: impl Into<String>) -> Diagnostic {
        Diagnostic::at(&self.source, Place::of(position), message)
    }

    /// Reports something at a position, or about the file.
    pub(crate) fn report(&self, position: Option<Position>, message: impl Into<String>) {
        self.shared
            .report(self.diagnostic(position.unwrap_or(Position::NONE), message));
    }

    /// Reports what is wrong with an option of a call, with the caret at the option if it can be found.
    pub(crate) fn problem(&self, call: Position, problem: Problem) {
        let call = Place::of(call);
        let key = problem
            .key
            .as_ref()
            .zip(call)
            .and_then(|(key, call)| self.source.option_key(call, key));
        self.shared
            .report(Diagnostic::at(&self.source, key.or(call), problem.message).labelled(problem.guess));
    }

    /// Reports the failure of a function of ours, and goes on.
    pub(crate) fn recover(
        &self,
        position: Position,
        error: Box<EvalAltResult>,
    ) -> Result<Dynamic, Box<EvalAltResult>> {
        if !matches!(*error, EvalAltResult::ErrorRuntime(..)) {
            return Err(error);
        }
        self.report(Some(position), script_error::message(&error));
        Ok(Poison::value())
    }

    /// Reports the failure of a statement.
    pub(crate) fn failed(&self, error: &EvalAltResult) {
        let (file, inner) = script_error::origin(error);
        let elsewhere = file.is_some_and(|file| file != self.source.name);
        let position = if inner.is_none() || elsewhere {
            error.position()
        } else {
            inner
        };
        self.report(Some(position), script_error::message(error));
    }

    /// Remembers a parameter that was asked for.
    pub(crate) fn parameter(&self, parameter: ParamDecl) {
        let mut known = self.shared.parameters.borrow_mut();
        if !known.iter().any(|other| other.name == parameter.name) {
            known.push(parameter);
        }
    }
}

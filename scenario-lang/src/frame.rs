//! What a call of a script's function needs of the engine, kept from call to call: what a call by the engine's own means
//! would set up and throw away each time is most of its cost.
//!
//! In: a function's body, its arguments, `this`. Out: its value, or an error as the engine's own calls give it.

use std::cell::RefCell;

use rhai::{
    Caches, Dynamic, Engine, EvalAltResult, EvalContext, Expr, Expression, GlobalRuntimeState,
    ImmutableString, Module, Position, Scope, ScriptFuncDef, Shared, StmtBlock,
};

use crate::syntax::parse::body;

/// Frames kept for reuse; so many calls are rarely under way at once.
const MAX_FREE: usize = 1_024;

/// A function as it is called.
#[derive(Debug)]
pub(crate) struct Callee {
    name: ImmutableString,
    body: Expr,
    parameters: Vec<ImmutableString>,
    /// What it captured: the values of the first parameters, of which every call gets its own copy.
    captured: Vec<Dynamic>,
}

/// The frames of a file's functions. Calls overlap when a script waits in the middle of one; each has a frame of its own.
#[derive(Debug)]
pub(crate) struct Frames {
    /// What every call starts from: the file's functions and nothing else.
    global: GlobalRuntimeState,
    #[expect(clippy::vec_box, reason = "a frame is large, and moves with every call")]
    free: RefCell<Vec<Box<Frame>>>,
}

#[derive(Debug)]
struct Frame {
    global: GlobalRuntimeState,
    /// Which function a name and types of arguments stand for; the same in every call.
    caches: Caches,
    scope: Scope<'static>,
}

impl Callee {
    /// A function and what it captured.
    pub(crate) fn new(def: &Shared<ScriptFuncDef>, captured: &[Dynamic]) -> Self {
        let block = StmtBlock::new(body(def), def.body.start_position(), def.body.end_position());
        Self {
            name: def.name.clone(),
            body: Expr::Stmt(Box::new(block)),
            parameters: def.params.iter().cloned().collect(),
            captured: captured.to_vec(),
        }
    }
}

impl Frames {
    pub(crate) fn new(global: GlobalRuntimeState) -> Self {
        Self {
            global,
            free: RefCell::default(),
        }
    }

    /// The file's functions.
    pub(crate) fn lib(&self) -> Option<&Shared<Module>> {
        self.global.lib.first()
    }

    /// Calls a function; `position` is where it begins, or where it is called in another file; `level` is how many calls it is
    /// inside of.
    ///
    /// # Errors
    ///
    /// How it ended otherwise.
    pub(crate) fn call(
        &self,
        engine: &Engine,
        callee: &Callee,
        arguments: Vec<Dynamic>,
        this: Option<&mut Dynamic>,
        position: Position,
        level: usize,
    ) -> Result<Dynamic, Box<EvalAltResult>> {
        if level > engine.max_call_levels() {
            return Err(Box::new(EvalAltResult::ErrorStackOverflow(position)));
        }
        let free = self.free.borrow_mut().pop();
        let mut frame = free.unwrap_or_else(|| Box::new(Frame::new(&self.global)));
        let values = callee.captured.iter().cloned().chain(arguments);
        frame
            .scope
            .extend(callee.parameters.iter().map(ImmutableString::as_str).zip(values));
        let Frame {
            global,
            caches,
            scope,
        } = &mut *frame;
        global.level = level;
        let result = EvalContext::new(engine, global, caches, scope, this)
            .eval_expression_tree(&Expression::from(&callee.body));
        match result {
            Ok(value) => {
                self.give_back(frame);
                Ok(value)
            }
            Err(error) => match *error {
                EvalAltResult::Return(value, _) => {
                    self.give_back(frame);
                    Ok(value)
                }
                // Whatever state it left the frame in, nobody will see it.
                error => Err(self.wrapped(callee, error, position)),
            },
        }
    }

    fn give_back(&self, mut frame: Box<Frame>) {
        let mut free = self.free.borrow_mut();
        if free.len() < MAX_FREE {
            frame.scope.clear();
            frame.caches.rewind_fn_resolution_caches(1);
            free.push(frame);
        }
    }

    /// An error as the engine's own calls give it: tracebacks count on it.
    fn wrapped(&self, callee: &Callee, mut error: EvalAltResult, position: Position) -> Box<EvalAltResult> {
        if matches!(error, EvalAltResult::Exit(..)) || error.is_system_exception() {
            error.set_position(position);
            return Box::new(error);
        }
        Box::new(EvalAltResult::ErrorInFunctionCall(
            callee.name.to_string(),
            self.global.source().unwrap_or_default().to_owned(),
            Box::new(error),
            position,
        ))
    }
}

impl Frame {
    fn new(global: &GlobalRuntimeState) -> Self {
        Self {
            global: global.clone(),
            caches: Caches::new(),
            scope: Scope::new(),
        }
    }
}

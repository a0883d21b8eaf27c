//! Finds what is wrong with a scenario without running it: unknown functions and variables, wrong numbers of arguments,
//! closures over variables that all users would share.
//!
//! In: a file's tree as parsed. Out: diagnostics, and the unknown names, so that evaluating the declarations afterwards need
//! not complain about them again. It has to be sure: what might work is left alone.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use rhai::{
    AST, ASTFlags, ASTNode, Expr, FnCallExpr, FnPtr, Position, ScriptFuncDef, Shared, Stmt, StmtBlock,
};

use super::imports::Exports;
use super::parse::{body, functions, is_closure, uses_this};
use super::vocabulary::{self, OBJECTS};
use crate::diagnostic::Diagnostic;
use crate::setup;
use crate::source::SourceText;

/// What [`check`] found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// What is wrong.
    pub(crate) errors: Vec<Diagnostic>,
    /// Functions, methods and variables that do not exist and have been complained about.
    pub(crate) unknown: HashSet<String>,
}

/// Checks a file.
pub(crate) fn check(source: &SourceText, ast: &AST, imports: &HashMap<String, Rc<Exports>>) -> Findings {
    let mut checker = Checker::new(source, ast, imports);
    checker.globals = globals(ast.statements());
    checker.statements(ast.statements());
    let mut named: Vec<Shared<ScriptFuncDef>> = functions(ast.shared_lib())
        .filter(|def| !is_closure(&def.name))
        .cloned()
        .collect();
    named.sort_by_key(|def| def.body.start_position());
    for def in named {
        checker.function(&def);
    }
    let mut findings = checker.findings;
    findings
        .errors
        .sort_by_key(|error| error.location.as_ref().map(|at| (at.line, at.column)));
    findings.errors.dedup();
    findings
}

/// Names defined at the top of a file, and whether they are constants.
fn globals(top: &[Stmt]) -> HashMap<String, Kind> {
    top.iter()
        .filter_map(|statement| match statement {
            Stmt::Var(parts, flags, _) => Some((parts.0.name.to_string(), Kind::declared(*flags))),
            _ => None,
        })
        .collect()
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A constant of the declarations, which functions may use.
    Constant,
    /// A variable of the declarations, which all users would share.
    Variable,
    /// Everything that is fresh for each call or turn of a loop.
    Local,
}

impl Kind {
    fn declared(flags: ASTFlags) -> Self {
        if flags.contains(ASTFlags::CONSTANT) {
            Self::Constant
        } else {
            Self::Variable
        }
    }
}

pub(super) struct Checker<'a> {
    pub(super) source: &'a SourceText,
    pub(super) findings: Findings,
    /// What the file imports, by the names it gives.
    pub(super) imports: &'a HashMap<String, Rc<Exports>>,
    /// The file's functions by name: their numbers of parameters.
    pub(super) functions: HashMap<String, Vec<usize>>,
    /// Functions that use `this` and so have to be called as its methods.
    pub(super) methods_of_this: HashSet<(String, usize)>,
    /// Names that may be methods because a map may have them.
    pub(super) possible_methods: HashSet<String>,
    globals: HashMap<String, Kind>,
    closures: HashMap<String, Shared<ScriptFuncDef>>,
    /// What is in scope, innermost last.
    scope: Vec<(String, Kind)>,
    /// How many functions we are in; 0 among the declarations.
    depth: usize,
}

impl<'a> Checker<'a> {
    fn new(source: &'a SourceText, ast: &AST, imports: &'a HashMap<String, Rc<Exports>>) -> Self {
        let mut names: HashMap<String, Vec<usize>> = HashMap::new();
        let mut closures = HashMap::new();
        let mut methods_of_this = HashSet::new();
        for def in functions(ast.shared_lib()) {
            if is_closure(&def.name) {
                closures.insert(def.name.to_string(), def.clone());
                continue;
            }
            names
                .entry(def.name.to_string())
                .or_default()
                .push(def.params.len());
            if uses_this(def) {
                methods_of_this.insert((def.name.to_string(), def.params.len()));
            }
        }
        Self {
            source,
            findings: Findings::default(),
            imports,
            functions: names,
            methods_of_this,
            possible_methods: possible_methods(ast),
            globals: HashMap::new(),
            closures,
            scope: Vec::new(),
            depth: 0,
        }
    }

    pub(super) fn in_function(&self) -> bool {
        self.depth > 0
    }

    fn function(&mut self, def: &Shared<ScriptFuncDef>) {
        if def.name.starts_with("http_") {
            let message = format!(
                "a function cannot be named `{}`; that is how `http` works inside",
                def.name
            );
            self.error(def.body.start_position(), message);
        }
        self.body(def);
    }

    /// The body of a function or closure, which sees its parameters only.
    fn body(&mut self, def: &Shared<ScriptFuncDef>) {
        let outer = std::mem::take(&mut self.scope);
        self.scope = def
            .params
            .iter()
            .map(|name| (name.to_string(), Kind::Local))
            .collect();
        self.depth += 1;
        self.statements(&body(def));
        self.depth -= 1;
        self.scope = outer;
    }

    /// Statements with a scope of their own.
    fn statements(&mut self, items: &[Stmt]) {
        let outer = self.scope.len();
        for item in items {
            self.statement(item);
        }
        self.scope.truncate(outer);
    }

    fn block(&mut self, block: &StmtBlock) {
        self.statements(block.statements());
    }

    fn bind(&mut self, name: &str, kind: Kind, position: Position) {
        if OBJECTS.contains(&name) {
            self.error(
                position,
                format!("`{name}` is part of the language; choose another name"),
            );
        }
        self.scope.push((name.to_owned(), kind));
    }

    fn statement(&mut self, item: &Stmt) {
        match item {
            Stmt::If(flow, _) | Stmt::While(flow, _) | Stmt::Do(flow, ..) => {
                self.expression(&flow.expr);
                self.block(&flow.body);
                self.block(&flow.branch);
            }
            Stmt::TryCatch(flow, _) => {
                self.block(&flow.body);
                let outer = self.scope.len();
                if let Expr::Variable(parts, _, position) = &flow.expr {
                    self.bind(&parts.1, Kind::Local, *position);
                }
                self.block(&flow.branch);
                self.scope.truncate(outer);
            }
            Stmt::Switch(switch, _) => {
                self.expression(&switch.0);
                for case in &switch.1.expressions {
                    self.expression(&case.lhs);
                    self.expression(&case.rhs);
                }
            }
            Stmt::For(parts, _) => {
                let (variable, counter, flow) = &**parts;
                self.expression(&flow.expr);
                let outer = self.scope.len();
                self.bind(&variable.name, Kind::Local, variable.pos);
                if let Some(counter) = counter {
                    self.bind(&counter.name, Kind::Local, counter.pos);
                }
                self.block(&flow.body);
                self.scope.truncate(outer);
            }
            Stmt::Var(parts, flags, _) => {
                self.expression(&parts.1);
                let kind = if self.in_function() {
                    Kind::Local
                } else {
                    Kind::declared(*flags)
                };
                self.bind(&parts.0.name, kind, parts.0.pos);
            }
            Stmt::Assignment(parts) => {
                self.expression(&parts.1.lhs);
                self.expression(&parts.1.rhs);
            }
            Stmt::FnCall(call, position) => self.call(call, *position),
            Stmt::Block(inner) => self.block(inner),
            Stmt::Expr(inner) => self.expression(inner),
            Stmt::BreakLoop(Some(inner), ..) | Stmt::Return(Some(inner), ..) => self.expression(inner),
            _ => {}
        }
    }

    fn expression(&mut self, item: &Expr) {
        match item {
            Expr::Variable(parts, _, position) if parts.2.is_empty() => self.variable(&parts.1, *position),
            Expr::DynamicConstant(value, _) => {
                if let Some(pointer) = value.read_lock::<FnPtr>() {
                    self.closure(pointer.fn_name());
                }
            }
            Expr::FnCall(call, position) => self.call(call, *position),
            Expr::MethodCall(call, position) => self.method(call, *position),
            Expr::Dot(pair, ..) => {
                if self.object(&pair.lhs, &pair.rhs) {
                    self.after_object(&pair.rhs);
                } else {
                    self.expression(&pair.lhs);
                    self.expression(&pair.rhs);
                }
            }
            Expr::Index(pair, ..) => {
                self.expression(&pair.lhs);
                self.expression(&pair.rhs);
            }
            Expr::InterpolatedString(parts, _) | Expr::Array(parts, _) => {
                parts.iter().for_each(|part| self.expression(part));
            }
            Expr::Map(parts, _) => parts.0.iter().for_each(|(_, part)| self.expression(part)),
            Expr::And(parts, _) | Expr::Or(parts, _) | Expr::Coalesce(parts, _) => {
                parts.iter().for_each(|part| self.expression(part));
            }
            Expr::Stmt(inner) => self.block(inner),
            Expr::Custom(custom, _) => custom.inputs.iter().for_each(|part| self.expression(part)),
            _ => {}
        }
    }

    /// What follows `http.` or `me.`, whose own names have been judged.
    fn after_object(&mut self, member: &Expr) {
        match member {
            Expr::MethodCall(call, _) => call.args.iter().for_each(|argument| self.expression(argument)),
            Expr::Dot(pair, ..) | Expr::Index(pair, ..) => {
                self.after_object(&pair.lhs);
                self.expression(&pair.rhs);
            }
            _ => {}
        }
    }

    fn closure(&mut self, name: &str) {
        if let Some(def) = self.closures.get(name).cloned() {
            self.body(&def);
        }
    }

    fn call(&mut self, call: &FnCallExpr, position: Position) {
        self.call_name(call, position);
        for argument in &call.args {
            // A closure takes hold of what it names; `setup` will be there when it is called.
            let held = matches!(argument, Expr::Variable(parts, ..) if parts.1.as_str() == setup::NAME);
            if !(held && call.name == "curry") {
                self.expression(argument);
            }
        }
    }

    fn method(&mut self, call: &FnCallExpr, position: Position) {
        self.method_name(call, position);
        for argument in &call.args {
            self.expression(argument);
        }
    }

    fn variable(&mut self, name: &str, position: Position) {
        let kind = self
            .scope
            .iter()
            .rev()
            .find(|(known, _)| known == name)
            .map(|(_, kind)| *kind);
        let kind = match kind {
            // Inside a function only what belongs to the call is in scope; the rest is the file's.
            None if self.in_function() => self.globals.get(name).copied(),
            found => found,
        };
        match kind {
            Some(Kind::Variable) if self.in_function() => self.shared(name, position),
            Some(_) => {}
            None if self.imported_constant(name, position) => {}
            None if OBJECTS.contains(&name) || self.functions.contains_key(name) => {}
            None if name == setup::NAME && self.in_function() => {}
            None => self.unknown_name(name, position),
        }
    }

    /// The names in scope, for suggestions.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let scope = self.scope.iter().map(|(name, _)| name.as_str());
        let globals = self.globals.keys().map(String::as_str);
        let objects = OBJECTS.iter().copied().chain([setup::NAME]);
        scope.chain(globals).chain(objects)
    }

    /// What a closure takes from the declarations around it.
    pub(super) fn captured(&mut self, arguments: &[Expr]) {
        for argument in arguments {
            if let (Expr::Variable(parts, _, position), false) = (argument, self.in_function()) {
                let kind = self
                    .scope
                    .iter()
                    .rev()
                    .find(|(known, _)| *known == parts.1.as_str());
                if matches!(kind, Some((_, Kind::Variable))) {
                    self.shared(&parts.1, *position);
                }
            }
        }
    }

    pub(super) fn error(&mut self, position: Position, message: String) -> &mut Diagnostic {
        let place = crate::source::Place::of(position);
        self.findings
            .errors
            .push(Diagnostic::at(self.source, place, message));
        let last = self.findings.errors.len() - 1;
        &mut self.findings.errors[last]
    }
}

/// Names of properties, keys and texts: a map may hold a function under any of them.
fn possible_methods(ast: &AST) -> HashSet<String> {
    let mut names = HashSet::new();
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        match path.last() {
            Some(ASTNode::Expr(Expr::Property(parts, _))) => {
                names.insert(parts.2.to_string());
            }
            Some(ASTNode::Expr(Expr::Map(parts, _))) => {
                names.extend(parts.0.iter().map(|(key, _)| key.name.to_string()));
            }
            Some(ASTNode::Expr(Expr::StringConstant(text, _))) => {
                names.insert(text.to_string());
            }
            _ => {}
        }
        true
    });
    // Properties that are our own methods, as in `rows.len`, prove nothing.
    names.retain(|name| !vocabulary::methods().any(|method| method == name));
    names
}

//! From the texts of a program to a loaded scenario: parse, check, evaluate the declarations, judge them as a whole.
//!
//! In: a [`Program`]. Out: a [`Scenario`], or everything that is wrong with all files. Nothing stops at the first mistake:
//! every statement of every file is evaluated, and what cannot be had is replaced by a value that keeps quiet.

use std::cell::RefCell;
use std::rc::Rc;

use rhai::{AST, ASTFlags, Dynamic, Engine, FnPtr, OptimizationLevel, Scope, Stmt};

use crate::api::{Registrar, World, environment as variables};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::engine;
use crate::frame::Frames;
use crate::host::Host;
use crate::program::Program;
use crate::scenario::{Scenario, Unit};
use crate::setup::Setup;
use crate::source::SourceText;
use crate::syntax::check::check;
use crate::syntax::mentions::mentions;
use crate::syntax::parse;
use crate::syntax::reads::Reads;

mod connection;
mod environment;
mod finish;
mod functions;
mod http_client;
mod plan;
pub(crate) mod poison;
pub(crate) mod state;
mod task_options;
mod test_hooks;
pub(crate) mod user;
mod wait;

use poison::Poison;
use state::{Declaring, Shared};

/// Loads a program.
#[expect(clippy::needless_pass_by_value, reason = "the scenario keeps the host")]
pub(crate) fn load(program: &Program, host: Rc<dyn Host>) -> Result<Scenario, Diagnostics> {
    let shared = Rc::new(Shared::default());
    let mut units = Vec::new();
    let mut reads = Reads::default();
    let setup = Setup::default();
    for (index, file) in program.files.iter().enumerate() {
        let world = Rc::new(World {
            host: host.clone(),
            settings: program.settings.clone(),
            data: program.data.clone(),
            folder: program.folders.get(index).copied().unwrap_or_default(),
            setup: setup.clone(),
            metrics: RefCell::default(),
        });
        let source = Rc::new(SourceText::new(&file.name, &file.text));
        if let Some(unit) = load_file(&shared, &world, &source, index, &file.text) {
            reads = reads.or(unit.1);
            units.push(unit.0);
        }
    }
    if program.files.is_empty() {
        shared.report(Diagnostic::general("there is no scenario file"));
    }
    // Files that do not even parse would only make the whole look stranger than it is.
    let everything_was_read = units.len() == program.files.len();
    let declarations = finish::finish(&shared, program, reads, everything_was_read);
    let mut reported = shared.diagnostics.take();
    reported.sort_by_key(|item| order(program, item));
    if reported.iter().any(|item| item.severity == Severity::Error) {
        for item in &mut reported {
            mask(program, item);
        }
        return Err(Diagnostics::of(reported));
    }
    let functions = shared.functions.take();
    Ok(Scenario {
        declarations,
        units,
        functions,
        data: program.data.clone(),
        setup,
    })
}

/// Files in the order given, lines in theirs, what is about all of them last.
fn order(program: &Program, item: &Diagnostic) -> (usize, usize, usize) {
    item.location.as_ref().map_or((usize::MAX, 0, 0), |at| {
        let file = program.files.iter().position(|file| file.name == at.file);
        (file.unwrap_or(usize::MAX), at.line, at.column)
    })
}

fn mask(program: &Program, item: &mut Diagnostic) {
    item.message = program.data.mask(&item.message).into_owned();
}

/// Loads a file; also what it reads of responses. `None` when it does not parse.
fn load_file(
    shared: &Rc<Shared>,
    world: &Rc<World>,
    source: &Rc<SourceText>,
    unit: usize,
    text: &str,
) -> Option<(Unit, Reads)> {
    let parser = engine::parsing(world);
    let ast = match parse::parse(&parser, source, text) {
        Ok(ast) => ast,
        Err(diagnostic) => {
            shared.report(*diagnostic);
            return None;
        }
    };
    let findings = check(source, &ast);
    let static_lines: Vec<usize> = findings.errors.iter().map(Diagnostic::line).collect();
    findings.errors.into_iter().for_each(|error| shared.report(error));

    let declaring = Rc::new(Declaring {
        shared: shared.clone(),
        source: source.clone(),
        unit,
        unknown: Rc::new(findings.unknown),
        lib: ast.shared_lib().clone(),
        constants: Rc::default(),
    });
    let mentioned = mentions(&ast);
    for path in &mentioned.data {
        world.data.mention(world.folder, path);
    }
    variables::mention(
        &world.settings,
        &declaring,
        &mentioned.variables,
        &mentioned.secrets,
    );
    let engine = engine::declaring(world, &declaring);
    evaluate(&engine, &ast, &declaring, &static_lines);

    let reads = Reads::of(&ast);
    let constants = declaring.constants.take();
    let engine = engine::acting(world, constants);
    let optimized = engine.optimize_ast(&Scope::new(), ast, OptimizationLevel::Simple);
    let mut global = engine.new_global_runtime_state();
    global.lib.push(optimized.shared_lib().clone());
    global.source = Some(source.name.as_str().into());
    Some((
        Unit {
            name: source.name.clone(),
            engine,
            frames: Frames::new(global),
        },
        reads,
    ))
}

/// Evaluates a file's statements one by one, so that each that fails is reported and the next still runs.
fn evaluate(engine: &Engine, ast: &AST, declaring: &Rc<Declaring>, static_lines: &[usize]) {
    let mut scope = Scope::new();
    for statement in ast.statements() {
        let variables = scope.len();
        let reported = declaring.shared.diagnostics.borrow().len();
        let mut alone = AST::new([statement.clone()], ast.shared_lib().clone());
        alone.set_source(declaring.source.name.as_str());
        let result = engine.run_ast_with_scope(&mut scope, &alone);
        if let Err(error) = result {
            let line = statement.position().line().unwrap_or(0);
            let inner = error.unwrap_inner().position().line().unwrap_or(0);
            // A statement the check has complained about, or a function of ours, has had its say.
            let known = declaring.shared.diagnostics.borrow().len() > reported
                || static_lines
                    .iter()
                    .any(|at| (line..=inner.max(line)).contains(at));
            if !known {
                declaring.failed(&error);
            }
        }
        if let Stmt::Var(parts, flags, _) = statement {
            let name = parts.0.name.as_str();
            // A later variable is found by counting, so each has to be there.
            if scope.len() == variables {
                scope.push_constant_dynamic(name, Poison::value());
            }
            if flags.contains(ASTFlags::CONSTANT) {
                remember(declaring, name, scope.get(name));
            }
        }
    }
}

/// Keeps a constant for the file's functions.
fn remember(declaring: &Declaring, name: &str, value: Option<&Dynamic>) {
    let Some(value) = value else { return };
    match unshare(value, 0) {
        Some(value) => {
            declaring
                .constants
                .borrow_mut()
                .insert(name.to_owned(), value.into_read_only());
        }
        None => declaring.report(None, format!("the constant `{name}` is nested too deeply")),
    }
}

/// Deeper values are made by mistake, and would exhaust the stack.
const DEEPEST_VALUE: usize = 64;

/// A value with copies of everything it shares with others: users must not meet through what closures capture.
fn unshare(value: &Dynamic, depth: usize) -> Option<Dynamic> {
    if depth > DEEPEST_VALUE {
        return None;
    }
    if value.is_shared() {
        return unshare(&value.flatten_clone(), depth + 1);
    }
    if let Ok(items) = value.as_array_ref() {
        return items
            .iter()
            .map(|item| unshare(item, depth + 1))
            .collect::<Option<_>>()
            .map(Dynamic::from_array);
    }
    if let Ok(map) = value.as_map_ref() {
        let copy: Option<rhai::Map> = map
            .iter()
            .map(|(key, item)| Some((key.clone(), unshare(item, depth + 1)?)))
            .collect();
        return copy.map(Dynamic::from_map);
    }
    if let Some(pointer) = value.read_lock::<FnPtr>() {
        let mut copy = pointer.clone();
        for captured in copy.iter_curry_mut() {
            *captured = unshare(captured, depth + 1)?;
        }
        return Some(copy.into());
    }
    Some(value.clone())
}

/// The functions that declare.
pub(crate) fn register(registrar: &mut Registrar<'_>) {
    wait::register(registrar);
    plan::register(registrar);
    user::register(registrar);
    test_hooks::register(registrar);
}

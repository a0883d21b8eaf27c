//! From the texts of a program to a loaded scenario: parse, check, evaluate the declarations, judge them as a whole.
//!
//! In: a [`Program`]. Out: a [`Scenario`], or everything that is wrong with all files. Nothing stops at the first mistake:
//! every statement of every file is evaluated, and what cannot be had is replaced by a value that keeps quiet.

use std::cell::RefCell;
use std::rc::Rc;

use rhai::{AST, ASTFlags, Dynamic, Engine, FnPtr, OptimizationLevel, Scope, Stmt};
use rustc_hash::FxHashMap;

use crate::api::{Registrar, World, environment as variables, failure};
use crate::bridge::{Home, Reachable};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::engine;
use crate::frame::Frames;
use crate::host::Host;
use crate::program::Program;
use crate::scenario::{Scenario, Unit};
use crate::setup::Setup;
use crate::source::SourceText;
use crate::syntax::check::check;
use crate::syntax::imports::Exports;
use crate::syntax::mentions::mentions;
use crate::syntax::parse;
use crate::syntax::reads::Reads;

mod arrivals;
mod connection;
mod environment;
mod finish;
mod functions;
mod http_client;
mod imports;
#[cfg(test)]
mod option_table;
mod plan;
pub(crate) mod poison;
pub(crate) mod state;
mod task_options;
mod test_hooks;
mod threshold;
pub(crate) mod user;
mod wait;

use imports::{Importer, Loader, Phase, constants, link};
use poison::Poison;
use state::{Declaring, Shared};

/// Loads a program.
#[expect(clippy::needless_pass_by_value, reason = "the scenario keeps the host")]
pub(crate) fn load(program: &Program, host: Rc<dyn Host>) -> Result<Scenario, Diagnostics> {
    let shared = Rc::new(Shared::default());
    let loader = Loader::new(shared.clone());
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
        let importer = Importer {
            world: &world,
            source: &source,
            unit: index,
            path: file.name.rsplit(['/', '\\']).next().unwrap_or_default(),
        };
        if let Some(loaded) = load_file(&loader, &importer, &source, &file.text, false) {
            reads = reads.or(loaded.reads);
            units.push(loaded.unit);
        }
    }
    let reads = reads.or(loader.reads());
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

/// Files in the order given, imported ones after them, lines in theirs, what is about all of them last.
fn order(program: &Program, item: &Diagnostic) -> (usize, usize, usize) {
    item.location.as_ref().map_or((usize::MAX, 0, 0), |at| {
        let file = program.files.iter().position(|file| file.name == at.file);
        (file.unwrap_or(usize::MAX - 1), at.line, at.column)
    })
}

fn mask(program: &Program, item: &mut Diagnostic) {
    item.message = program.data.mask(&item.message).into_owned();
}

/// A file as it has been loaded.
struct Loaded {
    /// As users run it.
    unit: Rc<Unit>,
    /// As its importers' declarations call it.
    declaring: Rc<Reachable>,
    /// Its functions.
    lib: rhai::Shared<rhai::Module>,
    exports: Exports,
    constants: FxHashMap<String, Dynamic>,
    /// What it reads of responses.
    reads: Reads,
}

/// Loads a file. `None` when it does not parse.
fn load_file(
    loader: &Loader,
    importer: &Importer<'_>,
    source: &Rc<SourceText>,
    text: &str,
    imported: bool,
) -> Option<Loaded> {
    let (world, shared) = (importer.world, &loader.shared);
    let ast = match parse::parse(&engine::parsing(world), source, text) {
        Ok(ast) => ast,
        Err(diagnostic) => {
            shared.report(*diagnostic);
            return None;
        }
    };
    let (found, errors) = crate::syntax::imports::imports(source, &ast);
    let mut static_lines: Vec<usize> = errors.iter().map(Diagnostic::line).collect();
    errors.into_iter().for_each(|error| shared.report(error));
    let modules = loader.resolve(importer, found);
    let known = modules
        .iter()
        .map(|(alias, module)| (alias.clone(), module.exports.clone()));
    let findings = check(source, &ast, &known.collect());
    static_lines.extend(findings.errors.iter().map(Diagnostic::line));
    findings.errors.into_iter().for_each(|error| shared.report(error));

    let declaring = Rc::new(Declaring {
        shared: shared.clone(),
        source: source.clone(),
        unit: importer.unit,
        imported,
        unknown: Rc::new(findings.unknown),
        lib: ast.shared_lib().clone(),
        constants: Rc::new(RefCell::new(constants(&modules))),
    });
    mention(world, &declaring, &ast);
    let home = Home::default();
    let mut engine = engine::declaring(world, &declaring);
    link(&mut engine, &modules, Phase::Declaring, &home);
    let first = unit(source, engine, ast.shared_lib(), &home);
    evaluate(&first.engine, &ast, &declaring, &static_lines);

    let reads = Reads::of(&ast);
    let exports = Exports::of(&source.name, &ast);
    let constants = declaring.constants.borrow().clone();
    let home = Home::default();
    let mut engine = engine::acting(world, constants.clone());
    link(&mut engine, &modules, Phase::Acting, &home);
    let optimized = engine.optimize_ast(&Scope::new(), ast, OptimizationLevel::Simple);
    let lib = optimized.shared_lib().clone();
    Some(Loaded {
        declaring: Reachable::new(first, declaring.lib.clone(), Some(declaring)),
        unit: unit(source, engine, &lib, &home),
        lib,
        exports,
        constants,
        reads,
    })
}

/// Notes what functions will ask the outside for.
fn mention(world: &World, declaring: &Rc<Declaring>, ast: &AST) {
    let mentioned = mentions(ast);
    declaring.shared.metrics.borrow_mut().add(mentioned.metrics);
    for path in &mentioned.data {
        world.data.mention(world.folder, path);
    }
    variables::mention(
        &world.settings,
        declaring,
        &mentioned.variables,
        &mentioned.secrets,
    );
}

/// A file's functions with the engine that runs them, which knows from now on where its home is.
fn unit(source: &SourceText, engine: Engine, lib: &rhai::Shared<rhai::Module>, home: &Home) -> Rc<Unit> {
    let mut global = engine.new_global_runtime_state();
    global.lib.push(lib.clone());
    global.source = Some(source.name.as_str().into());
    let unit = Rc::new(Unit {
        name: source.name.clone(),
        engine,
        frames: Frames::new(global),
    });
    // It is set once, here.
    let _ = home.set(Rc::downgrade(&unit));
    unit
}

/// Evaluates a file's statements one by one, so that each that fails is reported and the next still runs.
fn evaluate(engine: &Engine, ast: &AST, declaring: &Rc<Declaring>, static_lines: &[usize]) {
    let mut scope = Scope::new();
    let statements = ast.statements().iter();
    for statement in statements.filter(|statement| !matches!(statement, Stmt::Import(..))) {
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
    arrivals::register(registrar);
    user::register(registrar);
    test_hooks::register(registrar);
    threshold::register(registrar);
    if registrar.declaring.is_some_and(|declaring| declaring.imported) {
        refuse(registrar);
    }
}

/// Refuses what an imported file must not declare: what there is of it is said in one place, the scenario.
fn refuse(registrar: &mut Registrar<'_>) {
    for (name, arguments) in [
        ("user", 1),
        ("user", 2),
        ("host", 1),
        ("plan", 1),
        ("arrivals", 1),
        ("arrivals", 2),
        ("on_test_start", 1),
        ("on_test_stop", 1),
        ("threshold", 1),
    ] {
        registrar.function(name, arguments, move |_, _| {
            Err(failure(format!(
                "`{name}` belongs in the scenario: an imported file has functions and constants only"
            )))
        });
    }
}

//! Imports: what a file takes from others, and what a file has that others can take.
//!
//! In: a file's tree. Out: its [`Import`]s, with complaints about those that make no sense; its [`Exports`], by which a file
//! that imports it is checked. Names of imported files are spelled in two ways for the script engine, see
//! [`desugar`](super::desugar).

use std::collections::{HashMap, HashSet};

use rhai::{AST, ASTFlags, ASTNode, Expr, FnAccess, Position, Stmt};

use super::parse::{functions, is_closure, uses_this};
use super::vocabulary::OBJECTS;
use crate::diagnostic::Diagnostic;
use crate::setup;
use crate::source::{Place, SourceText};

/// What stands between the name of an import and that of a function or constant, where the scenario has `::`.
pub(crate) const FUNCTION: &str = "__";
/// The same for a function that is called on something, as in `this.shared::login()`.
pub(crate) const METHOD: &str = "_1";

/// An import as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Import {
    /// The path as written.
    pub(crate) path: String,
    /// The name it gets.
    pub(crate) alias: String,
    /// Where the path stands.
    pub(crate) position: Position,
}

/// What a file has that others can take.
#[derive(Debug, Clone, Default)]
pub(crate) struct Exports {
    /// The file's name, as shown in diagnostics.
    pub(crate) file: String,
    /// Its functions by name: their numbers of parameters.
    pub(crate) functions: HashMap<String, Vec<usize>>,
    /// Functions that use `this`.
    pub(crate) methods_of_this: HashSet<(String, usize)>,
    /// Functions that are not for others.
    pub(crate) private: HashSet<String>,
    /// Its constants.
    pub(crate) constants: HashSet<String>,
    /// Constants that hold functions, which nobody else can see.
    pub(crate) held: HashSet<String>,
    /// Its variables, which nobody else can see.
    pub(crate) variables: HashSet<String>,
    /// Whether the file could not be read, so that nothing is known about it.
    pub(crate) unknown: bool,
}

impl Exports {
    /// What a file has.
    pub(crate) fn of(file: &str, ast: &AST) -> Self {
        let mut exports = Self {
            file: file.to_owned(),
            ..Self::default()
        };
        for def in functions(ast.shared_lib()).filter(|def| !is_closure(&def.name)) {
            let name = def.name.to_string();
            if def.access == FnAccess::Private {
                exports.private.insert(name);
                continue;
            }
            if uses_this(def) {
                exports.methods_of_this.insert((name.clone(), def.params.len()));
            }
            exports.functions.entry(name).or_default().push(def.params.len());
        }
        for statement in ast.statements() {
            if let Stmt::Var(parts, flags, _) = statement {
                let names = if flags.contains(ASTFlags::CONSTANT) {
                    &mut exports.constants
                } else {
                    &mut exports.variables
                };
                names.insert(parts.0.name.to_string());
            }
        }
        exports
    }

    /// What is known about a file that cannot be read.
    pub(crate) fn unknown() -> Self {
        Self {
            unknown: true,
            ..Self::default()
        }
    }
}

/// The imports of a file, and what is wrong with the way they are written.
pub(crate) fn imports(source: &SourceText, ast: &AST) -> (Vec<Import>, Vec<Diagnostic>) {
    let mut found: Vec<Import> = Vec::new();
    let mut errors = Vec::new();
    let mut at_the_top = HashSet::new();
    let mut error = |position: Position, message: String, label: Option<String>| {
        errors.push(Diagnostic::at(source, Place::of(position), message).labelled(label));
    };
    for statement in ast.statements() {
        let Stmt::Import(parts, position) = statement else {
            continue;
        };
        at_the_top.insert(*position);
        let (path, alias) = &**parts;
        let Expr::StringConstant(path, path_position) = path else {
            error(
                path.position(),
                "`import` takes the path of a file as a plain text".to_owned(),
                Some("as in import \"lib/shared\" as shared;".to_owned()),
            );
            continue;
        };
        let written = Place::of(alias.pos).and_then(|place| source.word(place));
        let name = written.as_deref().unwrap_or_default();
        if name.is_empty() {
            let guess = name_for(path);
            let label = Some(format!("import \"{path}\" as {guess};"));
            error(*position, "an import needs a name".to_owned(), label);
        } else if OBJECTS.contains(&name) || matches!(name, "global" | setup::NAME) {
            error(
                alias.pos,
                format!("`{name}` is part of the language; choose another name"),
                None,
            );
        } else if found.iter().any(|other| other.alias == name) {
            error(
                alias.pos,
                format!("there is an import named `{name}` already"),
                None,
            );
        } else {
            found.push(Import {
                path: path.to_string(),
                alias: name.to_owned(),
                position: *path_position,
            });
        }
    }
    let mut elsewhere = Vec::new();
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        if let Some(ASTNode::Stmt(Stmt::Import(_, position))) = path.last()
            && !at_the_top.contains(position)
        {
            elsewhere.push(*position);
        }
        true
    });
    elsewhere.sort();
    elsewhere.dedup();
    for position in elsewhere {
        error(
            position,
            "an `import` belongs at the top of the file, outside of functions and blocks".to_owned(),
            None,
        );
    }
    (found, errors)
}

/// A name for an import of this path.
fn name_for(path: &str) -> String {
    let last = path.rsplit('/').next().unwrap_or_default();
    let stem: String = last
        .trim_end_matches(".rhai")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    if stem.starts_with(|c: char| c.is_ascii_alphabetic()) {
        stem
    } else {
        "shared".to_owned()
    }
}

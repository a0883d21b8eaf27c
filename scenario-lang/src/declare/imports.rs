//! Imported files: found, loaded once, and linked to the files that import them.
//!
//! In: the [`Import`]s of a file. Out: [`Module`]s. A file is loaded as a scenario is, with its own engines and diagnostics; its
//! text comes from where data files come from, so it travels with them to workers.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use rhai::{Dynamic, Engine};
use rustc_hash::FxHashMap;

use super::state::Shared;
use super::{Loaded, load_file};
use crate::api::World;
use crate::bridge::{Home, Reachable};
use crate::data_source::normalised;
use crate::diagnostic::Diagnostic;
use crate::source::{Place, SourceText};
use crate::syntax::imports::{Exports, FUNCTION, Import};
use crate::syntax::reads::Reads;

/// More files are a mistake, each costs every load thread a script engine.
const MOST_FILES: usize = 100;
/// How deeply imports may nest.
const DEEPEST: usize = 16;
/// Larger files are no scripts.
const LARGEST_MIB: usize = 4;
/// What the names of scenario files end in; imports may leave it out.
const EXTENSION: &str = ".rhai";

/// What all files of a test need while they are loaded.
#[derive(Debug)]
pub(crate) struct Loader {
    pub(crate) shared: Rc<Shared>,
    /// What imported files read of responses.
    reads: Cell<Reads>,
    /// By folder and path.
    modules: RefCell<HashMap<(u32, String), Module>>,
    /// The imported files that are being loaded, outermost first.
    under_way: RefCell<Vec<(u32, String)>>,
}

/// An imported file.
#[derive(Debug, Clone)]
pub(crate) struct Module {
    pub(crate) exports: Rc<Exports>,
    /// Its functions and constants; `None` when it cannot be used.
    loaded: Option<Rc<Linkable>>,
}

#[derive(Debug)]
struct Linkable {
    declaring: Rc<Reachable>,
    acting: Rc<Reachable>,
    constants: FxHashMap<String, Dynamic>,
}

/// The imports of a file by their names.
pub(crate) type Modules = HashMap<String, Module>;

/// Which of a file's two engines something is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Declaring,
    Acting,
}

/// The file that imports.
pub(super) struct Importer<'a> {
    pub(super) world: &'a Rc<World>,
    pub(super) source: &'a SourceText,
    /// The number of the scenario file it belongs to.
    pub(super) unit: usize,
    /// What its own path is below the scenario's folder.
    pub(super) path: &'a str,
}

impl Loader {
    pub(super) fn new(shared: Rc<Shared>) -> Self {
        Self {
            shared,
            reads: Cell::default(),
            modules: RefCell::default(),
            under_way: RefCell::default(),
        }
    }

    /// What imported files read of responses.
    pub(super) fn reads(&self) -> Reads {
        self.reads.get()
    }

    /// Loads what a file imports. What cannot be loaded is reported, and nothing is known about it.
    pub(super) fn resolve(&self, importer: &Importer<'_>, imports: Vec<Import>) -> Modules {
        let load = |import: Import| {
            let module = self.module(importer, &import).unwrap_or_else(|error| {
                self.shared.report(*error);
                Module {
                    exports: Rc::new(Exports::unknown()),
                    loaded: None,
                }
            });
            (import.alias, module)
        };
        imports.into_iter().map(load).collect()
    }

    fn module(&self, importer: &Importer<'_>, import: &Import) -> Result<Module, Box<Diagnostic>> {
        let wrong = |message: String| {
            let place = Place::of(import.position);
            Box::new(Diagnostic::at(importer.source, place, message))
        };
        let folder = importer.world.folder;
        let path = normalised(&import.path).map_err(|error| wrong(error).outside())?;
        let path = if path.ends_with(EXTENSION) {
            path
        } else {
            format!("{path}{EXTENSION}")
        };
        let key = (folder, path.clone());
        if let Some(module) = self.modules.borrow().get(&key) {
            return Ok(module.clone());
        }
        let chain = self.chain(importer, &path);
        if chain.iter().filter(|name| **name == path).count() > 1 {
            let help = "move what both need into a third file".to_owned();
            let message = format!("`{path}` would import itself: {}", chain.join(" → "));
            return Err(Box::new(wrong(message).helped(Some(help))));
        }
        if chain.len() > DEEPEST {
            return Err(wrong(format!("imports nest more than {DEEPEST} deep")));
        }
        if self.modules.borrow().len() >= MOST_FILES {
            return Err(wrong(format!(
                "a test imports up to {MOST_FILES} files, and this is one more"
            )));
        }
        let bytes = importer.world.data.file(folder, &path).map_err(|error| {
            let guess = importer.world.data.neighbour(folder, &path, importer.path);
            let guess = guess.map(|guess| format!("did you mean `{}`?", guess.trim_end_matches(EXTENSION)));
            let error = wrong(error.replacen("cannot read", "cannot import", 1));
            Box::new(error.labelled(guess))
        })?;
        if bytes.len() > LARGEST_MIB << 20 {
            return Err(wrong(format!(
                "`{path}` is larger than {LARGEST_MIB} MiB, which is the limit for scripts"
            )));
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| wrong(format!("`{path}` is not UTF-8 text")))?;
        self.under_way.borrow_mut().push(key.clone());
        let source = Rc::new(SourceText::new(&beside(importer, &path), text));
        let within = Importer {
            source: &source,
            path: &path,
            ..*importer
        };
        let loaded = load_file(self, &within, &source, text, true);
        self.under_way.borrow_mut().pop();
        let module = self.finished(loaded);
        self.modules.borrow_mut().insert(key, module.clone());
        Ok(module)
    }

    /// The files that lead to this one, itself included.
    fn chain(&self, importer: &Importer<'_>, path: &str) -> Vec<String> {
        let under_way = self.under_way.borrow();
        let mut chain: Vec<String> = under_way.iter().map(|(_, path)| path.clone()).collect();
        if chain.is_empty() {
            chain.push(importer.path.to_owned());
        }
        chain.push(path.to_owned());
        chain
    }

    fn finished(&self, loaded: Option<Loaded>) -> Module {
        let Some(loaded) = loaded else {
            return Module {
                exports: Rc::new(Exports::unknown()),
                loaded: None,
            };
        };
        self.reads.set(self.reads.get().or(loaded.reads));
        let mut exports = loaded.exports;
        // A function that a constant holds would have to run here and there, while declaring and later.
        for (name, value) in &loaded.constants {
            if value.is_fnptr() && exports.constants.remove(name) {
                exports.held.insert(name.clone());
            }
        }
        let constants = loaded
            .constants
            .into_iter()
            .filter(|(name, _)| exports.constants.contains(name))
            .collect();
        Module {
            exports: Rc::new(exports),
            loaded: Some(Rc::new(Linkable {
                declaring: loaded.declaring,
                acting: Reachable::new(loaded.unit, loaded.lib, None),
                constants,
            })),
        }
    }
}

/// Gives an engine of a file the functions it has imported.
pub(super) fn link(engine: &mut Engine, modules: &Modules, phase: Phase, home: &Home) {
    for (alias, module) in modules {
        let Some(loaded) = &module.loaded else {
            continue;
        };
        match phase {
            Phase::Declaring => loaded.declaring.register(engine, alias, home),
            Phase::Acting => loaded.acting.register(engine, alias, home),
        }
    }
}

/// The constants a file has imported, as the engine spells them.
pub(super) fn constants(modules: &Modules) -> FxHashMap<String, Dynamic> {
    let of = |(alias, module): (&String, &Module)| {
        let loaded = module.loaded.clone();
        let alias = alias.clone();
        loaded.into_iter().flat_map(move |loaded| {
            let all = loaded.constants.iter();
            let spelled = all.map(|(name, value)| (format!("{alias}{FUNCTION}{name}"), value.clone()));
            spelled.collect::<Vec<_>>()
        })
    };
    modules.iter().flat_map(of).collect()
}

/// The name of an imported file as diagnostics show it: beside the scenario it belongs to.
fn beside(importer: &Importer<'_>, path: &str) -> String {
    let root = importer
        .source
        .name
        .strip_suffix(importer.path)
        .unwrap_or_default();
    format!("{root}{path}")
}

trait Outside {
    fn outside(self) -> Self;
}

impl Outside for Box<Diagnostic> {
    /// With what to do about a path that leads out.
    fn outside(self) -> Self {
        let help = "paths of imports begin at the scenario's folder, in imported files too".to_owned();
        Box::new(self.helped(Some(help)))
    }
}

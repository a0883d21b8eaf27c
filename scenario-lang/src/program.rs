//! What has to be loaded: the files, what they may see of the outside, and which part of them is wanted.
//!
//! In: texts and settings. Out: a [`Scenario`] per thread, or [`Diagnostics`]. A program is `Send`, a scenario is not:
//! every load thread loads its own.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use crate::data_source::DataSource;
use crate::data_store::DataStore;
use crate::declarations::Declarations;
use crate::declare;
use crate::diagnostic::Diagnostics;
use crate::host::Host;
use crate::null_host::NullHost;
use crate::scenario::Scenario;

/// Everything needed to load a scenario, on any thread.
#[derive(Debug, Clone)]
pub struct Program {
    /// The files, which make one test together.
    pub files: Arc<[SourceFile]>,
    /// What they may see of the outside.
    pub settings: Arc<LoadSettings>,
    /// Their data, shared by all threads.
    pub data: Arc<DataStore>,
    /// The number of each file's folder.
    pub(crate) folders: Arc<[u32]>,
}

/// A scenario file.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// As shown in diagnostics.
    pub name: String,
    /// Its text.
    pub text: String,
    /// The folder its data files are below; means nothing when they come from a [`Bundle`](crate::Bundle).
    pub folder: PathBuf,
}

/// What a scenario may see of the outside.
#[derive(Clone, Default)]
pub struct LoadSettings {
    /// The process's environment: what `env()` and `secret()` see.
    pub environment: HashMap<String, String>,
    /// The variables of [`Declarations::environment`] as another process has read them: `env()` prefers them, and while
    /// declaring sees nothing else, so that both processes declare the same. `secret()` never looks here. `None` where the
    /// declarations are evaluated first.
    pub declared_environment: Option<BTreeMap<String, String>>,
    /// What `param()` sees.
    pub parameters: BTreeMap<String, String>,
    /// Overrides the host of every class; an absolute URL.
    pub host: Option<String>,
    /// Which part of the scenario to use.
    pub selection: Selection,
}

/// Which part of a scenario to use.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Names of user classes; empty for all.
    pub classes: Vec<String>,
    /// Only tasks with one of these tags, their own or their class's; empty for all.
    pub tags: Vec<String>,
    /// No tasks with one of these tags.
    pub exclude_tags: Vec<String>,
}

impl Program {
    /// A program with an empty data store.
    #[must_use]
    pub fn new(files: Vec<SourceFile>, settings: LoadSettings) -> Self {
        let (source, folders) = DataSource::disk(files.iter().map(|file| file.folder.as_path()));
        Self::assemble(files, folders, source, settings)
    }

    pub(crate) fn assemble(
        files: Vec<SourceFile>,
        folders: Vec<u32>,
        source: DataSource,
        settings: LoadSettings,
    ) -> Self {
        Self {
            files: files.into(),
            settings: Arc::new(settings),
            data: Arc::new(DataStore::of(source)),
            folders: folders.into(),
        }
    }

    /// The same texts and data with other settings.
    #[must_use]
    pub fn with_settings(self, settings: LoadSettings) -> Self {
        Self {
            settings: Arc::new(settings),
            ..self
        }
    }

    /// Compiles the files and evaluates their declarations, for one thread.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with all of the files, at once.
    pub fn load(&self, host: Rc<dyn Host>) -> Result<Scenario, Diagnostics> {
        declare::load(self, host)
    }

    /// Compiles the files and evaluates their declarations, to learn what they are.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with all of the files, at once.
    pub fn check(&self) -> Result<Declarations, Diagnostics> {
        self.load(Rc::new(NullHost::default()))
            .map(Scenario::into_declarations)
    }
}

impl std::fmt::Debug for LoadSettings {
    /// Shows no values of the environment: secrets come from there.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoadSettings")
            .field(
                "environment",
                &format_args!("{} variables", self.environment.len()),
            )
            .field(
                "declared_environment",
                &self.declared_environment.as_ref().map(BTreeMap::len),
            )
            .field("parameters", &self.parameters)
            .field("host", &self.host)
            .field("selection", &self.selection)
            .finish()
    }
}

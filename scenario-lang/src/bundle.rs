//! A program in one piece: everything another process needs to load it without any file.
//!
//! In: a program that has been loaded. Out: a [`Bundle`] of its texts and the data files they read; and back again. Where
//! the pieces travel or rest is the business of others. Settings are not part of it.

use std::fmt;
use std::path::PathBuf;

use bytes::Bytes;

use crate::data_source::DataSource;
use crate::program::{LoadSettings, Program, SourceFile};

/// A program's texts and data files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bundle {
    /// The scenario files in the order given.
    pub scenarios: Vec<BundledScenario>,
    /// The data files they read.
    pub data: Vec<BundledData>,
}

/// A scenario file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundledScenario {
    /// As shown in diagnostics.
    pub name: String,
    /// The number of the folder its data files are below; scenarios of one folder share it.
    pub folder: u32,
    /// Its text.
    pub text: String,
}

/// A data file.
#[derive(Clone, PartialEq, Eq)]
pub struct BundledData {
    /// Its path below its folder as scripts write it, with `/` and without detours.
    pub path: String,
    /// See [`BundledScenario::folder`].
    pub folder: u32,
    /// Its content.
    pub content: Bytes,
}

impl fmt::Debug for BundledData {
    /// Shows how much it is, not what.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BundledData")
            .field("path", &self.path)
            .field("folder", &self.folder)
            .field("bytes", &self.content.len())
            .finish()
    }
}

/// Why a program cannot be bundled: a data file that was read once cannot be read again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BundleError(String);

impl Program {
    /// The program in one piece. It has to have been loaded or checked before: that is how its data files are known.
    ///
    /// Data files are read again, not kept in memory for this.
    ///
    /// # Errors
    ///
    /// A data file that cannot be read any more.
    pub fn bundle(&self) -> Result<Bundle, BundleError> {
        let scenarios = self
            .files
            .iter()
            .zip(self.folders.iter())
            .map(|(file, folder)| BundledScenario {
                name: file.name.clone(),
                folder: *folder,
                text: file.text.clone(),
            })
            .collect();
        let contents = self.data.contents().map_err(BundleError)?;
        let data = contents
            .into_iter()
            .map(|((folder, path), content)| BundledData {
                path,
                folder,
                content,
            })
            .collect();
        Ok(Bundle { scenarios, data })
    }

    /// A program that reads no files: all it needs is in the bundle.
    #[must_use]
    pub fn from_bundle(bundle: Bundle, settings: LoadSettings) -> Self {
        let folders = bundle.scenarios.iter().map(|scenario| scenario.folder).collect();
        let files = bundle
            .scenarios
            .into_iter()
            .map(|scenario| SourceFile {
                name: scenario.name,
                text: scenario.text,
                folder: PathBuf::new(),
            })
            .collect();
        let contents = bundle
            .data
            .into_iter()
            .map(|file| ((file.folder, file.path), file.content))
            .collect();
        Self::assemble(files, folders, DataSource::Memory(contents), settings)
    }
}

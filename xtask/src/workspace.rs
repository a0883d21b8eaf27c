//! Where things are: the repository's root and cargo's target directory.

use std::path::PathBuf;

use anyhow::{Context, Result};

/// The checkout the tasks work on.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The repository's root.
    pub(crate) root: PathBuf,
    /// Cargo's target directory, wherever the environment put it.
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// Asks cargo.
    ///
    /// # Errors
    /// When cargo cannot read the workspace.
    pub(crate) fn find() -> Result<Self> {
        let mut command = cargo_metadata::MetadataCommand::new();
        if let Some(folder) = std::env::var_os("CARGO_MANIFEST_DIR") {
            command.current_dir(folder);
        }
        let metadata = command
            .no_deps()
            .exec()
            .context("cargo cannot read the workspace")?;
        Ok(Self {
            root: metadata.workspace_root.into_std_path_buf(),
            target: metadata.target_directory.into_std_path_buf(),
        })
    }

    /// The release binary, whether it has been built or not.
    pub(crate) fn release_binary(&self) -> PathBuf {
        self.target.join("release").join("katydid")
    }

    /// Where peers that no Debian package brings are installed.
    pub(crate) fn peers(&self) -> PathBuf {
        self.target.join("peers")
    }

    /// Where programs the tests need are installed that no Debian package brings.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    /// Scratch files of the benchmarks.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.target.join("bench")
    }
}

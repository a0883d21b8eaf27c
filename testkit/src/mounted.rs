//! A folder of secrets as a kubelet mounts it: files are links through `..data`, which is swapped when they change.
//!
//! In: names and contents. Out: paths that stay the same while what they hold changes all at once.

use std::os::unix::fs::symlink;

use anyhow::Result;

use crate::scratch::Scratch;

/// A mounted secret.
#[derive(Debug)]
pub struct Mounted {
    folder: Scratch,
    version: u32,
}

impl Mounted {
    /// Mounts it.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn new(files: &[(&str, &str)]) -> Result<Self> {
        let mut mounted = Self {
            folder: Scratch::new()?,
            version: 0,
        };
        mounted.swap(files)?;
        for (name, _) in files {
            symlink(format!("..data/{name}"), mounted.folder.file(name))?;
        }
        Ok(mounted)
    }

    /// Puts other contents in the place of all those before.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn swap(&mut self, files: &[(&str, &str)]) -> Result<()> {
        self.version += 1;
        let version = format!("..{}", self.version);
        std::fs::create_dir(self.folder.file(&version))?;
        for (name, content) in files {
            std::fs::write(self.folder.file(&version).join(name), content)?;
        }
        symlink(&version, self.folder.file("..data_tmp"))?;
        std::fs::rename(self.folder.file("..data_tmp"), self.folder.file("..data"))?;
        Ok(())
    }

    /// Where a file is.
    #[must_use]
    pub fn file(&self, name: &str) -> String {
        self.folder.file(name).display().to_string()
    }
}

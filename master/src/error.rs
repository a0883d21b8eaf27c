//! What can go wrong in this crate: writing reports. A run itself does not fail, it ends with warnings.

use std::io;
use std::path::PathBuf;

/// A report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The folder a report goes to does not exist and could not be made.
    #[error("cannot create the folder {} for reports: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file could not be opened, written or put in its place.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// The journal could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The folder it goes to could not be made.
    #[error("cannot create the folder {} for the journal: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Another master has it open.
    #[error("the journal {} is in use by another master; give each its own with --journal", .0.display())]
    InUse(PathBuf),
    /// A newer version of Katydid has written it.
    #[error("the journal {} was written by a newer version (format {version}); use that version or another file", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        version: i64,
    },
    /// An older version of Katydid has written it.
    #[error("the journal {} was written by an older version (format {version}), whose runs this one cannot go on with; use that version, another file, or remove it", path.display())]
    Older {
        /// The file.
        path: PathBuf,
        /// Its format.
        version: i64,
    },
    /// What it holds makes no sense.
    #[error("the journal is damaged: {0}")]
    Damaged(String),
    /// The database refuses.
    #[error("cannot use the journal {}: {source}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// SQLite's reason.
        source: rusqlite::Error,
    },
}

//! Locust's four CSV files: `PREFIX_stats.csv`, `_stats_history.csv`, `_failures.csv`, `_exceptions.csv`.
//!
//! In: a snapshot a second, and the final one. Out: files with Locust's columns. Three are rewritten each time, and
//! replaced in one step, so that a reader never sees half a file; the history grows by one row per second.
//! Differences from Locust, on purpose: the last update writes everything that was measured (Locust's files miss the
//! last seconds); the history's percentiles are those of the whole run with and without full history, and `N/A`, not
//! 0, before the first request; times are exact ms with fractions; lines end in a line feed.

mod history;
mod rows;

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use katydid_protocol::stats::Snapshot;

use crate::error::ReportError;
use history::History;

/// The four files of a run.
#[derive(Debug)]
pub struct CsvFiles {
    stats: PathBuf,
    failures: PathBuf,
    exceptions: PathBuf,
    history: History,
}

impl CsvFiles {
    /// Creates the files with their column heads, and the folder they are in; existing files are overwritten.
    ///
    /// With `full_history` the history has a row for every request each second, not only for all of them together.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made or a file cannot be written.
    pub fn create(prefix: &Path, full_history: bool) -> Result<Self, ReportError> {
        if let Some(folder) = prefix.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            let failed = |source| ReportError::Folder {
                path: folder.to_owned(),
                source,
            };
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let files = Self {
            stats: with_suffix(prefix, "_stats.csv"),
            failures: with_suffix(prefix, "_failures.csv"),
            exceptions: with_suffix(prefix, "_exceptions.csv"),
            history: History::create(history_path(prefix), full_history)?,
        };
        replace(&files.stats, &rows::table(&rows::STATS_HEAD, []))?;
        replace(&files.failures, &rows::table(&rows::FAILURES_HEAD, []))?;
        replace(&files.exceptions, &rows::table(&rows::EXCEPTIONS_HEAD, []))?;
        Ok(files)
    }

    /// Writes a snapshot. Of several within one second of the run the last one stays in the history.
    ///
    /// # Errors
    ///
    /// When a file cannot be written; the other files may have been.
    pub fn update(&mut self, snapshot: &Snapshot) -> Result<(), ReportError> {
        self.history.update(snapshot)?;
        replace(&self.stats, &requests(snapshot))?;
        replace(&self.failures, &failures(snapshot))?;
        replace(&self.exceptions, &exceptions(snapshot))
    }
}

/// Where the history of the files with this prefix is.
#[must_use]
pub fn history_path(prefix: &Path) -> PathBuf {
    with_suffix(prefix, "_stats_history.csv")
}

/// The statistics as a file's content.
#[must_use]
pub fn requests(snapshot: &Snapshot) -> Vec<u8> {
    rows::table(&rows::STATS_HEAD, rows::stats(snapshot))
}

/// The failures as a file's content.
#[must_use]
pub fn failures(snapshot: &Snapshot) -> Vec<u8> {
    rows::table(&rows::FAILURES_HEAD, rows::failures(snapshot))
}

/// The exceptions as a file's content.
#[must_use]
pub fn exceptions(snapshot: &Snapshot) -> Vec<u8> {
    rows::table(&rows::EXCEPTIONS_HEAD, rows::exceptions(snapshot))
}

/// Puts new content in a file's place in one step.
fn replace(path: &Path, content: &[u8]) -> Result<(), ReportError> {
    let draft = with_suffix(path, ".tmp");
    let written = fs::File::create(&draft).and_then(|mut file| file.write_all(content));
    written.and_then(|()| fs::rename(&draft, path)).map_err(|source| {
        // Best effort: the error that is told is why the file could not be written.
        let _ = fs::remove_file(&draft);
        ReportError::Write {
            path: path.to_owned(),
            source,
        }
    })
}

fn with_suffix(prefix: &Path, suffix: &str) -> PathBuf {
    let mut path = OsString::from(prefix);
    path.push(suffix);
    path.into()
}

#[cfg(test)]
#[path = "csv/tests.rs"]
mod tests;

//! The last word of a process, for those who only see how it ended: a file with one line of JSON.
//!
//! In: the file, the run's last snapshot, what went wrong. Out: the line, on every way out, written in place: a container
//! runtime gives a file that cannot be replaced by another. The file is empty until then, so that a process that was killed leaves no
//! verdict of an earlier one.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use clap::CommandFactory;
use katydid_master::report::summary::{Verdict, render};
use katydid_protocol::stats::Snapshot;

use crate::args::Cli;
use crate::exit_code::Exit;
use crate::problem::{Problem, Problems};

/// How the flag is typed, and what else it can come from.
const FLAG: &str = "--summary-file";
const VARIABLE: &str = "KATYDID_SUMMARY_FILE";

/// What is known so far.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    file: Option<(PathBuf, File)>,
    snapshot: Option<Arc<Snapshot>>,
    reason: Option<String>,
}

impl Summary {
    /// Opens the file, if there shall be one, and empties it.
    ///
    /// # Errors
    ///
    /// It cannot be written to.
    pub(crate) fn open(&self, path: Option<&Path>) -> Result<(), Problems> {
        let Some(path) = path else {
            return Ok(());
        };
        let file = create(path)
            .map_err(|error| Problem::new(format!("{FLAG}: cannot write {}: {error}", path.display())))?;
        self.with(|told| told.file = Some((path.to_owned(), file)));
        Ok(())
    }

    /// Remembers a run as it is now; what was said of an earlier one is forgotten.
    pub(crate) fn of_run(&self, snapshot: &Arc<Snapshot>) {
        self.with(|told| {
            told.snapshot = Some(Arc::clone(snapshot));
            told.reason = None;
        });
    }

    /// Remembers why it ends as it does, where the run does not say so itself; the first time counts.
    pub(crate) fn because(&self, reason: &str) {
        let reason = reason.trim().trim_start_matches("error: ").to_owned();
        self.with(|told| {
            told.reason.get_or_insert(reason);
        });
    }

    /// Remembers an error that left no run to tell of.
    pub(crate) fn instead_of_run(&self, error: &str) {
        self.with(|told| (told.snapshot, told.reason) = (None, None));
        self.because(error);
    }

    /// Writes the line.
    ///
    /// # Errors
    ///
    /// What cannot be written, and why.
    pub(crate) fn write(&self, exit: Exit) -> Result<(), String> {
        self.with(|told| {
            let Some((path, file)) = &mut told.file else {
                return Ok(());
            };
            let verdict = Verdict {
                word: exit.word(),
                exit_code: exit.code(),
                reason: told.reason.as_deref(),
            };
            let line = render(verdict, told.snapshot.as_deref());
            file.write_all(line.as_bytes())
                .map_err(|error| format!("cannot write {}: {error}", path.display()))
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Told) -> T) -> T {
        work(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn create(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent().filter(|folder| *folder != Path::new("")) {
        std::fs::create_dir_all(folder)?;
    }
    File::create(path)
}

/// Where the line shall go, as far as can be seen in a command line that makes no sense.
pub(crate) fn place(words: &[OsString], environment: &HashMap<String, String>) -> Option<PathBuf> {
    let command = words.get(1).and_then(|word| word.to_str());
    if command.is_some_and(|word| Cli::command().find_subcommand(word).is_some()) {
        return None;
    }
    let mut typed =
        words
            .iter()
            .enumerate()
            .filter_map(|(index, word)| match word.to_str()?.strip_prefix(FLAG)? {
                "" => words.get(index + 1).map(PathBuf::from),
                rest => rest.strip_prefix('=').map(PathBuf::from),
            });
    typed
        .next_back()
        .or_else(|| environment.get(VARIABLE).map(PathBuf::from))
        .filter(|path| !path.as_os_str().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::progress::tests::snapshot;
    use katydid_protocol::stats::RunState;

    fn read(path: &Path) -> serde_json::Value {
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    #[test]
    fn the_line_is_written_in_place_and_what_was_there_is_gone_before() {
        use std::os::unix::fs::MetadataExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        std::fs::write(
            &path,
            "of an earlier process, and longer than any line of this test will ever be",
        )
        .unwrap();
        let before = path.metadata().unwrap().ino();
        let summary = Summary::default();
        summary.open(Some(&path)).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
        summary.because("error: of an earlier run");
        summary.of_run(&Arc::new(snapshot(RunState::Stopped)));
        summary.because("error: the disk is full");
        summary.because("as a consequence");
        summary.write(Exit::Failed(1)).unwrap();
        let line = read(&path);
        assert_eq!(
            (&line["verdict"], &line["exit_code"]),
            (&"failed".into(), &1.into())
        );
        assert_eq!(line["reason"], "the disk is full");
        assert_eq!(line["requests"], 1_234);
        assert_eq!(path.metadata().unwrap().ino(), before);
    }

    #[test]
    fn without_a_file_nothing_is_written_and_a_bad_place_is_refused() {
        let summary = Summary::default();
        summary.open(None).unwrap();
        summary.write(Exit::Passed).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let refused = summary.open(Some(folder.path())).unwrap_err().to_string();
        assert!(refused.contains("--summary-file: cannot write"), "{refused}");
    }

    #[test]
    fn the_place_is_found_in_words_that_make_no_sense() {
        let place = |words: &[&str], variable: &str| {
            let words: Vec<OsString> = std::iter::once("katydid")
                .chain(words.iter().copied())
                .map(Into::into)
                .collect();
            let environment = [(VARIABLE.to_owned(), variable.to_owned())];
            super::place(&words, &environment.into()).map(|path| path.display().to_string())
        };
        assert_eq!(
            place(&["--bad", "--summary-file", "a"], "v").as_deref(),
            Some("a")
        );
        assert_eq!(
            place(&["--summary-file=a", "--summary-file=b"], "").as_deref(),
            Some("b")
        );
        assert_eq!(place(&["--bad"], "v").as_deref(), Some("v"));
        assert_eq!(place(&["--bad", "--summary-files=a"], ""), None);
        assert_eq!(place(&["check", "--bad"], "v"), None);
    }
}

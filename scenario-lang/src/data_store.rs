//! The data files of a scenario: read once per process, shared by all threads, never written.
//!
//! In: a path as a script wrote it and the number of the scenario's folder. Out: an [`Arc`] of the parsed rows. The lock
//! is held while a file is parsed, so that many threads starting at once parse it once; rows are read without any lock.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::data_set::{DataSet, Format};
use crate::data_source::{DataSource, normalised};
use crate::secrets::Secrets;

/// The parsed data files of a process, and the secrets its scripts have read.
#[derive(Debug, Default)]
pub struct DataStore {
    source: DataSource,
    sets: Mutex<HashMap<(Format, u32, String), Loaded>>,
    files: Mutex<HashMap<(u32, String), Result<Bytes, String>>>,
    /// The files scripts ask for, by folder and path, and whether one has been read.
    asked_for: Mutex<BTreeMap<(u32, String), bool>>,
    pub(crate) secrets: Secrets,
}

type Loaded = Result<Arc<DataSet>, String>;

impl DataStore {
    /// A store whose files come from there.
    pub(crate) fn of(source: DataSource) -> Self {
        Self {
            source,
            ..Self::default()
        }
    }

    /// A text with all secrets that scripts have read replaced by `***`.
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.secrets.mask(text)
    }

    /// A file's rows, read the first time anybody asks.
    ///
    /// The error says for a person what is wrong with the path or the file.
    pub(crate) fn load(&self, format: Format, folder: u32, path: &str) -> Loaded {
        let path = normalised(path)?;
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        sets.entry((format, folder, path.clone()))
            .or_insert_with(|| {
                let bytes = self.source.read(folder, &path)?;
                self.note(folder, path.clone(), true);
                DataSet::parse(format, folder, &path, &bytes).map(Arc::new)
            })
            .clone()
    }

    /// A file as it is, read the first time anybody asks.
    ///
    /// The error says for a person what is wrong with the path or the file.
    pub(crate) fn file(&self, folder: u32, path: &str) -> Result<Bytes, String> {
        let path = normalised(path)?;
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files
            .entry((folder, path.clone()))
            .or_insert_with(|| {
                let bytes = self.source.read(folder, &path)?;
                self.note(folder, path, true);
                Ok(bytes)
            })
            .clone()
    }

    /// The file nearest to one that is not there; `asking` is the path of the file that asks for it.
    pub(crate) fn neighbour(&self, folder: u32, path: &str, asking: &str) -> Option<String> {
        self.source.neighbour(folder, path, asking)
    }

    /// Notes a file that a script names in a function, where it may be read later or never.
    pub(crate) fn mention(&self, folder: u32, path: &str) {
        if let Ok(path) = normalised(path) {
            self.note(folder, path, false);
        }
    }

    fn note(&self, folder: u32, path: String, was_read: bool) {
        let mut asked_for = self.asked_for.lock().unwrap_or_else(PoisonError::into_inner);
        *asked_for.entry((folder, path)).or_default() |= was_read;
    }

    /// The content of every file scripts have read or name, by folder and path. A file that is only named and cannot be
    /// read is left out: its script may never ask for it.
    pub(crate) fn contents(&self) -> Result<BTreeMap<(u32, String), Bytes>, String> {
        let asked_for = self
            .asked_for
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut contents = BTreeMap::new();
        for ((folder, path), was_read) in asked_for {
            match self.source.read(folder, &path) {
                Ok(bytes) => drop(contents.insert((folder, path), bytes)),
                Err(error) if was_read => return Err(error),
                Err(_) => {}
            }
        }
        Ok(contents)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn store(folder: &Path) -> DataStore {
        DataStore::of(DataSource::disk([folder]).0)
    }

    #[test]
    fn stays_below_the_folder() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("scenario");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(outer.path().join("secret.csv"), "a\n1\n").unwrap();
        std::fs::write(folder.join("ok.csv"), "a\n1\n").unwrap();
        let store = store(&folder);
        let load = |path: &str| store.load(Format::Csv, 0, path);
        assert!(load("ok.csv").is_ok());
        assert!(load("./ok.csv").is_ok());
        assert!(
            load("../secret.csv")
                .unwrap_err()
                .contains("is not below the scenario's folder")
        );
        assert!(
            load(outer.path().join("secret.csv").to_str().unwrap())
                .unwrap_err()
                .contains("not below")
        );
        assert!(
            load("missing.csv")
                .unwrap_err()
                .ends_with("there is no such file")
        );
        assert!(load(".").unwrap_err().ends_with("it is not a file"));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(outer.path().join("secret.csv"), folder.join("link.csv")).unwrap();
            assert!(
                load("link.csv")
                    .unwrap_err()
                    .contains("is not below the scenario's folder")
            );
        }
    }

    #[test]
    fn parses_a_file_once() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.csv"), "a\n1\n").unwrap();
        let store = store(folder.path());
        let first = store.load(Format::Csv, 0, "a.csv").unwrap();
        let second = store.load(Format::Csv, 0, "./a.csv").unwrap();
        assert!(Arc::ptr_eq(&first, &second));
    }

    #[test]
    fn the_files_read_and_named_can_be_had_again() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.csv", "b.csv"] {
            std::fs::write(folder.path().join(name), "a\n1\n").unwrap();
        }
        let store = store(folder.path());
        store.load(Format::Csv, 0, "./a.csv").unwrap();
        store.mention(0, "b.csv");
        store.mention(0, "missing.csv");
        store.mention(0, "../outside.csv");
        let contents = store.contents().unwrap();
        let paths: Vec<_> = contents
            .keys()
            .map(|(folder, path)| (*folder, path.as_str()))
            .collect();
        assert_eq!(paths, [(0, "a.csv"), (0, "b.csv")]);
        std::fs::remove_file(folder.path().join("a.csv")).unwrap();
        assert!(store.contents().unwrap_err().contains("there is no such file"));
    }

    #[test]
    fn files_in_memory_are_read_without_a_disk() {
        let files = HashMap::from([((1, "d/a.csv".to_owned()), Bytes::from_static(b"a\n1\n"))]);
        let store = DataStore::of(DataSource::Memory(files));
        assert_eq!(store.load(Format::Csv, 1, "d/./a.csv").unwrap().len(), Some(1));
        let error = store.load(Format::Csv, 0, "d/a.csv").unwrap_err();
        assert!(error.contains("has not come with the scenario"), "{error}");
    }
}

//! The data files of a scenario: read once per process, shared by all threads, never written.
//!
//! In: a path as a script wrote it and the scenario's folder. Out: an [`Arc`] of the parsed rows. Only files below the
//! folder can be read, whatever `..`, absolute paths and symbolic links say. The lock is held while a file is parsed, so
//! that many threads starting at once parse it once; rows are read without any lock.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{Dynamic, Identifier, ImmutableString};

use crate::convert;
use crate::secrets::Secrets;

/// The parsed data files of a process, and the secrets its scripts have read.
#[derive(Debug, Default)]
pub struct DataStore {
    files: Mutex<HashMap<(Format, PathBuf), Loaded>>,
    pub(crate) secrets: Secrets,
}

type Loaded = Result<Arc<DataSet>, String>;

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Format {
    Csv,
    Json,
    Lines,
}

/// The rows of a file.
#[derive(Debug)]
pub(crate) struct DataSet {
    /// The path as the script wrote it; names the set.
    pub(crate) name: String,
    rows: Rows,
}

#[derive(Debug)]
enum Rows {
    Csv {
        header: Vec<Identifier>,
        records: Vec<csv::StringRecord>,
    },
    Lines(Vec<Box<str>>),
    Json(serde_json::Value),
}

/// Larger files do not belong into the memory of a load generator.
const LARGEST_MIB: u64 = 256;

// === impl DataStore ===

impl DataStore {
    /// A text with all secrets that scripts have read replaced by `***`.
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.secrets.mask(text)
    }

    /// A file's rows, read the first time anybody asks.
    ///
    /// The error says for a person what is wrong with the path or the file.
    pub(crate) fn load(&self, format: Format, folder: &Path, path: &str) -> Loaded {
        let file = resolve(folder, path)?;
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files
            .entry((format, file.clone()))
            .or_insert_with(|| read(format, &file, path).map(Arc::new))
            .clone()
    }
}

/// The file a path means, if it is one below the folder.
fn resolve(folder: &Path, path: &str) -> Result<PathBuf, String> {
    if path.trim().is_empty() {
        return Err("a data file needs a path".to_owned());
    }
    let relative = Path::new(path);
    let outside =
        || format!("`{path}` is not below the scenario's folder; data files are read from there only");
    if relative
        .components()
        .any(|part| !matches!(part, Component::Normal(_) | Component::CurDir))
    {
        return Err(outside());
    }
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let root = folder.canonicalize().map_err(|error| {
        format!(
            "cannot open the scenario's folder {}: {}",
            folder.display(),
            plain(&error)
        )
    })?;
    let file = root
        .join(relative)
        .canonicalize()
        .map_err(|error| format!("cannot read `{path}` in {}: {}", folder.display(), plain(&error)))?;
    if !file.starts_with(&root) {
        return Err(outside());
    }
    Ok(file)
}

fn read(format: Format, file: &Path, path: &str) -> Result<DataSet, String> {
    let failed = |error: &std::io::Error| format!("cannot read `{path}`: {}", plain(error));
    let metadata = file.metadata().map_err(|error| failed(&error))?;
    if !metadata.is_file() {
        return Err(format!("cannot read `{path}`: it is not a file"));
    }
    let mut bytes = Vec::new();
    let limit = LARGEST_MIB << 20;
    File::open(file)
        .and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
        .map_err(|error| failed(&error))?;
    if bytes.len() as u64 > limit {
        return Err(format!(
            "`{path}` is larger than {LARGEST_MIB} MiB, which is the limit for data files"
        ));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let line = 1 + error.as_bytes()[..error.utf8_error().valid_up_to()]
            .iter()
            .filter(|b| **b == b'\n')
            .count();
        format!("`{path}` is not UTF-8 text (line {line}); save it as UTF-8")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let rows = match format {
        Format::Csv => csv_rows(text, path)?,
        Format::Lines => Rows::Lines(
            text.lines()
                .filter(|line| !line.trim().is_empty())
                .map(Box::from)
                .collect(),
        ),
        Format::Json => {
            Rows::Json(serde_json::from_str(text).map_err(|error| format!("`{path}` is not JSON: {error}"))?)
        }
    };
    Ok(DataSet {
        name: path.to_owned(),
        rows,
    })
}

fn csv_rows(text: &str, path: &str) -> Result<Rows, String> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::Headers)
        .from_reader(text.as_bytes());
    let header = reader
        .headers()
        .map_err(|error| format!("`{path}`: {error}"))?
        .clone();
    if header.is_empty() || header.iter().all(str::is_empty) {
        return Err(format!(
            "`{path}` has no header row; its first line must name the columns"
        ));
    }
    for (index, name) in header.iter().enumerate() {
        if header.iter().take(index).any(|other| other == name) {
            return Err(format!("`{path}` has two columns named `{name}`"));
        }
    }
    let mut records = Vec::new();
    for record in reader.records() {
        records.push(record.map_err(|error| ragged(&error, path))?);
    }
    Ok(Rows::Csv {
        header: header.iter().map(Identifier::from).collect(),
        records,
    })
}

fn ragged(error: &csv::Error, path: &str) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths {
            pos,
            expected_len,
            len,
        } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            format!("`{path}` line {line} has {len} fields, but the header has {expected_len}")
        }
        _ => format!("`{path}`: {error}"),
    }
}

/// An error of the operating system without its number.
fn plain(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

// === impl DataSet ===

impl DataSet {
    /// How many rows there are; `None` when the file holds a single JSON value.
    pub(crate) fn len(&self) -> Option<usize> {
        match &self.rows {
            Rows::Csv { records, .. } => Some(records.len()),
            Rows::Lines(lines) => Some(lines.len()),
            Rows::Json(serde_json::Value::Array(items)) => Some(items.len()),
            Rows::Json(_) => None,
        }
    }

    /// A row; `()` when there is none.
    pub(crate) fn row(&self, index: usize) -> Dynamic {
        match &self.rows {
            Rows::Csv { header, records } => records.get(index).map_or(Dynamic::UNIT, |record| {
                let fields = record
                    .iter()
                    .map(|field| Dynamic::from(ImmutableString::from(field)));
                Dynamic::from_map(header.iter().cloned().zip(fields).collect())
            }),
            Rows::Lines(lines) => lines
                .get(index)
                .map_or(Dynamic::UNIT, |line| ImmutableString::from(&**line).into()),
            Rows::Json(value) => value.get(index).map_or(Dynamic::UNIT, convert::from_json),
        }
    }

    /// The single value of a JSON file that holds no array.
    pub(crate) fn value(&self) -> Dynamic {
        match &self.rows {
            Rows::Json(value) => convert::from_json(value),
            _ => Dynamic::UNIT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(format: Format, name: &str, text: &[u8]) -> Loaded {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
        DataStore::default().load(format, folder.path(), name)
    }

    #[test]
    fn reads_csv_as_people_write_it() {
        let set = load(
            Format::Csv,
            "a.csv",
            "\u{feff}id, name\r\n1,\"x, \"\"y\"\"\"\r\n2,z\n".as_bytes(),
        )
        .unwrap();
        assert_eq!(set.len(), Some(2));
        let row = set.row(0);
        let row = row.as_map_ref().unwrap();
        assert_eq!(row["id"].clone().into_string().unwrap(), "1");
        assert_eq!(row["name"].clone().into_string().unwrap(), "x, \"y\"");
        assert!(set.row(2).is_unit());
    }

    #[test]
    fn says_which_line_is_wrong() {
        let error = load(Format::Csv, "a.csv", b"id,name\n1,x\n2\n").unwrap_err();
        assert_eq!(error, "`a.csv` line 3 has 1 fields, but the header has 2");
        let error = load(Format::Csv, "a.csv", b"").unwrap_err();
        assert_eq!(
            error,
            "`a.csv` has no header row; its first line must name the columns"
        );
        let error = load(Format::Csv, "a.csv", b"a,a\n1,2\n").unwrap_err();
        assert_eq!(error, "`a.csv` has two columns named `a`");
        let error = load(Format::Lines, "a.txt", b"one\ntwo\xff\n").unwrap_err();
        assert_eq!(error, "`a.txt` is not UTF-8 text (line 2); save it as UTF-8");
        assert!(
            load(Format::Json, "a.json", b"[1,")
                .unwrap_err()
                .starts_with("`a.json` is not JSON: ")
        );
    }

    #[test]
    fn reads_json_and_lines() {
        let set = load(Format::Json, "a.json", b"[{\"a\":1},2]").unwrap();
        assert_eq!(set.len(), Some(2));
        assert!(set.row(0).is_map());
        assert_eq!(load(Format::Json, "a.json", b"{\"a\":1}").unwrap().len(), None);
        assert_eq!(
            load(Format::Lines, "a.txt", b"one\n\ntwo\r\n").unwrap().len(),
            Some(2)
        );
    }

    #[test]
    fn stays_below_the_folder() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("scenario");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(outer.path().join("secret.csv"), "a\n1\n").unwrap();
        std::fs::write(folder.join("ok.csv"), "a\n1\n").unwrap();
        let store = DataStore::default();
        let load = |path: &str| store.load(Format::Csv, &folder, path);
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
        let store = DataStore::default();
        let first = store.load(Format::Csv, folder.path(), "a.csv").unwrap();
        let second = store.load(Format::Csv, folder.path(), "./a.csv").unwrap();
        assert!(Arc::ptr_eq(&first, &second));
    }

    proptest::proptest! {
        #[test]
        fn csv_never_panics(text in "[a,\"\n\r ;é]{0,60}") {
            let _ = csv_rows(&text, "a.csv");
        }
    }
}

//! Finds and reads scenario files.
//!
//! In: files and folders as given. Out: every file's text, in the order given; of a folder every `*.rhai` below it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use katydid_scenario_lang::SourceFile;

use crate::problem::{Problem, Problems};
use crate::suggest;

/// What runs when nobody names a file.
pub(crate) const DEFAULT_NAME: &str = "scenario.rhai";

/// Folders within folders looked into; more is a link that leads back to itself.
const MAX_DEPTH: usize = 16;

/// Files read; more is a folder given by mistake.
const MAX_FILES: usize = 1_000;

/// Reads all files; `paths` empty means the default file.
///
/// # Errors
///
/// Every file that cannot be read.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Vec<SourceFile>, Problems> {
    let mut finder = Finder::default();
    if paths.is_empty() {
        let default = Path::new(DEFAULT_NAME);
        if !default.exists() {
            let problem = Problem::new(format!("there is no {DEFAULT_NAME} in the current folder"));
            let help = "name a scenario with -f FILE, or run `katydid demo` for a first look";
            return Err(problem.help(help.to_owned()).into());
        }
        finder.file(default);
    }
    for path in paths {
        if path.is_dir() {
            if finder.folder(path, 0) == 0 && finder.problems.is_empty() {
                let problem = Problem::new(format!("there is no *.rhai file in {}", path.display()));
                finder
                    .problems
                    .add(problem.help("files whose names begin with `_` are left out".to_owned()));
            }
        } else {
            finder.file(path);
        }
    }
    finder.problems.into_result(finder.files)
}

#[derive(Default)]
struct Finder {
    files: Vec<SourceFile>,
    seen: BTreeSet<PathBuf>,
    problems: Problems,
}

impl Finder {
    /// Reads the files of a folder; gives how many there are, those read before included.
    fn folder(&mut self, folder: &Path, depth: usize) -> usize {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                self.problems.add(Problem::new(format!(
                    "cannot read the folder {}: {error}",
                    folder.display()
                )));
                return 0;
            }
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        let mut found = 0;
        for path in paths {
            let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
            if name.starts_with(['_', '.']) || self.files.len() > MAX_FILES {
                continue;
            }
            if path.is_dir() {
                if depth < MAX_DEPTH {
                    found += self.folder(&path, depth + 1);
                }
            } else if path.extension().is_some_and(|extension| extension == "rhai") {
                self.file(&path);
                found += 1;
            }
        }
        found
    }

    fn file(&mut self, path: &Path) {
        let identity = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if !self.seen.insert(identity) {
            return;
        }
        if self.files.len() == MAX_FILES {
            self.problems.add(Problem::new(format!(
                "more than {MAX_FILES} scenario files; name those to run"
            )));
            return;
        }
        let folder = path
            .parent()
            .filter(|folder| *folder != Path::new(""))
            .unwrap_or(Path::new("."));
        match fs::read_to_string(path) {
            Ok(text) => self.files.push(SourceFile {
                name: path.strip_prefix(".").unwrap_or(path).display().to_string(),
                text,
                folder: folder.to_owned(),
            }),
            Err(error) => self.problems.add(unreadable(path, folder, &error)),
        }
    }
}

fn unreadable(path: &Path, folder: &Path, error: &std::io::Error) -> Problem {
    let shown = path.display();
    match error.kind() {
        ErrorKind::NotFound => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            Problem::new(format!("there is no file {shown}")).did_you_mean(neighbour(&name, path, folder))
        }
        ErrorKind::InvalidData => {
            Problem::new(format!("{shown} is not a text file")).help("scenarios are UTF-8 text".to_owned())
        }
        _ => Problem::new(format!("cannot read {shown}: {error}")),
    }
}

/// A file beside the missing one whose name is nearly the same.
fn neighbour(name: &str, path: &Path, folder: &Path) -> Option<String> {
    let entries = fs::read_dir(folder).ok()?;
    let names: Vec<String> = entries
        .flatten()
        .take(MAX_FILES)
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    let scenarios = names
        .iter()
        .map(String::as_str)
        .filter(|name| name.ends_with(".rhai"));
    let guess = suggest::nearest(name, scenarios)?;
    Some(path.with_file_name(guess).display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("// {file}")).unwrap();
        }
        folder
    }

    fn texts(paths: &[PathBuf]) -> Vec<String> {
        read(paths).unwrap().into_iter().map(|file| file.text).collect()
    }

    #[test]
    fn a_folder_is_read_in_order_without_private_files() {
        let folder = folder(&[
            "b.rhai",
            "a/z.rhai",
            "_c.rhai",
            "d.txt",
            ".git/e.rhai",
            "_lib/f.rhai",
        ]);
        assert_eq!(texts(&[folder.path().to_owned()]), ["// a/z.rhai", "// b.rhai"]);
    }

    #[test]
    fn files_come_in_the_order_given_and_once() {
        let folder = folder(&["a.rhai", "_b.rhai"]);
        let path = |name: &str| folder.path().join(name);
        let paths = [
            path("_b.rhai"),
            path("a.rhai"),
            path("a.rhai"),
            folder.path().to_owned(),
        ];
        assert_eq!(texts(&paths), ["// _b.rhai", "// a.rhai"]);
        assert_eq!(read(&[path("a.rhai")]).unwrap()[0].folder, folder.path());
    }

    #[test]
    fn all_missing_files_are_named() {
        let folder = folder(&["shop.rhai", "bad.rhai"]);
        fs::write(folder.path().join("bad.rhai"), [0xff, 0xfe]).unwrap();
        let path = |name: &str| folder.path().join(name);
        let error = read(&[path("shpo.rhai"), path("other.rhai"), path("bad.rhai")])
            .unwrap_err()
            .to_string();
        let error = error.replace(&folder.path().display().to_string(), "DIR");
        insta::assert_snapshot!(error, @r"
        error: 3 problems
          - there is no file DIR/shpo.rhai
            help: did you mean `DIR/shop.rhai`?
          - there is no file DIR/other.rhai
          - DIR/bad.rhai is not a text file
            help: scenarios are UTF-8 text
        ");
    }

    #[test]
    fn a_folder_without_scenarios_is_a_problem() {
        let folder = folder(&["_c.rhai"]);
        assert!(
            read(&[folder.path().to_owned()])
                .unwrap_err()
                .to_string()
                .contains("no *.rhai file in")
        );
    }
}

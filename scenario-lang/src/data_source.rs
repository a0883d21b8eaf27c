//! Where data files come from: the folders of the scenarios on disk, or memory, for who was sent both.
//!
//! In: a folder's number and a path as a script wrote it. Out: the file's bytes. Only files below the folder can be
//! read, whatever `..`, absolute paths and symbolic links say.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;

use crate::suggestion::closest;

/// Larger files do not belong into the memory of a load generator.
const LARGEST_MIB: u64 = 256;

/// How many files of a folder are looked at for one of a similar name.
const MOST_NEIGHBOURS: usize = 1_000;

/// See the module.
#[derive(Debug)]
pub(crate) enum DataSource {
    /// The scenarios' folders, by number.
    Disk(Vec<PathBuf>),
    /// Files by their folder's number and their normalised path.
    Memory(HashMap<(u32, String), Bytes>),
}

impl Default for DataSource {
    fn default() -> Self {
        Self::Disk(Vec::new())
    }
}

impl DataSource {
    /// The folders of some scenarios, and each scenario's number in it: scenarios of one folder share its number.
    pub(crate) fn disk<'a>(folders: impl IntoIterator<Item = &'a Path>) -> (Self, Vec<u32>) {
        let mut known: Vec<(PathBuf, PathBuf)> = Vec::new();
        let numbers = folders
            .into_iter()
            .map(|folder| {
                let folder = if folder.as_os_str().is_empty() {
                    Path::new(".")
                } else {
                    folder
                };
                let identity = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
                let found = known.iter().position(|(other, _)| *other == identity);
                let number = found.unwrap_or_else(|| {
                    known.push((identity, folder.to_owned()));
                    known.len() - 1
                });
                u32::try_from(number).unwrap_or(u32::MAX)
            })
            .collect();
        let folders = known.into_iter().map(|(_, folder)| folder).collect();
        (Self::Disk(folders), numbers)
    }

    /// The file nearest to one that is not there, as a path below the folder: in the same folder, or under the same path
    /// beside the file that asks for it.
    pub(crate) fn neighbour(&self, folder: u32, path: &str, asking: &str) -> Option<String> {
        let Self::Disk(folders) = self else {
            return None;
        };
        let root = folders.get(usize::try_from(folder).ok()?)?;
        let parent = |path: &str| path.rsplit_once('/').map(|(parent, _)| parent.to_owned());
        if let Some(parent) = parent(asking) {
            let beside = format!("{parent}/{path}");
            if resolve(root, &beside).is_ok() {
                return Some(beside);
            }
        }
        let within = parent(path);
        let looked_into = within.as_deref().map_or(root.clone(), |parent| root.join(parent));
        let names: Vec<String> = std::fs::read_dir(looked_into)
            .ok()?
            .flatten()
            .take(MOST_NEIGHBOURS)
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| name.ends_with(".rhai"))
            .collect();
        let name = path.rsplit('/').next()?;
        let guess = closest(name, names.iter().map(String::as_str))?;
        Some(match within {
            Some(parent) => format!("{parent}/{guess}"),
            None => guess.to_owned(),
        })
    }

    /// A file's content. `path` is normalised.
    pub(crate) fn read(&self, folder: u32, path: &str) -> Result<Bytes, String> {
        match self {
            Self::Disk(folders) => {
                let found = usize::try_from(folder).ok().and_then(|index| folders.get(index));
                let folder = found.map_or(Path::new("."), PathBuf::as_path);
                read(&resolve(folder, path)?, path).map(Bytes::from)
            }
            Self::Memory(files) => files.get(&(folder, path.to_owned())).cloned().ok_or_else(|| {
                format!(
                    "cannot read `{path}`: it has not come with the scenario; read it at the top of the file, as in \
                     const ROWS = csv(\"{path}\"), so that it is sent along"
                )
            }),
        }
    }
}

/// A path as a script wrote it, with `/` and without detours.
pub(crate) fn normalised(path: &str) -> Result<String, String> {
    if path.trim().is_empty() {
        return Err("a data file needs a path".to_owned());
    }
    let mut parts = Vec::new();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(part) => parts.push(part.to_string_lossy()),
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::ParentDir => return Err(outside(path)),
        }
    }
    if parts.is_empty() {
        return Err(format!("cannot read `{path}`: it is not a file"));
    }
    Ok(parts.join("/"))
}

fn outside(path: &str) -> String {
    format!("`{path}` is not below the scenario's folder; files are read from there only")
}

/// The file a path means, if it is one below the folder.
fn resolve(folder: &Path, path: &str) -> Result<PathBuf, String> {
    let root = folder.canonicalize().map_err(|error| {
        format!(
            "cannot open the scenario's folder {}: {}",
            folder.display(),
            plain(&error)
        )
    })?;
    let file = root
        .join(path)
        .canonicalize()
        .map_err(|error| format!("cannot read `{path}` in {}: {}", folder.display(), plain(&error)))?;
    if !file.starts_with(&root) {
        return Err(outside(path));
    }
    Ok(file)
}

fn read(file: &Path, path: &str) -> Result<Vec<u8>, String> {
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
    Ok(bytes)
}

/// An error of the operating system without its number.
fn plain(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

//! Where the program under test is.
//!
//! In: `KATYDID_BIN`, or the place of the running test. Out: a path that exists, or what to do to get one.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// The `katydid` to test: `KATYDID_BIN`, else the one built beside this test.
///
/// # Errors
///
/// When there is none.
pub fn katydid_bin() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("KATYDID_BIN") {
        return existing(
            PathBuf::from(path),
            "KATYDID_BIN names a file that does not exist",
        );
    }
    existing(profile_folder()?.join("katydid"), "build it first: cargo build")
}

/// The unoptimised `katydid`, whatever profile the test has.
///
/// # Errors
///
/// When it has not been built.
pub fn katydid_debug_bin() -> Result<PathBuf> {
    existing(
        target_folder()?.join("debug").join("katydid"),
        "build it first: cargo build",
    )
}

/// Where cargo puts what it makes, for what is worth keeping from one test to the next.
pub(crate) fn target_folder() -> Result<PathBuf> {
    let profile = profile_folder()?;
    let target = profile.parent().context("the test is not in a target folder")?;
    Ok(target.to_owned())
}

/// `target/PROFILE`: tests are in its `deps`.
fn profile_folder() -> Result<PathBuf> {
    let test = std::env::current_exe().context("where this test is")?;
    let folder = test
        .ancestors()
        .nth(2)
        .context("the test is not in a target folder")?;
    Ok(folder.to_owned())
}

fn existing(path: PathBuf, advice: &str) -> Result<PathBuf> {
    ensure!(is_file(&path), "there is no {}; {advice}", path.display());
    Ok(path)
}

fn is_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file())
}

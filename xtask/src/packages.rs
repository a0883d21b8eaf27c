//! Programs the tasks need: found on this machine, or installed from Debian's packages.
//!
//! In: a program's name and its package. Out: its path, or a message that says what to install by hand.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::step::Step;
use crate::terminal;

/// Folders of servers, which are not on everybody's `PATH`.
const SERVER_FOLDERS: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/// The program's path: `PATH` first, then the folders where servers live.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(SERVER_FOLDERS.iter().map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|candidate| is_executable(candidate))
}

/// Whether there is a file one may run.
pub(crate) fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// Installs Debian packages: as root directly, else by `sudo -n` (never asking for a password).
///
/// # Errors
/// When this is no Debian, nobody may install, or apt fails; the message says what to install by hand.
pub(crate) fn install_debian(packages: &[&str]) -> Result<()> {
    let list = packages.join(" ");
    let Some(apt) = find_program("apt-get") else {
        bail!(
            "`{list}` is missing and there is no apt-get here to install it: install it by hand, then run this again"
        );
    };
    let root = nix::unistd::Uid::effective().is_root();
    if !root && find_program("sudo").is_none() {
        bail!("`{list}` is missing and only root may install it: run `apt-get install {list}` as root");
    }
    let step = |name: &str, args: &[&str]| {
        let options = ["-q", "-o", "Acquire::Retries=2", "-o", "DPkg::Lock::Timeout=120"];
        let mut words: Vec<String> = Vec::new();
        if !root {
            words.extend(["-n", "--preserve-env=DEBIAN_FRONTEND"].map(str::to_owned));
            words.push(apt.display().to_string());
        }
        words.extend(options.iter().chain(args).map(|&word| word.to_owned()));
        let program = if root { apt.clone() } else { PathBuf::from("sudo") };
        Step::new(name, Path::new("/"), program, words)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .run()
    };
    let mut install = vec!["install", "-y", "--no-install-recommends"];
    install.extend(packages);
    if step("install packages", &install).is_err() {
        terminal::say("the package lists may be old or absent: fetching them");
        step("update package lists", &["update"])?;
        step("install packages", &install)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_by_name_and_only_if_they_can_run() {
        let shell = find_program("sh").expect("every machine has a shell");
        assert!(is_executable(&shell));
        assert_eq!(find_program("no-such-program-here"), None);
        assert!(!is_executable(Path::new("/")), "a folder is no program");
    }
}

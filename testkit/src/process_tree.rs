//! A process's children, and theirs: what must be gone when it is.
//!
//! In: a process id. Out: processes that can be asked whether they still run, and killed. A process is known by its id and
//! the moment it was started, so that another one that got its id later is left alone.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A process of somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Descendant {
    id: i32,
    parent: i32,
    /// In the kernel's ticks since it was booted.
    started: u64,
}

impl Descendant {
    /// Whether it still runs.
    pub(crate) fn is_running(self) -> bool {
        read(self.id).is_some_and(|(now, state)| now.started == self.started && state != "Z")
    }

    /// Kills it if it still runs.
    pub(crate) fn end(self) {
        if self.is_running() {
            // It may end by itself in the meantime.
            let _ended = kill(Pid::from_raw(self.id), Signal::SIGKILL);
        }
    }
}

/// All children of a process, their children, and so on.
pub(crate) fn descendants(id: u32) -> Vec<Descendant> {
    let Ok(folders) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let all: Vec<Descendant> = folders
        .filter_map(|entry| read(entry.ok()?.file_name().to_str()?.parse().ok()?))
        .map(|(process, _)| process)
        .collect();
    let mut found: Vec<Descendant> = Vec::new();
    let mut parents = vec![id.cast_signed()];
    // Each process is found once, as it has one parent.
    while let Some(parent) = parents.pop() {
        let children = all.iter().filter(|process| process.parent == parent);
        for child in children {
            if !found.contains(child) {
                found.push(*child);
                parents.push(child.id);
            }
        }
    }
    found
}

/// A process and its state.
fn read(id: i32) -> Option<(Descendant, String)> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name may hold spaces and brackets; the fields come after the last bracket, `state` first.
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let process = Descendant {
        id,
        parent: fields.get(1)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
    };
    Some((process, (*fields.first()?).to_owned()))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn children_and_theirs_are_found_and_ended() {
        let mut shell = Command::new("/bin/sh")
            .args(["-c", "sleep 60 & wait"])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let sleeping = crate::eventually::retry(crate::eventually::PATIENCE, || {
            let found = descendants(std::process::id());
            let inner = found
                .iter()
                .find(|process| process.parent == shell.id().cast_signed());
            inner
                .copied()
                .ok_or_else(|| anyhow::anyhow!("no grandchild among {found:?}"))
        });
        let sleeping = sleeping.unwrap();
        assert!(sleeping.is_running());
        sleeping.end();
        shell.wait().unwrap();
        assert!(!sleeping.is_running());
    }
}

//! A folder to run the binary in, and what it said.
//!
//! In: files and words. Out: [`Said`]. Every process ends within its time or is killed, by its own id.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// Far more than anything here takes, even on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A scenario that declares a bit of everything and needs no server to be looked at.
pub(crate) const SHOP: &str = r#"
host("http://localhost:1");
user("Shopper", #{ weight: 3, wait: between(1.0, 5.0) })
    .task("browse", 3, || { http.get("/"); })
    .task("buy", 1, || { http.post("/orders"); }, #{ tags: ["pay"] });
user("Admin").task("look", || { http.get("/admin"); });
"#;

/// A folder of its own, deleted in the end.
#[derive(Debug)]
pub(crate) struct Folder {
    folder: tempfile::TempDir,
}

/// What a finished process said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Folder {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for (name, text) in files {
            fs::write(folder.path(name), text).unwrap();
        }
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn run(&self, words: &[&str]) -> Said {
        self.run_with(words, &[])
    }

    pub(crate) fn run_with(&self, words: &[&str], variables: &[(&str, &str)]) -> Said {
        finish(start(self.folder.path(), words, variables))
    }

    pub(crate) fn start(&self, words: &[&str]) -> Child {
        start(self.folder.path(), words, &[])
    }
}

fn start(folder: &Path, words: &[&str], variables: &[(&str, &str)]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_katydid"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("KATYDID_")) {
        command.env_remove(name);
    }
    command
        .args(words)
        .envs(variables.iter().copied())
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits for the end of a process.
pub(crate) fn finish(child: Child) -> Said {
    let id = child.id();
    let (sender, receiver) = channel();
    let waiter = thread::spawn(move || drop(sender.send(child.wait_with_output().unwrap())));
    let output = receiver.recv_timeout(PATIENCE).unwrap_or_else(|_| {
        signal(id, nix::sys::signal::Signal::SIGKILL);
        panic!("the process did not end in time: {:?}", receiver.recv())
    });
    waiter.join().unwrap();
    Said {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Sends a signal to a process of ours.
pub(crate) fn signal(id: u32, signal: nix::sys::signal::Signal) {
    let id = nix::unistd::Pid::from_raw(i32::try_from(id).unwrap());
    nix::sys::signal::kill(id, signal).unwrap();
}

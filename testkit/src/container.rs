//! The image of the repository's Dockerfile, run as a container runtime runs it: by podman, with storage of its own.
//!
//! In: the program under test, or better the static one of `cargo xtask dist` where it is not older; arguments, variables, what to
//! mount, a network. Out: a container that can be signalled and looked at.
//! Needs root, buildah, podman and runc; where they cannot run, [`Containers::find`] says so and there are none.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, ensure};

use crate::binary::katydid_bin;
use crate::namespace::Namespace;
use crate::scratch::Scratch;

/// Where the program is dynamic, as those that tests run are, its libraries are put on top of the image.
const WITH_LIBRARIES: &str = "FROM localhost/katydid\nCOPY libraries /\n";
/// The limits of this machine may be lower than those podman would set.
const SETTINGS: &str = "[containers]\ndefault_ulimits=[\"nofile=4096:4096\",\"nproc=1024:1024\"]\n\
                        [engine]\nruntime=\"runc\"\ncgroup_manager=\"cgroupfs\"\nevents_logger=\"none\"\n";

static NUMBERS: AtomicU32 = AtomicU32::new(0);

/// A store of images and containers.
#[derive(Debug)]
pub struct Containers {
    scratch: Scratch,
}

/// A container; removed when dropped.
#[derive(Debug)]
pub struct Container<'a> {
    store: &'a Containers,
    name: String,
}

impl Containers {
    /// Builds the image; `None` where this machine cannot, with a word about it.
    ///
    /// # Errors
    ///
    /// When the program has not been built, or the Dockerfile cannot be followed.
    pub fn find() -> Result<Option<Self>> {
        for program in ["buildah", "podman", "runc"] {
            let found = Command::new(program).arg("--version").output();
            if !found.is_ok_and(|output| output.status.success()) {
                skipped(&format!("{program} is not here; `cargo xtask test` installs it"));
                return Ok(None);
            }
        }
        let store = Self {
            scratch: Scratch::new()?,
        };
        store.scratch.write("containers.conf", SETTINGS)?;
        let context = store.scratch.file("context");
        std::fs::create_dir_all(context.join("libraries"))?;
        let program = program()?;
        std::fs::copy(&program, context.join("katydid"))?;
        for library in libraries(&program)? {
            let place = context.join("libraries").join(library.strip_prefix("/")?);
            std::fs::create_dir_all(place.parent().context("no folder")?)?;
            std::fs::copy(&library, place)?;
        }
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Dockerfile");
        let file = file.display().to_string();
        let prebuilt = ["--target", "prebuilt", "--build-arg", "BIN=katydid", "-f", &file];
        store.build("localhost/katydid", &prebuilt)?;
        let more = store
            .scratch
            .write("Libraries", WITH_LIBRARIES)?
            .display()
            .to_string();
        store.build("localhost/katydid-tested", &["--pull-never", "-f", &more])?;
        let tried = store.podman(&[
            "run",
            "--rm",
            "--network",
            "none",
            "localhost/katydid-tested",
            "--version",
        ])?;
        if !tried.status.success() {
            let why = String::from_utf8_lossy(&tried.stderr);
            skipped(&format!("podman cannot run containers here: {}", why.trim()));
            return Ok(None);
        }
        Ok(Some(store))
    }

    /// Runs the image as the manifests have it: a file system that cannot be written to, no rights. `mounts` are folders or files here and
    /// in the container, and whether they may be written to.
    ///
    /// # Errors
    ///
    /// When podman refuses.
    pub fn run(
        &self,
        network: &Namespace,
        arguments: &[String],
        environment: &[(String, String)],
        mounts: &[(PathBuf, String, bool)],
    ) -> Result<Container<'_>> {
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let name = format!("katydid-{}-{number}", std::process::id());
        let mut words: Vec<String> = [
            "run",
            "--detach",
            "--read-only",
            "--cap-drop=ALL",
            "--security-opt=no-new-privileges",
            "--name",
            &name,
        ]
        .map(str::to_owned)
        .to_vec();
        words.push(format!("--network=ns:/run/netns/{}", network.name()));
        for (variable, value) in environment {
            words.push(format!("--env={variable}={value}"));
        }
        for (here, there, is_written) in mounts {
            let how = if *is_written { "rw" } else { "ro" };
            words.push(format!("--volume={}:{there}:{how}", here.display()));
        }
        words.push("localhost/katydid-tested".to_owned());
        words.extend(arguments.iter().cloned());
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let output = self.podman(&words)?;
        let container = Container { store: self, name };
        ensure!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(container)
    }

    fn build(&self, image: &str, words: &[&str]) -> Result<()> {
        let context = self.scratch.file("context");
        let output = self
            .command("buildah")
            .args(["bud", "--isolation", "chroot", "-t", image])
            .args(words)
            .arg(context)
            .output()
            .context("buildah cannot be started")?;
        ensure!(
            output.status.success(),
            "{image}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    fn podman(&self, words: &[&str]) -> Result<Output> {
        self.command("podman")
            .args(words)
            .output()
            .context("podman cannot be started")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("CONTAINERS_CONF", self.scratch.file("containers.conf"))
            .args(["--storage-driver", "vfs", "--root"])
            .arg(self.scratch.file("images"))
            .arg("--runroot")
            .arg(self.scratch.file("running"));
        command
    }
}

impl Container<'_> {
    /// Its process as the machine numbers it.
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub fn id(&self) -> Result<u32> {
        let text = self.ask(&["inspect", "--format", "{{.State.Pid}}", &self.name])?;
        let id = text.trim().parse()?;
        ensure!(id != 0, "it does not run:\n{}", self.log());
        Ok(id)
    }

    /// What it has said.
    #[must_use]
    pub fn log(&self) -> String {
        let output = self.store.podman(&["logs", &self.name]);
        output.map_or_else(
            |error| format!("{error:#}"),
            |output| String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    }

    /// What it has written to its standard output.
    ///
    /// # Errors
    ///
    /// When podman refuses.
    pub fn stdout(&self) -> Result<String> {
        self.ask(&["logs", &self.name])
    }

    /// Tells it to end, as a kubelet does; its exit code.
    ///
    /// # Errors
    ///
    /// When podman refuses.
    pub fn stop(&self) -> Result<i32> {
        self.ask(&["stop", "--time", "60", &self.name])?;
        let code = self.ask(&["inspect", "--format", "{{.State.ExitCode}}", &self.name])?;
        Ok(code.trim().parse()?)
    }

    fn ask(&self, words: &[&str]) -> Result<String> {
        let output = self.store.podman(words)?;
        ensure!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        // What is left is in the scratch folder.
        drop(self.store.podman(&["rm", "--force", "--time", "0", &self.name]));
    }
}

/// The program of the image: the static one, unless a program was named or the tests' own is newer.
fn program() -> Result<PathBuf> {
    let tested = katydid_bin()?;
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist/katydid");
    if std::env::var_os("KATYDID_BIN").is_some() {
        return Ok(tested);
    }
    let made = |path: &Path| path.metadata().and_then(|data| data.modified());
    match (made(&shipped), made(&tested)) {
        (Ok(shipped_at), Ok(tested_at)) if shipped_at >= tested_at => Ok(shipped),
        (shipped_at, _) => {
            let why = if shipped_at.is_ok() {
                "is older than the tests'"
            } else {
                "is not there"
            };
            say(&format!(
                "the image holds the tests' own program, with its libraries: the static one {why} (`cargo xtask dist` makes it)"
            ));
            Ok(tested)
        }
    }
}

/// The libraries a program is linked with; none when it is static.
fn libraries(program: &Path) -> Result<Vec<PathBuf>> {
    let output = Command::new("ldd").arg(program).output().context("ldd")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let words = said
        .lines()
        .filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')));
    Ok(words.map(PathBuf::from).collect())
}

fn skipped(why: &str) {
    say(&format!("SKIPPED: the image is not run as a container: {why}"));
}

#[expect(
    clippy::print_stderr,
    reason = "whoever runs the tests should know what was left out"
)]
fn say(what: &str) {
    eprintln!("{what}");
}

//! Manifests as a cluster would get them: Kustomize renders, schemas of several Kubernetes versions judge.
//!
//! In: overlays and components of `k8s/`. Out: objects as JSON, or what is wrong with them. The programs are installed by
//! `cargo xtask test`; nothing here needs a cluster.

use std::io::Write;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;

use crate::binary::target_folder;
use crate::scratch::Scratch;

/// Which Kubernetes versions the manifests are for: the oldest, one between, the newest known.
pub const VERSIONS: [&str; 3] = ["1.30", "1.33", "1.37"];

/// `kubectl`, of which only Kustomize is used.
#[derive(Debug)]
pub struct Kustomize {
    program: PathBuf,
}

/// What the schemas say.
#[derive(Debug, Deserialize)]
pub struct Verdict {
    /// A line for each thing that is wrong.
    pub errors: Vec<String>,
    /// `apiVersion kind` of objects Kubernetes itself does not know.
    pub foreign: Vec<String>,
}

impl Kustomize {
    /// The one `cargo xtask test` installed, else the machine's.
    ///
    /// # Errors
    ///
    /// When there is none in CI; elsewhere a word about it is said.
    pub fn find() -> Result<Option<Self>> {
        let ours = tools()?.join("kubectl");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let program = std::iter::once(ours)
            .chain(std::env::split_paths(&path).map(|folder| folder.join("kubectl")))
            .find(|program| program.is_file());
        if program.is_none() {
            missing("kubectl")?;
        }
        Ok(program.map(|program| Self { program }))
    }

    /// Renders a folder of `k8s/`, such as `overlays/dev`.
    ///
    /// # Errors
    ///
    /// When Kustomize refuses, with what it says.
    pub fn render(&self, folder: &str) -> Result<Vec<Value>> {
        self.run(&manifests().join(folder))
    }

    /// Renders an overlay with components on top of its own.
    ///
    /// # Errors
    ///
    /// When Kustomize refuses, with what it says.
    pub fn combine(&self, overlay: &str, components: &[&str]) -> Result<Vec<Value>> {
        let scratch = Scratch::new()?;
        let here = scratch.path().canonicalize()?;
        let manifests = manifests().canonicalize()?;
        let place = way(&here, &manifests)?;
        let mut text = format!(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - {place}/overlays/{overlay}\n"
        );
        // What the overlay says of its namespace is true of its components too.
        let file = manifests
            .join("overlays")
            .join(overlay)
            .join("kustomization.yaml");
        let own = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        for line in own.lines().filter(|line| line.starts_with("namespace:")) {
            text.push_str(line);
            text.push('\n');
        }
        if !components.is_empty() {
            text.push_str("components:\n");
        }
        for component in components {
            text.push_str(&format!("  - {place}/components/{component}\n"));
        }
        scratch.write("kustomization.yaml", &text)?;
        self.run(&here)
    }

    /// Renders a kustomization that stands in no file, with what lies beside it, as if it were an overlay of its own.
    ///
    /// # Errors
    ///
    /// When Kustomize refuses, with what it says.
    pub fn render_text(&self, text: &str, files: &[(&str, &str)]) -> Result<Vec<Value>> {
        let scratch = Scratch::new()?;
        let here = scratch.path().canonicalize()?;
        let place = way(&here, &manifests().canonicalize()?)?;
        scratch.write(
            "kustomization.yaml",
            &text.replace("../../", &format!("{place}/")),
        )?;
        for (name, content) in files {
            scratch.write(name, content)?;
        }
        self.run(&here)
    }

    fn run(&self, folder: &Path) -> Result<Vec<Value>> {
        let output = Command::new(&self.program)
            .arg("kustomize")
            .arg(folder)
            .output()
            .context("kubectl cannot be started")?;
        ensure!(
            output.status.success(),
            "{}: {}",
            folder.display(),
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout)?;
        serde_saphyr::from_multiple(&text).with_context(|| format!("what {} renders to", folder.display()))
    }
}

/// The way from one folder to another: Kustomize takes no absolute paths, but any way up and down.
fn way(from: &Path, to: &Path) -> Result<String> {
    let up: PathBuf = from
        .components()
        .filter(|part| matches!(part, Component::Normal(_)))
        .map(|_| "..")
        .collect();
    Ok(up.join(to.strip_prefix("/")?).display().to_string())
}

/// Where the manifests are.
#[must_use]
pub fn manifests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../k8s")
}

/// Asks the schemas of [`VERSIONS`] about `objects`; `None` where they are not installed.
///
/// # Errors
///
/// When they are missing in CI, or cannot be asked.
pub fn validate(objects: &[Value]) -> Result<Option<Verdict>> {
    let python = tools()?.join("bin/python");
    if !python.is_file() {
        missing("kubernetes-validate")?;
        return Ok(None);
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("kubernetes/validate.py");
    let mut child = Command::new(python)
        .arg(script)
        .args(VERSIONS)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("python cannot be started")?;
    // Taken, so that it is closed: the script reads to the end.
    let mut stdin = child.stdin.take().context("no way to the script")?;
    stdin.write_all(&serde_json::to_vec(objects)?)?;
    drop(stdin);
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "validate.py failed");
    Ok(Some(serde_json::from_slice(&output.stdout)?))
}

fn tools() -> Result<PathBuf> {
    Ok(target_folder()?.join("tools/kubernetes"))
}

#[expect(
    clippy::print_stderr,
    reason = "whoever runs the tests should know what was left out"
)]
fn missing(what: &str) -> Result<()> {
    ensure!(
        std::env::var_os("CI").is_none(),
        "{what} is missing: cargo xtask test installs it"
    );
    eprintln!("skipped: {what} is not installed (cargo xtask test installs it)");
    Ok(())
}

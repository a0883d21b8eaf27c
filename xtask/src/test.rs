//! `cargo xtask test`: everything CI runs, from a clean checkout to the last test's summary.
//!
//! The end-to-end tests run an optimised binary against real servers, so both are made ready first. Documentation
//! tests come before the others: the summary that matters is the last thing printed.

use std::path::Path;

use anyhow::Result;

use crate::clock::{Stopwatch, for_people};
use crate::packages::{find_program, install_debian};
use crate::step::{Step, is_ci};
use crate::terminal;
use crate::workspace::Workspace;

/// Runs it all.
///
/// # Errors
/// The first step that fails.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let watch = Stopwatch::start();
    servers()?;
    crate::check::sources(workspace)?;
    let root = &workspace.root;
    // The same optimised code either way; the release's last step, the link over everything, would be most of the time
    // a shared machine needs.
    let (profile, binary) = if is_ci() {
        ("--profile quick", workspace.quick_binary())
    } else {
        ("--release", workspace.release_binary())
    };
    Step::cargo("optimised build", root, &format!("build {profile} --bin katydid")).run()?;
    Step::cargo("documentation tests", root, "test --workspace --doc").run()?;
    tests(workspace, &binary)?;
    terminal::say(&format!(
        "==> all steps passed in {}",
        for_people(watch.elapsed())
    ));
    Ok(())
}

/// The programs the end-to-end tests need: a server to measure against, and what makes networks that can be cut.
fn servers() -> Result<()> {
    let missing: Vec<&str> = [("nginx", "nginx-light"), ("ip", "iproute2")]
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

/// All tests, by nextest where it is installed.
fn tests(workspace: &Workspace, binary: &Path) -> Result<()> {
    let root = &workspace.root;
    if find_program("cargo-nextest").is_some() {
        let profile = if is_ci() { " --profile ci" } else { "" };
        return Step::cargo("tests", root, &format!("nextest run --workspace{profile}"))
            .env("KATYDID_BIN", binary)
            .run();
    }
    terminal::say("cargo-nextest is not installed: cargo's own runner does it, without time limits per test");
    Step::cargo("unit tests", root, "test --workspace --lib --bins")
        .env("KATYDID_BIN", binary)
        .run()?;
    // One at a time: several of them measure.
    Step::cargo("integration tests", root, "test --workspace --test *")
        .env("KATYDID_BIN", binary)
        .env("RUST_TEST_THREADS", "1")
        .run()
}

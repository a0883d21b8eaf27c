//! `cargo xtask test`: everything CI runs, from a clean checkout to the last test's summary.
//!
//! The end-to-end tests run the binary against real servers, so both are made ready first. Everything is built with one
//! profile, once: a second one would double the time. Documentation tests come before the others: the summary that
//! matters is the last thing printed.

use std::path::Path;

use anyhow::Result;

use crate::clock::{Stopwatch, for_people};
use crate::packages::{find_program, install_debian};
use crate::python;
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
    python::schemathesis(workspace)?;
    python::kubernetes(workspace)?;
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

/// The programs the end-to-end tests need: servers and proxies to measure against, what makes networks that can be cut, a
/// browser with what steers it, Prometheus and Redis, what builds and runs images, and a server of names for them.
fn servers() -> Result<()> {
    let needed = [
        ("nginx", "nginx-light"),
        ("haproxy", "haproxy"),
        ("tinyproxy", "tinyproxy-bin"),
        ("ip", "iproute2"),
        ("chromium", "chromium"),
        ("chromedriver", "chromium-driver"),
        ("promtool", "prometheus"),
        ("redis-server", "redis-server"),
        ("buildah", "buildah"),
        ("podman", "podman"),
        ("runc", "runc"),
        ("dnsmasq", "dnsmasq-base"),
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

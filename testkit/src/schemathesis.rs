//! Schemathesis, which reads an OpenAPI document and asks what no person would think of asking.
//!
//! In: a document's URL, a network to ask in. Out: what it found. `cargo xtask test` installs it beside the build.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::namespace::Namespace;

/// The program: beside the folder of the build's profile.
///
/// # Errors
///
/// When it is missing in CI; elsewhere a word about it is said.
pub fn schemathesis() -> Result<Option<PathBuf>> {
    let test = std::env::current_exe().context("where this test is")?;
    let target = test
        .ancestors()
        .nth(3)
        .context("the test is not in a target folder")?;
    let program = target.join("tools/schemathesis/bin/schemathesis");
    if program.exists() {
        return Ok(Some(program));
    }
    ensure!(
        std::env::var_os("CI").is_none(),
        "{} is missing: cargo xtask test installs it",
        program.display()
    );
    say_skipped();
    Ok(None)
}

#[expect(
    clippy::print_stderr,
    reason = "whoever runs the tests should know what was left out"
)]
fn say_skipped() {
    eprintln!("skipped: schemathesis is not installed (cargo xtask test installs it)");
}

/// Lets it ask, within `namespace`, for five minutes at most; what it says is in the error.
///
/// # Errors
///
/// When it finds something.
pub fn ask(
    program: &std::path::Path,
    namespace: &Namespace,
    url: &str,
    arguments: &[&str],
) -> Result<String> {
    let output = Command::new("ip")
        .args(["netns", "exec", namespace.name(), "timeout", "300"])
        .arg(program)
        .args(["run", url, "--no-color", "--generation-deterministic"])
        .args(arguments)
        .output()
        .context("schemathesis cannot be started")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(said)
}

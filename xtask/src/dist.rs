//! `cargo xtask dist`: the program as the image has it, static, in `dist/katydid`.
//!
//! In: a Rust for Linux. Out: one file that needs no library, and how large it is.
//!
//! glibc it is, not musl: both can be linked into the program, and this is the one every test runs with. Since 2.34 it
//! has the lookup of names in itself (`/etc/hosts` and DNS), so that nothing is missing in an empty image.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::step::Step;
use crate::terminal;
use crate::workspace::Workspace;

/// Links the C library in too.
const STATIC: &str = "-C target-feature=+crt-static";

/// Builds it.
///
/// # Errors
/// When it cannot be built, or needs a library after all.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let host = host()?;
    ensure!(
        host.contains("-linux-"),
        "the image's program is for Linux, and this is {host}: build the image instead (docker build .)"
    );
    // Named although it is this machine's: else what runs while building would have to be static too, and macros cannot be.
    let words = format!("build --release --locked --bin katydid --target {host}");
    Step::cargo("static build", &workspace.root, &words)
        .env("RUSTFLAGS", STATIC)
        .run()?;
    let built = workspace.target.join(&host).join("release/katydid");
    let folder = workspace.root.join("dist");
    std::fs::create_dir_all(&folder).context("dist/ cannot be made")?;
    let program = folder.join("katydid");
    // A new file: the old one may be running.
    let fresh = folder.join("katydid.new");
    std::fs::copy(&built, &fresh).with_context(|| format!("{} cannot be copied", built.display()))?;
    std::fs::rename(&fresh, &program).context("dist/katydid cannot be replaced")?;
    is_static(&program)?;
    Step::new("what it is", &workspace.root, &program, ["--version"]).run()?;
    let bytes = std::fs::read(&program)?;
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&bytes)?;
    terminal::say(&format!(
        "==> dist/katydid is static: {}, {} compressed",
        megabytes(bytes.len()),
        megabytes(packed.finish()?.len())
    ));
    Ok(())
}

/// What this machine is called by Rust.
fn host() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .arg("-vV")
        .output()
        .context("rustc does not answer")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not say what it builds for")?.to_owned())
}

/// A static program asks for no loader and no library.
fn is_static(program: &Path) -> Result<()> {
    let output = Command::new("ldd")
        .arg(program)
        .output()
        .context("ldd cannot be started")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        !said.contains('/') || said.contains("statically linked"),
        "{} is not static; it wants:\n{said}",
        program.display()
    );
    Ok(())
}

fn megabytes(bytes: usize) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10)
}

//! `cargo xtask check`: what can be said about the sources without running the product.

use anyhow::Result;

use crate::step::Step;
use crate::workspace::Workspace;

/// Formatting, lints and documentation.
///
/// # Errors
/// The first step that fails.
pub(crate) fn sources(workspace: &Workspace) -> Result<()> {
    let root = &workspace.root;
    Step::cargo("format", root, "fmt --all --check").run()?;
    Step::cargo("lints", root, "clippy --workspace --all-targets -- -D warnings").run()?;
    Step::cargo(
        "documentation",
        root,
        "doc --workspace --no-deps --document-private-items",
    )
    .env("RUSTDOCFLAGS", "-D warnings")
    .run()
}

/// All checks, the house rules (crate graph, file headers, sizes, where `unsafe` may be) included.
///
/// # Errors
/// The first step that fails.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    sources(workspace)?;
    // The whole workspace is selected, not the one package, so that cargo unifies features as for all tests and
    // builds nothing twice.
    Step::cargo("house rules", &workspace.root, "test --workspace --test tidy").run()
}

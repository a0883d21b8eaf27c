//! The rules of the house that no compiler checks: who may know whom, what a file begins with, how long it may be.
//!
//! In: the workspace as it is. Out: every breach at once, each with where it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, MetadataCommand, Package};

/// Lines of a file before its tests.
const MAX_LINES: usize = 400;

/// The one file that may touch what the compiler cannot check.
const UNCHECKED_FILE: &str = "worker/src/user/fiber.rs";

/// Who may depend on whom, among ours. A new edge is a decision: it is made here.
const ALLOWED: [(&str, &[&str]); 10] = [
    ("katydid-protocol", &[]),
    ("katydid-scenario-lang", &[]),
    ("katydid-demo-target", &[]),
    ("katydid-worker", &["katydid-protocol", "katydid-scenario-lang"]),
    ("katydid-master", &["katydid-protocol"]),
    ("katydid-web-ui", &["katydid-protocol"]),
    (
        "katydid",
        &[
            "katydid-protocol",
            "katydid-scenario-lang",
            "katydid-worker",
            "katydid-master",
            "katydid-web-ui",
            "katydid-demo-target",
        ],
    ),
    ("katydid-testkit", &["katydid-protocol", "katydid-demo-target"]),
    ("katydid-crds", &[]),
    ("xtask", &[]),
];

/// Crates that any other may use in its tests.
const FOR_TESTS: [&str; 2] = ["katydid-testkit", "katydid-demo-target"];

#[test]
fn crates_depend_on_each_other_in_one_direction() -> Result<()> {
    let allowed: BTreeMap<_, _> = ALLOWED.into_iter().collect();
    let packages = workspace()?.1;
    let ours: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let mut breaches = Vec::new();
    for package in &packages {
        let name = package.name.as_str();
        let Some(may_know) = allowed.get(name) else {
            breaches.push(format!("{name} is new: say in {} what it may depend on", file!()));
            continue;
        };
        for dependency in &package.dependencies {
            let other = dependency.name.as_str();
            let for_tests = dependency.kind == DependencyKind::Development && FOR_TESTS.contains(&other);
            if ours.contains(&other) && !may_know.contains(&other) && !for_tests {
                breaches.push(format!("{name} must not depend on {other}"));
            }
        }
    }
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
    Ok(())
}

#[test]
fn the_language_and_the_protocol_know_no_runtime_and_no_network() -> Result<()> {
    let mut breaches = Vec::new();
    for package in workspace()?.1 {
        let pure = matches!(
            package.name.as_str(),
            "katydid-protocol" | "katydid-scenario-lang"
        );
        let worldly = [
            "tokio",
            "hyper",
            "hyper-util",
            "reqwest",
            "tonic",
            "axum",
            "rustls",
        ];
        for dependency in &package.dependencies {
            // The protocol has the service's generated code, which needs tonic's traits, but nothing that carries it.
            let code_alone = package.name.as_str() == "katydid-protocol"
                && dependency.name == "tonic"
                && !dependency.uses_default_features
                && dependency.features == ["codegen"];
            if pure
                && !code_alone
                && dependency.kind == DependencyKind::Normal
                && worldly.contains(&dependency.name.as_str())
            {
                breaches.push(format!("{} must not know {}", package.name, dependency.name));
            }
        }
    }
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
    Ok(())
}

#[test]
fn every_file_is_introduced_and_short() -> Result<()> {
    let mut breaches = Vec::new();
    for (path, text) in sources()? {
        if !text.starts_with("//!") {
            breaches.push(format!("{path} does not begin with `//!` and what it is for"));
        }
        let lines = text.lines().take_while(|line| !is_tests_module(line)).count();
        // Integration tests are tests from their first line; generated code is as long as its description makes it.
        if lines > MAX_LINES && !path.contains("/tests/") && !path.contains("/generated/") {
            breaches.push(format!(
                "{path} has {lines} lines before its tests; it has more than one noun"
            ));
        }
    }
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
    Ok(())
}

#[test]
fn only_one_file_leaves_the_checked_language() -> Result<()> {
    // In two pieces, so that this file does not find itself.
    let word = concat!("un", "safe");
    let mut breaches = Vec::new();
    for (path, text) in sources()? {
        for (index, line) in text.lines().enumerate() {
            // A word of Content-Security-Policy is none of Rust's.
            let line = line.replace(&format!("'{word}-inline'"), "");
            let code = line.split("//").next().unwrap_or_default();
            let mut words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
            if words.any(|found| found == word) && path != UNCHECKED_FILE {
                breaches.push(format!("{path}:{} says `{word}`", index + 1));
            }
        }
    }
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
    Ok(())
}

#[test]
fn no_test_is_switched_off() -> Result<()> {
    let attribute = concat!("#[ign", "ore");
    let mut breaches = Vec::new();
    for (path, text) in sources()? {
        for (index, line) in text.lines().enumerate() {
            if line.trim_start().starts_with(attribute) {
                breaches.push(format!(
                    "{path}:{}: a test that does not run tells nothing",
                    index + 1
                ));
            }
        }
    }
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
    Ok(())
}

fn is_tests_module(line: &str) -> bool {
    let line = line.trim_start();
    let line = line
        .strip_prefix("pub(super) ")
        .or_else(|| line.strip_prefix("pub(crate) "))
        .unwrap_or(line);
    line.starts_with("mod tests")
}

/// The workspace's folder and its packages.
fn workspace() -> Result<(PathBuf, Vec<Package>)> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let metadata = MetadataCommand::new()
        .manifest_path(manifest)
        .no_deps()
        .exec()
        .context("cargo metadata")?;
    Ok((metadata.workspace_root.into_std_path_buf(), metadata.packages))
}

/// All Rust files of all packages: path from the workspace's folder, text.
fn sources() -> Result<Vec<(String, String)>> {
    let (root, packages) = workspace()?;
    let mut files = Vec::new();
    for package in packages {
        let folder = package
            .manifest_path
            .parent()
            .context("a manifest without a folder")?;
        for part in ["src", "tests", "examples", "benches"] {
            collect(&folder.as_std_path().join(part), &mut files)?;
        }
    }
    files.sort();
    files
        .iter()
        .map(|file| Ok((name_within(file, &root), std::fs::read_to_string(file)?)))
        .collect()
}

fn name_within(file: &Path, root: &Path) -> String {
    file.strip_prefix(root)
        .unwrap_or(file)
        .to_string_lossy()
        .replace('\\', "/")
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

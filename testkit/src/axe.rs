//! axe-core, which finds what people who use the page by keyboard, by ear or with weak eyes would stumble over.
//!
//! In: a browser with a page. Out: what is wrong there, in a line each. Its version is pinned beside the page's own packages;
//! it is installed once below cargo's output folder.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::binary::target_folder;
use crate::browser::Browser;

/// Which packages, in which versions.
const LISTS: [&str; 2] = ["package.json", "package-lock.json"];
/// Written after an installation: the list it was made from.
const INSTALLED: &str = "installed.lock";

/// axe-core's source.
#[derive(Debug)]
pub struct Axe {
    source: String,
}

impl Axe {
    /// Installs it, unless it is there.
    ///
    /// # Errors
    ///
    /// When npm is missing or cannot get it.
    pub fn install() -> Result<Self> {
        let lists = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web-ui/frontend");
        let folder = target_folder()?.join("browser-packages");
        let stamp = folder.join(INSTALLED);
        let lock = std::fs::read(lists.join(LISTS[1])).context("the page's list of packages")?;
        if !std::fs::read(&stamp).is_ok_and(|installed| installed == lock) {
            std::fs::create_dir_all(&folder)?;
            for list in LISTS {
                std::fs::write(folder.join(list), std::fs::read(lists.join(list))?)?;
            }
            install(&folder)?;
            std::fs::write(&stamp, lock)?;
        }
        let file = folder.join("node_modules/axe-core/axe.min.js");
        let source =
            std::fs::read_to_string(&file).with_context(|| format!("axe-core has no {}", file.display()))?;
        Ok(Self { source })
    }

    /// What is wrong with the page as it is shown now: impact, rule, where, why.
    ///
    /// # Errors
    ///
    /// When the browser does not answer.
    pub fn audit(&self, browser: &Browser) -> Result<Vec<String>> {
        browser.script(&self.source, &[])?;
        let run = "const { violations } = await axe.run(document, { resultTypes: ['violations'] });\n\
             const why = (node) => (node.any[0] ?? node.all[0] ?? node.none[0])?.message ?? '';\n\
             return violations.flatMap(({ impact, id, nodes }) =>\n\
               nodes.slice(0, 5).map((node) => `${impact} ${id}: ${node.target.join(' ')}: ${why(node)}`));";
        let found = browser.promise(run, &[])?;
        let found = found.as_array().context("axe-core found no list")?;
        Ok(found
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect())
    }
}

fn install(folder: &Path) -> Result<()> {
    // Nothing optional: compilers and bundlers for this machine are large, and not needed here.
    let arguments = [
        "ci",
        "--omit=optional",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--prefer-offline",
        "--loglevel=error",
    ];
    let output = Command::new("npm")
        .args(arguments)
        .current_dir(folder)
        .output()
        .context("axe-core is installed with npm, which cannot be run")?;
    ensure!(
        output.status.success(),
        "npm {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

//! Bundles scripts and styles, so that the binary needs no file beside it and no network.
//!
//! In: `frontend/` (sources, `package.json`, its lock file). Out: minified files with content-hashed names in `OUT_DIR`,
//! and `assets.rs`, a table of them that `src/assets.rs` includes. Packages are installed in `OUT_DIR`, never in the
//! source tree, and only when the lock file has changed.

use std::error::Error;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// What the bundler makes, with the type it is served as.
const BUNDLES: [(&str, &str); 6] = [
    ("app.css", "text/css; charset=utf-8"),
    ("app.js", "text/javascript; charset=utf-8"),
    ("icon.svg", "image/svg+xml"),
    ("report.css", "text/css; charset=utf-8"),
    ("report.js", "text/javascript; charset=utf-8"),
    ("theme.js", "text/javascript; charset=utf-8"),
];

/// Written after a successful installation: the lock file it was made from.
const INSTALLED: &str = "installed.lock";

fn main() -> ExitCode {
    match bundle() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("cargo::error={}", error.to_string().replace('\n', " | "));
            ExitCode::FAILURE
        }
    }
}

fn bundle() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=frontend");
    let source = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("frontend");
    let out = PathBuf::from(variable("OUT_DIR")?);
    let work = out.join("frontend");
    let dist = out.join("dist");
    copy_sources(&source, &work)?;
    install(&work)?;
    run("node", &[OsStr::new("bundle.mjs"), dist.as_os_str()], &work)?;
    fs::write(out.join("assets.rs"), table(&dist)?)?;
    Ok(())
}

fn variable(name: &str) -> Result<String, Box<dyn Error>> {
    std::env::var(name).map_err(|_| format!("{name} is not set; cargo sets it").into())
}

/// Makes `work` hold what `source` holds, apart from the packages installed there.
fn copy_sources(source: &Path, work: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(work)?;
    for entry in fs::read_dir(source)? {
        let entry = entry?;
        let target = work.join(entry.file_name());
        if entry.file_name() == "node_modules" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            // What was deleted from the sources must not live on here.
            if target.exists() {
                fs::remove_dir_all(&target)?;
            }
            copy_sources(&entry.path(), &target)?;
        } else {
            // By content, as a copy would take over the permissions of a read-only checkout.
            fs::write(&target, fs::read(entry.path())?)?;
        }
    }
    Ok(())
}

/// Installs the packages of the lock file, unless they are there.
fn install(work: &Path) -> Result<(), Box<dyn Error>> {
    let lock = fs::read(work.join("package-lock.json"))?;
    let stamp = work.join(INSTALLED);
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) && work.join("node_modules").is_dir() {
        return Ok(());
    }
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    // No package's own scripts are run: none is needed to bundle.
    let arguments = [
        "ci",
        "--omit=dev",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--prefer-offline",
        "--loglevel=error",
    ];
    run(npm, &arguments.map(OsStr::new), work)?;
    fs::write(stamp, lock)?;
    Ok(())
}

fn run(program: &str, arguments: &[&OsStr], folder: &Path) -> Result<(), Box<dyn Error>> {
    let output = Command::new(program).args(arguments).current_dir(folder).output().map_err(|error| {
        format!(
            "the web page is bundled with `{program}`, which cannot be run ({error}): install Node.js 20 or newer \
             together with npm (https://nodejs.org, or your system's `nodejs` and `npm` packages)"
        )
    })?;
    if output.status.success() {
        return Ok(());
    }
    let told = [output.stdout, output.stderr].concat();
    let call: Vec<_> = arguments
        .iter()
        .map(|argument| argument.to_string_lossy())
        .collect();
    Err(format!(
        "`{program} {}` failed: {}",
        call.join(" "),
        String::from_utf8_lossy(&told)
    )
    .into())
}

/// The Rust source of the table of assets.
fn table(dist: &Path) -> Result<String, Box<dyn Error>> {
    let mut text = String::from("/// Every embedded file.\npub const ASSETS: &[Asset] = &[\n");
    for (name, content_type) in BUNDLES {
        let plain = dist.join(name);
        let packed = dist.join(format!("{name}.gz"));
        let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
        let hashed = format!("{stem}.{:016x}.{extension}", hash(&fs::read(&plain)?));
        writeln!(
            text,
            "    Asset {{ name: {name:?}, hashed_name: {hashed:?}, content_type: {content_type:?}, \
             bytes: include_bytes!({plain:?}), gzip: include_bytes!({packed:?}) }},"
        )?;
    }
    text.push_str("];\n");
    Ok(text)
}

/// FNV-1a: the name only has to change when the content does.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

//! Installs the generators Katydid is compared with, each from the registry it is published in.

use anyhow::Result;

use super::nginx;
use crate::packages::{find_program, install_debian, is_executable};
use crate::step::Step;
use crate::terminal;
use crate::workspace::Workspace;

/// Installs what is missing; a peer that cannot be installed is left out, only nginx has to be there.
///
/// # Errors
/// When nginx is neither there nor to be had.
pub(super) fn install(workspace: &Workspace) -> Result<()> {
    let wanted = [
        ("nginx", "nginx-light"),
        ("wrk", "wrk"),
        ("hey", "hey"),
        ("h2load", "nghttp2-client"),
        ("openssl", "openssl"),
    ];
    let missing = wanted
        .iter()
        .filter(|(program, _)| find_program(program).is_none());
    let packages: Vec<&str> = missing.map(|&(_, package)| package).collect();
    if !packages.is_empty() {
        or_without(install_debian(&packages));
    }
    let peers = workspace.peers();
    if !is_executable(&peers.join("bin").join("oha")) && find_program("oha").is_none() {
        or_without(
            Step::cargo("install oha", &workspace.root, "install oha --locked --root")
                .arg(&peers)
                .run(),
        );
    }
    let locust = peers.join("locust");
    if !is_executable(&locust.join("bin").join("locust")) && find_program("locust").is_none() {
        let place = locust.display().to_string();
        let venv = Step::new(
            "python environment",
            &workspace.root,
            "python3",
            ["-m", "venv", &place],
        )
        .run();
        let pip = locust.join("bin").join("pip");
        or_without(venv.and_then(|()| {
            Step::new(
                "install Locust",
                &workspace.root,
                pip,
                ["install", "--quiet", "locust"],
            )
            .run()
        }));
    }
    nginx::program().map(drop)
}

fn or_without(outcome: Result<()>) {
    if let Err(error) = outcome {
        terminal::warn(&format!("going on without it: {error:#}"));
    }
}

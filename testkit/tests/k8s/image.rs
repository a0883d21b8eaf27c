//! The image and the manifests agree: user, ports, version, entry point.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use katydid_testkit::{Kustomize, manifests, overlays};

use crate::objects::{Objects, list, text};

/// Instructions of the Dockerfile's last stage, those that go on in the next line joined.
fn runtime() -> Result<Vec<(String, String)>> {
    let file = std::fs::read_to_string(manifests().join("../Dockerfile"))?.replace("\\\n", " ");
    let lines = file
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut stage = Vec::new();
    for line in lines {
        let (name, rest) = line.split_once(' ').context(line.to_owned())?;
        if name == "FROM" {
            stage.clear();
        }
        stage.push((name.to_owned(), rest.trim().to_owned()));
    }
    Ok(stage)
}

fn said<'a>(stage: &'a [(String, String)], name: &str) -> &'a str {
    stage
        .iter()
        .find(|line| line.0 == name)
        .map_or("", |line| line.1.as_str())
}

#[test]
fn the_image_is_one_program_for_a_user_without_rights() -> Result<()> {
    let stage = runtime()?;
    assert!(said(&stage, "FROM").starts_with("scratch "), "{stage:?}");
    assert_eq!(said(&stage, "USER"), "65532:65532");
    // As a list: a text would need a shell, which is not there, and which would be process 1.
    assert_eq!(said(&stage, "ENTRYPOINT"), r#"["/katydid"]"#);
    assert!(
        stage
            .iter()
            .any(|line| line.0 == "COPY" && line.1.ends_with("/etc/ssl/certs/ca-certificates.crt"))
    );
    assert!(
        !stage.iter().any(|line| line.0 == "RUN"),
        "nothing runs in an image without a shell"
    );
    Ok(())
}

#[test]
fn manifests_run_this_version_at_the_ports_of_the_image() -> Result<()> {
    let Some(kustomize) = Kustomize::find()? else {
        return Ok(());
    };
    let stage = runtime()?;
    let exposed: BTreeSet<&str> = said(&stage, "EXPOSE").split_whitespace().collect();
    for overlay in overlays()? {
        let objects = Objects(kustomize.render(&format!("overlays/{overlay}"))?);
        for workload in objects.workloads() {
            for container in workload.containers() {
                let wanted = format!("ghcr.io/katydid-load/katydid:{}", env!("CARGO_PKG_VERSION"));
                assert_eq!(
                    text(container, "/image"),
                    wanted,
                    "{overlay}: {}",
                    workload.title()
                );
                for port in list(container, "/ports") {
                    let number = port["containerPort"].to_string();
                    assert!(
                        exposed.contains(number.as_str()),
                        "{overlay}: {number} is not exposed"
                    );
                }
            }
        }
    }
    Ok(())
}

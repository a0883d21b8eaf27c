//! What the README of the manifests tells people to write and to type: it renders, it is sound, and what it names is there.
//!
//! In: its blocks of YAML and of commands. Out: rendered objects, asked as those of the overlays are; folders and
//! Deployments that exist.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use katydid_testkit::{Kustomize, manifests, overlays, validate};

use crate::lint::lint;
use crate::objects::{Objects, name_of, text};

/// The blocks of the README in a language.
fn blocks(language: &str) -> Result<Vec<String>> {
    let readme = std::fs::read_to_string(manifests().join("README.md"))?;
    let opening = format!("\n```{language}\n");
    let found = readme.split(&opening).skip(1);
    let found: Vec<String> = found
        .filter_map(|block| block.split("\n```").next())
        .map(ToOwned::to_owned)
        .collect();
    ensure!(!found.is_empty(), "no {language} in the README");
    Ok(found)
}

fn is_sound(objects: Vec<serde_json::Value>) -> Result<Objects> {
    let objects = Objects(objects);
    let breaches = lint(&objects);
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
    if let Some(verdict) = validate(&objects.0)? {
        assert!(verdict.errors.is_empty(), "\n{}", verdict.errors.join("\n"));
    }
    Ok(objects)
}

#[test]
fn the_kustomizations_of_the_readme_render() -> Result<()> {
    let Some(kustomize) = Kustomize::find()? else {
        return Ok(());
    };
    let blocks = blocks("yaml")?;
    let [whole, settings] = &blocks[..] else {
        anyhow::bail!("{} blocks of YAML, and this test knows two", blocks.len());
    };
    let files = [
        ("shop.rhai", "user(\"A\", #{});\n"),
        ("accounts.csv", "name\nada\n"),
    ];
    let objects = is_sound(kustomize.render_text(whole, &files)?)?;
    let map = objects
        .0
        .iter()
        .find(|object| {
            text(object, "/kind") == "ConfigMap" && name_of(object).starts_with("katydid-scenario-")
        })
        .context("no scenario")?;
    for (name, content) in files {
        assert_eq!(map["data"][name], content);
    }
    // The second stands for a line of the first, at its place.
    let own = whole
        .lines()
        .find(|line| line.trim_start().starts_with("literals:"))
        .context("no literals")?;
    let changed = whole.replace(own, settings);
    let objects = is_sound(kustomize.render_text(&changed, &files)?)?;
    let workloads = objects.workloads();
    let master = workloads
        .iter()
        .find(|workload| workload.title() == "Deployment katydid-master")
        .context("no master")?;
    let container = master.containers().next().context("no container")?;
    let environment = master.environment(container, &objects);
    for (name, value) in [
        ("KATYDID_HOST", ""),
        ("HOST2", "http://hello-two.load-targets.svc"),
    ] {
        assert_eq!(
            environment.get(name).map(String::as_str),
            Some(value),
            "{environment:?}"
        );
    }
    Ok(())
}

#[test]
fn what_commands_of_the_readme_name_is_there() -> Result<()> {
    let Some(kustomize) = Kustomize::find()? else {
        return Ok(());
    };
    let readme = std::fs::read_to_string(manifests().join("README.md"))?;
    let root = manifests().join("..");
    let mut applied = 0;
    let mut objects = Vec::new();
    for command in readme.split("kubectl apply -k ").skip(1) {
        let folder = command
            .split(|end: char| end.is_whitespace() || end == '`')
            .next()
            .context("nothing to apply")?;
        assert!(root.join(folder).join("kustomization.yaml").is_file(), "{folder}");
        objects.extend(kustomize.render(&format!("../{folder}"))?);
        applied += 1;
    }
    assert!(applied >= 6, "{applied} are too few");
    for overlay in overlays()? {
        objects.extend(kustomize.render(&format!("overlays/{overlay}"))?);
    }
    let there: BTreeSet<String> = objects
        .iter()
        .map(|object| format!("{}/{}", text(object, "/kind").to_lowercase(), name_of(object)))
        .collect();
    for kind in ["deployment", "service", "job"] {
        for command in readme.split(&format!(" {kind}/")).skip(1) {
            let name: String = command
                .chars()
                .take_while(|letter| letter.is_ascii_lowercase() || *letter == '-')
                .collect();
            assert!(there.contains(&format!("{kind}/{name}")), "{kind}/{name}");
        }
    }
    Ok(())
}

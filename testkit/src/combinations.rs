//! Which overlays and components of `k8s/` go together.
//!
//! In: the folders there are. Out: every overlay with nothing, with each component that fits, with each pair of those, and
//! with everything at once.

use std::path::Path;

use anyhow::{Context, Result};

use crate::kubernetes::manifests;

/// Of these a fleet takes one: each says how many workers there are.
const AUTOSCALERS: [&str; 3] = ["hpa-cpu", "keda-external", "keda-prometheus"];

/// What a test without a page and with a fixed number of workers has no use for.
const FOR_DEPLOYMENTS: [&str; 7] = [
    "hpa-cpu",
    "hold-master",
    "ingress",
    "keda-external",
    "keda-prometheus",
    "master-persistence",
    "prometheus-operator",
];

/// An overlay and what is put on top of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Combination {
    /// A folder of `k8s/overlays`.
    pub overlay: String,
    /// Folders of `k8s/components`.
    pub components: Vec<String>,
}

/// All overlays with nothing on top.
///
/// # Errors
///
/// When the folders cannot be read.
pub fn overlays() -> Result<Vec<String>> {
    folders(&manifests().join("overlays"))
}

/// All combinations; without `pairs` only single components and everything at once.
///
/// # Errors
///
/// When the folders cannot be read.
pub fn combinations(pairs: bool) -> Result<Vec<Combination>> {
    let mut all = Vec::new();
    for overlay in overlays()? {
        let fitting = fitting(&overlay)?;
        let mut add = |components: Vec<String>| {
            let combination = Combination {
                overlay: overlay.clone(),
                components,
            };
            if !all.contains(&combination) {
                all.push(combination);
            }
        };
        add(Vec::new());
        for (index, first) in fitting.iter().enumerate() {
            add(vec![first.clone()]);
            for second in &fitting[index + 1..] {
                if pairs && !(is_autoscaler(first) && is_autoscaler(second)) {
                    add(vec![first.clone(), second.clone()]);
                }
            }
        }
        let (autoscalers, others): (Vec<_>, Vec<_>) =
            fitting.into_iter().partition(|name| is_autoscaler(name));
        add(others.clone());
        for autoscaler in autoscalers {
            add(others.iter().cloned().chain([autoscaler]).collect());
        }
    }
    Ok(all)
}

fn fitting(overlay: &str) -> Result<Vec<String>> {
    let file = manifests()
        .join("overlays")
        .join(overlay)
        .join("kustomization.yaml");
    let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let has = |name: &str| {
        text.lines()
            .any(|line| line.trim() == format!("- ../../components/{name}"))
    };
    let has_deployments = text.lines().any(|line| line.trim() == "- ../../base");
    let is_scaled = AUTOSCALERS.into_iter().any(has);
    let mut names = folders(&manifests().join("components"))?;
    names.retain(|name| {
        let has_no_place = !has_deployments && FOR_DEPLOYMENTS.contains(&name.as_str());
        let would_fight = is_scaled && is_autoscaler(name);
        !(has(name) || has_no_place || would_fight)
    });
    Ok(names)
}

fn is_autoscaler(name: &str) -> bool {
    AUTOSCALERS.contains(&name)
}

fn folders(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

//! The loop from what a master or its workers say, through the numbers of the manifests and what a cluster makes of them,
//! to workers that come and go, and back.
//!
//! The cluster's algorithms are models whose clock is moved by hand, so that minutes take moments; master, workers, load
//! and questions are real.

mod cpu;
mod keda;

use anyhow::{Context, Result};
use katydid_testkit::Kustomize;
use serde_json::Value;

/// The object of this kind that scales workers, in an overlay with components on top.
fn manifest(overlay: &str, components: &[&str], kind: &str) -> Result<Option<Value>> {
    let Some(kustomize) = Kustomize::find()? else {
        return Ok(None);
    };
    let objects = kustomize.combine(overlay, components)?;
    let found = objects.into_iter().find(|object| {
        object["kind"] == kind && object["spec"]["scaleTargetRef"]["name"] == "katydid-worker"
    });
    Ok(Some(found.with_context(|| format!("no {kind}"))?))
}

/// How often the direction changes from one number to the next; what stays as it is has none.
fn turns(history: &[u32]) -> usize {
    let steps: Vec<bool> = history
        .windows(2)
        .filter(|pair| pair[0] != pair[1])
        .map(|pair| pair[1] > pair[0])
        .collect();
    steps.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

#[test]
fn turns_are_counted() {
    assert_eq!(turns(&[1, 1, 5, 5, 9]), 0);
    assert_eq!(turns(&[1, 5, 5, 3, 0, 0]), 1);
    assert_eq!(turns(&[1, 2, 1, 2]), 2);
}

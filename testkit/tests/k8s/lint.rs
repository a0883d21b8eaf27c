//! What no schema checks: whether the objects of a render fit together and keep the promises of k8s/README.md.
//!
//! In: all objects of a render. Out: a line for each breach. Every rule has a test that breaks it.

mod jobs;
mod names;
mod pods;
mod references;
mod scaling;
mod security;
mod wiring;

use crate::objects::Objects;

/// What is wrong.
#[derive(Debug, Default)]
pub(crate) struct Breaches(Vec<String>);

impl Breaches {
    fn add(&mut self, breach: impl Into<String>) {
        self.0.push(breach.into());
    }

    /// Adds a breach unless `holds`.
    fn unless(&mut self, holds: bool, breach: impl FnOnce() -> String) {
        if !holds {
            self.0.push(breach());
        }
    }
}

/// Everything that is wrong with `objects`.
pub(crate) fn lint(objects: &Objects) -> Vec<String> {
    let mut breaches = Breaches::default();
    for rule in [
        names::check,
        wiring::selectors,
        wiring::ports,
        wiring::policies,
        wiring::monitors,
        references::check,
        references::volumes,
        references::handed_over,
        pods::probes,
        pods::resources,
        pods::times,
        pods::images,
        scaling::replicas,
        scaling::autoscalers,
        scaling::budgets,
        scaling::quota,
        security::namespace,
        security::pods,
        jobs::check,
    ] {
        rule(objects, &mut breaches);
    }
    breaches.0
}

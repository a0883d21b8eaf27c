//! Jobs: one attempt whose exit code is the verdict, with an end.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Breaches;
use super::references::termination_message;
use crate::objects::{Objects, list, text};

pub(super) fn check(objects: &Objects, breaches: &mut Breaches) {
    let workers: u64 = objects
        .workloads()
        .iter()
        .filter(|workload| workload.is_worker())
        .filter_map(|workload| workload.job?["parallelism"].as_u64())
        .sum();
    for workload in objects.workloads() {
        let Some(job) = workload.job else { continue };
        let title = workload.title();
        let mut unless = |holds: bool, what: &str| breaches.unless(holds, || format!("{title}: {what}"));
        // Kubernetes takes a podFailurePolicy with nothing else.
        unless(
            text(workload.template, "/spec/restartPolicy") == "Never",
            "a container that failed is started again",
        );
        unless(job["activeDeadlineSeconds"].is_u64(), "nothing ends it");
        unless(job["ttlSecondsAfterFinished"].is_u64(), "nothing clears it away");
        let rules: Vec<&Value> = list(job, "/podFailurePolicy/rules").collect();
        let is_ignored = |rule: &&Value| {
            text(rule, "/action") == "Ignore"
                && list(rule, "/onPodConditions")
                    .any(|condition| text(condition, "/type") == "DisruptionTarget")
        };
        unless(
            rules.iter().any(is_ignored),
            "a node that goes away fails the test",
        );
        for rule in &rules {
            let named = text(rule, "/onExitCodes/containerName");
            let is_there = workload
                .containers()
                .any(|container| text(container, "/name") == named);
            unless(
                named.is_empty() || is_there,
                "a rule is about a container that is not there",
            );
        }
        if workload.is_worker() {
            unless(
                job["completions"] == job["parallelism"],
                "not all workers work at a time",
            );
            unless(
                text(job, "/completionMode") == "Indexed",
                "workers are not told apart",
            );
        } else {
            unless(
                job["backoffLimit"] == 0,
                "a test that failed is run again until it passes",
            );
            for container in workload.containers() {
                let variables = workload.environment(container, objects);
                let expected = variables
                    .get("KATYDID_EXPECT_WORKERS")
                    .and_then(|text| text.parse::<u64>().ok());
                unless(
                    expected == Some(workers),
                    "it does not wait for as many workers as there are",
                );
                unless(
                    variables.contains_key("KATYDID_EXPECT_WORKERS_MAX_WAIT"),
                    "it waits for workers forever",
                );
                ending(container, &variables, &mut unless);
                unless(
                    list(container, "/args").any(|word| word == "--headless"),
                    "it waits for somebody on a page",
                );
            }
        }
    }
}

/// What the master of a test leaves behind when it ends, or is told to.
fn ending(container: &Value, variables: &BTreeMap<String, String>, unless: &mut impl FnMut(bool, &str)) {
    let message = termination_message(container);
    let summary = variables.get("KATYDID_SUMMARY_FILE").map(String::as_str);
    unless(
        summary == Some(message),
        "its pod does not say how the test ended",
    );
    unless(
        variables
            .get("KATYDID_ON_SIGTERM")
            .is_some_and(|what| what == "hand-over")
            && variables.contains_key("KATYDID_JOURNAL"),
        "a test whose pod is told to end is over",
    );
}

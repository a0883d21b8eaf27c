//! Pods: their probes, what they take, how long they have to leave, what they run.

use std::collections::BTreeSet;

use super::Breaches;
use crate::objects::{Objects, Workload, list, quantity, seconds, text};

/// The least between the end of a drain and the kill.
const SPARE_SECS: u64 = 10;

/// How long the end of a run waits for workers that are cut off.
const CUT_OFF_SECS: u64 = 15;

const PROBES: [&str; 3] = ["startupProbe", "readinessProbe", "livenessProbe"];

pub(super) fn probes(objects: &Objects, breaches: &mut Breaches) {
    for workload in objects.workloads() {
        let title = workload.title();
        let has_page = workload.port(&"http".into()).is_some();
        for container in workload.containers() {
            for kind in PROBES {
                let Some(probe) = container.get(kind) else {
                    breaches.unless(workload.is_worker() || !has_page, || {
                        format!("{title} has no {kind}")
                    });
                    continue;
                };
                let handlers = ["httpGet", "grpc", "tcpSocket", "exec"];
                let count = handlers
                    .iter()
                    .filter(|handler| probe.get(**handler).is_some())
                    .count();
                breaches.unless(count == 1, || {
                    format!("{title}: {kind} has {count} handlers, not one")
                });
                // Nothing is in the image but the program.
                breaches.unless(probe.get("exec").is_none(), || {
                    format!("{title}: {kind} needs a shell")
                });
                if let Some(get) = probe.get("httpGet") {
                    // A master's /readyz waits for workers: one that is not ready without them is found by nobody. A worker's
                    // says whether it belongs to the fleet, which is no reason to kill it.
                    let path = if workload.is_worker() && kind == "readinessProbe" {
                        "/readyz"
                    } else {
                        "/healthz"
                    };
                    breaches.unless(text(get, "/path") == path, || {
                        format!("{title}: {kind} asks for {}, not for {path}", get["path"])
                    });
                    breaches.unless(workload.port(&get["port"]).is_some(), || {
                        format!("{title}: {kind} asks at {}, which is no port", get["port"])
                    });
                }
            }
        }
    }
}

pub(super) fn resources(objects: &Objects, breaches: &mut Breaches) {
    for workload in objects.workloads() {
        let title = workload.title();
        for container in workload.containers() {
            for what in ["cpu", "memory"] {
                let [asked, allowed] = ["requests", "limits"].map(|kind| &container["resources"][kind][what]);
                let numbers = (quantity(asked), quantity(allowed));
                breaches.unless(numbers.0.is_some() && numbers.1.is_some(), || {
                    format!("{title}: {what} of {asked} to {allowed} is no quantity")
                });
                // Else a node may have less for it than it was promised, in the middle of measuring.
                breaches.unless(numbers.0 == numbers.1, || {
                    format!("{title}: {what}: the request {asked} is not the limit {allowed}")
                });
            }
        }
        for volume in
            list(workload.template, "/spec/volumes").filter(|volume| volume.get("emptyDir").is_some())
        {
            let limit = &volume["emptyDir"]["sizeLimit"];
            breaches.unless(quantity(limit).is_some(), || {
                format!("{title}: the volume {} may fill the node", volume["name"])
            });
        }
    }
}

pub(super) fn times(objects: &Objects, breaches: &mut Breaches) {
    for workload in objects.workloads() {
        let title = workload.title();
        let grace = workload.template["spec"]["terminationGracePeriodSeconds"]
            .as_u64()
            .unwrap_or(30);
        for container in workload.containers() {
            let variables = workload.environment(container, objects);
            let time = |name: &str, default: u64| match variables.get(name) {
                None => Some(default),
                Some(text) => seconds(text),
            };
            let needed = if workload.is_worker() {
                time("KATYDID_DRAIN_TIMEOUT", 60)
            } else {
                time("KATYDID_STOP_TIMEOUT", 10).map(|stop| stop + CUT_OFF_SECS)
            };
            let Some(needed) = needed else {
                breaches.add(format!("{title}: a time that is none"));
                continue;
            };
            breaches.unless(grace >= needed + SPARE_SECS, || {
                format!("{title} is killed after {grace} s, but leaving may take {needed} s")
            });
        }
    }
}

pub(super) fn images(objects: &Objects, breaches: &mut Breaches) {
    let mut images = BTreeSet::new();
    for workload in objects.workloads() {
        for container in workload.containers() {
            let image = text(container, "/image");
            let tag = image
                .rsplit_once('/')
                .map_or(image, |(_, name)| name)
                .split_once([':', '@']);
            breaches.unless(
                tag.is_some_and(|(_, tag)| !tag.is_empty() && tag != "latest"),
                || format!("{}: `{image}` may be another one tomorrow", workload.title()),
            );
            images.insert(image);
            role(&workload, container, breaches);
        }
    }
    breaches.unless(images.len() == 1, || {
        format!("master and workers run {images:?}: they refuse each other")
    });
}

/// One image, and its role by an argument.
fn role(workload: &Workload<'_>, container: &serde_json::Value, breaches: &mut Breaches) {
    let role = if workload.is_worker() {
        "--worker"
    } else {
        "--master"
    };
    breaches.unless(list(container, "/args").any(|word| word == role), || {
        format!("{} is not told {role}", workload.title())
    });
    breaches.unless(container.get("command").is_none(), || {
        format!("{}: a command takes the place of the image's", workload.title())
    });
    let links = &workload.template["spec"]["enableServiceLinks"];
    breaches.unless(links == false, || {
        format!(
            "{}: variables of services are taken for settings",
            workload.title()
        )
    });
}

//! What is named must be there, or be on the list of what people bring.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Breaches;
use crate::objects::{Objects, Workload, list, map, text, title};

/// Secrets that are not in the manifests; k8s/README.md says how to make them.
const BROUGHT: [&str; 2] = ["katydid-auth", "katydid-page-tls"];

/// A Secret that may be missing.
const OPTIONAL: &str = "katydid-scenario-secrets";

pub(super) fn check(objects: &Objects, breaches: &mut Breaches) {
    for workload in objects.workloads() {
        let title = workload.title();
        let spec = &workload.template["spec"];
        let account = text(spec, "/serviceAccountName");
        breaches.unless(objects.find("ServiceAccount", account).is_some(), || {
            format!("{title}: there is no ServiceAccount `{account}`")
        });
        if let Some(class) = spec["priorityClassName"].as_str() {
            breaches.unless(objects.find("PriorityClass", class).is_some(), || {
                format!("{title}: there is no PriorityClass `{class}`")
            });
        }
        for container in workload.containers() {
            for source in list(container, "/envFrom") {
                config_map(objects, text(source, "/configMapRef/name"), &title, breaches);
                let is_optional = source.pointer("/secretRef/optional") == Some(&Value::Bool(true));
                secret(
                    objects,
                    text(source, "/secretRef/name"),
                    is_optional,
                    &title,
                    breaches,
                );
            }
            for variable in list(container, "/env") {
                let named = text(variable, "/valueFrom/resourceFieldRef/containerName");
                let is_there = workload
                    .containers()
                    .any(|container| text(container, "/name") == named);
                breaches.unless(named.is_empty() || is_there, || {
                    format!("{title}: there is no container `{named}`")
                });
            }
        }
    }
    for ingress in objects.of("Ingress") {
        for tls in list(ingress, "/spec/tls") {
            secret(
                objects,
                text(tls, "/secretName"),
                false,
                &title(ingress),
                breaches,
            );
        }
    }
    for certificate in objects.of("Certificate") {
        let issuer = text(certificate, "/spec/issuerRef/name");
        breaches.unless(objects.find("Issuer", issuer).is_some(), || {
            format!("{}: there is no Issuer `{issuer}`", title(certificate))
        });
    }
    for issuer in objects.of("Issuer") {
        secret(
            objects,
            text(issuer, "/spec/ca/secretName"),
            false,
            &title(issuer),
            breaches,
        );
    }
}

fn config_map(objects: &Objects, name: &str, title: &str, breaches: &mut Breaches) {
    breaches.unless(
        name.is_empty() || objects.find("ConfigMap", name).is_some(),
        || format!("{title}: there is no ConfigMap `{name}`"),
    );
}

fn secret(objects: &Objects, name: &str, is_optional: bool, title: &str, breaches: &mut Breaches) {
    let is_issued = || {
        objects
            .of("Certificate")
            .any(|certificate| text(certificate, "/spec/secretName") == name)
    };
    let is_known = name.is_empty()
        || BROUGHT.contains(&name)
        || (name == OPTIONAL && is_optional)
        || objects.find("Secret", name).is_some()
        || is_issued();
    breaches.unless(is_known, || format!("{title}: nobody makes the Secret `{name}`"));
}

/// Volumes and what is mounted of them.
pub(super) fn volumes(objects: &Objects, breaches: &mut Breaches) {
    for workload in objects.workloads() {
        let title = workload.title();
        let mounted: BTreeSet<&str> = workload
            .containers()
            .flat_map(|container| list(container, "/volumeMounts"))
            .map(|mount| text(mount, "/name"))
            .collect();
        let declared: BTreeSet<&str> = list(workload.template, "/spec/volumes").map(name_in).collect();
        for name in mounted.symmetric_difference(&declared) {
            breaches.add(format!(
                "{title}: the volume `{name}` is mounted without being declared, or the other way round"
            ));
        }
        for volume in list(workload.template, "/spec/volumes") {
            source(objects, &title, volume, breaches);
        }
        files(objects, &workload, breaches);
    }
}

fn source(objects: &Objects, title: &str, volume: &Value, breaches: &mut Breaches) {
    config_map(objects, text(volume, "/configMap/name"), title, breaches);
    let name = text(volume, "/secret/secretName");
    secret(objects, name, false, title, breaches);
    if let Some(secret) = objects.find("Secret", name) {
        for item in list(volume, "/secret/items") {
            let key = text(item, "/key");
            let has = ["/data", "/stringData"]
                .iter()
                .any(|part| map(secret, part).is_some_and(|map| map.contains_key(key)));
            breaches.unless(has, || format!("{title}: Secret {name} has no `{key}`"));
        }
    }
    let claim = text(volume, "/persistentVolumeClaim/claimName");
    breaches.unless(
        claim.is_empty() || objects.find("PersistentVolumeClaim", claim).is_some(),
        || format!("{title}: there is no PersistentVolumeClaim `{claim}`"),
    );
    let sources = volume
        .as_object()
        .map_or(0, |volume| volume.len().saturating_sub(1));
    breaches.unless(sources == 1, || {
        format!("{title}: the volume `{}` has {sources} sources", name_in(volume))
    });
}

/// Paths in settings are below something that is mounted, which may be written to where it is written to.
fn files(objects: &Objects, workload: &Workload<'_>, breaches: &mut Breaches) {
    const WRITTEN: [&str; 5] = ["JOURNAL", "JSON_FILE", "HTML", "JUNIT", "CSV"];
    for container in workload.containers() {
        for (name, path) in workload.environment(container, objects) {
            let Some(flag) = name.strip_prefix("KATYDID_").filter(|_| path.starts_with('/')) else {
                continue;
            };
            // The kubelet mounts that file.
            if path == termination_message(container) {
                continue;
            }
            let mount = mount_of(container, &path);
            let is_written = WRITTEN.contains(&flag);
            let fits = mount.is_some_and(|mount| !is_written || mount["readOnly"] != true);
            breaches.unless(fits, || {
                format!(
                    "{}: {name} is {path}, where nothing fit for it is mounted",
                    workload.title()
                )
            });
        }
    }
}

/// Where a container's last word is read from.
pub(super) fn termination_message(container: &Value) -> &str {
    match text(container, "/terminationMessagePath") {
        "" => "/dev/termination-log",
        path => path,
    }
}

fn mount_of<'a>(container: &'a Value, path: &str) -> Option<&'a Value> {
    list(container, "/volumeMounts").find(|mount| {
        let place = text(mount, "/mountPath");
        path == place || path.starts_with(&format!("{place}/"))
    })
}

/// A run that is left to the next pod is on a disk that pod gets too.
pub(super) fn handed_over(objects: &Objects, breaches: &mut Breaches) {
    for workload in objects.workloads() {
        for container in workload.containers() {
            let variables = workload.environment(container, objects);
            if variables
                .get("KATYDID_ON_SIGTERM")
                .is_none_or(|what| what != "hand-over")
            {
                continue;
            }
            let journal = variables.get("KATYDID_JOURNAL").map_or("", String::as_str);
            let volume = mount_of(container, journal).map(|mount| text(mount, "/name"));
            let stays = list(workload.template, "/spec/volumes")
                .any(|found| Some(name_in(found)) == volume && found.get("persistentVolumeClaim").is_some());
            breaches.unless(stays, || {
                format!("{}: the run it hands over goes with its pod", workload.title())
            });
        }
    }
}

fn name_in(value: &Value) -> &str {
    text(value, "/name")
}

#[test]
fn what_people_bring_is_explained() {
    let readme = std::fs::read_to_string(katydid_testkit::manifests().join("README.md")).unwrap();
    for name in BROUGHT.iter().chain([&OPTIONAL]) {
        assert!(
            readme.contains(name),
            "k8s/README.md does not say how to make {name}"
        );
    }
}

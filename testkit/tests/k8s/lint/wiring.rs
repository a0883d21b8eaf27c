//! Who finds whom: selectors, ports, network policies, what Prometheus scrapes.

use serde_json::Value;

use super::Breaches;
use crate::objects::{Objects, Workload, has_labels, list, name_of, text, title};

pub(super) fn selectors(objects: &Objects, breaches: &mut Breaches) {
    for workload in objects.workloads() {
        let title = workload.title();
        if text(workload.object, "/kind") == "Deployment" {
            let selector = &workload.object["spec"]["selector"]["matchLabels"];
            breaches.unless(has_labels(workload.template, selector), || {
                format!("{title} does not select its own pods")
            });
        }
        for spread in list(workload.template, "/spec/topologySpreadConstraints") {
            let labels = &spread["labelSelector"]["matchLabels"];
            breaches.unless(has_labels(workload.template, labels), || {
                format!("{title} spreads pods that are not its own")
            });
            // Only a ReplicaSet's pods have this label; others would never be spread.
            let by_template = list(spread, "/matchLabelKeys").any(|key| key == "pod-template-hash");
            breaches.unless(!by_template || workload.job.is_none(), || {
                format!("{title} spreads by pod-template-hash, which pods of Jobs do not have")
            });
        }
    }
    for (kind, pointer) in [
        ("Service", "/spec/selector"),
        ("PodDisruptionBudget", "/spec/selector/matchLabels"),
    ] {
        for object in objects.of(kind) {
            let labels = object.pointer(pointer).unwrap_or(&Value::Null);
            breaches.unless(!objects.selected(labels).is_empty(), || {
                format!("{} selects nobody", title(object))
            });
        }
    }
    let one_master = objects
        .workloads()
        .iter()
        .filter(|workload| !workload.is_worker())
        .count()
        == 1;
    breaches.unless(one_master, || "there is not one master".to_owned());
}

pub(super) fn ports(objects: &Objects, breaches: &mut Breaches) {
    for service in objects.of("Service") {
        for port in list(service, "/spec/ports") {
            let target = port.get("targetPort").unwrap_or(&port["port"]);
            declared(
                objects,
                &service["spec"]["selector"],
                target,
                &title(service),
                breaches,
            );
        }
    }
    for ingress in objects.of("Ingress") {
        let paths = list(ingress, "/spec/rules").flat_map(|rule| list(rule, "/http/paths"));
        for path in paths {
            let backend = &path["backend"]["service"];
            let service = objects.find("Service", text(backend, "/name"));
            let has_port = service.is_some_and(|service| {
                list(service, "/spec/ports").any(|port| {
                    port["name"] == backend["port"]["name"] || port["port"] == backend["port"]["number"]
                })
            });
            breaches.unless(has_port, || {
                format!(
                    "{} leads to no port of Service {}",
                    title(ingress),
                    text(backend, "/name")
                )
            });
        }
    }
}

/// Whether all pods with `labels` have the port.
fn declared(objects: &Objects, labels: &Value, port: &Value, title: &str, breaches: &mut Breaches) {
    for workload in objects.selected(labels) {
        breaches.unless(has_port(&workload, port), || {
            format!("{title}: {} has no port {port}", workload.title())
        });
    }
}

fn has_port(workload: &Workload<'_>, port: &Value) -> bool {
    workload.port(port).is_some_and(|number| {
        workload
            .containers()
            .flat_map(|container| list(container, "/ports"))
            .any(|declared| declared["containerPort"] == number)
    })
}

pub(super) fn policies(objects: &Objects, breaches: &mut Breaches) {
    let mut denied = (false, false);
    for policy in objects.of("NetworkPolicy") {
        let title = title(policy);
        let spec = &policy["spec"];
        let selects_all = spec["podSelector"]
            .as_object()
            .is_some_and(serde_json::Map::is_empty);
        let types = |wanted: &str| list(spec, "/policyTypes").any(|found| found == wanted);
        if selects_all
            && list(spec, "/ingress")
                .chain(list(spec, "/egress"))
                .next()
                .is_none()
        {
            denied = (denied.0 || types("Ingress"), denied.1 || types("Egress"));
        }
        let own = &spec["podSelector"]["matchLabels"];
        breaches.unless(selects_all || !objects.selected(own).is_empty(), || {
            format!("{title} selects nobody")
        });
        for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
            let wanted = if direction == "ingress" {
                "Ingress"
            } else {
                "Egress"
            };
            for rule in list(spec, &format!("/{direction}")) {
                breaches.unless(types(wanted), || {
                    format!("{title} has rules of a type it does not name")
                });
                for peer in list(rule, &format!("/{peers}")) {
                    let other = &peer["podSelector"]["matchLabels"];
                    let is_ours = peer.get("namespaceSelector").is_none() && other.is_object();
                    breaches.unless(!is_ours || !objects.selected(other).is_empty(), || {
                        format!("{title} lets nobody: no pod has those labels")
                    });
                    // Named ports are those of whoever is called.
                    let called = if direction == "ingress" { own } else { other };
                    for port in list(rule, "/ports").filter(|port| port["port"].is_string()) {
                        if direction == "ingress" || is_ours {
                            someone_has(objects, called, &port["port"], &title, breaches);
                        }
                    }
                }
            }
        }
    }
    breaches.unless(denied == (true, true), || {
        "no NetworkPolicy denies everything to begin with".to_owned()
    });
}

/// A test without a page has no `http` port; a rule for it lets nobody then, and harms nobody.
fn someone_has(objects: &Objects, labels: &Value, port: &Value, title: &str, breaches: &mut Breaches) {
    let selected = objects.selected(labels);
    let is_headless = selected.iter().all(|workload| workload.job.is_some()) && port == "http";
    let has = selected.iter().all(|workload| has_port(workload, port));
    breaches.unless(has || is_headless, || {
        format!("{title}: the port {port} is nobody's")
    });
}

pub(super) fn monitors(objects: &Objects, breaches: &mut Breaches) {
    for monitor in objects.of("ServiceMonitor") {
        let labels = &monitor["spec"]["selector"]["matchLabels"];
        for endpoint in list(monitor, "/spec/endpoints") {
            let ports = objects
                .of("Service")
                .filter(|service| has_labels(service, labels))
                .flat_map(|service| list(service, "/spec/ports"))
                .filter(|port| port["name"] == endpoint["port"])
                .count();
            breaches.unless(ports == 1, || {
                format!(
                    "{} finds {ports} ports named {}, not one",
                    title(monitor),
                    endpoint["port"]
                )
            });
        }
    }
    for monitor in objects.of("PodMonitor") {
        let labels = &monitor["spec"]["selector"]["matchLabels"];
        breaches.unless(!objects.selected(labels).is_empty(), || {
            format!("{} selects nobody", title(monitor))
        });
        for endpoint in list(monitor, "/spec/podMetricsEndpoints") {
            declared(objects, labels, &endpoint["port"], &title(monitor), breaches);
        }
    }
    for monitor in objects.of("ServiceMonitor").chain(objects.of("PodMonitor")) {
        let ours =
            list(monitor, "/spec/namespaceSelector/matchNames").all(|name| name == objects.namespace());
        breaches.unless(ours, || {
            format!("{} looks into another namespace", title(monitor))
        });
        let scraped = objects.of("NetworkPolicy").any(|policy| {
            policy["spec"]["podSelector"] == monitor["spec"]["selector"]
                && list(policy, "/spec/ingress")
                    .flat_map(|rule| list(rule, "/from"))
                    .any(|peer| {
                        text(
                            peer,
                            "/namespaceSelector/matchLabels/kubernetes.io~1metadata.name",
                        ) == "monitoring"
                    })
        });
        breaches.unless(scraped, || {
            format!(
                "no NetworkPolicy lets Prometheus to what {} names",
                name_of(monitor)
            )
        });
    }
}

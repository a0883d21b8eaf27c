//! Who may talk to whom, as the network policies say: a small evaluator of what they allow.

use anyhow::Result;
use katydid_testkit::Kustomize;
use serde_json::{Value, json};

use crate::objects::{Objects, Workload, has_labels, list};

/// One end of a connection.
#[derive(Debug, Clone)]
struct End {
    labels: Value,
    /// Labels of its namespace, which is ours when it is called `katydid`.
    namespace: Value,
}

fn ours(component: &str) -> End {
    End {
        labels: json!({"app.kubernetes.io/name": "katydid", "app.kubernetes.io/component": component}),
        namespace: json!({"kubernetes.io/metadata.name": "katydid"}),
    }
}

fn stranger(namespace: &str, label: &str) -> End {
    End {
        labels: json!({"app": "other"}),
        namespace: json!({"kubernetes.io/metadata.name": namespace, label: "true"}),
    }
}

/// Whether a connection gets through: both ends have to agree, as far as they are ours.
fn may(objects: &Objects, from: &End, to: &End, port: i64) -> bool {
    let is_ours = |end: &End| end.namespace["kubernetes.io/metadata.name"] == "katydid";
    (!is_ours(from) || allowed(objects, "egress", from, to, to, port))
        && (!is_ours(to) || allowed(objects, "ingress", to, from, to, port))
}

fn allowed(objects: &Objects, direction: &str, own: &End, peer: &End, called: &End, port: i64) -> bool {
    let (peers, kind) = if direction == "egress" {
        ("/to", "Egress")
    } else {
        ("/from", "Ingress")
    };
    objects
        .of("NetworkPolicy")
        .filter(|policy| selects(&policy["spec"]["podSelector"], &own.labels))
        .filter(|policy| list(policy, "/spec/policyTypes").any(|found| found == kind))
        .flat_map(|policy| list(policy, &format!("/spec/{direction}")))
        .any(|rule| {
            let mut some = list(rule, peers).peekable();
            let fits = some.peek().is_none() || some.any(|selector| is_peer(selector, peer));
            let mut ports = list(rule, "/ports").peekable();
            let has_port =
                ports.peek().is_none() || ports.any(|found| is_port(objects, called, &found["port"], port));
            fits && has_port
        })
}

fn is_peer(selector: &Value, peer: &End) -> bool {
    if selector.get("ipBlock").is_some() {
        return false;
    }
    let namespace_fits = match selector.get("namespaceSelector") {
        None => peer.namespace["kubernetes.io/metadata.name"] == "katydid",
        Some(labels) => selects(labels, &peer.namespace),
    };
    namespace_fits
        && selector
            .get("podSelector")
            .is_none_or(|labels| selects(labels, &peer.labels))
}

fn is_port(objects: &Objects, called: &End, said: &Value, port: i64) -> bool {
    match said.as_i64() {
        Some(number) => number == port,
        None => objects
            .workloads()
            .iter()
            .filter(|workload: &&Workload<'_>| has_labels(workload.template, &called.labels))
            .any(|workload| workload.port(said) == Some(port)),
    }
}

/// An empty selector selects everything.
fn selects(selector: &Value, labels: &Value) -> bool {
    let Some(wanted) = selector["matchLabels"].as_object() else {
        return true;
    };
    wanted.iter().all(|(name, value)| labels.get(name) == Some(value))
}

#[test]
fn who_may_talk_to_whom() -> Result<()> {
    let Some(kustomize) = Kustomize::find()? else {
        return Ok(());
    };
    let (master, worker) = (ours("master"), ours("worker"));
    let target = stranger("shop", "load-test-target");
    let [other, dns, monitoring, keda, ingress] =
        ["other", "kube-system", "monitoring", "keda", "ingress-nginx"].map(|name| stranger(name, "x"));
    let all = ["prometheus-operator", "ingress"];
    // What is put on top of `prod`, who calls whom at which port, and whether that gets through.
    let table = [
        (&all[..0], &worker, &master, 5557, true),
        (&all[..0], &master, &worker, 5557, false),
        (&all[..0], &worker, &master, 8089, false),
        (&all[..0], &worker, &worker, 5557, false),
        (&all[..0], &worker, &dns, 53, true),
        (&all[..0], &master, &dns, 53, true),
        (&all[..0], &worker, &dns, 443, false),
        (&all[..0], &worker, &target, 80, true),
        (&all[..0], &worker, &other, 80, false),
        (&all[..0], &master, &target, 80, false),
        (&all[..0], &other, &master, 8089, false),
        (&all[..0], &other, &master, 5557, false),
        (&all[..0], &ingress, &master, 8089, false),
        (&all[..0], &monitoring, &master, 8089, false),
        (&all, &ingress, &master, 8089, true),
        (&all, &ingress, &master, 5557, false),
        (&all, &monitoring, &master, 8089, false),
        (&all, &monitoring, &master, 8090, true),
        (&all[..0], &monitoring, &master, 8090, false),
        (&all, &monitoring, &worker, 8090, true),
        (&all, &other, &worker, 8090, false),
        (&all, &keda, &master, 5557, false),
        (&["egress-anywhere"], &worker, &other, 80, true),
        (&["egress-anywhere"], &master, &other, 80, false),
    ];
    for (components, from, to, port, expected) in table {
        let objects = Objects(kustomize.combine("prod", components)?);
        let found = may(&objects, from, to, port);
        assert_eq!(
            found, expected,
            "with {components:?}: {from:?} to {to:?} at {port}"
        );
    }
    let objects = Objects(kustomize.combine("dev", &["keda-external"])?);
    assert!(may(&objects, &keda, &master, 5558), "KEDA asks the master");
    assert!(!may(&objects, &keda, &master, 8089), "but does not see the page");
    assert!(!may(&objects, &keda, &master, 5557), "and is no worker");
    assert!(!may(&objects, &other, &master, 5558), "nobody else asks");
    Ok(())
}

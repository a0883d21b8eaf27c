//! Objects of operators (KEDA, the Prometheus Operator, cert-manager) against those operators' types.
//!
//! In: every combination of overlay and components, and the targets of `examples/`. Out: fields that are unknown, missing or of another type. A field the
//! type does not know is lost on the way through it, which is how it is found.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use katydid_testkit::{Kustomize, combinations, manifests};
use kcr_cert_manager_io::v1::{certificates::Certificate, issuers::Issuer};
use kcr_keda_sh::v1alpha1::scaledobjects::ScaledObject;
use kcr_monitoring_coreos_com::v1::podmonitors::PodMonitor;
use kcr_monitoring_coreos_com::v1::prometheusrules::PrometheusRule;
use kcr_monitoring_coreos_com::v1::servicemonitors::ServiceMonitor;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Groups whose kinds are not Kubernetes' own, as far as they are used here.
const GROUPS: [&str; 3] = ["cert-manager.io/", "keda.sh/", "monitoring.coreos.com/"];

/// Reads `object` as what it says it is.
fn check(object: &Value) -> Result<()> {
    let kind = format!(
        "{} {}",
        object["apiVersion"].as_str().unwrap_or_default(),
        object["kind"].as_str().unwrap_or_default()
    );
    match kind.as_str() {
        "cert-manager.io/v1 Certificate" => there_and_back::<Certificate>(object),
        "cert-manager.io/v1 Issuer" => there_and_back::<Issuer>(object),
        "keda.sh/v1alpha1 ScaledObject" => there_and_back::<ScaledObject>(object),
        "monitoring.coreos.com/v1 PodMonitor" => there_and_back::<PodMonitor>(object),
        "monitoring.coreos.com/v1 PrometheusRule" => there_and_back::<PrometheusRule>(object),
        "monitoring.coreos.com/v1 ServiceMonitor" => there_and_back::<ServiceMonitor>(object),
        _ => bail!("nobody knows the type of {kind}"),
    }
    .with_context(|| format!("{kind} {}", object["metadata"]["name"]))
}

fn there_and_back<T: DeserializeOwned + Serialize>(object: &Value) -> Result<()> {
    let typed: T = serde_json::from_value(object.clone())?;
    let back = serde_json::to_value(&typed)?;
    let mut lost = Vec::new();
    compare(object, &back, "", &mut lost);
    if lost.is_empty() {
        return Ok(());
    }
    bail!(
        "{} came back otherwise: no such field, or another type",
        lost.join(", ")
    )
}

/// Where `back` lacks what `sent` has. What it has besides are defaults.
fn compare(sent: &Value, back: &Value, place: &str, lost: &mut Vec<String>) {
    match (sent, back) {
        (Value::Object(sent), Value::Object(back)) => {
            for (name, value) in sent {
                let place = format!("{place}/{name}");
                match back.get(name) {
                    Some(back) => compare(value, back, &place, lost),
                    // An empty object may come back as nothing.
                    None if value.as_object().is_some_and(serde_json::Map::is_empty) => {}
                    None => lost.push(place),
                }
            }
        }
        (Value::Array(sent), Value::Array(back)) if sent.len() == back.len() => {
            for (index, (sent, back)) in sent.iter().zip(back).enumerate() {
                compare(sent, back, &format!("{place}/{index}"), lost);
            }
        }
        _ if sent == back => {}
        _ => lost.push(place.to_owned()),
    }
}

/// All objects of operators in all combinations, each once.
fn objects() -> Result<Option<Vec<Value>>> {
    let Some(kustomize) = Kustomize::find()? else {
        return Ok(None);
    };
    let mut found = BTreeMap::new();
    for combination in combinations(false)? {
        let components: Vec<&str> = combination.components.iter().map(String::as_str).collect();
        for object in kustomize.combine(&combination.overlay, &components)? {
            let version = object["apiVersion"].as_str().unwrap_or_default();
            if GROUPS.iter().any(|group| version.starts_with(group)) {
                found.insert(object.to_string(), object);
            }
        }
    }
    for target in std::fs::read_dir(manifests().join("../examples/targets"))? {
        let name = target?.file_name();
        let folder = format!("../examples/targets/{}", name.to_string_lossy());
        for object in kustomize.render(&folder)? {
            let version = object["apiVersion"].as_str().unwrap_or_default();
            if GROUPS.iter().any(|group| version.starts_with(group)) {
                found.insert(object.to_string(), object);
            }
        }
    }
    Ok(Some(found.into_values().collect()))
}

#[test]
fn operators_know_every_field() -> Result<()> {
    let Some(objects) = objects()? else {
        return Ok(());
    };
    let kinds: BTreeSet<&str> = objects
        .iter()
        .filter_map(|object| object["kind"].as_str())
        .collect();
    assert_eq!(kinds.len(), 6, "{kinds:?}");
    let wrong: Vec<String> = objects
        .iter()
        .filter_map(|object| check(object).err())
        .map(|error| format!("{error:#}"))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn slips_are_noticed() -> Result<()> {
    let Some(objects) = objects()? else {
        return Ok(());
    };
    let find = |kind: &str| {
        objects
            .iter()
            .find(|object| object["kind"] == kind)
            .cloned()
            .context(kind.to_owned())
    };
    let slips: [(&str, &str, Value); 7] = [
        ("ScaledObject", "/spec/pollingIntervall", json!(5)),
        ("ScaledObject", "/spec/minReplicaCount", json!("1")),
        ("ScaledObject", "/spec/triggers/0/metadata/threshold", json!(1000)),
        ("ServiceMonitor", "/spec/endpoints/0/portt", json!("http")),
        ("PodMonitor", "/spec/podMetricEndpoints", json!([])),
        ("PrometheusRule", "/spec/groups/0/rules/0/expression", json!("1")),
        ("Certificate", "/spec/issuerRef", json!("katydid-fleet")),
    ];
    for (kind, place, value) in slips {
        let mut object = find(kind)?;
        let (parent, last) = place.rsplit_once('/').context("a pointer")?;
        object.pointer_mut(parent).context(place)?[last] = value;
        assert!(check(&object).is_err(), "{kind}: nobody noticed {place}");
    }
    Ok(())
}

//! How many: replicas, autoscalers, disruption budgets, quotas.

use serde_json::Value;

use super::Breaches;
use crate::objects::{Objects, Workload, list, map, name_of, quantity, text, title};

/// Autoscalers and whom they scale.
fn scaled(objects: &Objects) -> impl Iterator<Item = (&Value, &str, &str)> {
    objects
        .of("HorizontalPodAutoscaler")
        .chain(objects.of("ScaledObject"))
        .map(|scaler| {
            let target = &scaler["spec"]["scaleTargetRef"];
            (
                scaler,
                target["kind"].as_str().unwrap_or("Deployment"),
                text(target, "/name"),
            )
        })
}

pub(super) fn replicas(objects: &Objects, breaches: &mut Breaches) {
    for workload in objects
        .workloads()
        .into_iter()
        .filter(|workload| workload.job.is_none())
    {
        let name = name_of(workload.object);
        let scalers: Vec<String> = scaled(objects)
            .filter(|scaler| scaler.2 == name)
            .map(|scaler| title(scaler.0))
            .collect();
        let replicas = &workload.object["spec"]["replicas"];
        breaches.unless(scalers.len() <= 1, || {
            format!(
                "{} is scaled by {}: they fight",
                workload.title(),
                scalers.join(" and ")
            )
        });
        if scalers.is_empty() {
            breaches.unless(replicas.is_u64(), || {
                format!("nobody says how many {} there are", workload.title())
            });
        } else {
            breaches.unless(replicas.is_null(), || {
                format!(
                    "{} says replicas although it is autoscaled: every apply takes workers away",
                    workload.title()
                )
            });
        }
        if !workload.is_worker() {
            breaches.unless(
                replicas == 1 && text(workload.object, "/spec/strategy/type") == "Recreate",
                || {
                    format!(
                        "{}: there must be one master, and never two at a time",
                        workload.title()
                    )
                },
            );
        }
    }
}

pub(super) fn autoscalers(objects: &Objects, breaches: &mut Breaches) {
    for (scaler, kind, name) in scaled(objects) {
        let title = title(scaler);
        let Some(target) = objects.find(kind, name) else {
            breaches.add(format!("{title} scales {kind} {name}, which is not there"));
            continue;
        };
        for metric in list(scaler, "/spec/metrics") {
            let container = text(metric, "/containerResource/container");
            let is_there =
                list(target, "/spec/template/spec/containers").any(|found| text(found, "/name") == container);
            breaches.unless(container.is_empty() || is_there, || {
                format!("{title}: there is no container `{container}`")
            });
        }
        let number = |names: [&str; 2]| names.iter().find_map(|name| scaler["spec"][name].as_u64());
        let (min, max) = (
            number(["minReplicas", "minReplicaCount"]),
            number(["maxReplicas", "maxReplicaCount"]),
        );
        breaches.unless(min.is_some() && min < max, || {
            format!("{title}: from {min:?} to {max:?} is no range")
        });
        let idle = scaler["spec"]["idleReplicaCount"].as_u64();
        breaches.unless(idle.is_none() || idle < min, || {
            format!("{title}: idle is not less than the least")
        });
        for trigger in list(scaler, "/spec/triggers") {
            trigger_fits(objects, &title, trigger, breaches);
        }
    }
}

fn trigger_fits(objects: &Objects, title: &str, trigger: &Value, breaches: &mut Breaches) {
    let namespace = objects.namespace();
    for (name, value) in map(trigger, "/metadata").into_iter().flatten() {
        breaches.unless(value.is_string(), || {
            format!("{title}: {name} is {value}, but KEDA takes texts only")
        });
    }
    let query = text(trigger, "/metadata/query");
    breaches.unless(
        query.is_empty() || query.contains(&format!("namespace=\"{namespace}\"")),
        || format!("{title} asks for numbers of other namespaces too"),
    );
    if let Some(address) = trigger.pointer("/metadata/scalerAddress").and_then(Value::as_str) {
        let users = text(trigger, "/metadata/usersPerWorker");
        breaches.unless(users.parse::<u32>().is_ok_and(|users| users > 0), || {
            format!("{title}: usersPerWorker is `{users}`, which is no number of users")
        });
        let (host, port) = address.split_once(':').unwrap_or((address, ""));
        let mut parts = host.split('.');
        let service = objects.find("Service", parts.next().unwrap_or_default());
        let has_port = service.is_some_and(|service| {
            list(service, "/spec/ports").any(|found| found["port"].as_u64() == port.parse().ok())
        });
        breaches.unless(has_port, || format!("{title}: nothing is at {address}"));
        breaches.unless(parts.next() == Some(namespace), || {
            format!("{title}: {address} is in another namespace")
        });
    }
}

pub(super) fn budgets(objects: &Objects, breaches: &mut Breaches) {
    for budget in objects.of("PodDisruptionBudget") {
        let title = title(budget);
        let (least, most) = (&budget["spec"]["minAvailable"], &budget["spec"]["maxUnavailable"]);
        breaches.unless(least.is_null() != most.is_null(), || {
            format!("{title}: one of two numbers is needed")
        });
        for workload in objects.selected(&budget["spec"]["selector"]["matchLabels"]) {
            let is_job = workload.job.is_some();
            // Jobs have no scale to take a share of.
            breaches.unless(!is_job || least.is_u64(), || {
                format!("{title} is for pods of a Job: only a whole minAvailable works")
            });
            breaches.unless(is_job || least.is_null(), || {
                format!("{title}: with as many pods as minAvailable no node can be drained")
            });
            breaches.unless(!workload.is_worker() || most != 0, || {
                format!("{title}: workers may leave at any time")
            });
        }
    }
}

/// The quota has room for as many as there may ever be, and for those that come before others leave.
pub(super) fn quota(objects: &Objects, breaches: &mut Breaches) {
    for quota in objects.of("ResourceQuota") {
        let workloads = objects.workloads();
        for (what, hard) in map(quota, "/spec/hard").into_iter().flatten() {
            let need = |workload: &Workload<'_>| {
                let pods = most(objects, workload);
                match what.split_once('.') {
                    Some((kind @ ("requests" | "limits"), what @ ("cpu" | "memory"))) => {
                        let one: f64 = workload
                            .containers()
                            .filter_map(|found| quantity(&found["resources"][kind][what]))
                            .sum();
                        pods * one
                    }
                    _ if what == "pods" => pods,
                    _ => 0.0,
                }
            };
            let needed: f64 = workloads.iter().map(need).sum();
            breaches.unless(quantity(hard).is_some_and(|hard| hard >= needed), || {
                format!("{}: {what} is {hard}, but {needed} may be needed", title(quota))
            });
        }
    }
}

/// The most pods a workload may have at a time.
fn most(objects: &Objects, workload: &Workload<'_>) -> f64 {
    let number = |value: &Value| value.as_f64();
    if let Some(job) = workload.job {
        return number(&job["parallelism"]).unwrap_or(1.0);
    }
    let scaler = scaled(objects).find(|scaler| scaler.2 == name_of(workload.object));
    let spec = scaler.map(|(scaler, ..)| &scaler["spec"]);
    let most = spec.and_then(|spec| number(&spec["maxReplicas"]).or(number(&spec["maxReplicaCount"])));
    let replicas = most
        .or(number(&workload.object["spec"]["replicas"]))
        .unwrap_or(1.0);
    let surge = &workload.object["spec"]["strategy"]["rollingUpdate"]["maxSurge"];
    let percent = surge
        .as_str()
        .and_then(|text| text.strip_suffix('%')?.parse::<f64>().ok());
    let surge = percent
        .map(|percent| (replicas * percent / 100.0).ceil())
        .or(number(surge));
    replicas + surge.unwrap_or(0.0)
}

//! All combinations: they render, their schemas and the lint have nothing to say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use anyhow::{Context, Result};
use katydid_testkit::{Combination, Kustomize, combinations, validate};
use serde_json::Value;

use crate::lint::lint;
use crate::objects::{Objects, name_of, text};

/// Kinds of operators, whose types the crate `katydid-crds` knows.
const FOREIGN: [&str; 6] = [
    "cert-manager.io/v1 Certificate",
    "cert-manager.io/v1 Issuer",
    "keda.sh/v1alpha1 ScaledObject",
    "monitoring.coreos.com/v1 PodMonitor",
    "monitoring.coreos.com/v1 PrometheusRule",
    "monitoring.coreos.com/v1 ServiceMonitor",
];

#[test]
fn every_combination_renders_and_nothing_is_wrong_with_it() -> Result<()> {
    let Some(kustomize) = Kustomize::find()? else {
        return Ok(());
    };
    let combinations = combinations(true)?;
    assert!(combinations.len() > 150, "{} are too few", combinations.len());
    let different = Mutex::new(BTreeMap::<String, Value>::new());
    let breaches = Mutex::new(Vec::new());
    let check = |combination: &Combination| -> Result<()> {
        let components: Vec<&str> = combination.components.iter().map(String::as_str).collect();
        let objects = Objects(kustomize.combine(&combination.overlay, &components)?);
        let found = lint(&objects);
        let named = |breach| format!("{} with {}: {breach}", combination.overlay, components.join(", "));
        breaches.lock().unwrap().extend(found.into_iter().map(named));
        let mut different = different.lock().unwrap();
        for object in objects.0 {
            different.insert(object.to_string(), object);
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let halves = combinations.chunks(combinations.len().div_ceil(2));
        let threads: Vec<_> = halves
            .map(|half| scope.spawn(|| half.iter().try_for_each(check)))
            .collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().expect("no test panics"))
    })?;
    let breaches = breaches.into_inner()?;
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));

    let objects: Vec<Value> = different.into_inner()?.into_values().collect();
    if let Some(verdict) = validate(&objects)? {
        assert!(verdict.errors.is_empty(), "\n{}", verdict.errors.join("\n"));
        let foreign: BTreeSet<&str> = verdict.foreign.iter().map(String::as_str).collect();
        assert_eq!(foreign, BTreeSet::from(FOREIGN));
    }
    Ok(())
}

#[test]
fn schemas_notice_what_no_version_has() -> Result<()> {
    let Some(kustomize) = Kustomize::find()? else {
        return Ok(());
    };
    let mut objects = Objects(kustomize.render("overlays/prod")?);
    objects.find_mut("Deployment", "katydid-master")?["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] =
        serde_json::json!({});
    objects.find_mut("HorizontalPodAutoscaler", "katydid-worker")?["spec"]["maxReplicas"] = "20".into();
    let Some(verdict) = validate(&objects.0)? else {
        return Ok(());
    };
    let said = verdict.errors.join("\n");
    assert!(
        said.contains("readynessProbe") && said.contains("maxReplicas"),
        "{said}"
    );
    Ok(())
}

#[test]
fn two_autoscalers_are_refused() -> Result<()> {
    let Some(kustomize) = Kustomize::find()? else {
        return Ok(());
    };
    for second in ["keda-prometheus", "keda-external"] {
        let found = lint(&Objects(kustomize.combine("prod", &[second])?));
        assert!(
            found.iter().any(|breach| breach.contains("they fight")),
            "{found:?}"
        );
    }
    Ok(())
}

#[test]
fn each_night_runs_what_a_single_job_does() -> Result<()> {
    let Some(kustomize) = Kustomize::find()? else {
        return Ok(());
    };
    let [once, nightly] =
        ["overlays/headless-job", "overlays/cron"].map(|folder| kustomize.render(folder).map(Objects));
    let (once, nightly) = (once?, nightly?);
    let mut schedules = BTreeSet::new();
    for job in once.of("Job") {
        let name = name_of(job);
        let cron = nightly
            .find("CronJob", name)
            .context("a Job without its CronJob")?;
        assert_eq!(job["spec"], cron["spec"]["jobTemplate"]["spec"], "{name}");
        schedules.insert((
            cron["spec"]["schedule"].to_string(),
            cron["spec"]["timeZone"].to_string(),
        ));
    }
    assert_eq!(schedules.len(), 1, "workers and master must meet: {schedules:?}");
    Ok(())
}

#[test]
fn the_target_that_settings_name_is_among_the_examples() -> Result<()> {
    let Some(kustomize) = Kustomize::find()? else {
        return Ok(());
    };
    let target = Objects(kustomize.render("../examples/targets/demo")?);
    if let Some(verdict) = validate(&target.0)? {
        assert!(verdict.errors.is_empty(), "\n{}", verdict.errors.join("\n"));
    }
    let dev = Objects(kustomize.render("overlays/dev")?);
    let settings = dev
        .of("ConfigMap")
        .find(|map| name_of(map).starts_with("katydid-settings"))
        .context("no settings")?;
    let service = target.of("Service").next().context("no Service")?;
    let host = format!("http://{}.{}.svc", name_of(service), target.namespace());
    assert_eq!(text(settings, "/data/KATYDID_HOST"), host);
    // Without a port an URL means 80.
    assert_eq!(service["spec"]["ports"][0]["port"], 80);
    let pods = target.selected(&service["spec"]["selector"]);
    let pods = pods.first().context("the Service selects nobody")?;
    assert_eq!(pods.port(&service["spec"]["ports"][0]["targetPort"]), Some(8000));
    let welcome = "/metadata/labels/load-test-target";
    let namespace = target.of("Namespace").next().context("no Namespace")?;
    assert_eq!(
        text(namespace, welcome),
        "true",
        "egress-targets lets workers there"
    );
    assert_eq!(
        text(pods.template, welcome),
        "true",
        "workers keep away from its nodes"
    );
    Ok(())
}

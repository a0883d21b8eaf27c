//! Targets to try load tests on (`examples/targets/`): they render, their schemas have nothing to say, their parts find each
//! other, and what their pods run does what the manifest says of it.
//!
//! In: the folders there are. Out: everything that is wrong with one.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use katydid_testkit::{
    HttpCall, Katydid, Kustomize, Namespace, Running, Signal, alone, eventually, manifests, validate,
};
use serde_json::Value;

use crate::objects::{Objects, Workload, list, name_of, quantity, text};

const PATIENCE: Duration = Duration::from_secs(60);

/// Kinds of operators, whose types the crate `katydid-crds` knows.
const FOREIGN: [&str; 2] = [
    "keda.sh/v1alpha1 ScaledObject",
    "monitoring.coreos.com/v1 ServiceMonitor",
];

/// Every target there is, by its folder.
fn targets() -> Result<Vec<(String, Objects)>> {
    let Some(kustomize) = Kustomize::find()? else {
        return Ok(Vec::new());
    };
    let mut targets = Vec::new();
    for entry in std::fs::read_dir(manifests().join("../examples/targets"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let objects = kustomize.render(&format!("../examples/targets/{name}"))?;
        targets.push((name, Objects(objects)));
    }
    ensure!(targets.len() >= 5, "only {} targets were found", targets.len());
    Ok(targets)
}

/// The only pods a Service leads to.
fn behind<'a>(objects: &'a Objects, service: &Value) -> Result<Workload<'a>> {
    let pods = objects.selected(&service["spec"]["selector"]);
    let [pods] = pods[..] else {
        anyhow::bail!("{} selects {} kinds of pods", name_of(service), pods.len());
    };
    Ok(pods)
}

#[test]
fn schemas_have_nothing_to_say_and_parts_find_each_other() -> Result<()> {
    for (name, objects) in targets()? {
        let say = |what: &str| format!("{name}: {what}");
        if let Some(verdict) = validate(&objects.0)? {
            assert!(verdict.errors.is_empty(), "{name}\n{}", verdict.errors.join("\n"));
            assert!(
                verdict
                    .foreign
                    .iter()
                    .all(|kind| FOREIGN.contains(&kind.as_str())),
                "{name}: {:?}",
                verdict.foreign
            );
        }
        let namespace = objects
            .of("Namespace")
            .next()
            .with_context(|| say("no Namespace"))?;
        let welcome = "/metadata/labels/load-test-target";
        assert_eq!(
            text(namespace, welcome),
            "true",
            "{name}: egress-targets lets workers there"
        );
        let mut served = Vec::new();
        for service in objects.of("Service") {
            let pods = behind(&objects, service).with_context(|| say("a Service"))?;
            served.push(pods.title());
            // Without a port an URL means 80.
            let port = list(service, "/spec/ports")
                .next()
                .with_context(|| say("no port"))?;
            assert!(port["name"] != "http" || port["port"] == 80, "{name}: {port}");
            assert!(pods.port(&port["targetPort"]).is_some(), "{name}: {port}");
        }
        pods_are_welcome_and_counted(&name, &objects, &served);
        what_is_scraped_is_there(&name, &objects)?;
    }
    Ok(())
}

/// Pods that a Service leads to, in the right namespace, and one thing that says how many there are.
fn pods_are_welcome_and_counted(name: &str, objects: &Objects, served: &[String]) {
    let welcome = "/metadata/labels/load-test-target";
    for workload in objects.workloads() {
        let title = workload.title();
        assert_eq!(
            text(workload.object, "/metadata/namespace"),
            objects.namespace(),
            "{name}: {title}"
        );
        assert!(served.contains(&title), "{name}: nobody leads to {title}");
        assert_eq!(
            text(workload.template, welcome),
            "true",
            "{name}: workers keep away from its nodes"
        );
        let own = &workload.object["spec"]["selector"]["matchLabels"];
        assert_eq!(
            objects.selected(own).len(),
            1,
            "{name}: {title} selects pods of others"
        );
        let scalers = ["HorizontalPodAutoscaler", "ScaledObject"].map(|kind| {
            let names =
                |scaler: &&Value| text(scaler, "/spec/scaleTargetRef/name") == name_of(workload.object);
            objects.of(kind).filter(names).count()
        });
        let says_replicas = workload.object["spec"]["replicas"].is_u64();
        let expected = if says_replicas { 0 } else { 1 };
        assert_eq!(
            scalers.iter().sum::<usize>(),
            expected,
            "{name}: one of them says how many there are"
        );
        for container in workload.containers() {
            let image = text(container, "/image");
            let (image, tag) = image.rsplit_once(':').unwrap_or((image, "latest"));
            let is_ours = image.ends_with("/katydid");
            assert!(
                tag != "latest" && (!is_ours || tag == env!("CARGO_PKG_VERSION")),
                "{name}: {}",
                container["image"]
            );
            let [asked, allowed] =
                ["requests", "limits"].map(|what| quantity(&container["resources"][what]["memory"]));
            assert!(
                asked.is_some() && asked <= allowed,
                "{name}: {}",
                container["resources"]
            );
        }
    }
}

fn what_is_scraped_is_there(name: &str, objects: &Objects) -> Result<()> {
    for monitor in objects.of("ServiceMonitor") {
        let labels = &monitor["spec"]["selector"]["matchLabels"];
        let is_seen = |service: &&Value| crate::objects::has_labels(service, labels);
        let service = objects
            .of("Service")
            .find(is_seen)
            .with_context(|| format!("{name}: nothing is scraped"))?;
        for endpoint in list(monitor, "/spec/endpoints") {
            let named = list(service, "/spec/ports").any(|port| port["name"] == endpoint["port"]);
            assert!(named, "{name}: {endpoint}");
        }
    }
    Ok(())
}

/// A pod's first container as a kubelet would start it; the address of its port.
fn run(workload: &Workload<'_>, network: &Namespace) -> Result<(Running, String)> {
    let container = workload.containers().next().context("no container")?;
    let words = list(container, "/args").filter_map(Value::as_str);
    let process = Katydid::within(network)?.args(words).spawn()?;
    let port = workload.port(&"http".into()).context("no port")?;
    let url = format!("http://{}:{port}", network.theirs());
    eventually!(
        HttpCall::new("GET", &format!("{url}/__stats")).send().is_ok(),
        "{}",
        process.stderr()
    );
    Ok((process, url))
}

#[test]
fn pods_answer_their_probes_are_loaded_and_end_when_told_to() -> Result<()> {
    let _alone = alone();
    for (name, objects) in targets()? {
        let network = Namespace::new()?;
        let workload = objects.workloads().into_iter().next().context("no pods")?;
        let (mut process, url) = run(&workload, &network)?;
        let container = workload.containers().next().context("no container")?;
        let probe = text(&container["readinessProbe"], "/httpGet/path");
        let call = |path: &str| HttpCall::new("GET", &format!("{url}{path}")).send();
        assert_eq!(call(probe)?.status, 200, "{name}: {probe}");
        // What is measured must be what users sent.
        let seen = call("/__stats")?.json()?["total"].as_u64().context("no total")?;
        let of_probes = u64::from(probe == "/");
        assert_eq!(seen, of_probes, "{name}");
        assert_eq!(call("/hungry")?.status, 200, "{name}");
        process.signal(Signal::SIGTERM)?;
        process.wait(PATIENCE)?.expect_code(0)?;
    }
    Ok(())
}

#[test]
fn the_scaler_asks_for_what_the_target_tells() -> Result<()> {
    let _alone = alone();
    for (name, objects) in targets()? {
        for scaler in objects.of("ScaledObject") {
            let network = Namespace::new()?;
            let workload = objects.workloads().into_iter().next().context("no pods")?;
            let (process, url) = run(&workload, &network)?;
            let asks = list(scaler, "/spec/triggers").map(|trigger| text(trigger, "/metadata/query"));
            let monitor = objects.of("ServiceMonitor").next().context("nobody is scraped")?;
            let path = list(monitor, "/spec/endpoints")
                .next()
                .map_or("", |endpoint| text(endpoint, "/path"));
            for _ in 0..3 {
                HttpCall::new("GET", &format!("{url}/count/1")).send()?;
            }
            let told = HttpCall::new("GET", &format!("{url}{path}")).send()?.body;
            for query in asks {
                let metric = query.split(['(', '{']).find(|word| word.ends_with("_count"));
                let metric = metric.with_context(|| format!("{name}: no metric in {query}"))?;
                let line = format!("{metric}{{method=\"GET\",uri=\"/count/:id\",status=\"200\"}} 3");
                assert!(
                    told.lines().any(|found| found == line),
                    "{name}: no `{line}` in\n{told}"
                );
                assert!(
                    query.contains(&format!("namespace=\"{}\"", objects.namespace())),
                    "{name}: {query}"
                );
                let service = objects.of("Service").next().map_or("", name_of);
                assert!(
                    query.contains(&format!("service=\"{service}\"")),
                    "{name}: {query}"
                );
            }
            drop(process);
        }
    }
    Ok(())
}

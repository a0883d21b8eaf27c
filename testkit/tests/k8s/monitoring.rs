//! Dashboards, rules and scalers ask for numbers there are: one list in k8s/README.md has their names.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use katydid_testkit::{Kustomize, Scratch, manifests};
use regex::Regex;
use serde_json::{Value, json};

use crate::objects::{Objects, list, text};

/// What the cluster's own exporters say about targets.
const CLUSTERS_OWN: [&str; 3] = ["container_", "kube_", "http_server_requests_seconds"];

/// Every expression: where it is, what it says.
pub(crate) fn expressions() -> Result<Option<Vec<(String, String)>>> {
    let Some(kustomize) = Kustomize::find()? else {
        return Ok(None);
    };
    let objects = Objects(kustomize.combine(
        "dev",
        &["prometheus-operator", "keda-prometheus", "grafana-dashboard"],
    )?);
    let mut found = Vec::new();
    for group in objects
        .of("PrometheusRule")
        .flat_map(|rules| list(rules, "/spec/groups"))
    {
        for rule in list(group, "/rules") {
            let name = format!("{}{}", text(rule, "/record"), text(rule, "/alert"));
            found.push((name, text(rule, "/expr").to_owned()));
        }
    }
    for trigger in objects
        .of("ScaledObject")
        .flat_map(|scaler| list(scaler, "/spec/triggers"))
    {
        found.push((
            "keda-prometheus".to_owned(),
            text(trigger, "/metadata/query").to_owned(),
        ));
    }
    let dashboard = dashboard(&objects)?;
    for panel in list(&dashboard, "/panels") {
        for target in list(panel, "/targets") {
            found.push((text(panel, "/title").to_owned(), text(target, "/expr").to_owned()));
        }
    }
    for annotation in list(&dashboard, "/annotations/list") {
        found.push((
            text(annotation, "/name").to_owned(),
            text(annotation, "/expr").to_owned(),
        ));
    }
    Ok(Some(found))
}

fn dashboard(objects: &Objects) -> Result<Value> {
    let map = objects
        .find("ConfigMap", "katydid-dashboard")
        .context("no dashboard")?;
    Ok(serde_json::from_str(text(map, "/data/katydid.json"))?)
}

/// Names of metrics in an expression: words before a brace or bracket, or within an aggregation.
pub(crate) fn metrics(expression: &str) -> Result<BTreeSet<String>> {
    let mut rest = expression.to_owned();
    for (noise, instead) in [
        (r#""[^"]*""#, "\"\""),
        (r"\b(by|without|on|ignoring)\s*\([^)]*\)", ""),
        (r"\{[^}]*\}", ""),
    ] {
        rest = Regex::new(noise)?.replace_all(&rest, instead).into_owned();
    }
    Ok(
        Regex::new(r"\b[a-z][a-z0-9_:]*_[a-z0-9_:]+\b|\bkatydid:[a-z0-9_:]+")?
            .find_iter(&rest)
            .map(|name| name.as_str().to_owned())
            .filter(|name| name != "histogram_quantile")
            .collect(),
    )
}

/// Whether a number is what the cluster's own exporters say.
pub(crate) fn is_clusters_own(name: &str) -> bool {
    CLUSTERS_OWN.iter().any(|prefix| name.starts_with(prefix))
}

/// An expression with the dashboard's variables filled in.
pub(crate) fn spelled_out(expression: &str) -> Result<String> {
    let spelled = expression
        .replace("$__rate_interval", "1m")
        .replace("${target_histogram}", "http_server_requests_seconds")
        .replace("$target_namespace", "load-targets")
        .replace("$target_pod", ".+")
        .replace("$namespace", "katydid");
    ensure!(!spelled.contains('$'), "{spelled}");
    Ok(spelled)
}

/// The list in the README.
pub(crate) fn documented() -> Result<BTreeSet<String>> {
    let readme = std::fs::read_to_string(manifests().join("README.md"))?;
    let (_, section) = readme
        .split_once("## Metrics")
        .context("the README has no list of metrics")?;
    let section = section.split("\n## ").next().unwrap_or_default();
    let names = Regex::new("`([a-z_]+)")?;
    let first_cells = section
        .lines()
        .filter(|line| line.starts_with("| `"))
        .filter_map(|line| line.split(" | ").next());
    Ok(first_cells
        .flat_map(|cell| names.captures_iter(cell).map(|name| name[1].to_owned()))
        .collect())
}

#[test]
fn every_number_that_is_asked_for_is_documented() -> Result<()> {
    let Some(expressions) = expressions()? else {
        return Ok(());
    };
    let documented = documented()?;
    let recorded: BTreeSet<&str> = expressions
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| name.contains(':'))
        .collect();
    let mut used = BTreeSet::new();
    for (place, expression) in &expressions {
        for name in metrics(expression)? {
            let family = ["_bucket", "_sum", "_count"]
                .into_iter()
                .find_map(|end| name.strip_suffix(end));
            let family = family
                .filter(|family| documented.contains(*family))
                .unwrap_or(&name);
            let is_known =
                documented.contains(family) || recorded.contains(family) || is_clusters_own(family);
            assert!(
                is_known,
                "`{place}` asks for {name}, which is in no list:\n{expression}"
            );
            used.insert(family.to_owned());
        }
    }
    assert!(used.len() > 20, "only {used:?} were found");
    Ok(())
}

#[test]
fn panels_are_whole_and_beside_each_other() -> Result<()> {
    let Some(kustomize) = Kustomize::find()? else {
        return Ok(());
    };
    let objects = Objects(kustomize.combine("dev", &["grafana-dashboard"])?);
    let dashboard = dashboard(&objects)?;
    let mut ids = BTreeSet::new();
    let mut taken = BTreeSet::new();
    for panel in list(&dashboard, "/panels") {
        assert!(
            ids.insert(panel["id"].as_u64()),
            "two panels have the same id: {panel}"
        );
        let at = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        assert!(at("x") + at("w") <= 24, "{panel} is outside");
        for (x, y) in
            (at("x")..at("x") + at("w")).flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y)))
        {
            assert!(taken.insert((x, y)), "{} lies on another", panel["title"]);
        }
        let is_row = panel["type"] == "row";
        assert!(
            is_row || list(panel, "/targets").count() > 0,
            "{} shows nothing",
            panel["title"]
        );
    }
    for variable in ["namespace", "target_namespace", "target_pod", "target_histogram"] {
        let is_declared = list(&dashboard, "/templating/list").any(|found| text(found, "/name") == variable);
        assert!(
            is_declared && dashboard.to_string().contains(&format!("${variable}"))
                || variable == "target_histogram"
        );
    }
    Ok(())
}

/// Prometheus itself reads every expression, where its tool is installed.
#[test]
fn prometheus_understands_every_expression() -> Result<()> {
    let Some(expressions) = expressions()? else {
        return Ok(());
    };
    let rules: Vec<Value> = expressions
        .iter()
        .enumerate()
        .map(|(index, (_, expression))| {
            Ok(json!({"record": format!("check:{index}"), "expr": spelled_out(expression)?}))
        })
        .collect::<Result<_>>()?;
    let scratch = Scratch::new()?;
    let file = scratch.write(
        "rules.yaml",
        &json!({"groups": [{"name": "all", "rules": rules}]}).to_string(),
    )?;
    let Ok(output) = Command::new("promtool")
        .args(["check", "rules"])
        .arg(&file)
        .output()
    else {
        ensure!(
            std::env::var_os("CI").is_none(),
            "promtool is missing: cargo xtask test installs it"
        );
        return Ok(());
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stdout)
    );
    Ok(())
}

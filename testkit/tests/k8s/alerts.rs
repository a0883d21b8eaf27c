//! Each alert fires when it should and is quiet when it should be, says Prometheus's own tool.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use katydid_testkit::{Kustomize, Scratch};
use serde_json::{Value, json};

use crate::objects::{Objects, list, text};

/// An alert; numbers under which it fires, and others under which it does not: a series and its values, five seconds
/// apart, as promtool writes them.
type Case = (&'static str, &'static [Series], &'static [Series]);
type Series = (&'static str, &'static str);

const CASES: [Case; 11] = [
    (
        "KatydidWorkerLost",
        &[(r#"katydid_workers{state="missing"}"#, "1x60")],
        &[(r#"katydid_workers{state="missing"}"#, "0x60")],
    ),
    (
        "KatydidGeneratorSaturated",
        &[(r#"katydid_worker_saturated{worker="a"}"#, "1x60")],
        // A moment is no reason.
        &[(r#"katydid_worker_saturated{worker="a"}"#, "0x55 1x5")],
    ),
    (
        "KatydidWorkerThrottled",
        &[(
            r#"katydid_worker_cpu_throttled_seconds_total{pod="a"}"#,
            "0+0.5x60",
        )],
        &[(
            r#"katydid_worker_cpu_throttled_seconds_total{pod="a"}"#,
            "0+0.05x60",
        )],
    ),
    (
        "KatydidHighErrorRate",
        &[
            ("katydid_requests_total", "0+100x60"),
            ("katydid_request_failures_total", "0+10x60"),
        ],
        &[
            ("katydid_requests_total", "0+100x60"),
            ("katydid_request_failures_total", "0+1x60"),
        ],
    ),
    (
        "KatydidThresholdFails",
        &[(
            r#"katydid_threshold_ok{threshold="failures: rate < 1%"}"#,
            "1x30 0x30",
        )],
        &[
            (
                r#"katydid_threshold_ok{threshold="failures: rate < 1%"}"#,
                "0x30 1x30",
            ),
            (r#"katydid_threshold_ok{threshold="requests: count > 5"}"#, "1x60"),
        ],
    ),
    (
        "KatydidUsersMissing",
        &[
            ("katydid_users", "50x60"),
            ("katydid_target_users", "100x60"),
            (r#"katydid_run_state{state="running"}"#, "1x60"),
        ],
        &[
            ("katydid_users", "95x60"),
            ("katydid_target_users", "100x60"),
            (r#"katydid_run_state{state="running"}"#, "1x60"),
        ],
    ),
    (
        "KatydidNumbersDelayed",
        &[(r#"katydid_worker_deltas_pending{pod="a"}"#, "2x60")],
        &[(r#"katydid_worker_deltas_pending{pod="a"}"#, "1x60")],
    ),
    (
        "KatydidWorkerReconnecting",
        &[(r#"katydid_worker_reconnects_total{pod="a"}"#, "0+1x60")],
        &[(r#"katydid_worker_reconnects_total{pod="a"}"#, "0x30 1x30")],
    ),
    (
        "KatydidScenarioThrows",
        &[
            ("katydid_iterations_total", "0+100x60"),
            ("katydid_exceptions_total", "0+5x60"),
        ],
        &[
            ("katydid_iterations_total", "0+1000x60"),
            ("katydid_exceptions_total", "0+1x60"),
        ],
    ),
    (
        "KatydidArrivalsMissed",
        &[
            ("katydid_arrivals_planned_total", "0+100x60"),
            ("katydid_arrivals_late_total", "0+4x60"),
            ("katydid_arrivals_dropped_total", "0+4x60"),
        ],
        &[
            ("katydid_arrivals_planned_total", "0+100x60"),
            ("katydid_arrivals_late_total", "0+4x60"),
            ("katydid_arrivals_dropped_total", "0x60"),
        ],
    ),
    (
        "KatydidChecksFail",
        &[
            (r#"katydid_checks_total{name="a",result="passed"}"#, "0+90x60"),
            (r#"katydid_checks_total{name="a",result="failed"}"#, "0+10x60"),
        ],
        &[
            (r#"katydid_checks_total{name="a",result="passed"}"#, "0+99x60"),
            (r#"katydid_checks_total{name="a",result="failed"}"#, "0+1x60"),
        ],
    ),
];

/// What promtool is to find: so many alerts after five minutes.
fn test(name: &str, series: &[Series], alerts: u32) -> Value {
    let with_namespace = |series: &str| match series.split_once('{') {
        Some((name, labels)) => format!("{name}{{namespace=\"katydid\",{labels}"),
        None => format!("{series}{{namespace=\"katydid\"}}"),
    };
    let input: Vec<Value> = series
        .iter()
        .map(|(series, values)| json!({"series": with_namespace(series), "values": values}))
        .collect();
    json!({
        "interval": "5s",
        "input_series": input,
        "promql_expr_test": [{
            "expr": format!(r#"count(ALERTS{{alertname="{name}",alertstate="firing"}}) or vector(0)"#),
            "eval_time": "5m",
            "exp_samples": [{"labels": "{}", "value": alerts}],
        }],
    })
}

#[test]
fn alerts_fire_when_they_should_and_only_then() -> Result<()> {
    let Some(kustomize) = Kustomize::find()? else {
        return Ok(());
    };
    let objects = Objects(kustomize.combine("dev", &["prometheus-operator"])?);
    let rules = objects.find("PrometheusRule", "katydid").context("no rules")?;
    let known: BTreeSet<&str> = list(rules, "/spec/groups")
        .flat_map(|group| list(group, "/rules"))
        .map(|rule| text(rule, "/alert"))
        .filter(|name| !name.is_empty())
        .collect();
    assert_eq!(
        known,
        CASES.map(|(name, ..)| name).into(),
        "each alert has a case"
    );

    let folder = Scratch::new()?;
    folder.write(
        "rules.json",
        &json!({"groups": rules["spec"]["groups"]}).to_string(),
    )?;
    let tests: Vec<Value> = CASES
        .iter()
        .flat_map(|(name, firing, quiet)| [test(name, firing, 1), test(name, quiet, 0)])
        .collect();
    let file = json!({"rule_files": ["rules.json"], "evaluation_interval": "5s", "tests": tests});
    folder.write("tests.json", &file.to_string())?;
    let Ok(output) = Command::new("promtool")
        .args(["test", "rules", "tests.json"])
        .current_dir(folder.path())
        .output()
    else {
        ensure!(
            std::env::var_os("CI").is_none(),
            "promtool is missing: cargo xtask test installs it"
        );
        return Ok(());
    };
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

//! Locust's endpoints, pinned: the keys and types of every answer in every state, the columns of every file, and what
//! Locust's own tests of its page assert.
//!
//! Those assertions are numbered from 1 to 52 below. In `page.rs` already: 5, 14 and 17 in part, 33. Not applicable, as they
//! concern Python objects or its page's script: 1, 2 (an environment without a runner), 8 (nothing is memoised here), 19, 20,
//! 21 (parsed options), 25, 26, 27 (shape classes), 43 in part (the set of nodes), 47 (the page's script variables), 48
//! (`POST /user` rewrites attributes of classes). Elsewhere: 49, 50 (login), 51 (TLS).

mod answers;
mod exporter;
mod host;
mod swarm;
mod tables;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use katydid_testkit::{HttpAnswer, Page};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

const SHOP: &str = r#"
const SIZE = param("size", 3);
const LABEL = param("label", "red");
user("Shopper", #{ weight: 3, wait: constant(0.05) }).task("browse", || {
    http.get(`/bytes/${SIZE + 1}`, #{ name: "<html>" });
    if LABEL != "red" { http.get(`/${LABEL}`); }
});
user("Admin", #{ wait: constant(0.05) }).task("look", || {
    let r = http.get("/json");
    r.fail("<b>bold</b> & \"quoted\"");
    throw "out of order";
});
"#;

/// A row of `stats`.
const ROW: &str = "{avg_content_length: number, avg_response_time: number, current_fail_per_sec: number, \
     current_rps: number, max_response_time: integer, median_response_time: number, method: text, \
     min_response_time: integer, name: text, num_failures: integer, num_requests: integer, \
     response_time_percentile_0.95: number, response_time_percentile_0.99: number, safe_name: text, \
     total_fail_per_sec: number, total_rps: number}";
/// An element of `errors`.
const ERROR: &str =
    "{error: text, first_seen: number, last_seen: number, method: text, name: text, occurrences: integer}";
/// An element of `exceptions`.
const EXCEPTION: &str = "{count: integer, msg: text, nodes: text, traceback: text}";
/// An element of `workers`.
const WORKER: &str = "{cpu_usage: number, id: text, memory_usage: integer, state: text, user_count: integer}";
/// What a value is made of: keys in order, types; lists by the kinds of their elements.
fn shape(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "flag".to_owned(),
        Value::Number(number) if number.is_f64() => "number".to_owned(),
        Value::Number(_) => "integer".to_owned(),
        Value::String(_) => "text".to_owned(),
        Value::Array(elements) => {
            let kinds: BTreeSet<String> = elements.iter().map(shape).collect();
            format!("[{}]", kinds.into_iter().collect::<Vec<_>>().join(" | "))
        }
        Value::Object(fields) => {
            let sorted: BTreeMap<&String, &Value> = fields.iter().collect();
            let fields = sorted
                .iter()
                .map(|(name, value)| format!("{name}: {}", shape(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
    }
}

/// `/stats/requests` as it is with these elements, and percentiles of this kind.
fn stats_shape(moment: &str, errors: &str, workers: &str) -> String {
    format!(
        "{{current_fail_per_sec: number, current_response_time_percentiles: {{response_time_percentile_0.5: {moment}, \
         response_time_percentile_0.95: {moment}}}, current_rps: number, errors: [{errors}], fail_ratio: number, \
         state: text, stats: [{ROW}], total_avg_response_time: number, total_fail_per_sec: number, total_rps: number, \
         user_count: integer{workers}}}"
    )
}

fn row<'a>(stats: &'a Value, name: &str) -> Result<&'a Value> {
    let rows = stats["stats"].as_array().context("no rows")?;
    rows.iter()
        .find(|row| row["name"] == name)
        .with_context(|| format!("no row {name}: {stats}"))
}

fn swarm(page: &Page, form: &str) -> Result<Value> {
    let answer = page.post("/swarm", form)?;
    ensure!(answer.status == 200, "{form}: {} {}", answer.status, answer.body);
    answer.json()
}

/// Starts, and waits until every request of [`SHOP`] has been counted.
fn run(page: &Page, form: &str) -> Result<()> {
    let answer = swarm(page, form)?;
    ensure!(answer["success"] == true, "{answer}");
    page.wait_for(|stats| stats["state"] == "running" && stats["errors"] != json!([]))?;
    Ok(())
}

fn json_of(answer: &HttpAnswer) -> Result<Value> {
    ensure!(answer.status == 200, "{} {}", answer.status, answer.body);
    let kind = answer.header("content-type");
    ensure!(kind.starts_with("application/json"), "{kind}");
    answer.json()
}

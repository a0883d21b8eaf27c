//! Locust's endpoints, pinned: the keys and types of every answer in every state, the columns of every file, and what
//! Locust's own tests of its page assert.
//!
//! Those assertions are numbered from 1 to 52 below. In `page.rs` already: 5, 14 and 17 in part, 33. Not applicable, as they
//! concern Python objects or its page's script: 1, 2 (an environment without a runner), 8 (nothing is memoised here), 19, 20,
//! 21 (parsed options), 25, 26, 27 (shape classes), 43 in part (the set of nodes), 47 (the page's script variables), 48
//! (`POST /user` rewrites attributes of classes). Elsewhere: 49, 50 (login), 51 (TLS).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use katydid_testkit::{CsvTable, DemoTarget, HttpAnswer, Katydid, Page, alone, free_port, retry};
use serde::Deserialize;
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
const STATS_COLUMNS: &str = "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,\
     Min Response Time,Max Response Time,Average Content Size,Requests/s,Failures/s,50%,66%,75%,80%,90%,95%,98%,99%,\
     99.9%,99.99%,100%";
const HISTORY_COLUMNS: &str = "Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,66%,75%,80%,90%,95%,98%,99%,\
     99.9%,99.99%,100%,Total Request Count,Total Failure Count,Total Median Response Time,\
     Total Average Response Time,Total Min Response Time,Total Max Response Time,Total Average Content Size";

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

#[test]
fn answers_have_locusts_shapes_in_every_state() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = Page::start(SHOP, target.url(), &[])?;
    let get = |path: &str| json_of(&page.get(path)?).with_context(|| path.to_owned());
    let shares = "Admin: {ratio: number, tasks: {look: {ratio: number}}}, \
         Shopper: {ratio: number, tasks: {browse: {ratio: number}}}";

    let stats = get("/stats/requests")?;
    assert_eq!(shape(&stats), stats_shape("null", "", ""));
    assert_eq!(
        (&stats["state"], &stats["user_count"]),
        (&json!("ready"), &json!(0))
    );
    assert_eq!(get("/exceptions")?, json!({ "exceptions": [] }));
    assert_eq!(get("/worker-count")?, json!({ "worker_count": 0 }));
    assert_eq!(shape(&get("/logs")?), "{master: [text], workers: {}}");
    let tasks = get("/tasks")?;
    assert!(
        tasks["per_class"].is_object() && tasks["total"].is_object(),
        "{tasks}"
    );
    let answer = json_of(&page.post("/stop", "")?)?;
    assert_eq!(answer, json!({ "success": true, "message": "Test stopped" }));

    let answer = swarm(&page, "user_count=4&spawn_rate=4")?;
    assert_eq!(shape(&answer), "{host: text, message: text, success: flag}");
    // 6: the request and all together; what is in a name stays as it is.
    let stats = page.wait_for(|stats| {
        let moment = &stats["current_response_time_percentiles"]["response_time_percentile_0.5"];
        stats["state"] == "running" && stats["errors"] != json!([]) && moment.is_number()
    })?;
    assert_eq!(shape(&stats), stats_shape("number", ERROR, ""));
    assert_eq!(
        row(&stats, "<html>")?["method"],
        "GET",
        "a name is data, not markup"
    );
    assert_eq!(row(&stats, "Aggregated")?["method"], "");
    assert_eq!(
        shape(&get("/tasks")?),
        format!("{{per_class: {{{shares}}}, total: {{{shares}}}}}")
    );
    page.wait_for(|_| get("/exceptions").is_ok_and(|all| all["exceptions"] != json!([])))?;
    assert_eq!(
        shape(&get("/exceptions")?),
        format!("{{exceptions: [{EXCEPTION}]}}")
    );
    assert_eq!(get("/exceptions")?["exceptions"][0]["nodes"], "local");

    let answer = json_of(&page.post("/stop", "")?)?;
    assert_eq!(answer, json!({ "success": true, "message": "Test stopped" }));
    let stats = get("/stats/requests")?;
    assert_eq!(shape(&stats), stats_shape("null", ERROR, ""));
    assert_eq!(
        (&stats["state"], &stats["user_count"]),
        (&json!("stopped"), &json!(0))
    );
    // 7: what is told of all together is told twice, the same.
    let all = row(&stats, "Aggregated")?;
    for key in [
        "total_rps",
        "total_fail_per_sec",
        "current_fail_per_sec",
        "current_rps",
    ] {
        assert_eq!(stats[key], all[key], "{key}");
    }
    // Locust's rows are in the order of their names, then all together.
    let rows = stats["stats"].as_array().context("no rows")?;
    let names: Vec<&Value> = rows.iter().map(|row| &row["name"]).collect();
    assert_eq!(names, ["/json", "<html>", "Aggregated"]);
    assert!(
        stats["fail_ratio"]
            .as_f64()
            .is_some_and(|ratio| ratio > 0.0 && ratio < 1.0)
    );
    // 13: messages are data as well.
    assert_eq!(stats["errors"][0]["error"], "<b>bold</b> & \"quoted\"");
    Ok(())
}

#[test]
fn tables_have_locusts_columns_and_names() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = Page::start(SHOP, target.url(), &["--csv", "run", "--csv-full-history"])?;
    let history = "/stats/requests_full_history/csv";
    assert_eq!(page.get(history)?.status, 404, "no test has run");
    // 39: a report of nothing.
    assert_eq!(page.get("/stats/report")?.status, 200);
    run(&page, "user_count=4&spawn_rate=4")?;
    // Several rows of each request.
    retry(PATIENCE, || {
        let table = CsvTable::parse(&page.get(history)?.body)?;
        ensure!(
            table.rows.iter().filter(|row| row[3] == "<html>").count() > 1,
            "{table:?}"
        );
        Ok(())
    })?;
    page.post("/stop", "")?;
    let stats = page.stats()?;
    for (path, columns, suffix) in [
        ("/stats/requests/csv", STATS_COLUMNS, "_requests.csv"),
        (
            "/stats/failures/csv",
            "Method,Name,Error,Occurrences,First Seen,Last Seen",
            "_failures.csv",
        ),
        (
            "/exceptions/csv",
            "Count,Message,Traceback,Nodes",
            "_exceptions.csv",
        ),
        (history, HISTORY_COLUMNS, "_requests_full_history.csv"),
    ] {
        // 10, 12, 16.
        let answer = page.get(path)?;
        assert_eq!(answer.status, 200, "{path}");
        let kind = answer.header("content-type");
        assert!(kind.starts_with("text/csv"), "{path}: {kind}");
        let disposition = answer.header("content-disposition");
        assert!(
            disposition.starts_with("attachment;filename=Locust_") && disposition.ends_with(suffix),
            "{path}: {disposition}"
        );
        assert!(disposition.contains("_scenario.rhai_"), "{path}: {disposition}");
        assert_eq!(answer.body.lines().next(), Some(columns), "{path}");
    }
    // 16: one row, however often it happened.
    let exceptions = page.get("/exceptions")?.json()?;
    let table = CsvTable::parse(&page.get("/exceptions/csv")?.body)?;
    assert_eq!(table.rows.len(), 1, "{table:?}");
    let count = &exceptions["exceptions"][0]["count"];
    assert!(count.as_u64() > Some(1), "{exceptions}");
    assert_eq!(table.cell("Message", "out of order", "Count")?, count.to_string());
    // 52: every request and all together, and how long the file is.
    let answer = page.get(history)?;
    assert_eq!(
        answer.header("content-length"),
        answer.body.len().to_string(),
        "{answer:?}"
    );
    let table = CsvTable::parse(&answer.body)?;
    let last: BTreeMap<&str, &str> = table.rows.iter().map(|row| (&*row[3], &*row[17])).collect();
    for name in ["<html>", "/json", "Aggregated"] {
        let wanted = row(&stats, name)?["num_requests"].to_string();
        assert_eq!(last.get(name), Some(&&*wanted), "{name} in {last:?}");
    }
    assert!(
        table
            .rows
            .iter()
            .all(|row| (row[3] == "Aggregated") == row[2].is_empty())
    );
    // 9, and the median is the 50th percentile: rounded in one place, exact in the other.
    let table = CsvTable::parse(&page.get("/stats/requests/csv")?.body)?;
    for name in ["<html>", "Aggregated"] {
        let cell = |column: &str| -> Result<f64> { Ok(table.cell("Name", name, column)?.parse()?) };
        let row = row(&stats, name)?;
        assert_eq!(
            row["min_response_time"],
            cell("Min Response Time")?.round() as u64
        );
        assert_eq!(
            row["max_response_time"],
            cell("Max Response Time")?.round() as u64
        );
        assert_eq!(row["median_response_time"], cell("50%")?);
        assert_eq!(cell("Median Response Time")?, cell("50%")?);
        assert_eq!(row["response_time_percentile_0.95"], cell("95%")?);
        assert_eq!(row["response_time_percentile_0.99"], cell("99%")?);
    }
    Ok(())
}

#[test]
fn without_full_history_there_is_none() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    // 3 and 4: what the command line says is what the form begins with; 11.
    let page = Page::start(SHOP, target.url(), &["-u", "100", "-r", "10.0"])?;
    let start = page.get("/")?;
    assert_eq!(start.status, 200);
    for field in [
        "name=\"user_count\" type=\"text\" value=\"100\"",
        "name=\"spawn_rate\" type=\"text\" value=\"10\"",
    ] {
        assert!(start.body.contains(field), "{field}: {}", start.body);
    }
    let answer = page.get("/stats/requests_full_history/csv")?;
    assert_eq!(
        (answer.status, &*answer.body),
        (
            404,
            "Error: Server was not started with option to generate full history."
        )
    );
    assert!(!page.get("/ui/download")?.body.contains("full_history"));
    Ok(())
}

#[test]
fn swarm_takes_what_locusts_page_and_scripts_send() -> Result<()> {
    let _alone = alone();
    let (target, other) = (DemoTarget::start()?, DemoTarget::start()?);
    let page = Page::start(SHOP, target.url(), &[])?;
    // 32: the run time is told in seconds, and kept.
    let answer = swarm(&page, "user_count=1&spawn_rate=1&run_time=1s&host=")?;
    assert_eq!(
        answer,
        json!({ "success": true, "message": "Swarming started", "host": target.url(), "run_time": 1 })
    );
    page.wait_for(|stats| stats["state"] == "stopped")?;
    // 17: a host is told and used from then on; a second one replaces it. 34: no run time is no end.
    let first = target.stats().total;
    let form = format!("user_count=2&spawn_rate=2&run_time=&host={}", other.url());
    assert_eq!(swarm(&page, &form)?["host"], other.url());
    page.wait_for(|stats| stats["errors"] != json!([]))?;
    page.post("/stop", "")?;
    assert_eq!(target.stats().total, first, "the other host was asked");
    assert_eq!(
        row(&page.stats()?, "Aggregated")?["num_requests"],
        other.stats().total
    );
    // The host stays. 28: without the picker classes and shapes change nothing.
    let answer = swarm(
        &page,
        "user_count=4&spawn_rate=4&user_classes=Shopper&shape_class=Other",
    )?;
    assert_eq!(
        answer,
        json!({ "success": true, "message": "Swarming started", "host": other.url() })
    );
    page.wait_for(|stats| row(stats, "/json").is_ok() && row(stats, "<html>").is_ok())?;
    // The same call changes the run under way.
    swarm(&page, "user_count=6.0&spawn_rate=10")?;
    page.wait_for(|stats| stats["user_count"] == 6)?;
    page.post("/stop", "")?;
    let form = page.get("/ui/new")?.body;
    assert!(
        form.contains("value=\"6\""),
        "the form keeps the number of users: {form}"
    );

    // A run time belongs to its run: neither its clock nor itself is there for the next.
    swarm(&page, "user_count=1&spawn_rate=1&run_time=2s")?;
    page.wait_for(|stats| stats["state"] == "running")?;
    page.post("/stop", "")?;
    swarm(&page, "user_count=1&spawn_rate=1")?;
    page.wait_for(|stats| stats["state"] == "running")?;
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(page.stats()?["state"], "running");
    page.post("/stop", "")?;

    // 29 and 30: parameters keep their types and win over the command line.
    let before = other.stats().requests("/bytes/43");
    swarm(
        &page,
        "user_count=2&spawn_rate=2&param.size=42&param.label=status%2F204",
    )?;
    page.wait_for(|stats| row(stats, "/status/204").is_ok())?;
    page.post("/stop", "")?;
    assert!(
        other.stats().requests("/bytes/43") > before,
        "42 + 1 is 43, not 421: {:?}",
        other.stats().paths
    );
    Ok(())
}

#[test]
fn swarm_refuses_numbers_that_are_none() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = Page::start(SHOP, target.url(), &[])?;
    for users in ["abc", "0", "-1", "nan", "inf", "1e999", "1.5", ""] {
        let answer = swarm(&page, &format!("user_count={users}&spawn_rate=1"))?;
        assert_eq!(
            shape(&answer),
            "{host: text, message: text, success: flag}",
            "{users}"
        );
        assert_eq!(answer["success"], false, "{users}: {answer}");
    }
    for rate in ["abc", "0", "-0.5", "nan", "inf", "-inf", "1e999", ""] {
        let answer = swarm(&page, &format!("user_count=1&spawn_rate={rate}"))?;
        assert_eq!(answer["success"], false, "{rate}: {answer}");
    }
    // 33, with a host: it is told, and nothing starts.
    let answer = swarm(
        &page,
        "user_count=1&spawn_rate=1&run_time=bad&host=http://127.0.0.1:9",
    )?;
    assert_eq!(
        answer,
        json!({
            "success": false,
            "message": "Valid run_time formats are : 20, 20s, 3m, 2h, 1h20m, 3h30m10s, etc.",
            "host": "http://127.0.0.1:9",
        })
    );
    assert_eq!(page.stats()?["state"], "ready");
    assert_eq!(target.stats().total, 0);
    Ok(())
}

#[test]
fn the_class_picker_answers_as_locusts() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = Page::start(SHOP, target.url(), &["--class-picker"])?;
    // 22: no classes are all of them.
    let answer = swarm(&page, "user_count=4&spawn_rate=4")?;
    assert_eq!(
        shape(&answer),
        "{host: text, message: text, success: flag, user_classes: [text]}"
    );
    assert_eq!(answer["user_classes"], json!(["Admin", "Shopper"]));
    page.wait_for(|stats| row(stats, "/json").is_ok() && row(stats, "<html>").is_ok())?;
    page.post("/stop", "")?;
    // 18: one class, then another.
    for (class, request) in [("Shopper", "<html>"), ("Admin", "/json")] {
        let form = format!("user_count=2&spawn_rate=2&user_classes={class}");
        assert_eq!(swarm(&page, &form)?["user_classes"], json!([class]));
        let stats = page.wait_for(|stats| row(stats, request).is_ok())?;
        assert_eq!(stats["stats"].as_array().map(Vec::len), Some(2), "{stats}");
        // 23: changing the numbers changes neither classes nor host.
        let answer = swarm(&page, "user_count=3&spawn_rate=3")?;
        assert_eq!(
            (&answer["user_classes"], &answer["host"]),
            (&json!([class]), &json!(target.url()))
        );
        let stats = page.wait_for(|stats| stats["user_count"] == 3)?;
        assert_eq!(stats["stats"].as_array().map(Vec::len), Some(2), "{stats}");
        page.post("/stop", "")?;
    }
    // 19: two classes, in order.
    let form = "user_count=2&spawn_rate=2&user_classes=Shopper&user_classes=Admin";
    assert_eq!(swarm(&page, form)?["user_classes"], json!(["Admin", "Shopper"]));
    page.post("/stop", "")?;
    // 24 has no equal, as a scenario without classes is refused; a class that is not there is.
    let answer = swarm(&page, "user_count=2&spawn_rate=2&user_classes=Shoper")?;
    assert_eq!(answer["success"], false);
    let said = answer["message"].as_str().unwrap_or_default();
    assert!(said.contains("did you mean `Shopper`"), "{said}");
    Ok(())
}

#[test]
fn resetting_forgets_what_was_counted() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = Page::start(SHOP, target.url(), &[])?;
    run(&page, "user_count=4&spawn_rate=4")?;
    let requests =
        |stats: &Value| row(stats, "Aggregated").map_or(0, |row| row["num_requests"].as_u64().unwrap_or(0));
    let before = page.wait_for(|stats| requests(stats) > 60)?;
    let answer = page.post("/stats/reset", "")?;
    assert_eq!((answer.status, &*answer.body), (200, "ok"));
    page.wait_for(|stats| requests(stats) < requests(&before))?;
    page.post("/stop", "")?;
    assert!(page.stats()?["errors"] != json!([]), "it went on counting");
    // 14: after the run nothing is counted any more.
    assert_eq!(page.post("/stats/reset", "")?.body, "ok");
    let stats = page.wait_for(|stats| requests(stats) == 0)?;
    assert_eq!(stats["errors"], json!([]));
    assert_eq!(stats["stats"].as_array().map(Vec::len), Some(1), "{stats}");
    assert_eq!(row(&stats, "Aggregated")?["num_failures"], 0);
    assert_eq!(page.get("/exceptions")?.json()?, json!({ "exceptions": [] }));
    assert_eq!(page.get("/stats/report")?.status, 200);
    // And another run is as good as the first.
    let served = target.stats().total;
    run(&page, "user_count=1&spawn_rate=1")?;
    page.post("/stop", "")?;
    assert_eq!(requests(&page.stats()?), target.stats().total - served);
    Ok(())
}

#[test]
fn what_changes_something_is_posted_unless_an_old_tool_asks() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = Page::start(SHOP, target.url(), &[])?;
    assert_eq!(page.get("/swarm")?.status, 405);
    // As Locust answered before 2.47, to scripts on this machine.
    assert_eq!(page.get("/stats/reset")?.body, "ok");
    assert_eq!(
        page.get("/stop")?.json()?,
        json!({ "success": true, "message": "Test stopped" })
    );
    for path in ["/stop", "/stats/reset"] {
        let url = format!("{}{path}", page.url());
        let linked = katydid_testkit::HttpCall::new("GET", &url).header("x-forwarded-for", "192.0.2.1");
        assert_eq!(linked.send()?.status, 405, "{path} from elsewhere");
    }
    for path in [
        "/stats/requests",
        "/exceptions",
        "/tasks",
        "/logs",
        "/worker-count",
    ] {
        assert_eq!(page.post(path, "")?.status, 405, "{path}");
    }
    Ok(())
}

#[test]
fn the_form_and_the_report_know_the_host() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let class = |name: &str, host: &str| {
        format!(
            "user(\"{name}\", #{{ host: \"{host}\", wait: constant(0.1) }}).task(\"t\", || {{ http.get(\"/\"); }});\n"
        )
    };
    let url = target.url();
    let field = format!("name=\"host\" type=\"text\" value=\"{url}\"");
    // 35 and 36: one host of all classes is filled in; 37: several are not.
    for (scenario, is_filled) in [
        (class("A", url), true),
        (class("A", url) + &class("B", url), true),
        (class("A", url) + &class("B", "http://127.0.0.1:9"), false),
    ] {
        let page = Page::start_without_host(&scenario, &[])?;
        let body = page.get("/")?.body;
        assert_eq!(body.contains(&field), is_filled, "{scenario}: {body}");
        assert_eq!(body.contains("User classes differ in their hosts"), !is_filled);
        if is_filled {
            continue;
        }
        // 31: no host is told where none was given.
        let answer = swarm(&page, "user_count=2&spawn_rate=2")?;
        assert_eq!(answer["host"], Value::Null, "{answer}");
        page.wait_for(|stats| row(stats, "/").is_ok())?;
        page.post("/stop", "")?;
        assert!(target.stats().total > 0, "its class's host was asked");
    }
    // 38, 41, 44: what a report says of the run; 40: and as a file; 42: the host of the class.
    let page = Page::start(SHOP, target.url(), &[])?;
    run(&page, "user_count=4&spawn_rate=4")?;
    page.post("/stop", "")?;
    let report = page.get("/stats/report")?;
    let requests = row(&page.stats()?, "Aggregated")?["num_requests"].to_string();
    assert_eq!(report.status, 200);
    assert_eq!(report.header("content-disposition"), "");
    for text in [
        target.url(),
        "scenario.rhai",
        "out of order",
        &requests,
        "&#60;html&#62;",
    ] {
        assert!(report.body.contains(text), "{text} is not in the report");
    }
    let kept = page.get("/stats/report?download=1&theme=dark")?;
    let disposition = kept.header("content-disposition");
    assert!(
        disposition.starts_with("attachment;filename=Locust_") && disposition.ends_with(".html"),
        "{disposition}"
    );
    Ok(())
}

/// `/stats/requests` as an exporter written for Locust declares it; what is missing or of another type ends it.
#[derive(Debug, Deserialize)]
struct Exported {
    stats: Vec<ExportedRow>,
    errors: Vec<ExportedError>,
    total_rps: f64,
    fail_ratio: f64,
    total_avg_response_time: f64,
    current_response_time_percentiles: BTreeMap<String, Option<f64>>,
    user_count: u32,
    state: String,
    worker_count: u32,
    workers: Vec<ExportedWorker>,
}

#[derive(Debug, Deserialize)]
struct ExportedRow {
    method: String,
    name: String,
    num_requests: u64,
    num_failures: u64,
    avg_response_time: f64,
    median_response_time: f64,
    min_response_time: f64,
    max_response_time: f64,
    current_rps: f64,
    current_fail_per_sec: f64,
    avg_content_length: f64,
}

#[derive(Debug, Deserialize)]
struct ExportedError {
    method: String,
    name: String,
    error: String,
    occurrences: u64,
}

#[derive(Debug, Deserialize)]
struct ExportedWorker {
    id: String,
    state: String,
    user_count: u32,
}

#[test]
fn an_exporter_for_prometheus_finds_what_it_reads_of_a_fleet() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let port = free_port()?.to_string();
    let page = Page::start(SHOP, target.url(), &["--master", "--master-bind-port", &port])?;
    let worker = |name: &str| {
        let words = [
            "--worker",
            "--master-port",
            &port,
            "--threads",
            "1",
            "--worker-name",
            name,
        ];
        Katydid::new()?.args(words).spawn()
    };
    let _workers = [worker("w1")?, worker("w2")?];
    page.wait_for(|stats| stats["worker_count"] == 2)?;
    assert_eq!(
        json_of(&page.get("/worker-count")?)?,
        json!({ "worker_count": 2 })
    );
    run(&page, "user_count=8&spawn_rate=8")?;
    let stats = page.wait_for(|stats| {
        let moment = &stats["current_response_time_percentiles"]["response_time_percentile_0.5"];
        let busy = |worker: &Value| worker["user_count"] == 4 && worker["memory_usage"].as_u64() > Some(0);
        stats["user_count"] == 8
            && moment.is_number()
            && stats["workers"]
                .as_array()
                .is_some_and(|all| all.iter().all(busy))
    })?;
    let workers = format!(", worker_count: integer, workers: [{WORKER}]");
    assert_eq!(shape(&stats), stats_shape("number", ERROR, &workers));
    let live: Exported = serde_json::from_value(stats)?;
    assert_eq!(
        (&*live.state, live.user_count, live.worker_count),
        ("running", 8, 2)
    );
    assert_eq!(live.workers.len(), 2);
    let mut names: Vec<&str> = live.workers.iter().map(|worker| &*worker.id).collect();
    names.sort_unstable();
    assert_eq!(names, ["w1", "w2"]);
    assert!(
        live.workers
            .iter()
            .all(|worker| worker.state == "running" && worker.user_count == 4),
        "{live:?}"
    );
    assert!(live.total_rps > 0.0, "{live:?}");
    assert!(
        live.current_response_time_percentiles
            .values()
            .all(|ms| ms.is_some_and(|ms| ms > 0.0)),
        "{live:?}"
    );
    assert!(live.stats.iter().any(|row| row.current_rps > 0.0), "{live:?}");

    // 46: what workers say is under their names.
    let logs = page.get("/logs")?.json()?;
    let lines = &logs["workers"]["w1"];
    assert!(lines.to_string().contains("Connected to the master"), "{logs}");
    // 45: and what the master says is its own.
    assert!(
        logs["master"].to_string().contains("Ramping to 8 users"),
        "{logs}"
    );

    page.post("/stop", "")?;
    let done: Exported = serde_json::from_value(page.stats()?)?;
    let counted = target.stats();
    let row = |name: &str| {
        let found = done.stats.iter().find(|row| row.name == name);
        found.with_context(|| format!("no {name}: {done:?}"))
    };
    let all = row("Aggregated")?;
    assert_eq!(all.num_requests, counted.total);
    let failing = row("/json")?;
    assert_eq!(failing.method, "GET");
    assert_eq!(failing.num_requests, counted.requests("/json"));
    assert_eq!(failing.num_failures, failing.num_requests);
    assert_eq!(failing.current_fail_per_sec, failing.current_rps);
    assert!((done.fail_ratio - all.num_failures as f64 / all.num_requests as f64).abs() < 1e-9);
    assert_eq!(done.total_avg_response_time, all.avg_response_time);
    // SIZE + 1 bytes each.
    assert_eq!(row("<html>")?.avg_content_length, 4.0);
    // Two of them are rounded to whole ms.
    for row in &done.stats {
        assert!(
            row.min_response_time <= row.median_response_time + 0.5
                && row.median_response_time <= row.max_response_time + 0.5
                && row.avg_response_time <= row.max_response_time + 0.5,
            "{row:?}"
        );
    }
    let [error] = &done.errors[..] else {
        anyhow::bail!("one kind of error: {:?}", done.errors)
    };
    assert_eq!((&*error.method, &*error.name), ("GET", "/json"));
    assert_eq!(error.occurrences, failing.num_failures);
    assert!(error.error.contains("bold"), "{error:?}");
    Ok(())
}

//! Keys and types of the answers in every state, and what may be asked how.

use anyhow::{Context, Result};
use katydid_testkit::{DemoTarget, HttpCall, Page, alone};
use serde_json::{Value, json};

use crate::{ERROR, EXCEPTION, SHOP, json_of, row, run, shape, stats_shape, swarm};

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
    // It goes on counting.
    page.wait_for(|stats| stats["errors"] != json!([]))?;
    page.post("/stop", "")?;
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
    run(&page, "user_count=4&spawn_rate=4")?;
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
        let linked = HttpCall::new("GET", &url).header("x-forwarded-for", "192.0.2.1");
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

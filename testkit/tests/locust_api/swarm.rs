//! `POST /swarm`: what Locust's page and scripts send, and what they are told.

use std::time::Duration;

use anyhow::Result;
use katydid_testkit::{DemoTarget, Page, alone};
use serde_json::json;

use crate::{SHOP, row, shape, swarm};

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
    let form = format!("user_count=4&spawn_rate=4&run_time=&host={}", other.url());
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
    // It cannot send a test's load elsewhere, and says so.
    let form = format!("user_count=9&spawn_rate=10&host={}", target.url());
    let answer = swarm(&page, &form)?;
    assert_eq!(
        (&answer["success"], &answer["host"]),
        (&json!(false), &json!(other.url()))
    );
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
        "user_count=2&spawn_rate=2&param.size=42&label=status%2F204",
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

//! Where the load goes: in the form, in answers, in the report.

use anyhow::Result;
use katydid_testkit::{DemoTarget, Page, alone};
use serde_json::Value;

use crate::{SHOP, row, run, swarm};

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

//! Charts while somebody looks at them: which requests there are to choose from, who was late, and reading without a mouse.

use anyhow::{Context, Result, ensure};
use katydid_testkit::{Browser, DemoTarget, Key, Page, alone};

use crate::{SHOP, stop, wait_state};

/// Users who want to start five times a second, and cannot.
const PACED: &str = r#"
user("Paced", #{ wait: constant_pacing(0.2) }).task("slow", || { http.get("/delay/500"); });
"#;

const CHOICES: &str =
    "[...document.querySelectorAll('#series-choice option')].map((option) => option.dataset.name)";

#[test]
fn the_list_of_requests_grows_while_it_is_looked_at_and_keeps_the_choice() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = Page::start(SHOP, target.url(), &[])?;
    let browser = Browser::start()?;
    browser.goto(&format!("{}/?tab=charts", page.url()))?;
    browser.wait_until("document.querySelector('.run-form')")?;
    // The page goes over to the run by itself, at a moment when there are no requests yet, or hardly any.
    page.post("/swarm", "user_count=3&spawn_rate=3")?;
    browser.wait_until("document.querySelector('#main-charts')")?;
    browser.script("window.stayed = true;", &[])?;
    browser.wait_until(&format!(
        "['/', '/json', '/status/500'].every((name) => {CHOICES}.includes(name))"
    ))?;
    let choose = "const list = document.querySelector('#series-choice');\n\
         list.selectedIndex = [...list.options].findIndex((option) => option.dataset.name === '/json');\n\
         list.dispatchEvent(new Event('change', { bubbles: true }));";
    browser.script(choose, &[])?;
    browser.wait_until("location.search.includes('name=%2Fjson')")?;
    browser.wait_until("document.querySelectorAll('#main-charts canvas').length > 2")?;
    browser.click("tab", "Statistics")?;
    browser.click("tab", "Charts")?;
    browser
        .wait_until("document.querySelector('#series-choice').selectedOptions[0].dataset.name === '/json'")?;
    browser.wait_until("document.querySelector('#main-charts').dataset.name === '/json'")?;
    // What is shown is the one request, whoever else is counted.
    let query = "/ui/series?method=GET&name=%2Fjson";
    let series: serde_json::Value = serde_json::from_str(&page.get(query)?.body)?;
    ensure!(
        series["second"]
            .as_array()
            .is_some_and(|seconds| !seconds.is_empty()),
        "{series}"
    );
    assert_eq!(browser.script("return window.stayed;", &[])?, true);
    stop(&browser)?;
    assert_eq!(browser.complaints()?, [""; 0]);
    Ok(())
}

#[test]
fn users_who_cannot_keep_their_pace_are_seen_to_be_late() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = Page::start(PACED, target.url(), &["--autostart", "-u", "3", "-r", "3"])?;
    let browser = Browser::start()?;
    browser.goto(&format!("{}/?tab=charts", page.url()))?;
    let late = "[...document.querySelectorAll('.chart')].find((chart) => chart.textContent.includes('Late requests'))";
    browser.wait_until(&format!("{late}?.querySelector('canvas')"))?;
    let told = browser.wait(|| {
        let timeline: serde_json::Value = serde_json::from_str(&page.get("/api/v1/timeline")?.body)?;
        let late: f64 = timeline["late_per_s"]
            .as_array()
            .context("no lateness")?
            .iter()
            .filter_map(serde_json::Value::as_f64)
            .sum();
        ensure!(late > 3.0, "{late} of them were late");
        Ok(late)
    })?;
    // Every request but the first of each user is late.
    let served = target.stats().total;
    ensure!(told <= served as f64, "{told} of {served}");
    stop(&browser)?;
    let result: serde_json::Value = serde_json::from_str(&page.get("/result.json")?.body)?;
    let points = result["timeline"].as_array().context("no timeline")?;
    let late: u64 = points.iter().filter_map(|point| point["late"].as_u64()).sum();
    let ended = result["totals"]["requests"].as_u64().context("no total")?;
    assert_eq!(late, ended - 3, "of {ended}");
    assert_eq!(result["run"]["plan"]["users"], 3);
    assert_eq!(browser.complaints()?, [""; 0]);
    Ok(())
}

#[test]
fn charts_are_read_and_zoomed_with_keys() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = Page::start(
        SHOP,
        target.url(),
        &["--autostart", "-u", "2", "-r", "2", "-t", "25s"],
    )?;
    let browser = Browser::start()?;
    browser.goto(&format!("{}/?tab=charts", page.url()))?;
    browser.wait_until("document.querySelector('#main-charts canvas')")?;
    wait_state(&browser, "stopped")?;
    let said = "document.querySelector('.chart [aria-live]').textContent";
    assert_eq!(browser.script(&format!("return {said};"), &[])?, "");
    browser.script("document.querySelector('.chart .plot').focus();", &[])?;
    browser.press_key(Key::Left)?;
    browser.wait_until(&format!("/Requests \\d+\\.\\d\\d, Failures/.test({said})"))?;
    browser.press("+")?;
    browser.wait_until(&format!("{said}.startsWith('From 00:')"))?;
    browser.wait_until("!document.querySelector('#reset-zoom').hidden")?;
    browser.press("0")?;
    browser.wait_until("document.querySelector('#reset-zoom').hidden")?;
    assert_eq!(browser.complaints()?, [""; 0]);
    Ok(())
}

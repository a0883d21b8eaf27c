//! A master that is killed and started again under an open page.

use anyhow::Result;
use katydid_testkit::{Browser, DemoTarget, Katydid, Page, alone};

use crate::{start, stop, total, wait_counted, wait_metric, wait_more, wait_state};

const SCENARIO: &str = r#"
const PATH = param("path", "json");
user("Shopper", #{ wait: constant(0.1) }).task("browse", || { http.get(`/${PATH}`); });
user("Admin", #{ wait: constant(0.1) }).task("look", || { http.get("/"); });
"#;

/// Keeps every word about the connection that can be read: some are shown for two seconds only.
const LISTEN: &str = "window.said = [];
    const banner = document.querySelector('#connection');
    new MutationObserver(() => {
      if (banner.checkVisibility({ visibilityProperty: true })) window.said.push(banner.textContent);
    }).observe(banner, { attributes: true, childList: true, characterData: true, subtree: true });";

#[test]
fn the_page_says_that_it_is_lost_and_heals_by_itself() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let mut page = Page::start_master(SCENARIO, target.url(), &["--class-picker"])?;
    let port = page.fleet_port()?.to_string();
    let browser = Browser::start()?;
    browser.goto(page.url())?;
    browser.wait_text("#start-blocked", "No worker is connected yet")?;
    let _worker = Katydid::new()?
        .args(["--worker", "--master-port", &port, "--threads", "1"])
        .spawn()?;
    browser.wait_text("#fleet", "1 worker is connected")?;
    browser.wait_until("!document.querySelector('#start-blocked')")?;
    // What is asked for on the page is not on the command line the master is started with again.
    browser.click("checkbox", "Admin")?;
    browser.fill("path", "status/204")?;
    start(&browser, "4")?;
    wait_state(&browser, "running")?;
    wait_metric(&browser, "Users", "4")?;
    wait_more(&browser, 0)?;
    browser.script("window.stayed = true;", &[])?;
    browser.script(LISTEN, &[])?;

    page.kill()?;
    browser.wait_text("#connection", "The connection to Katydid is lost")?;
    // What was shown is still there to be read.
    let before = total(&browser)?;
    assert!(before > 0);
    // Nothing else is wrong than what the banner says.
    let complaints = browser.complaints()?;
    assert!(
        complaints.iter().all(|text| text.contains("net::ERR_")),
        "{complaints:?}"
    );

    page.restart()?;
    browser.wait_until("window.said.includes('Connected again')")?;
    wait_state(&browser, "running")?;
    browser.wait_until("document.querySelector('#connection').hidden")?;
    wait_more(&browser, before)?;
    let stayed = browser.script("return window.stayed;", &[])?;
    assert_eq!(stayed, true, "nobody has loaded the page anew");
    stop(&browser)?;
    wait_counted(&browser, &target)?;
    assert_eq!(
        target.stats().requests("/status/204"),
        target.stats().total,
        "before and after it is the same run"
    );
    Ok(())
}

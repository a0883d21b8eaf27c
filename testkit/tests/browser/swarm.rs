//! Starting, changing, stopping, and starting again.

use anyhow::{Result, ensure};
use katydid_testkit::{Browser, DemoTarget, Page, alone};

use crate::{
    SHOP, TABLE, counts, metric, start, stop, total, wait_counted, wait_metric, wait_more, wait_state,
};

#[test]
fn a_swarm_is_started_changed_and_stopped_without_loading_the_page_again() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = Page::start(SHOP, target.url(), &[])?;
    let browser = Browser::start()?;
    browser.goto(page.url())?;
    wait_state(&browser, "ready")?;
    start(&browser, "4")?;
    wait_state(&browser, "running")?;
    // Gone if the page were loaded anew.
    browser.script("window.stayed = true;", &[])?;
    wait_metric(&browser, "Users", "4")?;
    let first = wait_more(&browser, 0)?;
    wait_more(&browser, first)?;
    browser.wait(|| {
        let rate: f64 = metric(&browser, "Requests/s")?.parse()?;
        ensure!(rate > 1.0, "{rate} requests per second");
        Ok(())
    })?;

    for users in ["9", "2"] {
        browser.click("button", "Edit")?;
        browser.fill("Number of users", users)?;
        browser.fill("Ramp up", "20")?;
        browser.click("button", "Update")?;
        wait_metric(&browser, "Users", users)?;
        browser.wait_until("!document.querySelector('dialog[open]')")?;
    }
    browser.click("button", "Edit")?;
    browser.fill("Number of users", "many")?;
    browser.click("button", "Update")?;
    browser.wait_text(".field-error", "`many` is not a whole number")?;
    // The form's 422 is the one thing the console may have noticed.
    let complaints = browser.complaints()?;
    assert!(
        complaints.iter().all(|text| text.contains("422")),
        "{complaints:?}"
    );
    browser.click("button", "Cancel")?;

    stop(&browser)?;
    wait_counted(&browser, &target)?;
    assert!(
        browser.text("#header")?.contains("stopped on the page"),
        "why it ended is said"
    );
    assert_eq!(metric(&browser, "Users")?, "0");
    assert_eq!(browser.script("return window.stayed;", &[])?, true);

    // Another run: its numbers begin at zero.
    let before = target.stats().total;
    browser.click("button", "New run")?;
    start(&browser, "2")?;
    wait_state(&browser, "running")?;
    // What is shown first may be of the run before.
    browser.wait(|| {
        let shown = total(&browser)?;
        let served = target.stats().total - before;
        ensure!(
            shown > 0 && shown <= served,
            "{shown} are shown, {served} were served since"
        );
        Ok(())
    })?;
    stop(&browser)?;
    let served = target.stats().total - before;
    browser.wait(|| {
        let shown = total(&browser)?;
        ensure!(shown == served, "{shown} are shown, {served} were served");
        Ok(())
    })?;
    assert_eq!(browser.complaints()?, [""; 0]);
    Ok(())
}

#[test]
fn only_the_chosen_classes_take_part() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = Page::start(SHOP, target.url(), &["--class-picker"])?;
    let browser = Browser::start()?;
    browser.goto(page.url())?;
    browser.click("checkbox", "Admin")?;
    start(&browser, "2")?;
    wait_state(&browser, "running")?;
    wait_more(&browser, 4)?;
    stop(&browser)?;
    assert_eq!(target.stats().requests("/status/500"), 0, "nobody chose Admin");
    wait_counted(&browser, &target)?;

    target.reset();
    browser.click("button", "New run")?;
    browser.click("checkbox", "Shopper")?;
    browser.click("checkbox", "Admin")?;
    start(&browser, "2")?;
    wait_state(&browser, "running")?;
    browser.wait(|| {
        let names: Vec<String> = counts(&browser)?.into_keys().collect();
        ensure!(names == ["/status/500", "Aggregated"], "{names:?}");
        Ok(())
    })?;
    wait_more(&browser, 4)?;
    stop(&browser)?;
    wait_counted(&browser, &target)?;
    let shown = counts(&browser)?;
    assert!(
        shown.contains_key("/status/500") && !shown.contains_key("/json"),
        "{shown:?}"
    );
    assert_eq!(browser.rows(TABLE)?.len(), 2, "the one request, and all together");

    browser.click("button", "New run")?;
    browser.click("checkbox", "Admin")?;
    let before = target.stats().total;
    start(&browser, "2")?;
    browser.wait_text("#classes-error", "Choose at least one")?;
    wait_state(&browser, "stopped")?;
    assert_eq!(target.stats().total, before, "nobody takes part in nothing");
    Ok(())
}

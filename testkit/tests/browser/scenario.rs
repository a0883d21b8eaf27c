//! The scenario, changed in the browser.

use anyhow::{Result, ensure};
use katydid_testkit::{Browser, DemoTarget, Page, Scratch, alone};

use crate::{SHOP, counts, start, stop, wait_counted, wait_more, wait_state};

const WRONG: &str = "user(\"Other\")\n    .task(\"look\", || {\n        http.gte(\"/status/204\");\n    });";
const RIGHT: &str =
    "user(\"Other\", #{ wait: constant(0.1) })\n.task(\"look\", || {\nhttp.get(\"/status/204\");\n});";

#[test]
fn a_mistake_is_shown_at_its_line_and_the_next_run_does_what_was_saved() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = Page::start(SHOP, target.url(), &[])?;
    let browser = Browser::start()?;
    browser.goto(page.url())?;
    browser.click("link", "Scenario")?;
    browser.wait_until("document.querySelector('#source')?.value.includes('Shopper')")?;
    browser.fill("Source of the scenario", WRONG)?;
    browser.wait_text("[data-unsaved]", "Not saved")?;
    browser.click("button", "Check")?;
    browser.wait_text("#diagnostics", "1 problem")?;
    browser.wait_text("#diagnostics li[data-line='3']", "gte")?;
    browser.wait_text(".gutter span:nth-child(3).bad", "3")?;
    let marked = "return document.querySelectorAll('.gutter .bad').length;";
    assert_eq!(browser.script(marked, &[])?, 1, "no other line is marked");
    browser.click("button", "line 3")?;
    let cursor = "const area = document.activeElement;\n\
         return area.id === 'source' ? area.value.slice(0, area.selectionStart).split('\\n').length : 0;";
    assert_eq!(
        browser.script(cursor, &[])?,
        3,
        "the cursor is where the mistake is"
    );
    browser.click("button", "Save")?;
    browser.wait_text("#diagnostics", "1 problem")?;
    browser.wait_text("[data-unsaved]", "Not saved")?;

    browser.fill("Source of the scenario", RIGHT)?;
    browser.click("button", "Save")?;
    browser.wait_text("#diagnostics", "1 user class, 1 task")?;
    browser.wait_until("document.querySelector('[data-unsaved]').hidden")?;
    assert_eq!(browser.script(marked, &[])?, 0);
    browser.reload()?;
    let source = browser.script("return document.querySelector('#source').value;", &[])?;
    assert_eq!(
        source, RIGHT,
        "what was saved is there after loading the page anew"
    );

    browser.click("link", "Test")?;
    start(&browser, "1")?;
    wait_state(&browser, "running")?;
    wait_more(&browser, 0)?;
    stop(&browser)?;
    wait_counted(&browser, &target)?;
    let shown = counts(&browser)?;
    ensure!(shown.contains_key("/status/204") && shown.len() == 2, "{shown:?}");
    assert_eq!(
        page.folder.read("scenario.rhai")?,
        SHOP,
        "the file on disk is as it was"
    );
    assert_eq!(browser.complaints()?, [""; 0]);
    Ok(())
}

#[test]
fn what_was_changed_is_saved_and_run_with_one_press() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = Page::start(SHOP, target.url(), &[])?;
    let browser = Browser::start()?;
    browser.goto(&format!("{}/scenario", page.url()))?;
    browser.wait_until("document.querySelector('.editor.ready')")?;
    browser.fill("Source of the scenario", WRONG)?;
    browser.click("link", "Run")?;
    browser.wait_text("#diagnostics", "1 problem")?;
    ensure!(
        browser.url()?.ends_with("/scenario"),
        "{} runs nothing",
        browser.url()?
    );
    browser.fill("Source of the scenario", RIGHT)?;
    browser.click("link", "Run")?;
    browser.wait_until("document.querySelector('.start-page .run-form')")?;
    start(&browser, "1")?;
    wait_state(&browser, "running")?;
    wait_more(&browser, 0)?;
    stop(&browser)?;
    ensure!(counts(&browser)?.contains_key("/status/204"));
    // After a run the form is in a dialog.
    browser.click("link", "Scenario")?;
    browser.click("link", "Run")?;
    browser.wait_until("document.querySelector('#form-dialog')?.open")?;
    assert_eq!(browser.complaints()?, [""; 0]);
    Ok(())
}

#[test]
fn each_file_can_be_looked_at_and_a_lost_connection_is_said() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let folder = Scratch::new()?;
    folder.write(
        "more.rhai",
        "user(\"More\").task(\"more\", || { http.get(\"/more\"); });",
    )?;
    let more = folder.file("more.rhai").display().to_string();
    let mut page = Page::start(SHOP, target.url(), &["-f", &more])?;
    let browser = Browser::start()?;
    browser.goto(&format!("{}/scenario", page.url()))?;
    browser.wait_until("document.querySelector('#source').value.includes('Shopper')")?;
    browser.wait_text(".notice", "several files")?;
    browser.wait_until("!document.querySelector('[data-check], [data-save]')")?;
    browser.click("link", &more)?;
    browser.wait_until("document.querySelector('#source').value.includes('/more')")?;
    page.kill()?;
    browser.wait_text("#connection", "The connection to Katydid is lost")?;
    Ok(())
}

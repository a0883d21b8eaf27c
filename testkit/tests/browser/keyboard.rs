//! The page without a mouse.

use anyhow::{Context, Result, ensure};
use katydid_testkit::{Browser, DemoTarget, Key, Page, alone};

use crate::{SHOP, wait_counted, wait_metric, wait_more, wait_state};

/// What has the focus: its label or text.
fn focused(browser: &Browser) -> Result<String> {
    let script = "const element = document.activeElement;\n\
         const text = element.labels?.[0]?.textContent ?? element.getAttribute('aria-label') ?? element.textContent;\n\
         return text.replace(/\\s+/g, ' ').trim();";
    let name = browser.script(script, &[])?;
    Ok(name.as_str().context("no name")?.to_owned())
}

/// Moves the focus on until something of this name has it.
fn tab_to(browser: &Browser, name: &str) -> Result<()> {
    let mut seen = Vec::new();
    for _ in 0..40 {
        browser.press_key(Key::Tab)?;
        let now = focused(browser)?;
        if now.starts_with(name) {
            return Ok(());
        }
        seen.push(now);
    }
    anyhow::bail!("{name} is not among {seen:?}")
}

fn wait_tab(browser: &Browser, tab: &str) -> Result<()> {
    let selected = "document.querySelector('[role=tab][aria-selected=true]').dataset.tab";
    browser.wait(|| {
        let now = browser.script(&format!("return {selected};"), &[])?;
        ensure!(now == tab, "{now} is open, not {tab}");
        Ok(())
    })
}

/// Who speaks to a computer switches them off in the help, and finds them off after loading the page anew.
fn single_keys_can_be_switched_off(browser: &Browser) -> Result<()> {
    browser.click("checkbox", "Single keys are shortcuts")?;
    browser.press_key(Key::Escape)?;
    browser.reload()?;
    browser.press("2")?;
    browser.press("n")?;
    browser.press("?")?;
    wait_tab(browser, "statistics")?;
    assert_eq!(
        browser.script("return document.querySelector('dialog[open]');", &[])?,
        serde_json::Value::Null
    );
    Ok(())
}

#[test]
fn a_run_is_started_looked_at_and_stopped_with_keys_alone() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = Page::start(SHOP, target.url(), &[])?;
    let browser = Browser::start()?;
    browser.goto(page.url())?;
    tab_to(&browser, "Skip to content")?;
    tab_to(&browser, "Number of users")?;
    // Moving into a field selects what is in it: typing replaces it.
    browser.press("3")?;
    tab_to(&browser, "Ramp up")?;
    browser.press("5")?;
    // Until there is a worker nothing can be started.
    browser.wait_until("!document.querySelector('[data-run-form] button[type=submit]').disabled")?;
    browser.press_key(Key::Enter)?;
    wait_state(&browser, "running")?;
    wait_metric(&browser, "Users", "3")?;
    wait_more(&browser, 0)?;

    // Tabs by number, in their order; this run has no workers of its own, and no tab for them.
    let tabs = [
        "statistics",
        "charts",
        "failures",
        "exceptions",
        "checks",
        "ratio",
        "logs",
        "download",
    ];
    for (index, tab) in tabs.iter().enumerate().rev() {
        browser.press(&(index + 1).to_string())?;
        wait_tab(&browser, tab)?;
    }
    browser.script("document.querySelector('#tab-statistics').focus();", &[])?;
    browser.press_key(Key::Right)?;
    wait_tab(&browser, "charts")?;
    browser.press_key(Key::End)?;
    wait_tab(&browser, "download")?;
    browser.press_key(Key::Home)?;
    wait_tab(&browser, "statistics")?;
    // Typing into the filter is typing, whatever the keys mean elsewhere.
    browser.press("/")?;
    browser.press("s5")?;
    let filter = "return document.activeElement.name + document.activeElement.value;";
    assert_eq!(browser.script(filter, &[])?, "filters5");
    browser.wait_text("#panel", "Nothing matches")?;
    browser.press(&char::from(Key::Backspace).to_string().repeat(2))?;
    wait_more(&browser, 0)?;
    browser.script("document.activeElement.blur();", &[])?;

    browser.press("e")?;
    browser.wait_until("document.activeElement.id === 'edit-users'")?;
    browser.press("6")?;
    browser.press_key(Key::Enter)?;
    browser.wait_until("!document.querySelector('dialog[open]')")?;
    wait_metric(&browser, "Users", "6")?;

    browser.press("s")?;
    browser.wait_until("document.querySelector('#confirm').open")?;
    assert_eq!(focused(&browser)?, "Cancel", "Enter by mistake stops nothing");
    browser.press_key(Key::Escape)?;
    browser.wait_until("!document.querySelector('#confirm').open")?;
    wait_state(&browser, "running")?;
    browser.press("s")?;
    browser.wait_until("document.querySelector('#confirm').open")?;
    browser.press_key(Key::Tab)?;
    assert_eq!(focused(&browser)?, "Stop");
    browser.press_key(Key::Enter)?;
    wait_state(&browser, "stopped")?;
    wait_counted(&browser, &target)?;

    browser.press("n")?;
    browser.wait_until("document.querySelector('#form-dialog').open")?;
    assert_eq!(focused(&browser)?, "Number of users *");
    browser.press_key(Key::Escape)?;
    browser.wait_until("!document.querySelector('#form-dialog').open")?;
    browser.press("?")?;
    browser.wait_text("#keyboard-help", "Open a tab")?;
    single_keys_can_be_switched_off(&browser)?;
    assert_eq!(browser.complaints()?, [""; 0]);
    Ok(())
}

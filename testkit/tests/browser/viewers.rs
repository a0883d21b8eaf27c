//! Who looks sees what is: after loading the page anew, and beside somebody else.

use anyhow::{Result, ensure};
use katydid_testkit::{Browser, DemoTarget, Page, alone};

use crate::{SHOP, TABLE, counts, stop, total, wait_counted, wait_metric, wait_more, wait_state};

/// The tab that is open, and its address.
fn open_tab(browser: &Browser) -> Result<String> {
    let selected = "return document.querySelector('[role=tab][aria-selected=true]')?.dataset.tab ?? '';";
    Ok(browser
        .script(selected, &[])?
        .as_str()
        .unwrap_or_default()
        .to_owned())
}

#[test]
fn loading_anew_changes_nothing_and_two_viewers_see_the_same() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = Page::start(SHOP, target.url(), &["--autostart", "-u", "4", "-r", "4"])?;
    let one = Browser::start()?;
    one.goto(page.url())?;
    wait_metric(&one, "Users", "4")?;
    let before = wait_more(&one, 0)?;
    one.reload()?;
    let after = total(&one)?;
    assert!(after >= before, "{before} requests became {after}");
    assert!(after <= target.stats().total);

    // What is open, sorted and filtered stands in the address.
    one.click("link", "# Requests")?;
    one.wait_until("location.search.includes('sort=requests')")?;
    one.fill("Filter by method or name", "status")?;
    one.wait(|| {
        let names: Vec<String> = counts(&one)?.into_keys().collect();
        ensure!(names == ["/status/500", "Aggregated"], "{names:?}");
        Ok(())
    })?;
    one.reload()?;
    one.wait(|| {
        let names: Vec<String> = counts(&one)?.into_keys().collect();
        ensure!(names == ["/status/500", "Aggregated"], "{names:?}");
        Ok(())
    })?;
    one.wait_until("document.querySelector('th[aria-sort=descending]')?.textContent === '# Requests'")?;
    one.click("tab", "Failures")?;
    one.wait_text("#panel", "/status/500")?;
    one.reload()?;
    assert_eq!(open_tab(&one)?, "failures");
    one.wait_text("#panel", "/status/500")?;
    one.wait_text("#tab-failures .badge", "1")?;

    let two = one.another()?;
    two.goto(page.url())?;
    assert_eq!(open_tab(&two)?, "statistics", "another viewer's tab is its own");
    wait_state(&two, "running")?;
    wait_metric(&two, "Users", "4")?;
    two.script("window.stayed = true;", &[])?;
    stop(&one)?;
    wait_state(&two, "stopped")?;
    assert_eq!(two.script("return window.stayed;", &[])?, true);
    wait_counted(&two, &target)?;
    one.click("tab", "Statistics")?;
    one.fill("Filter by method or name", " ")?;
    wait_counted(&one, &target)?;
    one.wait(|| {
        let (one, two) = (one.rows(TABLE)?, two.rows(TABLE)?);
        let sorted = |mut rows: Vec<_>| {
            rows.sort();
            rows
        };
        let (one, two) = (sorted(one), sorted(two));
        ensure!(one == two, "one sees {one:?}, two {two:?}");
        Ok(())
    })?;
    assert_eq!(one.complaints()?, [""; 0]);
    assert_eq!(two.complaints()?, [""; 0]);
    Ok(())
}

#[test]
fn the_address_says_which_colours_and_times_are_the_readers() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = Page::start(
        SHOP,
        target.url(),
        &["--autostart", "-u", "4", "-r", "4", "-t", "3s"],
    )?;
    let browser = Browser::start()?;
    let theme = "return document.documentElement.dataset.theme ?? '';";
    for wanted in ["dark", "light"] {
        browser.goto(&format!("{}/?tab=failures&theme={wanted}", page.url()))?;
        assert_eq!(browser.script(theme, &[])?, wanted);
        browser.goto(&format!("{}/stats/report?theme={wanted}", page.url()))?;
        assert_eq!(browser.script(theme, &[])?, wanted);
    }
    browser.goto(&format!("{}/?tab=failures", page.url()))?;
    assert_eq!(
        browser.script(theme, &[])?,
        "",
        "what an address says is not kept"
    );
    wait_state(&browser, "stopped")?;
    let local = "[...document.querySelectorAll('#panel td.time time')].every((time) => {\n\
         const at = new Date(time.dateTime);\n\
         return time.title.endsWith(' UTC') && time.textContent.endsWith(at.toTimeString().slice(0, 8));\n\
         })";
    browser.wait_until("document.querySelector('#panel td.time time')")?;
    browser.wait_until(local)?;
    assert_eq!(browser.complaints()?, [""; 0]);
    Ok(())
}

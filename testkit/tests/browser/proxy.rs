//! The page below a prefix, behind a proxy that nobody has configured for it.

use anyhow::{Context, Result};
use katydid_testkit::{Browser, DemoTarget, HttpCall, Nginx, Page, alone};

use crate::{SHOP, start, stop, wait_counted, wait_metric, wait_more, wait_state};

/// How many ms it takes to be told three times what is new.
const TICKS: &str = "const began = performance.now();
    const source = new EventSource('/load/ui/events');
    await new Promise((resolve) => {
      let left = 3;
      source.addEventListener('tick', () => --left || resolve());
    });
    source.close();
    return Math.round(performance.now() - began);";

#[test]
fn everything_works_below_a_prefix_behind_nginx() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = Page::start(SHOP, target.url(), &["--web-base-path", "/load"])?;
    let upstream = page.url().strip_suffix("/load").context("no prefix")?;
    let Some(proxy) = Nginx::proxy(upstream, "/load")? else {
        return Ok(());
    };
    let browser = Browser::start()?;
    browser.goto(&format!("{}/load/", proxy.url()))?;
    start(&browser, "3")?;
    wait_state(&browser, "running")?;
    browser.script("window.stayed = true;", &[])?;
    wait_metric(&browser, "Users", "3")?;
    let first = wait_more(&browser, 0)?;
    wait_more(&browser, first)?;
    // A proxy that kept events back until it has enough of them would let the page wait each time, not just once as a
    // busy machine does.
    let mut took = Vec::new();
    while took.len() < 3 && took.iter().all(|ms| *ms >= 5_000) {
        let ticks = browser.promise(TICKS, &[])?;
        took.push(ticks.as_u64().context("no time")?);
    }
    assert!(
        took.iter().any(|ms| *ms < 5_000),
        "three seconds' events took {took:?} ms"
    );
    for tab in ["Charts", "Failures", "Download", "Statistics"] {
        browser.click("tab", tab)?;
        browser.wait_until("document.querySelector('#panel').getAttribute('aria-busy') === null")?;
        let failed = browser.script("return document.querySelector('#panel-error').hidden;", &[])?;
        assert_eq!(failed, true, "{tab}");
    }
    let outside = "return [...document.querySelectorAll('[href], [src], [action]')]\n\
         .flatMap((element) => ['href', 'src', 'action'].map((name) => element.getAttribute(name)))\n\
         .filter((link) => link?.startsWith('/') && !link.startsWith('/load/'));";
    assert_eq!(
        browser.script(outside, &[])?,
        serde_json::json!([]),
        "links lead out of the prefix"
    );
    stop(&browser)?;
    wait_counted(&browser, &target)?;
    // Proxies that would keep events back are asked not to. The events themselves have no end: their head is enough.
    let events = HttpCall::new("HEAD", &format!("{}/ui/events", page.url())).send()?;
    assert_eq!(events.header("x-accel-buffering"), "no");
    assert!(events.header("content-type").starts_with("text/event-stream"));
    browser.click("link", "Scenario")?;
    browser.click("button", "Check")?;
    browser.wait_text("#diagnostics", "2 user classes")?;
    browser.click("link", "Test")?;
    wait_state(&browser, "stopped")?;
    assert_eq!(
        browser.script("return window.stayed ?? null;", &[])?,
        serde_json::Value::Null
    );
    assert!(browser.url()?.starts_with(&proxy.url()), "{}", browser.url()?);
    assert_eq!(browser.complaints()?, [""; 0]);
    drop(browser);
    drop(page);
    let served = proxy.finish()?;
    assert!(served.requests("/load/ui/events") >= 2, "{served:?}");
    Ok(())
}

//! What nobody hopes to see is whole and legible too: lost workers, a saturated generator, a run that failed, a question
//! before something ends, a master that is gone.

use std::time::Duration;

use anyhow::Result;
use katydid_testkit::{Axe, Browser, DemoTarget, Page, Signal, alone};

use crate::looks::looked;
use crate::{SHOP, wait_state};

/// One that has a core to itself for half a second at a time: nobody else's requests are on time.
const HEAVY: &str = r#"
user("Heavy", #{ wait: constant(0.01) }).task("think", || { let n = 0; for i in 0..3000000 { n += i; } http.get("/"); });
"#;

#[test]
fn a_fleet_that_is_lost_is_impossible_to_miss() -> Result<()> {
    let _alone = alone();
    let axe = Axe::install()?;
    let target = DemoTarget::start()?;
    let arguments = ["--master", "--master-bind-port", "0", "--worker-grace", "4s"];
    let mut page = Page::start(SHOP, target.url(), &arguments)?;
    let mut worker = page.worker("w1", 1)?;
    let browser = Browser::start()?;
    page.post("/swarm", "user_count=4&spawn_rate=4")?;
    browser.goto(page.url())?;
    wait_state(&browser, "running")?;
    let mut breaches = Vec::new();
    browser.click("button", "Stop")?;
    browser.wait_until("document.querySelector('#confirm')?.open")?;
    breaches.extend(looked(&browser, &axe, "the question")?);
    browser.press_key(katydid_testkit::Key::Escape)?;
    browser.wait_until("!document.querySelector('#confirm').open")?;

    worker.signal(Signal::SIGKILL)?;
    browser.wait_text("#header", "Workers are lost")?;
    wait_state(&browser, "failed")?;
    browser.wait_text("#header", "The run failed")?;
    breaches.extend(looked(&browser, &axe, "a failed run")?);

    page.kill()?;
    browser.wait_until("!document.querySelector('#connection').hidden")?;
    let quiet = |breach: &String| !breach.contains("the console says");
    breaches.extend(
        looked(&browser, &axe, "a lost connection")?
            .into_iter()
            .filter(quiet),
    );
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
    Ok(())
}

#[test]
fn a_saturated_generator_is_impossible_to_miss() -> Result<()> {
    let _alone = alone();
    let axe = Axe::install()?;
    let target = DemoTarget::start()?;
    let arguments = ["--autostart", "-u", "8", "-r", "8", "--threads", "1"];
    let page = Page::start(HEAVY, target.url(), &arguments)?;
    let browser = Browser::start()?;
    browser.goto(page.url())?;
    browser.wait_text("#header .banner", "saturated")?;
    // The bands in charts come with the next seconds.
    std::thread::sleep(Duration::from_secs(2));
    let breaches = looked(&browser, &axe, "a saturated generator")?;
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
    Ok(())
}

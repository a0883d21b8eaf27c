//! A page that asks who is there: coming in, doing what one may, going out.

use anyhow::{Result, ensure};
use katydid_testkit::{Accounts, Axe, Browser, DemoTarget, Page, alone};

use crate::looks::looked;
use crate::{SHOP, start, stop, wait_counted, wait_metric, wait_state};

fn log_in(browser: &Browser, name: &str, password: &str) -> Result<()> {
    browser.fill("User name", name)?;
    browser.fill("Password", password)?;
    browser.click("button", "Log in")
}

/// Whether somebody who looks sees what would change something.
fn may_change(browser: &Browser) -> Result<bool> {
    let script = "return [...document.querySelectorAll('button')].some((button) =>\n\
         ['Start', 'Stop', 'Edit', 'Reset', 'New test'].includes(button.textContent.trim()) &&\n\
         button.checkVisibility() && !button.disabled);";
    Ok(browser.script(script, &[])? == true)
}

#[test]
fn an_operator_logs_in_and_out_and_a_viewer_only_looks() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let accounts = Accounts::new()?;
    let page = Page::start(SHOP, target.url(), &["--web-login", &accounts.file()?])?;
    let ada = Browser::start()?;
    ada.goto(&format!("{}/?tab=logs", page.url()))?;
    ada.wait_until("location.pathname === '/login'")?;
    let breaches = looked(&ada, &Axe::install()?, "/login")?;
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
    log_in(&ada, "ada", "wrong horse")?;
    ada.wait_text("[role=alert]", "do not belong together")?;
    log_in(&ada, "ada", "correct horse")?;
    ada.wait_until("location.pathname + location.search === '/?tab=logs'")?;
    ada.wait_text(".who", "ada")?;
    start(&ada, "4")?;
    wait_state(&ada, "running")?;
    wait_metric(&ada, "Users", "4")?;

    let bob = ada.another()?;
    bob.goto(page.url())?;
    log_in(&bob, "bob", "battery staple")?;
    wait_state(&bob, "running")?;
    ensure!(!may_change(&bob)?, "a viewer is offered what it may not do");
    ensure!(may_change(&ada)?, "an operator is not");

    ada.click("tab", "Statistics")?;
    stop(&ada)?;
    wait_counted(&ada, &target)?;
    wait_state(&bob, "stopped")?;
    wait_counted(&bob, &target)?;

    ada.click("button", "Log out")?;
    ada.wait_until("location.pathname === '/login'")?;
    ada.goto(page.url())?;
    ada.wait_until("location.pathname === '/login'")?;
    // The one who stayed sees all there is.
    bob.reload()?;
    wait_counted(&bob, &target)?;
    Ok(())
}

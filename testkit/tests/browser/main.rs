//! The page as people use it: a real browser, the real program behind it, a target that counts for itself.

mod charts;
mod files;
mod keyboard;
mod login;
mod looks;
mod names;
mod proxy;
mod restart;
mod scenario;
mod states;
mod swarm;
mod thresholds;
mod viewers;

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use katydid_testkit::{Browser, DemoTarget};

/// A shop with something that works and something that does not.
const SHOP: &str = r#"
user("Shopper", #{ weight: 3, wait: constant(0.1) }).task("browse", || { http.get("/"); http.get("/json"); });
user("Admin", #{ wait: constant(0.1) }).task("look", || { http.get("/status/500"); throw "out of order"; });
"#;

/// The table of requests.
const TABLE: &str = "#statistics-table";

/// A number of the header: `Users`, `Requests/s`, `Failures`.
fn metric(browser: &Browser, label: &str) -> Result<String> {
    let script = "const found = [...document.querySelectorAll('#header .metric')].find(\n\
         (metric) => metric.querySelector('dt').textContent === arguments[0]);\n\
         return found?.querySelector('dd').textContent.trim() ?? null;";
    let shown = browser.script(script, &[label.into()])?;
    Ok(shown.as_str().with_context(|| format!("no {label}"))?.to_owned())
}

/// Waits until a number of the header is this one.
fn wait_metric(browser: &Browser, label: &str, wanted: &str) -> Result<()> {
    browser.wait(|| {
        let shown = metric(browser, label)?;
        ensure!(shown == wanted, "{label} is {shown}, not {wanted}");
        Ok(())
    })
}

/// Waits until the header says this state.
fn wait_state(browser: &Browser, state: &str) -> Result<()> {
    browser.wait_text("#header .state-badge", state)
}

/// What the table of requests says: requests and failures by name; all together is `Aggregated`.
fn counts(browser: &Browser) -> Result<BTreeMap<String, (u64, u64)>> {
    let number = |text: &str| -> Result<u64> { Ok(text.replace(',', "").parse()?) };
    let rows = browser.rows(TABLE)?;
    rows.iter()
        .map(|row| {
            Ok((
                row["Name"].clone(),
                (number(&row["# Requests"])?, number(&row["# Fails"])?),
            ))
        })
        .collect()
}

/// Requests of all names together.
fn total(browser: &Browser) -> Result<u64> {
    Ok(counts(browser)?.get("Aggregated").context("no row for all")?.0)
}

/// Waits until more requests than so many are shown, and returns how many.
fn wait_more(browser: &Browser, than: u64) -> Result<u64> {
    browser.wait(|| {
        let now = total(browser)?;
        ensure!(now > than, "{now} requests are not more than {than}");
        Ok(now)
    })
}

/// Waits until the table says what the target has counted: each path, and all together.
fn wait_counted(browser: &Browser, target: &DemoTarget) -> Result<()> {
    let counted = target.stats();
    ensure!(counted.total > 0, "the target was never asked");
    browser.wait(|| {
        let shown = counts(browser)?;
        let mut wanted: BTreeMap<String, (u64, u64)> = counted
            .paths
            .iter()
            .map(|path| {
                let failed = path.statuses.iter().filter(|(status, _)| **status >= 400);
                (
                    path.path.clone(),
                    (path.requests, failed.map(|(_, count)| count).sum()),
                )
            })
            .collect();
        let failed = wanted.values().map(|(_, failures)| failures).sum();
        wanted.insert("Aggregated".to_owned(), (counted.total, failed));
        ensure!(shown == wanted, "the page says {shown:?}, the target {wanted:?}");
        Ok(())
    })
}

/// Fills the form and starts.
fn start(browser: &Browser, users: &str) -> Result<()> {
    browser.fill("Number of users", users)?;
    browser.fill("Ramp up", users)?;
    browser.click("button", "Start")
}

/// Stops the run by hand, and waits until its numbers are final.
fn stop(browser: &Browser) -> Result<()> {
    browser.click("button", "Stop")?;
    // The same word once more: the question whether it is meant.
    browser.wait_until("document.querySelector('#confirm')?.open")?;
    browser.click("button", "Stop")?;
    wait_state(browser, "stopped")
}

//! Thresholds on the page: each with its verdict as it is now, and how it ended.

use anyhow::{Result, ensure};
use katydid_testkit::{Axe, Browser, DemoTarget, Page, alone};

use crate::looks::looked;
use crate::{SHOP, wait_state};

const TABLE: &str = "[aria-label=Thresholds] table";

/// Verdict, value and note of a rule.
fn verdict(browser: &Browser, rule: &str) -> Result<(String, String, String)> {
    let rows = browser.rows(TABLE)?;
    let row = rows.iter().find(|row| row["Rule"] == rule);
    let row = row.ok_or_else(|| anyhow::anyhow!("no {rule} in {rows:?}"))?;
    Ok((row["Verdict"].clone(), row["Now"].clone(), row["Note"].clone()))
}

#[test]
fn verdicts_are_seen_as_they_come() -> Result<()> {
    let _alone = alone();
    let axe = Axe::install()?;
    let target = DemoTarget::start()?;
    let rules = [
        "requests: count > 3",
        "failures: rate < 1% over 1s",
        "checks{name:<b>paid</b>}: rate > 50%",
    ];
    let mut arguments = vec!["--autostart", "-u", "4", "-r", "4"];
    for rule in rules {
        arguments.extend(["--threshold", rule]);
    }
    let page = Page::start(SHOP, target.url(), &arguments)?;
    let browser = Browser::start()?;
    browser.goto(&format!("{}/?tab=checks", page.url()))?;
    browser.wait(|| {
        let (passing, failing) = (verdict(&browser, rules[0])?, verdict(&browser, rules[1])?);
        ensure!(
            passing.0 == "passing" && failing.0 == "failing",
            "{passing:?} {failing:?}"
        );
        ensure!(failing.2.starts_with("first failed at 00:"), "{failing:?}");
        Ok(())
    })?;
    let waiting = verdict(&browser, rules[2])?;
    ensure!(waiting.0 == "pending" && waiting.1 == "no data", "{waiting:?}");
    page.post("/stop", "")?;
    wait_state(&browser, "stopped")?;
    browser.wait(|| {
        let missing = verdict(&browser, rules[2])?;
        ensure!(
            missing.0 == "failing" && missing.2.starts_with("there was no check"),
            "{missing:?}"
        );
        Ok(())
    })?;
    let breaches = looked(&browser, &axe, "thresholds")?;
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
    Ok(())
}

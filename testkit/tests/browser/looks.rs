//! Every page and tab on a wide screen and on a phone, in light and dark: whole, quiet, and usable by everybody.

use anyhow::Result;
use katydid_testkit::{Axe, Browser, DemoTarget, Page, Screen, alone};

/// Something on every tab, in few lines.
const SCENARIO: &str = r#"
const SIZE = param("size", 10);
user("Shopper", #{ weight: 3, wait: constant(0.5) })
    .on_start(|| log("warning", "careful"))
    .task("browse", || {
        let r = http.get("/");
        check(r, "is OK", r.ok);
        group("pair", || { http.get("/json"); });
    });
user("Admin", #{ wait: constant(0.5) })
    .task("look", || {
        let r = http.get("/status/500");
        check(r, "is OK too", r.ok);
        throw "out of order";
    });
"#;

const SCREENS: [Screen; 4] = [
    Screen {
        width: 1440,
        is_dark: false,
    },
    Screen {
        width: 390,
        is_dark: false,
    },
    Screen {
        width: 390,
        is_dark: true,
    },
    Screen {
        width: 1440,
        is_dark: true,
    },
];

/// What people with assistive technology meet is looked for on the two screens that differ in everything.
fn is_audited(screen: Screen) -> bool {
    (screen.width == 390) == screen.is_dark
}

#[test]
fn every_page_is_whole_quiet_and_usable_by_everybody() -> Result<()> {
    let _alone = alone();
    let axe = Axe::install()?;
    let target = DemoTarget::start()?;
    let arguments = ["--master", "--master-bind-port", "0", "--class-picker"];
    let page = Page::start(SCENARIO, target.url(), &arguments)?;
    let _worker = page.worker("w1", 1)?;
    let browser = Browser::start()?;
    let mut breaches = Vec::new();
    let mut look = |path: &str, ready: &str| -> Result<()> {
        browser.goto(&format!("{}{path}", page.url()))?;
        browser.wait_until(ready)?;
        breaches.extend(looked(&browser, &axe, path)?);
        Ok(())
    };
    look("/", "document.querySelector('.run-form')")?;
    look("/scenario", "document.querySelector('.editor.ready')")?;
    look("/nowhere", "document.querySelector('.error-page')")?;
    page.post("/swarm", "user_count=4&spawn_rate=4")?;
    page.wait_for(|stats| {
        stats["state"] == "running" && stats["stats"].as_array().is_some_and(|rows| rows.len() > 3)
    })?;
    for (tab, ready) in [
        (
            "statistics",
            "document.querySelectorAll('#panel tbody tr').length > 3",
        ),
        ("charts", "document.querySelectorAll('#panel canvas').length > 2"),
        ("failures", "document.querySelector('#panel tbody tr')"),
        ("exceptions", "document.querySelector('#panel details')"),
        (
            "checks",
            "document.querySelectorAll('#panel tbody tr').length > 1",
        ),
        ("workers", "document.querySelector('#panel tbody tr')"),
        ("ratio", "document.querySelector('#panel meter')"),
        ("logs", "document.querySelector('#panel .line')"),
        ("download", "document.querySelector('#panel .downloads')"),
        (
            "statistics&method=GET&request=/json",
            "document.querySelector('#detail[open] canvas')",
        ),
    ] {
        look(&format!("/?tab={tab}"), ready)?;
    }
    page.post("/stop", "")?;
    look("/", "document.querySelector('#button-new')")?;
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
    Ok(())
}

/// What is wrong with the page that is shown.
pub(crate) fn looked(browser: &Browser, axe: &Axe, path: &str) -> Result<Vec<String>> {
    let mut breaches = Vec::new();
    for screen in SCREENS {
        browser.screen(screen)?;
        let place = format!("{path} on {screen:?}");
        let wide = "return [...document.querySelectorAll('body *')]\n\
             .filter((element) => element.getBoundingClientRect().right > window.innerWidth + 1 &&\n\
               document.documentElement.scrollWidth > window.innerWidth)\n\
             .slice(0, 5).map((element) => `${element.tagName}.${element.className}`).join(', ');";
        let wide = browser.script(wide, &[])?;
        if let Some(wide) = wide.as_str().filter(|wide| !wide.is_empty()) {
            breaches.push(format!("{place}: wider than the screen: {wide}"));
        }
        if is_audited(screen) {
            let found = axe.audit(browser)?;
            breaches.extend(found.into_iter().map(|finding| format!("{place}: {finding}")));
        }
    }
    browser.screen(SCREENS[0])?;
    let complaints = browser.complaints()?;
    // That there is nothing is what this page is about.
    let unexpected = complaints
        .into_iter()
        .filter(|text| path != "/nowhere" || !text.contains("404 (Not Found)"));
    breaches.extend(unexpected.map(|text| format!("{path}: the console says {text}")));
    Ok(breaches)
}

//! Names and messages from elsewhere: whatever is in them is shown, and nothing of it is done.

use anyhow::{Context, Result, ensure};
use katydid_testkit::{Browser, DemoTarget, Page, Screen, alone};

use crate::{TABLE, wait_more, wait_state};

/// Everything a name could hope to do.
const EVIL: [&str; 6] = [
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "</td></table></script><svg onload=alert(1)>",
    "{{constructor.constructor('alert(1)')()}} ${alert(1)}",
    "🦗🎉 emoji 👩‍👩‍👧‍👦",
    "\u{202e}txt.exe \u{202b}שלום مرحبا",
];

/// Uses each name wherever one can be given, and one of ten thousand letters.
const SCENARIO: &str = r#"
const NAMES = [NAMES_HERE];
user("<b>User</b>", #{ wait: constant(0.2) })
    .task("<i>task</i> & \"more\"", || {
        for name in NAMES {
            http.get("/", #{ name: name });
            let r = http.get("/json", #{ name: name + " fails" });
            r.fail(name);
            check(name, false);
            log("warning", name);
            group(name, || { 1 });
        }
        let long = "L";
        for i in 0..10_000 { long += "x"; }
        http.get("/", #{ name: long });
        throw `<script>alert("thrown")</script> ${NAMES[5]}`;
    });
"#;

#[test]
fn names_from_elsewhere_are_shown_and_nothing_more() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    // A list of texts in JSON is one in Rhai as well.
    let names = serde_json::to_string(&EVIL)?;
    let scenario = SCENARIO.replace("[NAMES_HERE]", &names);
    let page = Page::start(&scenario, target.url(), &["--autostart", "-u", "1", "-t", "3s"])?;
    let browser = Browser::start()?;
    browser.goto(page.url())?;
    wait_state(&browser, "stopped")?;
    wait_more(&browser, 0)?;
    let shown: Vec<String> = browser
        .rows(TABLE)?
        .into_iter()
        .map(|mut row| row.remove("Name").unwrap_or_default())
        .collect();
    for name in EVIL {
        assert!(
            shown.iter().any(|text| text == name),
            "{name} is not in {shown:?}"
        );
    }
    let long = shown
        .iter()
        .find(|name| name.starts_with("Lxx"))
        .context("no long name")?;
    assert!(long.len() <= 10_001, "{}", long.len());
    harmless(&browser, "statistics")?;

    for tab in [
        "failures",
        "exceptions",
        "checks",
        "ratio",
        "logs",
        "charts",
        "download",
    ] {
        browser.goto(&format!("{}/?tab={tab}", page.url()))?;
        harmless(&browser, tab)?;
        if matches!(tab, "failures" | "checks" | "logs") {
            let text = browser.text("#panel")?;
            for name in EVIL {
                assert!(text.contains(name), "{tab} does not show {name}: {text}");
            }
        }
    }
    // One request in detail, found by its name in the address.
    browser.goto(page.url())?;
    let name = format!("{} fails", EVIL[0]);
    browser.click("link", &name)?;
    browser.wait_text("#detail-title", &name)?;
    harmless(&browser, "detail")?;
    browser.reload()?;
    browser.wait_text("#detail-title", &name)?;
    for path in [
        "/scenario",
        "/stats/report",
        "/?tab=%3Cscript%3E",
        "/%3Cscript%3Ealert(1)%3C/script%3E",
    ] {
        browser.goto(&format!("{}{path}", page.url()))?;
        let text = browser.script("return document.body.textContent;", &[])?;
        ensure!(
            text.as_str().is_some_and(|text| text.len() > 100),
            "{path}: {text}"
        );
        harmless(&browser, path)?;
    }
    Ok(())
}

/// Whether nothing of the names has become part of the page, and nothing is wider than it.
fn harmless(browser: &Browser, place: &str) -> Result<()> {
    // An open alert fails every command; these are what could have opened one, or what names asked for.
    let grown = "const asked = 'img, [onload], [onerror], #panel script, #detail script';\n\
         const named = [...document.querySelectorAll('b, i')].filter((element) => /User|task/.test(element.textContent));\n\
         return [...document.querySelectorAll(asked), ...named].map((element) => element.outerHTML.slice(0, 100));";
    let grown = browser.script(grown, &[])?;
    assert_eq!(grown, serde_json::json!([]), "{place}");
    let scripts = "return [...document.scripts].filter((script) => !script.src && script.type !== 'application/json')\n\
         .filter((script) => script.textContent.includes('alert(')).length;";
    assert_eq!(browser.script(scripts, &[])?, 0, "{place}");
    for width in [1440, 390] {
        browser.screen(Screen {
            width,
            is_dark: false,
        })?;
        // Where frames are few, a chart may take one more.
        browser.wait(|| {
            let wider = browser.script(
                "return document.documentElement.scrollWidth - window.innerWidth;",
                &[],
            )?;
            ensure!(
                wider.as_i64().is_some_and(|px| px <= 0),
                "{place}: {wider} px too wide on {width} px"
            );
            Ok(())
        })?;
        let tallest = "return Math.max(0, ...[...document.querySelectorAll('#panel tbody tr')].map((row) => row.offsetHeight));";
        let tallest = browser.script(tallest, &[])?;
        assert!(
            tallest.as_u64() <= Some(400),
            "{place}: a row of {tallest} px on {width} px is not folded"
        );
    }
    let complaints: Vec<String> = browser
        .complaints()?
        .into_iter()
        .filter(|text| !text.contains("404 (Not Found)"))
        .collect();
    assert_eq!(complaints, [""; 0], "{place}");
    Ok(())
}

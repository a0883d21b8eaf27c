//! What the page offers to download says what the target has counted.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use katydid_demo_target::TargetStats;
use katydid_testkit::{Browser, CsvTable, DemoTarget, JsonResult, Page, Screen, alone};
use serde_json::Value;

use crate::{SHOP, wait_state};

/// A file as the browser got it.
#[derive(Debug)]
struct File {
    status: u64,
    kind: String,
    name: String,
    body: String,
}

/// Fetches what a link leads to, as the page itself would: with what the browser knows of the site.
fn fetch(browser: &Browser, url: &str) -> Result<File> {
    let script = "const answer = await fetch(arguments[0]);\n\
         const header = (name) => answer.headers.get(name) ?? '';\n\
         return [answer.status, header('content-type'), header('content-disposition'), await answer.text()];";
    let answer = browser.promise(script, &[url.into()])?;
    let text = |index: usize| answer[index].as_str().unwrap_or_default().to_owned();
    Ok(File {
        status: answer[0].as_u64().context("no status")?,
        kind: text(1),
        name: text(2),
        body: text(3),
    })
}

/// Waits for the one file that is downloaded.
fn downloaded(browser: &Browser, ending: &str) -> Result<PathBuf> {
    browser.wait(|| {
        let mut files = std::fs::read_dir(browser.downloads())?
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<Vec<PathBuf>>>()?;
        let file = files.pop().context("nothing was downloaded")?;
        let name = file.to_string_lossy().into_owned();
        ensure!(files.is_empty() && name.ends_with(ending), "{name} and {files:?}");
        Ok(file)
    })
}

#[test]
fn every_file_offered_says_what_the_target_counted() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = Page::start(
        SHOP,
        target.url(),
        &["--autostart", "-u", "4", "-r", "4", "-t", "3s"],
    )?;
    let browser = Browser::start()?;
    browser.goto(page.url())?;
    wait_state(&browser, "stopped")?;
    let counted = target.stats();
    browser.click("tab", "Download")?;
    let links = "Array.from(document.querySelectorAll('#panel .downloads a'), (link) => link.href)";
    let links = browser.wait_until(&format!("{links}.length > 0 && {links}"))?;
    let links: Vec<String> = serde_json::from_value(links)?;
    let mut seen = Vec::new();
    for link in &links {
        let file = fetch(&browser, link)?;
        let path = link.strip_prefix(page.url()).with_context(|| link.clone())?;
        assert_eq!(file.status, 200, "{path}");
        let name = content_is_right(path, &file, &counted)?;
        if name.is_empty() {
            assert_eq!(file.name, "", "{path} is shown, not kept");
        } else {
            assert!(
                file.name.starts_with("attachment;filename=Locust_") && file.name.ends_with(name),
                "{path}: {}",
                file.name
            );
        }
        seen.push(path.to_owned());
    }
    assert_eq!(seen.len(), 7, "{seen:?}");

    report_is_right(&browser, &format!("{}/stats/report", page.url()), counted.total)?;
    // The same from a disk, where there is no server to ask for anything.
    browser.goto(&format!("{}/?tab=download", page.url()))?;
    browser.click("link", "HTML Report, as a file")?;
    let file = downloaded(&browser, "_report.html")?;
    // A page that is still open would complain when its server goes.
    browser.goto("about:blank")?;
    drop(page);
    report_is_right(&browser, &format!("file://{}", file.display()), counted.total)
}

/// Whether a file says what was counted; returns the end of the name it is kept under, empty for what is only looked at.
fn content_is_right(path: &str, file: &File, counted: &TargetStats) -> Result<&'static str> {
    let failed = counted.requests("/status/500");
    Ok(match path {
        "/stats/requests/csv" => {
            let table = CsvTable::parse(&file.body)?;
            for entry in &counted.paths {
                let cell = table.cell("Name", &entry.path, "Request Count")?;
                assert_eq!(cell, entry.requests.to_string(), "{}", entry.path);
            }
            let all = table.cell("Name", "Aggregated", "Request Count")?;
            assert_eq!(all, counted.total.to_string());
            assert_eq!(
                table.cell("Name", "Aggregated", "Failure Count")?,
                failed.to_string()
            );
            "_requests.csv"
        }
        "/stats/failures/csv" => {
            let table = CsvTable::parse(&file.body)?;
            assert_eq!(table.rows.len(), 1, "{table:?}");
            assert_eq!(
                table.cell("Name", "/status/500", "Occurrences")?,
                failed.to_string()
            );
            "_failures.csv"
        }
        "/exceptions/csv" => {
            let table = CsvTable::parse(&file.body)?;
            assert_eq!(
                table.cell("Message", "out of order", "Count")?,
                failed.to_string()
            );
            "_exceptions.csv"
        }
        "/result.json" => {
            let result = JsonResult::parse(&file.body)?;
            assert_eq!(result.totals.requests, counted.total);
            assert_eq!(result.totals.failures, failed);
            assert_eq!(result.count("/json"), counted.requests("/json"));
            "_result.json"
        }
        "/result.xml" => {
            let wanted = format!("value=\"{}\"", counted.total);
            assert!(file.body.contains(&wanted), "no {wanted} in {}", file.body);
            assert!(file.body.contains("/status/500"), "{}", file.body);
            "_junit.xml"
        }
        "/stats/report" | "/stats/report?download=1" => {
            assert!(file.kind.starts_with("text/html"), "{path}: {}", file.kind);
            if path.ends_with("=1") { "_report.html" } else { "" }
        }
        _ => bail!("{path} is new: say what must be in it"),
    })
}

/// Opens a report and looks at its numbers and charts, on a wide screen and on a phone.
fn report_is_right(browser: &Browser, url: &str, total: u64) -> Result<()> {
    browser.goto(url)?;
    let rows = browser.rows("table.stats")?;
    let all = rows.iter().find(|row| row["Name"] == "Aggregated");
    let all = all.context("no row for all")?;
    assert_eq!(all["# Requests"].replace(',', ""), total.to_string());
    let charts = browser.wait_until("document.querySelectorAll('[data-charts] canvas').length")?;
    assert!(charts.as_u64() >= Some(3), "{charts} charts");
    let painted = "[...document.querySelectorAll('[data-charts] canvas')].every((canvas) => \
         canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((byte) => byte))";
    browser.wait_until(painted)?;
    for width in [1440, 390] {
        browser.screen(Screen {
            width,
            is_dark: false,
        })?;
        // Charts take the new width with the next frame.
        browser.wait_until("document.documentElement.scrollWidth <= window.innerWidth")?;
    }
    assert_eq!(browser.complaints()?, [""; 0], "{url}");
    assert_eq!(browser.script("return window.opener;", &[])?, Value::Null);
    Ok(())
}

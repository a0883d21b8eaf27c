//! What must hold for every page, whatever stands in it: nothing typed by others becomes markup, and nothing needs more
//! than the Content-Security-Policy allows.

use askama::Template;
use katydid_protocol::stats::RunState;
use katydid_web_ui::view::app::{App, Content, Tab};
use katydid_web_ui::view::failures::{FailureRow, Failures};
use katydid_web_ui::view::header::{Badges, Controls, Header};
use katydid_web_ui::view::report::Report;
use katydid_web_ui::view::series::{Mark, MarkKind, Series};
use katydid_web_ui::view::statistics::{Cell, Column, Row, Statistics};
use katydid_web_ui::view::{Banner, Level, Shell};

const EVIL: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>";

fn header() -> Header {
    Header {
        base: "/load".to_owned(),
        run: EVIL.to_owned(),
        state: RunState::Running,
        state_reason: EVIL.to_owned(),
        host: Some(EVIL.to_owned()),
        users: "1".to_owned(),
        target_users: None,
        rps: "1.00".to_owned(),
        rps_spark: String::new(),
        failure_share: "0.00%".to_owned(),
        failure_level: Level::Plain,
        workers: 1,
        fleet: Some(EVIL.to_owned()),
        more: Vec::new(),
        elapsed: "1s".to_owned(),
        run_time: None,
        progress: Some(3),
        banners: vec![Banner {
            level: Level::Bad,
            title: EVIL.to_owned(),
            text: EVIL.to_owned(),
            detail: EVIL.to_owned(),
        }],
        controls: Controls::Running {
            fixed_plan: Some(EVIL.to_owned()),
        },
        badges: Badges::default(),
    }
}

fn evil_row() -> Row {
    Row {
        method: EVIL.to_owned(),
        name: EVIL.repeat(100),
        cells: Column::NUMBERS.map(|_| Cell::plain("0".to_owned())).to_vec(),
    }
}

fn page(body: String) -> askama::Result<String> {
    let page = App {
        shell: Shell {
            base: "/load".to_owned(),
            ..Shell::default()
        },
        header: header(),
        content: Content::Tabs {
            active: Tab::Statistics,
            body,
            distributed: true,
        },
    };
    page.render()
}

fn bodies() -> askama::Result<[String; 2]> {
    let failure = FailureRow {
        name: EVIL.to_owned(),
        message: EVIL.repeat(50),
        ..FailureRow::default()
    };
    Ok([
        Statistics {
            filter: EVIL.to_owned(),
            rows: vec![evil_row()],
            ..Statistics::default()
        }
        .render()?,
        Failures {
            rows: vec![failure],
            ..Failures::default()
        }
        .render()?,
    ])
}

#[test]
fn nothing_typed_by_others_becomes_markup() -> askama::Result<()> {
    for body in bodies()? {
        let html = page(body)?;
        assert!(!html.contains("<script>alert"), "{html}");
        assert!(!html.contains("<img"), "{html}");
        assert!(!html.contains("\"'>"), "{html}");
    }
    Ok(())
}

#[test]
fn pages_need_no_inline_script_or_style() -> askama::Result<()> {
    for body in bodies()? {
        let html = page(body)?;
        assert!(!html.contains("<style"));
        for forbidden in [" style=", " onclick=", " onload=", " hx-on", "javascript:"] {
            assert!(!html.contains(forbidden), "{forbidden} in {html}");
        }
        for script in html.split("<script").skip(1) {
            assert!(script.starts_with(" src=\"/load/assets/"), "{script}");
        }
    }
    Ok(())
}

#[test]
fn every_url_has_the_prefix() -> askama::Result<()> {
    let html = page(String::new())?;
    for attribute in [
        "href=\"/",
        "src=\"/",
        "action=\"/",
        "hx-post=\"/",
        "hx-get=\"/",
        "data-post=\"/",
        "data-form=\"/",
    ] {
        for url in html.split(attribute).skip(1) {
            assert!(
                url.starts_with("load/"),
                "{attribute}{}",
                &url[..40.min(url.len())]
            );
        }
    }
    Ok(())
}

#[test]
fn the_reports_data_stays_data() -> askama::Result<()> {
    let report = Report {
        title: EVIL.to_owned(),
        requests: vec![evil_row()],
        series: Series {
            second: vec![1],
            marks: vec![Mark {
                second: 1,
                until: None,
                kind: MarkKind::WorkerLost,
                text: "</script><script>alert(1)</script>".to_owned(),
            }],
            ..Series::default()
        },
        ..Report::default()
    };
    let html = report.render()?;
    assert!(!html.contains("<script>alert"));
    assert_eq!(html.matches("</script>").count(), 2);
    Ok(())
}

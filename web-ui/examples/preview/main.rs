//! Renders every page and fragment with made-up data, so that they can be looked at without a run.
//!
//! In: a folder to write to. Out: static HTML files, one per state, and the assets below `assets/`. The data is awkward on
//! purpose: markup in names, names of ten kilobytes, right-to-left text, nothing at all, far too much.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use askama::Template;
use katydid_web_ui::assets;
use katydid_web_ui::view::app::{App, Content, Tab};
use katydid_web_ui::view::error::ErrorPage;
use katydid_web_ui::view::header::Header;
use katydid_web_ui::view::login::Login;
use katydid_web_ui::view::scenario::Scenario;
use katydid_web_ui::view::{Page, Shell};

mod made_up {
    pub(crate) mod forms;
    pub(crate) mod headers;
    pub(crate) mod names;
    pub(crate) mod report;
    pub(crate) mod requests;
    pub(crate) mod tabs;
}

use made_up::{forms, headers, report, requests, tabs};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Outcome {
    let folder = std::env::args().nth(1).ok_or("usage: preview <folder>")?;
    let out = Folder(PathBuf::from(folder));
    fs::create_dir_all(out.0.join("assets"))?;
    for asset in assets::ASSETS {
        fs::write(out.0.join("assets").join(asset.hashed_name), asset.bytes)?;
    }
    start_pages(&out)?;
    runs(&out)?;
    fragments(&out)?;
    out.write("report", &report::full())?;
    out.write("report-empty", &report::empty())?;
    other_pages(&out)
}

/// Where to write.
struct Folder(PathBuf);

impl Folder {
    fn write(&self, name: &str, view: &impl Template) -> Outcome {
        let path: &Path = &self.0.join(format!("{name}.html"));
        fs::write(path, view.render()?)?;
        Ok(())
    }
}

fn shell(page: Page) -> Shell {
    Shell {
        version: "0.1.0".to_owned(),
        page,
        ..Shell::default()
    }
}

fn start_pages(out: &Folder) -> Outcome {
    for (name, form) in [
        ("start", forms::start_plain()),
        ("start-full", forms::start_full()),
        ("start-errors", forms::start_errors()),
    ] {
        let page = App {
            shell: shell(Page::Test),
            header: headers::ready(),
            content: Content::Start(Box::new(form)),
        };
        out.write(name, &page)?;
    }
    Ok(())
}

fn runs(out: &Folder) -> Outcome {
    let bodies = |state: &str| -> Outcome<Vec<(Tab, String)>> {
        let full = state != "empty";
        Tab::ALL
            .into_iter()
            .map(|tab| Ok((tab, tabs::body(tab, full, state)?)))
            .collect()
    };
    for (state, header) in [
        ("running", headers::running()),
        ("empty", headers::begun()),
        ("failing", headers::failing()),
        ("over", headers::over()),
        ("stopping", headers::stopping()),
    ] {
        for (tab, body) in bodies(state)? {
            let distributed = state != "empty";
            out.write(
                &format!("{state}-{}", tab.key()),
                &page(header.clone(), tab, body, distributed),
            )?;
        }
        out.write(&format!("fragment-header-{state}"), &header)?;
    }
    Ok(())
}

fn page(header: Header, active: Tab, body: String, distributed: bool) -> App {
    App {
        shell: shell(Page::Test),
        header,
        content: Content::Tabs {
            active,
            body,
            distributed,
        },
    }
}

fn fragments(out: &Folder) -> Outcome {
    out.write("fragment-request", &requests::request())?;
    out.write("fragment-new", &forms::start_dialog())?;
    out.write("fragment-new-errors", &forms::start_errors())?;
    out.write("fragment-edit", &forms::edit())?;
    out.write("fragment-edit-errors", &forms::edit_errors())?;
    out.write("fragment-check-bad", &forms::diagnostics())?;
    for tab in Tab::ALL {
        fs::write(
            out.0.join(format!("fragment-{}.html", tab.key())),
            tabs::body(tab, true, "running")?,
        )?;
    }
    fs::write(
        out.0.join("series.json"),
        serde_json::to_string(&report::series(600))?,
    )?;
    fs::write(
        out.0.join("series-day.json"),
        serde_json::to_string(&report::series(86_400))?,
    )?;
    Ok(())
}

fn other_pages(out: &Folder) -> Outcome {
    let mut editable = Scenario {
        shell: shell(Page::Scenario),
        file: "shop.rhai".to_owned(),
        source: forms::SOURCE.to_owned(),
        ..Scenario::default()
    };
    out.write("scenario", &editable)?;
    editable.diagnostics = forms::diagnostics();
    out.write("scenario-problems", &editable)?;
    editable.read_only = Some("A run is under way: the scenario can be edited when it is over.".to_owned());
    out.write("scenario-read-only", &editable)?;
    out.write(
        "login",
        &Login {
            shell: shell(Page::Other),
            info: Some("You were logged out.".to_owned()),
            ..Login::default()
        },
    )?;
    out.write(
        "login-wrong",
        &Login {
            shell: shell(Page::Other),
            error: Some("User name or password is wrong.".to_owned()),
            username: "mallory".to_owned(),
            ..Login::default()
        },
    )?;
    out.write(
        "error",
        &ErrorPage {
            shell: shell(Page::Other),
            status: 404,
            title: "Not found".to_owned(),
            message: "There is no page at /nowhere/<script>alert(1)</script>.".to_owned(),
        },
    )
}

//! The tab of results as files.

use katydid_protocol::stage::Picture;

use crate::view::download::{DownloadLink, Downloads};

/// Fills it; `has_history` when a file with the numbers of each second is written.
pub(crate) fn downloads(picture: &Picture, base: &str, has_history: bool) -> Downloads {
    let link = |path: &str, kind: &str, title: &str, description: &str, opens: bool| DownloadLink {
        href: format!("{base}/{path}"),
        kind: kind.to_owned(),
        title: title.to_owned(),
        description: description.to_owned(),
        opens,
    };
    let mut files = vec![
        link(
            "stats/report",
            "HTML",
            "Report",
            "Everything in one file that opens in any browser, charts included",
            true,
        ),
        link(
            "stats/report?download=1",
            "HTML",
            "Report, as a file",
            "The same, to keep or to send",
            false,
        ),
        link(
            "stats/requests/csv",
            "CSV",
            "Request statistics",
            "A row for each request, with rates and percentiles",
            false,
        ),
        link(
            "stats/failures/csv",
            "CSV",
            "Failures",
            "What failed, how often, first and last time",
            false,
        ),
        link(
            "exceptions/csv",
            "CSV",
            "Exceptions",
            "What scripts threw, where and how often",
            false,
        ),
        link(
            "result.json",
            "JSON",
            "Full result",
            "Totals, percentiles, errors, checks and the timeline, for programs",
            false,
        ),
        link(
            "result.xml",
            "XML",
            "JUnit",
            "Requests, checks and exceptions as test cases, for systems that show test results",
            false,
        ),
    ];
    if has_history {
        files.push(link(
            "stats/requests_full_history/csv",
            "CSV",
            "Full history",
            "A row for each request and second",
            false,
        ));
    }
    let note = if picture.is_live() {
        "The run is not over: these are the numbers so far."
    } else {
        ""
    };
    Downloads {
        files,
        note: note.to_owned(),
    }
}

//! The tab of results as files.
//!
//! In: which there are. Out: the fragment `GET {base}/ui/download`.

use askama::Template;

/// `GET {base}/ui/download`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "download.html")]
pub struct Downloads {
    /// The files.
    pub files: Vec<DownloadLink>,
    /// What to know about them: `The run is not over: numbers so far`; may be empty.
    pub note: String,
}

/// A file.
#[derive(Debug, Clone, Default)]
pub struct DownloadLink {
    /// Where it is, prefix included.
    pub href: String,
    /// Its kind, short: `CSV`, `JSON`, `HTML`, `XML`.
    pub kind: String,
    /// What it is.
    pub title: String,
    /// What is in it, in a sentence.
    pub description: String,
    /// Whether it is looked at in the browser rather than saved.
    pub opens: bool,
}

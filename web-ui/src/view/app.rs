//! The page people have open during a test: the start form before, tabs during and after.
//!
//! In: the header's view and either the form or the open tab's rendered body. Out: the page at `GET {base}/`.

use askama::Template;

use super::Shell;
use super::header::Header;
use super::start_form::StartForm;

/// `GET {base}/?tab=<key>`.
#[derive(Debug, Clone, Template)]
#[template(path = "app.html")]
pub struct App {
    /// Around it all.
    pub shell: Shell,
    /// Status, numbers, buttons, banners.
    pub header: Header,
    /// Below it.
    pub content: Content,
}

/// What the page shows below its header.
#[derive(Debug, Clone)]
pub enum Content {
    /// Nothing has run yet.
    Start(Box<StartForm>),
    /// A run, present or past.
    Tabs {
        /// The tab that is open.
        active: Tab,
        /// Its body: HTML, the rendered view of that tab. It is part of the page, so that the first paint waits for nothing.
        body: String,
        /// Whether there are workers of their own to show.
        distributed: bool,
    },
}

/// A tab; its body is served at `GET {base}/ui/<key>`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tab {
    /// Numbers per request.
    #[default]
    Statistics,
    /// Everything over time.
    Charts,
    /// Failed requests by message.
    Failures,
    /// Exceptions of scripts.
    Exceptions,
    /// Checks and thresholds.
    Checks,
    /// The fleet.
    Workers,
    /// Who runs what how often.
    Ratio,
    /// What the processes say.
    Logs,
    /// Results as files.
    Download,
}

impl Tab {
    /// All, in their order.
    pub const ALL: [Self; 9] = [
        Self::Statistics,
        Self::Charts,
        Self::Failures,
        Self::Exceptions,
        Self::Checks,
        Self::Workers,
        Self::Ratio,
        Self::Logs,
        Self::Download,
    ];

    /// Its name in URLs.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Statistics => "statistics",
            Self::Charts => "charts",
            Self::Failures => "failures",
            Self::Exceptions => "exceptions",
            Self::Checks => "checks",
            Self::Workers => "workers",
            Self::Ratio => "ratio",
            Self::Logs => "logs",
            Self::Download => "download",
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Statistics => "Statistics",
            Self::Charts => "Charts",
            Self::Failures => "Failures",
            Self::Exceptions => "Exceptions",
            Self::Checks => "Checks",
            Self::Workers => "Workers",
            Self::Ratio => "Ratio",
            Self::Logs => "Logs",
            Self::Download => "Download",
        }
    }

    /// The tab of a URL.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tab| tab.key() == key)
    }
}

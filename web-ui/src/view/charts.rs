//! The tab of charts.
//!
//! In: which requests there are to choose from. Out: the fragment `GET {base}/ui/charts?method=&name=`; what is drawn comes
//! from `GET {base}/ui/series` and the event `point`, see [`super::series`].

use askama::Template;

/// `GET {base}/ui/charts`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "charts.html")]
pub struct Charts {
    /// See [`super::Shell::base`].
    pub base: String,
    /// The requests there are.
    pub requests: Vec<RequestChoice>,
}

/// A request whose charts can be chosen.
#[derive(Debug, Clone, Default)]
pub struct RequestChoice {
    /// Its method.
    pub method: String,
    /// Its name.
    pub name: String,
    /// Whether it is chosen; none is when all together are.
    pub selected: bool,
}

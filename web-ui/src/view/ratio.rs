//! The tab that shows who runs what how often.
//!
//! In: shares per class and in total. Out: the fragment `GET {base}/ui/ratio`.

use askama::Template;

use super::Empty;

/// `GET {base}/ui/ratio`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "ratio.html")]
pub struct Ratio {
    /// Each class for itself: tasks of a class add up to 100 %.
    pub per_class: Vec<RatioClass>,
    /// All together: all tasks add up to 100 %.
    pub total: Vec<RatioClass>,
    /// What to say when there are no classes.
    pub empty: Empty,
}

/// A class with its tasks.
#[derive(Debug, Clone, Default)]
pub struct RatioClass {
    /// The class's share.
    pub share: Share,
    /// Its tasks' shares.
    pub tasks: Vec<Share>,
}

/// A share.
#[derive(Debug, Clone, Default)]
pub struct Share {
    /// Of what.
    pub name: String,
    /// `75.00%`.
    pub percent: String,
    /// The same, 0 to 100, for a meter.
    pub value: f64,
    /// More to know: `30 users`; may be empty.
    pub note: String,
}

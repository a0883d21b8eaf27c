//! The views: one struct per page or fragment, holding exactly what its template in `templates/` shows.
//!
//! In: texts, already formatted; raw numbers only where a meter or a chart needs them. Out: HTML by
//! [`askama::Template::render`]. Everything is escaped by the templates; fields documented as HTML are the exception and
//! must come from rendering another view.

pub mod app;
pub mod charts;
pub mod checks;
pub mod download;
pub mod edit_form;
pub mod error;
pub mod exceptions;
pub mod failures;
pub mod header;
pub mod login;
pub mod logs;
pub mod ratio;
pub mod report;
pub mod request;
pub mod scenario;
pub mod series;
pub mod start_form;
pub mod statistics;
pub mod workers;

use crate::assets;

/// What every whole page has around its content.
#[derive(Debug, Clone, Default)]
pub struct Shell {
    /// Prefix of all URLs: empty, or like `/load`; never with a slash at its end.
    pub base: String,
    /// Katydid's version.
    pub version: String,
    /// Who is logged in, if people have to.
    pub user: Option<String>,
    /// Whether they may not change anything.
    pub only_looks: bool,
    /// Which page this is, to be marked in the navigation.
    pub page: Page,
}

impl Shell {
    /// The URL of an embedded file by its plain name.
    #[must_use]
    pub fn asset(&self, name: &str) -> String {
        assets::url(&self.base, name)
    }

    /// Whether this page is `page`.
    #[must_use]
    pub fn is(&self, page: Page) -> bool {
        self.page == page
    }
}

/// A page of the navigation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Page {
    /// None of it: login, errors.
    #[default]
    Other,
    /// The test: start form or live run.
    Test,
    /// The scenario's source.
    Scenario,
}

/// How something is to be taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Level {
    /// As it is.
    #[default]
    Plain,
    /// All is well.
    Good,
    /// Worth a look.
    Warn,
    /// Wrong.
    Bad,
}

impl Level {
    /// The CSS class.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

/// Something people must see above all tabs for as long as it holds.
#[derive(Debug, Clone, Default)]
pub struct Banner {
    /// [`Level::Bad`] interrupts a screen reader, others wait.
    pub level: Level,
    /// In a few words.
    pub title: String,
    /// What it means and what to do; may be empty. Who listens to the page hears it each time it changes.
    pub text: String,
    /// What changes all the time, and is not read out for that; may be empty.
    pub detail: String,
}

/// A moment: in the reader's time zone where scripts run, in UTC where they do not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moment {
    /// In UTC, and saying so: `2026-01-31 12:30:05 UTC`.
    pub utc: String,
    /// As RFC 3339.
    pub at: String,
    /// What scripts show of it: `seconds` with the day, `clock` without it.
    pub form: &'static str,
}

impl Moment {
    /// Its element. All of it is made of digits and what stands between them.
    #[must_use]
    pub fn html(&self) -> String {
        let Self { utc, at, form } = self;
        format!("<time datetime=\"{at}\" data-local=\"{form}\">{utc}</time>")
    }
}

/// A number with its name.
#[derive(Debug, Clone, Default)]
pub struct Metric {
    /// What it is.
    pub label: String,
    /// The number, formatted with its unit.
    pub value: String,
    /// How it is to be taken.
    pub level: Level,
}

/// What stands where there is nothing to show (yet).
#[derive(Debug, Clone, Default)]
pub struct Empty {
    /// In a few words.
    pub title: String,
    /// Why, and what would change it; may be empty.
    pub text: String,
}

impl Empty {
    /// Both parts.
    #[must_use]
    pub fn new(title: &str, text: &str) -> Self {
        Self {
            title: title.to_owned(),
            text: text.to_owned(),
        }
    }
}

/// The points of a small line for `<polyline points>` in a box of 72 by 20, for the latest values of something.
///
/// Fewer than two values give an empty text.
#[must_use]
pub fn spark(values: &[f64]) -> String {
    let top = values
        .iter()
        .copied()
        .filter(|value| value.is_finite())
        .fold(0.0, f64::max);
    if values.len() < 2 {
        return String::new();
    }
    let step = 72.0 / (values.len() - 1) as f64;
    let points = values.iter().enumerate().map(|(index, value)| {
        let share = if top > 0.0 && value.is_finite() {
            value / top
        } else {
            0.0
        };
        format!("{:.1},{:.1}", index as f64 * step, 19.0 - share * 18.0)
    });
    points.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_line_stays_in_its_box() {
        assert_eq!(spark(&[1.0]), "");
        assert_eq!(spark(&[0.0, 2.0, 1.0]), "0.0,19.0 36.0,1.0 72.0,10.0");
        assert_eq!(spark(&[0.0, f64::NAN]), "0.0,19.0 72.0,19.0");
    }
}

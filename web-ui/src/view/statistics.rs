//! The table of requests.
//!
//! In: the rows wanted, sorted and filtered by the server, and the query they answer. Out: the fragment `GET
//! {base}/ui/statistics?sort=<column>&dir=asc|desc&filter=<text>`. Which columns are hidden is known to the browser alone.

use askama::Template;

use super::{Empty, Level};

/// `GET {base}/ui/statistics`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "statistics.html")]
pub struct Statistics {
    /// See [`super::Shell::base`].
    pub base: String,
    /// The column sorted by; `None` leaves the natural order (by name).
    pub sort: Option<Column>,
    /// Whether the greatest comes first.
    pub descending: bool,
    /// What rows must contain.
    pub filter: String,
    /// The rows.
    pub rows: Vec<Row>,
    /// How many there would be without the filter: `100`.
    pub all_rows: String,
    /// All together: its first cells (method, name) are not shown.
    pub total: Row,
    /// Groups of the scenario, sorted and filtered likewise.
    pub groups: Vec<Row>,
    /// Requests by tag, sorted and filtered likewise.
    pub tags: Vec<Row>,
    /// What became of arrivals, in words; empty when none were planned.
    pub arrivals: String,
    /// How the requests were connected, in words; empty when nothing was sent.
    pub connections: String,
    /// Whether the run is over: then rates are those of the whole run.
    pub is_over: bool,
    /// What to say when there are no rows.
    pub empty: Empty,
}

/// A request, a group, a tag or all together.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// Its method, sent as `method` to `GET {base}/ui/request`.
    pub method: String,
    /// Its name.
    pub name: String,
    /// The numbers: one cell for each of [`Column::NUMBERS`], in that order.
    pub cells: Vec<Cell>,
}

/// A number in the table.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    /// The number, formatted, its unit being in the column's name.
    pub text: String,
    /// How it is to be taken.
    pub level: Level,
}

impl Cell {
    /// A number without judgement.
    #[must_use]
    pub fn plain(text: String) -> Self {
        Self {
            text,
            level: Level::Plain,
        }
    }

    /// A number that is bad when `bad`.
    #[must_use]
    pub fn judged(text: String, bad: bool) -> Self {
        Self {
            text,
            level: if bad { Level::Bad } else { Level::Plain },
        }
    }
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// The request's method.
    Method,
    /// The request's name.
    Name,
    /// How many ended.
    Requests,
    /// How many failed.
    Failures,
    /// Their share.
    FailureShare,
    /// Half were faster.
    Median,
    /// 90 % were faster.
    P90,
    /// 95 % were faster.
    P95,
    /// 99 % were faster.
    P99,
    /// The mean.
    Average,
    /// The fastest.
    Min,
    /// The slowest.
    Max,
    /// Mean size of responses.
    AverageSize,
    /// Requests per second now, or of the whole run once it is over.
    Rps,
    /// Failures per second, likewise.
    FailuresPerSec,
}

impl Column {
    /// All, in their order.
    pub const ALL: [Self; 15] = [
        Self::Method,
        Self::Name,
        Self::Requests,
        Self::Failures,
        Self::FailureShare,
        Self::Median,
        Self::P90,
        Self::P95,
        Self::P99,
        Self::Average,
        Self::Min,
        Self::Max,
        Self::AverageSize,
        Self::Rps,
        Self::FailuresPerSec,
    ];

    /// Those that hold numbers, in the order of [`Row::cells`].
    pub const NUMBERS: [Self; 13] = [
        Self::Requests,
        Self::Failures,
        Self::FailureShare,
        Self::Median,
        Self::P90,
        Self::P95,
        Self::P99,
        Self::Average,
        Self::Min,
        Self::Max,
        Self::AverageSize,
        Self::Rps,
        Self::FailuresPerSec,
    ];

    /// Its name in URLs.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Name => "name",
            Self::Requests => "requests",
            Self::Failures => "failures",
            Self::FailureShare => "failure_share",
            Self::Median => "median",
            Self::P90 => "p90",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Average => "average",
            Self::Min => "min",
            Self::Max => "max",
            Self::AverageSize => "average_size",
            Self::Rps => "rps",
            Self::FailuresPerSec => "failures_per_sec",
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Method => "Type",
            Self::Name => "Name",
            Self::Requests => "# Requests",
            Self::Failures => "# Fails",
            Self::FailureShare => "Fails",
            Self::Median => "Median",
            Self::P90 => "90%",
            Self::P95 => "95%",
            Self::P99 => "99%",
            Self::Average => "Average",
            Self::Min => "Min",
            Self::Max => "Max",
            Self::AverageSize => "Avg size",
            Self::Rps => "RPS",
            Self::FailuresPerSec => "Failures/s",
        }
    }

    /// The unit of its numbers; empty for those that say it themselves.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Median | Self::P90 | Self::P95 | Self::P99 | Self::Average | Self::Min | Self::Max => "ms",
            _ => "",
        }
    }

    /// What it holds, in a sentence; rates are other ones when the run is over.
    #[must_use]
    pub fn help(self, is_over: bool) -> &'static str {
        match self {
            Self::Method => "Method, or the kind of request",
            Self::Name => "Name of the request",
            Self::Requests => "Requests that ended",
            Self::Failures => "Requests that failed",
            Self::FailureShare => "Share of requests that failed",
            Self::Median => "Half of the requests were faster",
            Self::P90 => "90% of the requests were faster",
            Self::P95 => "95% of the requests were faster",
            Self::P99 => "99% of the requests were faster",
            Self::Average => "Mean response time",
            Self::Min => "Fastest response",
            Self::Max => "Slowest response",
            Self::AverageSize => "Mean size of a response",
            Self::Rps if is_over => "Requests per second over the whole run",
            Self::Rps => "Requests per second over the last ten seconds",
            Self::FailuresPerSec if is_over => "Failures per second over the whole run",
            Self::FailuresPerSec => "Failures per second over the last ten seconds",
        }
    }

    /// The column of a URL.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.key() == key)
    }
}

impl Statistics {
    /// The columns, for the template.
    #[must_use]
    pub fn columns(&self) -> [Column; 15] {
        Column::ALL
    }

    /// What a column holds, for the template.
    #[must_use]
    pub fn help(&self, column: &Column) -> &'static str {
        column.help(self.is_over)
    }

    /// The value of `aria-sort` for a column.
    #[must_use]
    pub fn aria_sort(&self, column: &Column) -> &'static str {
        match (self.sort == Some(*column), self.descending) {
            (false, _) => "none",
            (true, false) => "ascending",
            (true, true) => "descending",
        }
    }

    /// The query that a click on a column's head asks for: numbers greatest first, then the other way round, then none.
    #[must_use]
    pub fn sort_query(&self, column: &Column) -> String {
        let first_descending = !matches!(column, Column::Method | Column::Name);
        let direction = if self.sort != Some(*column) {
            Some(first_descending)
        } else if self.descending == first_descending {
            Some(!first_descending)
        } else {
            None
        };
        match direction {
            Some(true) => format!("sort={}&dir=desc", column.key()),
            Some(false) => format!("sort={}&dir=asc", column.key()),
            None => "sort=&dir=".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_columns_head_goes_round_in_three_clicks() {
        let mut view = Statistics::default();
        assert_eq!(view.sort_query(&Column::P99), "sort=p99&dir=desc");
        view.sort = Some(Column::P99);
        view.descending = true;
        assert_eq!(view.aria_sort(&Column::P99), "descending");
        assert_eq!(view.sort_query(&Column::P99), "sort=p99&dir=asc");
        view.descending = false;
        assert_eq!(view.sort_query(&Column::P99), "sort=&dir=");
        assert_eq!(view.sort_query(&Column::Name), "sort=name&dir=asc");
    }

    #[test]
    fn columns_are_found_by_their_names() {
        for column in Column::ALL {
            assert_eq!(Column::from_key(column.key()), Some(column));
        }
        assert_eq!(Column::from_key("<script>"), None);
    }
}

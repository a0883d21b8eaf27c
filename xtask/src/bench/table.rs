//! A table that reads the same on a terminal and in Markdown.

use std::fmt;

/// Headings and rows; the first column is text, the others are numbers and line up on the right.
#[derive(Debug)]
pub(super) struct Table {
    headings: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table.
    pub(super) fn new(headings: &[&str]) -> Self {
        Self {
            headings: headings.iter().map(|&heading| heading.to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; cells that are missing stay empty.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut cells: Vec<String> = cells.into_iter().collect();
        cells.resize(self.headings.len(), String::new());
        self.rows.push(cells);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| &row[column]);
            cells
                .chain([&self.headings[column]])
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
                .max(3)
        };
        let widths: Vec<usize> = (0..self.headings.len()).map(width).collect();
        let line = |f: &mut fmt::Formatter<'_>, cells: &[String]| {
            for (column, (cell, &width)) in cells.iter().zip(&widths).enumerate() {
                if column == 0 {
                    write!(f, "| {cell:<width$} |")?;
                } else {
                    write!(f, " {cell:>width$} |")?;
                }
            }
            writeln!(f)
        };
        line(f, &self.headings)?;
        for (column, &width) in widths.iter().enumerate() {
            if column == 0 {
                write!(f, "| {} |", "-".repeat(width))?;
            } else {
                write!(f, " {}: |", "-".repeat(width - 1))?;
            }
        }
        writeln!(f)?;
        self.rows.iter().try_for_each(|row| line(f, row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&["tool", "µs"]);
        table.row(["wrk".to_owned(), "9.8".to_owned()]);
        table.row(["katydid".to_owned(), "12.0".to_owned()]);
        table.row(["cut".to_owned()]);
        let expected = "| tool    |   µs |\n| ------- | ---: |\n| wrk     |  9.8 |\n| katydid | 12.0 |\n| cut     |      |\n";
        assert_eq!(table.to_string(), expected);
    }
}

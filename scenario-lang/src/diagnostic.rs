//! What is wrong with a scenario, said for a person: message, place, the line with a caret, a guess at what was meant.
//!
//! In: a message and a place in a source text. Out: a [`Diagnostic`] whose `Display` is the finished report, plain text
//! without colours; [`Diagnostics`] is all of them together.

use std::fmt;

use unicode_width::UnicodeWidthChar;

use crate::source::{Place, SourceText};

/// All that is wrong with a scenario, in the order of its files and lines.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    /// What is wrong; never empty in a result.
    pub items: Vec<Diagnostic>,
}

/// One thing that is wrong, or worth a warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether the scenario cannot be used because of it.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub message: String,
    /// Where; `None` when it is about the scenario as a whole.
    pub location: Option<Location>,
    /// What to say beside the caret, such as a guess at the right spelling.
    pub label: Option<String>,
    /// What to do about it.
    pub help: Option<String>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The scenario cannot be used.
    Error,
    /// The scenario works, but probably not as meant.
    Warning,
}

/// A place in a file and the line it is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file's name.
    pub file: String,
    /// The line, from 1; 0 for the file as a whole.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// How many characters the caret underlines, at least 1.
    pub length: usize,
    /// The line's text.
    pub text: String,
}

/// Lines are shown up to this many columns; of longer ones the part around the caret.
const SHOWN_COLUMNS: usize = 100;
/// What a tab is shown as.
const TAB: &str = "    ";

// === impl Diagnostic ===

impl Diagnostic {
    /// An error about the scenario as a whole.
    pub(crate) fn general(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            location: None,
            label: None,
            help: None,
        }
    }

    /// An error about a file as a whole.
    pub(crate) fn in_file(file: &str, message: impl Into<String>) -> Self {
        let location = Location {
            file: file.to_owned(),
            line: 0,
            column: 0,
            length: 1,
            text: String::new(),
        };
        Self {
            location: Some(location),
            ..Self::general(message)
        }
    }

    /// An error at a place; about the file as a whole when there is none.
    pub(crate) fn at(source: &SourceText, place: Option<Place>, message: impl Into<String>) -> Self {
        let Some(place) = place else {
            return Self::in_file(&source.name, message);
        };
        let location = Location {
            file: source.name.clone(),
            line: place.line,
            column: place.column,
            length: source.token_length(place),
            text: source.line(place.line),
        };
        Self {
            location: Some(location),
            ..Self::general(message)
        }
    }

    /// The same with words beside the caret.
    pub(crate) fn labelled(mut self, label: Option<String>) -> Self {
        self.label = label.or(self.label);
        self
    }

    /// The same with a line of help.
    pub(crate) fn helped(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    /// The line it is about, 0 for none.
    pub(crate) fn line(&self) -> usize {
        self.location.as_ref().map_or(0, |location| location.line)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{word}: {}", self.message)?;
        let mut margin = 1;
        if let Some(location) = &self.location {
            margin = location.line.to_string().len();
            write!(f, "\n{:margin$}--> {}", " ", location.file)?;
            if location.line > 0 {
                write!(f, ":{}:{}", location.line, location.column)?;
                let excerpt = Excerpt::of(location);
                write!(
                    f,
                    "\n{:margin$} |\n{} | {}\n{:margin$} | ",
                    "", location.line, excerpt.line, ""
                )?;
                write!(
                    f,
                    "{:width$}{}",
                    "",
                    "^".repeat(excerpt.carets),
                    width = excerpt.before
                )?;
                if let Some(label) = &self.label {
                    write!(f, " {label}")?;
                }
            }
        }
        if let (Some(label), true) = (&self.label, self.line() == 0) {
            write!(f, "\n{:margin$} = {label}", "")?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n{:margin$} = help: {help}", "")?;
        }
        Ok(())
    }
}

// === impl Diagnostics ===

impl Diagnostics {
    /// Those items, which must not be empty.
    pub(crate) fn of(items: Vec<Diagnostic>) -> Self {
        Self { items }
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, item) in self.items.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            item.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

/// A line as it is shown, and where the caret goes under it, in columns of the terminal.
struct Excerpt {
    line: String,
    before: usize,
    carets: usize,
}

impl Excerpt {
    fn of(location: &Location) -> Self {
        let start = location.column.saturating_sub(1);
        let cells: Vec<String> = location.text.chars().map(shown).collect();
        let widths: Vec<usize> = cells.iter().map(|cell| columns(cell)).collect();
        let start = start.min(cells.len());
        let end = (start + location.length).min(cells.len()).max(start);
        let total: usize = widths.iter().sum();

        // Of a long line, keep what fits around the caret, a third of it to the left.
        let (mut first, mut last) = (0, cells.len());
        if total > SHOWN_COLUMNS {
            let mut room = SHOWN_COLUMNS / 3;
            first = start;
            while first > 0 && widths[first - 1] <= room {
                first -= 1;
                room -= widths[first];
            }
            let mut room = SHOWN_COLUMNS - widths[first..start].iter().sum::<usize>().min(SHOWN_COLUMNS);
            last = start;
            while last < cells.len() && widths[last] <= room {
                room -= widths[last];
                last += 1;
            }
        }
        let lead = if first > 0 { "…" } else { "" };
        let tail = if last < cells.len() { "…" } else { "" };
        let end = end.min(last);
        Self {
            line: format!("{lead}{}{tail}", cells[first..last].concat())
                .trim_end()
                .to_owned(),
            before: columns(lead) + widths[first..start].iter().sum::<usize>(),
            carets: widths[start..end].iter().sum::<usize>().max(1),
        }
    }
}

/// A character as it can be shown: tabs as spaces, control characters as a mark.
fn shown(c: char) -> String {
    match c {
        '\t' => TAB.to_owned(),
        c if c.is_control() => "\u{fffd}".to_owned(),
        c => c.to_string(),
    }
}

fn columns(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, line: usize, column: usize) -> String {
        let source = SourceText::new("shop.rhai", text);
        Diagnostic::at(
            &source,
            Some(Place { line, column }),
            "unknown function `htp.get`",
        )
        .labelled(Some("did you mean `http`?".to_owned()))
        .to_string()
    }

    #[test]
    fn shows_the_line_and_a_caret() {
        insta::assert_snapshot!(at("\n\n        htp.get(\"/\")", 3, 9), @r#"
        error: unknown function `htp.get`
         --> shop.rhai:3:9
          |
        3 |         htp.get("/")
          |         ^^^ did you mean `http`?
        "#);
    }

    #[test]
    fn carets_follow_tabs_and_wide_characters() {
        insta::assert_snapshot!(at("\t\"日本\", htp", 1, 8), @r#"
        error: unknown function `htp.get`
         --> shop.rhai:1:8
          |
        1 |     "日本", htp
          |             ^^^ did you mean `http`?
        "#);
    }

    #[test]
    fn long_lines_are_cut_around_the_caret() {
        let text = format!("{}htp{}", "x + ".repeat(60), " + y".repeat(60));
        insta::assert_snapshot!(at(&text, 1, 241), @r"
        error: unknown function `htp.get`
         --> shop.rhai:1:241
          |
        1 | … x + x + x + x + x + x + x + x + htp + y + y + y + y + y + y + y + y + y + y + y + y + y + y + y + y…
          |                                   ^^^ did you mean `http`?
        ");
    }

    proptest::proptest! {
        /// Whatever the place, a report is made, and it stays narrow.
        #[test]
        fn never_panics(text in "\\PC{0,300}", line in 0_usize..4, column in 0_usize..400) {
            let shown = at(&text, line, column);
            for line in shown.lines() {
                proptest::prop_assert!(columns(line) < SHOWN_COLUMNS + 60);
            }
        }
    }
}

//! The last lines of the log, to be shown.
//!
//! In: lines, from any thread. Out: the same, as many as are kept; what is older is counted.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// Lines kept.
const LINES: usize = 2_000;
/// Bytes of one line kept.
const LINE_BYTES: usize = 4_096;

/// The lines.
#[derive(Debug, Default)]
pub struct LogBook {
    pages: Mutex<Pages>,
}

#[derive(Debug, Default)]
struct Pages {
    lines: VecDeque<BookLine>,
    dropped: u64,
    severe: u64,
}

/// One line.
#[derive(Debug, Clone)]
pub struct BookLine {
    /// When.
    pub at: SystemTime,
    /// How severe.
    pub level: LineLevel,
    /// The worker that says it; empty for this process.
    pub source: String,
    /// What.
    pub text: String,
}

/// How severe a line is, the most severe first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LineLevel {
    /// Something failed.
    Error,
    /// Something should be looked at.
    Warn,
    /// Something happened.
    Info,
    /// A detail.
    Debug,
}

impl LineLevel {
    /// As logs write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Warn => "WARN",
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
        }
    }
}

impl LogBook {
    /// Adds a line; the oldest makes room, and a long one is cut.
    pub fn add(&self, mut line: BookLine) {
        if line.text.len() > LINE_BYTES {
            let end = (0..=LINE_BYTES)
                .rev()
                .find(|&end| line.text.is_char_boundary(end))
                .unwrap_or(0);
            line.text.truncate(end);
            line.text.push('…');
        }
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if pages.lines.len() == LINES {
            pages.lines.pop_front();
            pages.dropped += 1;
        }
        pages.severe += u64::from(line.level <= LineLevel::Warn);
        pages.lines.push_back(line);
    }

    /// The lines, oldest first, and how many there were before them.
    #[must_use]
    pub fn read(&self) -> (Vec<BookLine>, u64) {
        let pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        (pages.lines.iter().cloned().collect(), pages.dropped)
    }

    /// Warnings and errors so far.
    #[must_use]
    pub fn severe(&self) -> u64 {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).severe
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> BookLine {
        BookLine {
            at: SystemTime::UNIX_EPOCH,
            level: LineLevel::Info,
            source: String::new(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn old_lines_make_room_and_are_counted() {
        let book = LogBook::default();
        for number in 0..LINES + 3 {
            book.add(line(&number.to_string()));
        }
        let (lines, dropped) = book.read();
        assert_eq!((lines.len(), dropped), (LINES, 3));
        assert_eq!(lines[0].text, "3");
    }

    #[test]
    fn long_lines_are_cut_between_characters() {
        let book = LogBook::default();
        book.add(line(&"é".repeat(LINE_BYTES)));
        let (lines, _) = book.read();
        assert!(lines[0].text.len() <= LINE_BYTES + 3 && lines[0].text.ends_with('…'));
    }
}
